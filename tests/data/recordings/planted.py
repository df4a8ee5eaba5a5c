"""A signal whose epochs are known to the sample, and the files that hold it."""

from pathlib import Path

import numpy as np

SFREQ = 200.0
CHANNELS = ("Fz", "Cz", "Pz")
SAMPLES = 4000  # 20 s
ONSETS = tuple(range(200, 3800, 300))
NAMES = tuple("left" if k % 2 else "right" for k in range(len(ONSETS)))


def signal(seed: int = 0) -> np.ndarray:
    """Noise of 10 µV, and at each event's sample of the second channel 80 or -80 µV exactly."""
    x = 10 * np.random.default_rng(seed).standard_normal((len(CHANNELS), SAMPLES))
    for onset, name in zip(ONSETS, NAMES, strict=True):
        x[1, onset] = 80.0 if name == "left" else -80.0
    return x


def expected(tmin: float = -0.1, tmax: float = 0.3, seed: int = 0) -> np.ndarray:
    """The epochs (N, channel, time) in microvolts, both ends included."""
    first, last = round(tmin * SFREQ), round(tmax * SFREQ)
    return np.stack([signal(seed)[:, s + first : s + last + 1] for s in ONSETS])


def mne_raw(*, annotated: bool = True, seed: int = 0):
    """The signal as MNE holds it, in volts."""
    import mne

    info = mne.create_info(list(CHANNELS), SFREQ, "eeg", verbose="ERROR")
    raw = mne.io.RawArray(signal(seed) * 1e-6, info, verbose="ERROR")
    if annotated:
        onsets = np.array(ONSETS) / SFREQ
        raw.set_annotations(mne.Annotations(onsets, np.zeros(len(ONSETS)), list(NAMES)))
    return raw


def mne_epochs(seed: int = 0):
    """The epochs as MNE cuts them."""
    import mne

    codes = {"left": 1, "right": 2}
    events = np.array([[s, 0, codes[n]] for s, n in zip(ONSETS, NAMES, strict=True)])
    return mne.Epochs(
        mne_raw(annotated=False, seed=seed),
        events,
        codes,
        tmin=-0.1,
        tmax=0.3,
        baseline=None,
        preload=True,
        verbose="ERROR",
    )


def write_fif(folder: Path) -> Path:
    path = folder / "plain_raw.fif"
    mne_raw().save(path, verbose="ERROR")
    return path


def write_epochs(folder: Path) -> Path:
    path = folder / "plain-epo.fif"
    mne_epochs().save(path, verbose="ERROR")
    return path


def write_edf(folder: Path) -> Path:
    import edfio

    path = folder / "plain.edf"
    _edfio(edfio.Edf, edfio.EdfSignal).write(path)
    return path


def write_bdf(folder: Path) -> Path:
    import edfio

    path = folder / "plain.bdf"
    _edfio(edfio.Bdf, edfio.BdfSignal).write(path)
    return path


def _edfio(whole, one):
    import edfio

    signals = [
        one(x, SFREQ, label=name, physical_dimension="uV", physical_range=(-200, 200))
        for name, x in zip(CHANNELS, signal(), strict=True)
    ]
    marks = [edfio.EdfAnnotation(s / SFREQ, None, n) for s, n in zip(ONSETS, NAMES, strict=True)]
    return whole(signals, annotations=marks)


def write_vhdr(folder: Path) -> Path:
    import pybv

    marks = [
        {"onset": s, "type": "Comment", "description": n}
        for s, n in zip(ONSETS, NAMES, strict=True)
    ]
    pybv.write_brainvision(
        data=signal() * 1e-6,
        sfreq=SFREQ,
        ch_names=list(CHANNELS),
        fname_base="plain",
        folder_out=folder,
        events=marks,
        unit="µV",
    )
    return folder / "plain.vhdr"


def write_set(folder: Path) -> Path:
    from eeglabio.raw import export_set

    path = folder / "plain.set"
    onsets = np.array(ONSETS) / SFREQ
    marks = [np.array(NAMES), onsets, np.zeros(len(ONSETS))]
    export_set(str(path), signal() * 1e-6, SFREQ, list(CHANNELS), annotations=marks)
    return path


def write_set_epochs(folder: Path) -> Path:
    from eeglabio.epochs import export_set

    path = folder / "cut.set"
    epochs = mne_epochs()
    export_set(
        str(path),
        epochs.get_data(),
        SFREQ,
        epochs.events,
        epochs.tmin,
        epochs.tmax,
        list(CHANNELS),
        event_id=epochs.event_id,
    )
    return path


def arrays() -> dict[str, np.ndarray]:
    """What an array file of the epochs holds."""
    classes = ["left", "right"]
    return {
        "x": expected().astype(np.float32),
        "y": np.array([classes.index(name) for name in NAMES]),
        "classes": np.array(classes),
        "channels": np.array(CHANNELS),
        "sfreq": np.array(SFREQ),
        "tmin": np.array(-0.1),
        "recording": np.arange(len(NAMES)) // 4,
        "recording_names": np.array([f"subject{k}/session1/run" for k in (1, 2, 3)]),
    }


def write_npz(folder: Path, name: str = "plain.npz", **changed) -> Path:
    np.savez(folder / name, **{k: v for k, v in (arrays() | changed).items() if v is not None})
    return folder / name


def write_mat(folder: Path) -> Path:
    import scipy.io

    held = {**arrays(), "channels": np.array(CHANNELS, object)}
    held["classes"] = np.array(["left", "right"], object)
    held["recording_names"] = np.array(arrays()["recording_names"].tolist(), object)
    scipy.io.savemat(folder / "plain.mat", held)
    return folder / "plain.mat"


def write_h5(folder: Path) -> Path:
    import h5py

    with h5py.File(folder / "plain.h5", "w") as file:
        for key, value in arrays().items():
            file[key] = value.astype("S40") if value.dtype.kind == "U" else value
    return folder / "plain.h5"
