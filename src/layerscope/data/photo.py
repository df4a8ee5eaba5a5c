"""One photograph: from a file as people have them to square uint8 pixels, or a reason why not."""

import hashlib
import os
import stat
import warnings
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from operator import mul
from typing import Any, BinaryIO, ClassVar

from PIL import Image, UnidentifiedImageError

PIXEL_FORMAT = 1
"""Raised when the same file would give other pixels, so that packs are built again."""

_COMMON_BYTES = 16 * 2**20
_EMPTY = hashlib.sha256().hexdigest()

BACKGROUND = 255
"""What lies behind transparent pixels: white."""

_COMMON = ("JPEG", "PNG", "GIF", "BMP", "PPM")
_RARE = ("TIFF", "WEBP", "AVIF", "JPEG2000")  # loaded when a file is none of the common ones
_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")
_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Decoder:
    """Settings of decoding: side of the square, channels (3 colour, 1 grey), most source pixels."""

    size: int
    channels: int = 3
    max_pixels: int = 89_478_485

    reader: ClassVar[str] = "layerscope.data.photo"
    dtype: ClassVar[str] = "|u1"
    unit: ClassVar[str] = "photographs"
    smaller: ClassVar[str] = "lower data.size"

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The sizes of one row of the pack, "y x channel"."""
        return (self.size, self.size, self.channels)

    @property
    def sums_shape(self) -> tuple[int, ...]:
        """The sizes of what is summed of each: channels, and their squares."""
        return (2, self.channels)

    def versions(self) -> dict[str, Any]:
        """Name what else the pixels depend on."""
        return versions()


@dataclass(frozen=True)
class Photo:
    """What a file holds: the digest of its bytes and, unless a reason says why not, pixels."""

    sha256: str
    reason: str
    pixels: bytes = b""
    sums: tuple[int, ...] = ()


def row(path: str, decoder: Decoder) -> tuple[str, str, list[int], bytes]:
    """Give a row of the pack: digest, reason, sums, pixels."""
    found = read(path, decoder)
    return found.sha256, found.reason, list(found.sums), found.pixels


def read(path: str, decoder: Decoder) -> Photo:
    """Read a photograph of any common format by its content, whatever its name says.

    It is turned upright by its EXIF orientation, laid on white where transparent, scaled from 16
    to 8 bits; its short side is resized to `decoder.size` (bilinear, antialiased; a JPEG is first
    decoded at the smallest scale that is not below it) and its centre cut out. Of an animation,
    the first frame. Colour profiles are not applied. `pixels` is "y x channel"; `sums` is the sum
    of each channel, then of its squares. A truncated or damaged file is refused, never filled up.

    >>> read("no/such/file.jpg", Decoder(size=172)).reason
    'unreadable: No such file or directory'
    """
    digest = ""
    try:
        with _open(path) as opened, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is refused here, or harmless
            digest, file = _digested(opened)
            if not digest:
                return Photo(_EMPTY, "empty: zero bytes")
            image = _decode(file, decoder)
            return Photo(digest, "", image.tobytes(), _sums(image))
    except _UnusableError as refusal:
        return Photo(digest, str(refusal))
    except OSError as error:
        if error.errno is not None:
            return Photo(digest, f"unreadable: {os.strerror(error.errno)}")
        return Photo(digest, _damaged(error))
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        return Photo(digest, _damaged(error))


class _UnusableError(Exception):
    """A photograph is not used; the message is the reason."""


def _open(path: str) -> BufferedReader:
    """Open a regular file; anything else (a pipe would block) is refused."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise _UnusableError("not a regular file")
    return open(path, "rb")


def _digested(file: BufferedReader) -> tuple[str, BinaryIO]:
    """Give the digest of a file, "" for an empty one, and the file at its beginning.

    A file of common size is read once, into memory; a larger one stays on disk.
    """
    content = file.read(_COMMON_BYTES)
    if len(content) < _COMMON_BYTES:
        return (hashlib.sha256(content).hexdigest() if content else ""), BytesIO(content)
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return digest, file


def _damaged(error: Exception) -> str:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, Image.DecompressionBombError):
        return f"too large: {text}"
    if isinstance(error, MemoryError):
        return "too large: not enough memory to decode it"
    return f"{'truncated' if 'truncated' in text.lower() else 'damaged'}: {text}"


def _decode(file: BinaryIO, decoder: Decoder) -> Image.Image:
    """Decode, crop, resize and turn upright; gives a square RGB or L image."""
    with _identify(file) as image:
        width, height = image.size
        if width * height > decoder.max_pixels:
            raise _UnusableError(
                f"too large: {width} x {height} pixels, max_pixels is {decoder.max_pixels}"
            )
        side = decoder.size
        drafted = image.draft(None, (side, side))  # JPEG only: a scale of 1, 1/2, 1/4 or 1/8
        image.load()
        # of the draft, the exact size; else the size now: a TIFF has been turned upright
        box = _centre(*(drafted[1][2:] if drafted else image.size))
        flat = _flatten(image)
        square = flat.resize((side, side), Image.Resampling.BILINEAR, box=box)
        turn = _UPRIGHT.get(_orientation(image))
        square = square.transpose(turn) if turn is not None else square
    mode = "RGB" if decoder.channels == 3 else "L"
    return square if square.mode == mode else square.convert(mode)


def _centre(width: float, height: float) -> tuple[float, float, float, float]:
    """Give the box of the largest square in the middle: left, top, right, bottom."""
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    return left, top, left + short, top + short


def _identify(file: BinaryIO) -> Image.Image:
    """Find the format by content; only formats in which photographs come are tried."""
    try:
        return Image.open(file, formats=_COMMON)
    except UnidentifiedImageError:
        pass
    Image.init()
    file.seek(0)
    if file.read(12)[4:] in _HEIC:
        raise _UnusableError("HEIC photographs cannot be read here: convert it to JPEG or PNG")
    file.seek(0)
    try:
        return Image.open(file, formats=[name for name in _RARE if name in Image.OPEN])
    except UnidentifiedImageError:
        raise _UnusableError(
            f"no photograph: its content is none of {', '.join(_COMMON + _RARE)}"
        ) from None


def _flatten(image: Image.Image) -> Image.Image:
    """Bring any mode to 8-bit L or RGB without transparency."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return _from_16_bits(image)
    if image.mode in ("I", "F"):
        raise _UnusableError("32-bit pixels, whose white is not known: save it with 8 or 16 bits")
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        behind = Image.new("RGBA", image.size, (BACKGROUND, BACKGROUND, BACKGROUND, 255))
        return Image.alpha_composite(behind, colour).convert("RGB")
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Scale 0..65535 to 0..255, rounded; a single transparent grey becomes the background."""
    import numpy as np  # here, so that a worker starts quickly

    values = np.asarray(image).astype(np.uint32)
    pixels = ((values + 128) // 257).astype(np.uint8)
    if isinstance(image.info.get("transparency"), int):
        pixels[values == image.info["transparency"]] = BACKGROUND
    return Image.fromarray(pixels)


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation; 1 (upright) where there is none or it cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata do not spoil the pixels
        return 1


def _sums(image: Image.Image) -> tuple[int, ...]:
    """Sum each channel, then the squares of each channel, exactly."""
    counts = image.histogram()
    channels = [counts[i : i + 256] for i in range(0, len(counts), 256)]
    return tuple(sum(map(mul, channel, values)) for values in _POWERS for channel in channels)


_POWERS = (tuple(range(256)), tuple(v * v for v in range(256)))


def versions() -> dict[str, str | int]:
    """Name what else the pixels depend on: Pillow, its JPEG decoder, this file's format."""
    from PIL import __version__, features

    jpeg = features.version("libjpeg_turbo") or features.version("jpg") or ""
    return {"pillow": __version__, "jpeg": jpeg, "format": PIXEL_FORMAT}
