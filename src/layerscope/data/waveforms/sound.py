"""One sound: from a file as people have them to int16 samples of one rate and length.

Loaded by worker processes: NumPy, soundfile (libsndfile) and soxr, but not torch.
"""

import errno
import hashlib
import io
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import soundfile
import soxr

SOUND_FORMAT = 1
"""Raised when the same file would give other samples, so that packs are built again."""

FACTS = ("sum", "squares", "peak", "clipped", "rate", "channels", "frames")
"""What is told of each: sum, sum of squares and highest absolute value of the samples as packed;
how many stand at full scale three in a row, the rate in Hz, channels and frames as found."""

_IN_MEMORY = 64 * 2**20  # bytes; a larger file is read from disk
_EMPTY = hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class Decoder:
    """Settings of decoding: rate in Hz, samples of a row, what fits a sound to that length.

    >>> Decoder(sfreq=16000, samples=16000).row_shape
    (16000,)
    """

    sfreq: int
    samples: int
    short: Literal["pad_end", "pad_both"] = "pad_end"
    long: Literal["start", "centre", "loudest"] = "centre"
    max_seconds: float = 3600.0

    reader: ClassVar[str] = "layerscope.data.waveforms.sound"
    dtype: ClassVar[str] = "<i2"
    sums_shape: ClassVar[tuple[int, ...]] = (len(FACTS),)
    unit: ClassVar[str] = "sounds"
    smaller: ClassVar[str] = "lower data.waveforms.seconds or sfreq"

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The sizes of one row of the pack."""
        return (self.samples,)

    def versions(self) -> dict[str, Any]:
        """Name what else the samples depend on: the libraries, this file's format."""
        libraries = {"libsndfile": soundfile.__libsndfile_version__, "soxr": soxr.__version__}
        return {**libraries, "format": SOUND_FORMAT}


@dataclass(frozen=True)
class Sound:
    """What a file holds: its digest and, unless a reason says why not, samples and facts."""

    sha256: str
    reason: str
    samples: bytes = b""
    facts: tuple[int, ...] = ()


class _UnusableError(Exception):
    """A sound is not used; the message is the reason."""


def row(path: str, decoder: Decoder, *cut: float) -> tuple[str, str, list[int], bytes]:
    """Give a row of the pack: digest, reason, facts, samples."""
    found = read(path, decoder, cut or None)
    return found.sha256, found.reason, list(found.facts), found.samples


def read(path: str, decoder: Decoder, cut: tuple[float, ...] | None = None) -> Sound:
    """Read a sound of any format that libsndfile knows, by content, or the seconds `cut` of it.

    Channels are averaged; a longer sound is cut first (at its beginning, its middle, or where a
    stretch of that length has most energy) and then resampled (soxr, HQ); a shorter one gets zeros
    after it or on both sides. Full scale becomes 32768, rounded; what lies beyond is clipped. A
    truncated or damaged file is refused, never filled up.

    >>> read("no/such/file.wav", Decoder(16000, 16000)).reason
    'unreadable: No such file or directory'
    """
    digest = ""
    try:
        digest, content = _content(path)
        if digest == _EMPTY:
            return Sound(digest, "empty: zero bytes")
        with _opened(path, content) as file:
            waves = _part(file, decoder, cut)  # (frame, channel), int16 or float32
            rate, channels, frames = file.samplerate, file.channels, _frames(file, cut)
        clipped = _clipped(waves)
        samples = _fitted(waves, rate, decoder)  # (T,) int16
        return Sound(
            digest,
            "",
            samples.tobytes(),
            (*_sums(samples), clipped, rate, channels, frames),
        )
    except _UnusableError as refusal:
        return Sound(digest, str(refusal))
    except OSError as error:
        number = error.errno or errno.EIO
        return Sound(digest, f"unreadable: {os.strerror(number)}")
    except soundfile.LibsndfileError as error:
        return Sound(digest, _damaged(error))
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        return Sound(digest, f"damaged: {' '.join(str(error).split())[:200]}")


@lru_cache(maxsize=1)
def _content(path: str) -> tuple[str, bytes | None]:
    """Give a file's digest and, unless it is large, its bytes; kept for the next part of it."""
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):
        raise _UnusableError("not a regular file")
    with open(path, "rb") as file:
        if state.st_size > _IN_MEMORY:
            return hashlib.file_digest(file, "sha256").hexdigest(), None
        content = file.read()
    return hashlib.sha256(content).hexdigest(), content


@contextmanager
def _opened(path: str, content: bytes | None) -> Iterator[soundfile.SoundFile]:
    """Open a sound by its content; one whose end is missing is refused."""
    if content is not None:
        _refuse_truncated(content)
    with soundfile.SoundFile(path if content is None else io.BytesIO(content)) as file:
        if file.frames == 0:
            raise _UnusableError("empty: no samples")
        yield file


def _refuse_truncated(content: bytes) -> None:
    """Tell by its own header that a file was cut off: libsndfile reads what is there of it."""
    if content[:4] == b"FORM" and len(content) >= 12:  # AIFF
        size = 8 + struct.unpack_from(">I", content, 4)[0]
        if size > len(content):
            raise _UnusableError(f"truncated: {len(content)} of {size} bytes are there")
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        place = 12
        while place + 8 <= len(content):
            name, size = content[place : place + 4], struct.unpack_from("<I", content, place + 4)[0]
            if name == b"data" and size not in (0, 0xFFFFFFFF) and place + 8 + size > len(content):
                left = len(content) - place - 8
                raise _UnusableError(f"truncated: {left} of {size} bytes of sound are there")
            place += 8 + size + size % 2
    if content[:4] == b"OggS":
        last = content.rfind(b"OggS")
        segments = (
            content[last + 27 : last + 27 + content[last + 26]] if last + 27 < len(content) else b""
        )
        whole = last + 27 + len(segments) + sum(segments) <= len(content)
        if not (segments and whole and content[last + 5] & 4):
            raise _UnusableError("truncated: its last page is missing")


def _part(file: soundfile.SoundFile, decoder: Decoder, cut: tuple[float, ...] | None) -> np.ndarray:
    """Read what is needed of a sound, (frame, channel): exact int16 where it is that, else float32.

    Of a longer sound only as many frames as make a row, but all where the loudest are sought.
    """
    rate = file.samplerate
    if file.frames > decoder.max_seconds * rate:
        seconds = file.frames / rate
        raise _UnusableError(f"too long: {seconds:.0f} s, max_seconds is {decoder.max_seconds:g}")
    begin, end = (0, file.frames) if cut is None else (round(second * rate) for second in cut[:2])
    if not 0 <= begin < min(end, file.frames):
        raise _UnusableError(f"no sound from {cut} s: it lasts {file.frames / rate:.3f} s")
    end = min(end, file.frames)
    need = round(decoder.samples * rate / decoder.sfreq)
    if end - begin > need and decoder.long != "loudest":
        begin += (end - begin - need) // 2 if decoder.long == "centre" else 0
        end = begin + need
    if begin:
        file.seek(begin)
    exact = file.subtype in ("PCM_16", "PCM_S8", "PCM_U8") and file.channels == 1
    waves = file.read(end - begin, dtype="int16" if exact else "float32", always_2d=True)
    if len(waves) < end - begin:
        raise _UnusableError(f"truncated: {begin + len(waves)} of {file.frames} samples are there")
    if waves.dtype == np.float32 and not np.isfinite(waves).all():
        raise _UnusableError("not finite: it holds NaN or infinite samples")
    return waves


def _frames(file: soundfile.SoundFile, cut: tuple[float, ...] | None) -> int:
    if cut is None:
        return file.frames
    begin, end = (round(second * file.samplerate) for second in cut[:2])
    return min(end, file.frames) - begin


def _fitted(waves: np.ndarray, rate: int, decoder: Decoder) -> np.ndarray:
    """Mix, cut, resample and pad (frame, channel) to int16 (T,)."""
    need = round(decoder.samples * rate / decoder.sfreq)
    mono = waves[:, 0] if waves.shape[1] == 1 else waves.mean(axis=1)
    if len(mono) > need:
        begin = _loudest(mono, need)
        mono = mono[begin : begin + need]
    if rate != decoder.sfreq:
        full = 32768 if mono.dtype == np.int16 else 1
        mono = soxr.resample(mono.astype(np.float32) / full, rate, decoder.sfreq, quality="HQ")
    if mono.dtype != np.int16:
        mono = np.clip(np.rint(mono * np.float32(32768)), -32768, 32767).astype(np.int16)
    mono = mono[: decoder.samples]
    missing = decoder.samples - len(mono)
    if not missing:
        return mono
    before = missing // 2 if decoder.short == "pad_both" else 0
    return np.pad(mono, (before, missing - before))


def _loudest(mono: np.ndarray, need: int) -> int:
    """Find where the stretch of `need` samples with most energy begins, the first of equals."""
    energy = np.concatenate([[0], np.cumsum(np.square(mono, dtype=np.float64))])
    return int(np.argmax(energy[need:] - energy[:-need]))


def _clipped(waves: np.ndarray) -> int:
    """Count samples that stand at full scale with both their neighbours, in any channel."""
    full = 32767 if waves.dtype == np.int16 else np.float32(32767 / 32768)
    if waves.max(initial=0) < full and waves.min(initial=0) > -full:
        return 0
    top = (waves >= full) | (waves <= -full)
    return int((top[:-2] & top[1:-1] & top[2:]).sum())


def _sums(samples: np.ndarray) -> tuple[int, int, int]:
    """Give the sum, the sum of squares and the highest absolute value, exactly."""
    wide = samples.astype(np.int64)
    peak = max(int(samples.max()), -int(samples.min()))
    return int(wide.sum()), int(wide @ wide), peak


def _damaged(error: soundfile.LibsndfileError) -> str:
    text = " ".join(str(error.error_string).split())[:200]
    if error.code == 1:  # SF_ERR_UNRECOGNISED_FORMAT
        return "no sound: its content is no format that libsndfile reads (wav, flac, ogg, mp3, ...)"
    return f"damaged: {text}"
