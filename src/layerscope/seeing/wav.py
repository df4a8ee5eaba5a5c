"""Sounds as WAV files of 16 bits, written whole."""

import io
from pathlib import Path

import numpy as np
import soundfile

from layerscope.errors import LayerscopeError
from layerscope.storage import write_whole


def write_wav(path: str | Path, samples: np.ndarray, sfreq: float) -> None:
    """Write samples `(time,)` as a WAV file of 16 bits, whole.

    int16 is written as it is; of floating samples full scale is 1, and what exceeds it is refused.

    Raises:
        LayerscopeError: samples beyond full scale, or of more axes.

    """
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise LayerscopeError(f"samples of shape {samples.shape}: (time,)")
    if samples.dtype != np.int16:
        if np.abs(samples).max(initial=0) > 1:
            top = np.abs(samples).max()
            raise LayerscopeError(
                f"samples up to {top:.3g}: full scale is 1; see views.sound.sonify"
            )
        samples = np.round(samples * 32767).astype(np.int16)
    out = io.BytesIO()
    soundfile.write(out, samples, round(sfreq), format="WAV", subtype="PCM_16")
    write_whole(Path(path), lambda file: file.write(out.getvalue()))


def read_wav(path: str | Path) -> tuple[np.ndarray, float]:
    """Read what `write_wav` wrote: float64 `(time,)`, full scale 1, and samples per second."""
    samples, sfreq = soundfile.read(path, dtype="float64")
    return samples, float(sfreq)
