"""Each kind of bad, odd and good photograph, read by its content."""

import io
import os
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from layerscope.data.photo import Decoder, read

SIDE = 32
DECODER = Decoder(size=SIDE)
FORMATS = ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF"]


def pixels_of(path: Path, decoder: Decoder = DECODER) -> np.ndarray:
    """Read a photograph that must be usable."""
    photo = read(str(path), decoder)
    assert photo.reason == ""
    pixels = np.frombuffer(photo.pixels, dtype=np.uint8)
    return pixels.reshape(decoder.size, decoder.size, decoder.channels).astype(int)


def opened(path: Path) -> Image.Image:
    """Read an image whole and close its file."""
    with Image.open(path) as image:
        image.load()
        return image


def slow(image: Image.Image, side: int = SIDE) -> np.ndarray:
    """Decode in full, resize the short side, cut out the centre: the plain way, all in floats."""
    values = np.asarray(image.convert("RGB"), dtype=np.float32)
    height, width = values.shape[:2]
    short = min(height, width)
    top, left = (height - short) / 2, (width - short) / 2
    planes = [
        Image.fromarray(values[..., c]).resize(
            (side, side), Image.Resampling.BILINEAR, box=(left, top, left + short, top + short)
        )
        for c in range(3)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """Write a PNG by hand: what Pillow cannot save."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (
        chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("format", FORMATS)
def test_formats_are_read_like_the_slow_way(tmp_path, picture, format):
    image = picture(90, 60)
    path = tmp_path / "a"
    options = {"quality": 95} if format in ("JPEG", "WEBP", "AVIF") else {}
    if format == "GIF":
        image = image.convert("P", palette=Image.Palette.ADAPTIVE)
    image.save(path, format, **options)
    assert np.abs(pixels_of(path) - slow(opened(path))).max() <= 2


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (333, 701), (65, 300)])
def test_a_draft_is_near_full_decoding(tmp_path, picture, size):
    path = tmp_path / "a.jpg"
    picture(*size).save(path, quality=95)
    difference = np.abs(pixels_of(path) - slow(opened(path)))
    assert difference.mean() < 0.6
    assert difference.max() <= 5


def test_a_draft_of_half_the_size_is_near_full_decoding_where_all_is_fine_detail(tmp_path, picture):
    path = tmp_path / "a.jpg"
    picture(64, 64).save(path, quality=95, subsampling=0)
    assert np.abs(pixels_of(path) - slow(opened(path))).mean() < 1.5


def test_resizing_is_antialiased(tmp_path):
    y, x = np.mgrid[0:320, 0:320]
    board = (255 * ((x + y) % 2)).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "a.png")
    assert np.abs(pixels_of(tmp_path / "a.png") - 127.5).max() < 3


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (7, 5)])
def test_tiny_and_narrow_photographs_are_enlarged(tmp_path, size):
    Image.new("RGB", size, (10, 20, 30)).save(tmp_path / "a.png")
    assert (pixels_of(tmp_path / "a.png") == [10, 20, 30]).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(tmp_path, picture, format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a"
    lossless = {"lossless": True} if format == "WEBP" else {}
    picture(90, 60).save(path, format, exif=exif, **lossless)
    upright = ImageOps.exif_transpose(opened(path))
    assert np.abs(pixels_of(path) - slow(upright)).max() <= 4
    if orientation != 1:
        assert np.abs(pixels_of(path) - slow(picture(90, 60))).max() > 20


def test_damaged_exif_spoils_nothing(tmp_path, picture):
    path = tmp_path / "a.jpg"
    picture(90, 60).save(path, exif=b"Exif\0\0MM\0*\0\0\0\xff\xff\xff" + b"\xff" * 40)
    assert np.abs(pixels_of(path) - slow(picture(90, 60))).mean() < 3


def test_cmyk(tmp_path, picture):
    path = tmp_path / "a.jpg"
    picture(90, 60).convert("CMYK").save(path, quality=95)
    assert opened(path).mode == "CMYK"
    assert np.abs(pixels_of(path) - slow(picture(90, 60))).mean() < 2


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_and_bilevel(tmp_path, picture, mode):
    image = picture(90, 60).convert(mode)
    image.save(tmp_path / "a.png")
    assert np.abs(pixels_of(tmp_path / "a.png") - slow(image)).max() <= 1


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_laid_on_white(tmp_path, picture, mode):
    image = picture(64, 64).convert(mode)
    alpha = np.zeros((64, 64), dtype=np.uint8)
    alpha[:32], alpha[32:48] = 255, 128
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "a.png")
    colour = np.asarray(image.convert("RGB")).astype(float)
    share = alpha[..., None] / 255
    expected = slow(Image.fromarray(np.rint(colour * share + 255 * (1 - share)).astype(np.uint8)))
    got = pixels_of(tmp_path / "a.png")
    assert np.abs(got - expected).max() <= 2
    assert (got[-4:] == 255).all()


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_palette_with_transparency(tmp_path, format):
    image = Image.new("P", (64, 64), 0)
    image.putpalette([200, 0, 0, 0, 90, 0])
    image.paste(1, (0, 32, 64, 64))
    image.save(tmp_path / "a", format, transparency=1)
    got = pixels_of(tmp_path / "a")
    assert (got[:14] == [200, 0, 0]).all()
    assert (got[-14:] == 255).all()


def test_palette_without_transparency(tmp_path, picture):
    image = picture(90, 60).convert("P", palette=Image.Palette.ADAPTIVE)
    image.save(tmp_path / "a.png")
    assert np.abs(pixels_of(tmp_path / "a.png") - slow(image)).max() <= 1


def test_one_transparent_colour(tmp_path):
    image = Image.new("RGB", (64, 64), (9, 8, 7))
    image.paste((200, 0, 0), (0, 0, 64, 32))
    image.save(tmp_path / "a.png", transparency=(9, 8, 7))
    assert (pixels_of(tmp_path / "a.png")[-14:] == 255).all()


@pytest.mark.parametrize("suffix", ["png", "tiff", "jp2", "pgm"])
def test_16_bit_grey(tmp_path, suffix):
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    expected = slow(Image.fromarray(np.rint(values / 257).astype(np.uint8)))
    assert np.abs(pixels_of(tmp_path / f"a.{suffix}") - expected).max() <= 1


def test_16_bit_grey_of_the_other_byte_order(tmp_path):
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    swapped = Image.frombytes("I;16B", (64, 64), values.astype(">u2").tobytes())
    swapped.save(tmp_path / "a.tiff")
    expected = slow(Image.fromarray(np.rint(values / 257).astype(np.uint8)))
    assert np.abs(pixels_of(tmp_path / "a.tiff") - expected).max() <= 1


def test_16_bit_grey_with_a_transparent_value(tmp_path):
    rows = b"".join(b"\0" + struct.pack(">2H", 1000, 30000) * 16 for _ in range(32))
    transparent = struct.pack(">I", 2) + b"tRNS" + struct.pack(">H", 1000)
    transparent += struct.pack(">I", zlib.crc32(transparent[4:]))
    (tmp_path / "a.png").write_bytes(png(32, 32, 16, 0, rows, transparent))
    assert (pixels_of(tmp_path / "a.png")[0, :2, 0] == [255, 117]).all()


def test_16_bit_colour(tmp_path):
    row = struct.pack(">3H", 65535, 257 * 100, 257 * 7) * 40
    (tmp_path / "a.png").write_bytes(png(40, 40, 16, 2, (b"\0" + row) * 40))
    assert (pixels_of(tmp_path / "a.png") == [255, 100, 7]).all()


def test_animations_give_their_first_frame(tmp_path):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    for format in ("GIF", "PNG", "WEBP"):
        options = {"save_all": True, "append_images": frames[1:], "duration": 50}
        frames[0].save(tmp_path / format, format, **options)
        with Image.open(tmp_path / format) as image:
            assert image.n_frames == 3
        assert np.abs(pixels_of(tmp_path / format) - [255, 0, 0]).max() <= 2


def test_grey_networks_get_grey_pixels(tmp_path, picture):
    picture(90, 60).save(tmp_path / "a.png")
    grey = pixels_of(tmp_path / "a.png", Decoder(size=SIDE, channels=1))
    expected = slow(picture(90, 60).convert("L"))[..., :1]
    assert np.abs(grey - expected).max() <= 2


def test_sums_and_digest(tmp_path, picture):
    picture(90, 60).save(tmp_path / "a.png")
    photo = read(str(tmp_path / "a.png"), DECODER)
    values = pixels_of(tmp_path / "a.png")
    assert list(photo.sums) == [*values.sum(axis=(0, 1)), *(values**2).sum(axis=(0, 1))]
    import hashlib

    assert photo.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()


def reason_of(path: Path, decoder: Decoder = DECODER) -> str:
    """Read a photograph that must be refused."""
    photo = read(str(path), decoder)
    assert photo.pixels == b""
    assert photo.reason != ""
    assert "\n" not in photo.reason
    return photo.reason


@pytest.mark.parametrize("format", [*FORMATS, "progressive JPEG"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.99])
def test_truncated(tmp_path, picture, format, share):
    whole = io.BytesIO()
    options = {"progressive": True} if format.startswith("progressive") else {}
    picture(120, 90).save(whole, format.removeprefix("progressive "), **options)
    path = tmp_path / "a.jpg"
    path.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    reason = reason_of(path)
    if format.endswith("JPEG") and share >= 0.5:
        assert reason.startswith("truncated")


def test_damaged_in_the_middle(tmp_path, picture):
    picture(120, 90).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = b"\0" * 20
    (tmp_path / "a.png").write_bytes(data)
    assert reason_of(tmp_path / "a.png") != ""


def test_zero_bytes(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert reason_of(tmp_path / "a.jpg") == "empty: zero bytes"


def test_wrong_suffix(tmp_path, picture):
    picture(90, 60).save(tmp_path / "a.jpg", "PNG")
    assert np.abs(pixels_of(tmp_path / "a.jpg") - slow(picture(90, 60))).max() <= 1
    (tmp_path / "b.jpg").write_text("This is no photograph.\n" * 20)
    assert reason_of(tmp_path / "b.jpg").startswith("no photograph")
    (tmp_path / "c.jpg").write_bytes(os.urandom(3000))
    assert reason_of(tmp_path / "c.jpg").startswith("no photograph")


def test_heic_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100)
    assert reason_of(tmp_path / "a.jpg").startswith("HEIC")


@pytest.mark.parametrize("side", [10_000, 14_000, 60_000])
def test_decompression_bomb(tmp_path, side):
    (tmp_path / "a.png").write_bytes(png(side, side, 8, 2, b"\0" * 1000))
    assert reason_of(tmp_path / "a.png").startswith("too large")


def test_max_pixels(tmp_path, picture):
    picture(90, 60).save(tmp_path / "a.jpg")
    small = Decoder(size=SIDE, max_pixels=90 * 60 - 1)
    assert reason_of(tmp_path / "a.jpg", small) == ("too large: 90 x 60 pixels, max_pixels is 5399")
    pixels_of(tmp_path / "a.jpg", Decoder(size=SIDE, max_pixels=90 * 60))


def test_32_bit_pixels_are_refused(tmp_path):
    Image.fromarray(np.ones((40, 40), dtype=np.float32)).save(tmp_path / "a.tiff")
    assert reason_of(tmp_path / "a.tiff").startswith("32-bit")


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason_of(tmp_path / "pipe.jpg") == "not a regular file"
    assert reason_of(tmp_path) == "not a regular file"
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert "symbolic links" in reason_of(tmp_path / "loop.jpg")


def test_no_permission(picture):
    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder) / "a.jpg", Path(folder) / "b.jpg"
        for each in (path, other):
            picture(90, 60).save(each)
            each.chmod(0o644)
        path.chmod(0)
        Path(folder).chmod(0o755)
        pixels_of(other)
        as_root = os.geteuid() == 0
        if as_root:
            os.seteuid(65534)  # root may read everything, so be nobody
        try:
            assert reason_of(path) == "unreadable: Permission denied"
            pixels_of(other)
        finally:
            if as_root:
                os.seteuid(0)
