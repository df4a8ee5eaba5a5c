"""From the `[data]` section to a data set: found, decoded, split, counted and normalised."""

import hashlib
import math
from collections.abc import Callable
from functools import partial

import numpy as np

from layerscope.data import decisions, group_splits, splits
from layerscope.data.dataset import Dataset, Example, Split, fingerprint
from layerscope.data.digits import load_digits
from layerscope.data.folders import class_folders, refusals, scan
from layerscope.data.found import Found
from layerscope.data.idx import load_mnist
from layerscope.data.inputs import InputSpec
from layerscope.data.pack import aligned, open_pack
from layerscope.data.photo import Decoder
from layerscope.data.settings import DataSettings
from layerscope.errors import LayerscopeError

_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def prepare(settings: DataSettings) -> Dataset:
    """Find, check, decode and split the data of a study.

    Files that cannot be used are among the examples with their reason, and the rest goes on.

    Raises:
        LayerscopeError: nothing can be made of the data: folders or files are missing, or a class
            has no usable example.

    >>> dataset = prepare(DataSettings(kind="digits"))
    >>> dataset["train"].batch([0, 1]).shape, len(dataset["val"])
    (torch.Size([2, 1, 28, 28]), 359)

    """
    found = _finder(settings.kind)(settings)
    usable = decisions.usable(found)
    _refuse_empty(found, usable, np.array(found.splits))
    names = _split_names(found, usable, settings)
    if settings.decisions is not None:  # after the draw: who is dropped changes no one's split
        found = decisions.decided(found, settings.decided_in())
        names_used, usable = names[usable], decisions.usable(found)
        _refuse_empty(found, usable, names, among=names_used)
    warned = group_splits.check_leak(found, usable, names)
    examples = _examples(found, names)
    members = {name: np.flatnonzero(usable & (names == name)) for name in ("train", "val", "test")}
    parts = {
        name: Split(
            name,
            [found.ids[k] for k in positions],
            found.labels[positions],
            found.values,
            found.rows[positions],
            groups=[found.groups[k] for k in positions],
        )
        for name, positions in members.items()
        if len(positions)
    }
    return Dataset(
        settings,
        found.classes,
        found.spec(parts["train"].rows),
        examples,
        parts,
        fingerprint(examples, found.classes),
        (*found.warnings, *warned),
        found.background,
        found.log,
    )


def _examples(found: Found, names: np.ndarray) -> list[Example]:
    """Describe every example, the refused ones too; `names` are their splits."""
    return [
        Example(name, split, found.classes[label], digest.hex(), source, reason, group, note)
        for name, split, label, digest, source, reason, group, note in zip(
            found.ids,
            names.tolist(),
            found.labels.tolist(),
            found.sha256,
            found.sources,
            found.reasons,
            found.groups,
            found.notes,
            strict=True,
        )
    ]


def _finder(kind: str) -> Callable[[DataSettings], Found]:
    """Give what finds the examples of a kind; sounds and recordings load their libraries then."""
    if kind == "waveforms":
        from layerscope.data.waveforms.find import waveforms

        return waveforms
    if kind == "recordings":
        from layerscope.data.recordings.find import recordings

        return recordings
    return {"photos": _photos, "mnist": _mnist, "digits": _digits}[kind]


def _photos(settings: DataSettings) -> Found:
    """Scan the class folders and open the pack of what lies in them."""
    root = settings.folder()
    classes, folders = class_folders(settings)
    files = scan(root, folders)
    readable = [file for file in files if not file.reason]
    if not readable:
        raise LayerscopeError(f"data.root: there is no file in the class folders of {root}")
    assert settings.size is not None  # photographs have one
    pack = open_pack(
        root,
        [folder.path for folder in folders],
        readable,
        Decoder(settings.size, 3, settings.max_pixels),
    )
    label_of = {name: label for label, name in enumerate(classes)}
    reasons, rows, digests = aligned(files, pack)
    return Found(
        classes,
        [file.id for file in files],
        np.array([label_of[file.label] for file in files], dtype=np.int64),
        [file.split for file in files],
        digests,
        [file.source for file in files],
        reasons,
        rows,
        pack.values,
        partial(_spec, pack.values.shape[1:], pack.sums, normalize=settings.normalize),
    )


def _mnist(settings: DataSettings) -> Found:
    train_x, train_y, test_x, test_y = load_mnist(settings.folder())
    return _from_arrays(
        np.concatenate([train_x, test_x])[..., None],  # (N, 28, 28, 1)
        np.concatenate([train_y, test_y]).astype(np.int64),
        [f"train/{k:05d}" for k in range(len(train_y))]
        + [f"test/{k:05d}" for k in range(len(test_y))],
        [""] * len(train_y) + ["test"] * len(test_y),
        ["train-images-idx3-ubyte"] * len(train_y) + ["t10k-images-idx3-ubyte"] * len(test_y),
        settings.normalize,
    )


def _digits(settings: DataSettings) -> Found:
    assert settings.size is not None  # digits have one
    pixels, labels = load_digits(settings.size)
    return _from_arrays(
        pixels[..., None],  # (N, y, x, 1)
        labels,
        [f"digits/{k:04d}" for k in range(len(labels))],
        [""] * len(labels),
        ["sklearn.datasets.load_digits"] * len(labels),
        settings.normalize,
    )


def _from_arrays(
    pixels: np.ndarray,
    labels: np.ndarray,
    ids: list[str],
    given: list[str],
    sources: list[str],
    normalize: str,
) -> Found:
    """Describe ten classes of grey images that are in memory, all usable."""
    flat = pixels.reshape(len(pixels), -1)
    squares = np.einsum("ij,ij->i", flat, flat, dtype=np.int64)
    sums = np.stack([flat.sum(axis=1, dtype=np.int64), squares], axis=1)[..., None]
    return Found(
        tuple(str(digit) for digit in range(10)),
        ids,
        labels,
        given,
        [hashlib.sha256(image.tobytes()).digest() for image in pixels],
        sources,
        [""] * len(ids),
        np.arange(len(ids)),
        pixels,
        partial(_spec, pixels.shape[1:], sums, normalize=normalize),
    )


def _split_names(found: Found, usable: np.ndarray, settings: DataSettings) -> np.ndarray:
    """Name the split of every example: the given one, or one drawn from those for training."""
    names = np.array(found.splits, dtype="<U5")
    fractions = {"test": settings.test_fraction, "val": settings.val_fraction}
    pool = np.flatnonzero(usable & ((names == "") | (names == "train")))
    draw: Callable[..., np.ndarray] = splits.draw
    if any(found.together):
        draw = partial(group_splits.draw, [found.together[k] for k in pool], found.group_word)
    names[pool] = draw(
        found.labels[pool],
        [found.sha256[k] + found.ids[k].encode() for k in pool],
        fractions if found.fractions is None else found.fractions,
        settings.seed,
        found.classes,
    )
    return names


def _refuse_empty(
    found: Found, usable: np.ndarray, given: np.ndarray, among: np.ndarray | None = None
) -> None:
    """Refuse a class without a usable example in a split that is given, or at all."""
    messages = []
    for split in dict.fromkeys((given if among is None else among).tolist()):
        for label, name in enumerate(found.classes):
            here = (given == split) & (found.labels == label)
            if not (here & usable).any():
                why = refusals([found.reasons[k] for k in np.flatnonzero(here)])
                where = f" in {split}" if split else ""
                messages.append(f'class "{name}" has no usable example{where}: {why}')
    if messages:
        raise LayerscopeError("\n".join(messages))


def _spec(
    size: tuple[int, ...], sums: np.ndarray, rows: np.ndarray, *, normalize: str
) -> InputSpec:
    """Describe a photograph "y x channel"; "channel" takes mean and std of all training pixels.

    Exactly: `sums` int64 (rows, 2, channel) are of each one's pixels, and of their squares.

    A channel that never varies gets a std of one grey level, 1/255.
    """
    y, x, channels = size
    mean, std = (0.0,) * channels, (1.0,) * channels
    if normalize == "imagenet":
        mean, std = _IMAGENET["mean"], _IMAGENET["std"]
    elif normalize == "channel":
        count = len(rows) * y * x
        sums, squares = (part.tolist() for part in sums[rows].sum(axis=0))
        mean = tuple(s / (255 * count) for s in sums)
        variances = [
            (count * q - s * s) / (255 * count) ** 2 for s, q in zip(sums, squares, strict=True)
        ]
        std = tuple(max(math.sqrt(variance), 1 / 255) for variance in variances)
    return InputSpec("photo", (channels, y, x), mean, std)
