"""Fingerprints and alignment beside slow twins, and recall on real photographs."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn

from layerscope.cleaning.alignment import agreement
from layerscope.cleaning.fingerprints import WINDOWS, _lowest, fingerprints, grey
from layerscope.cleaning.near import near_pairs
from layerscope.cleaning.pool import Pool


def _pool(values: np.ndarray) -> Pool:
    count = len(values)
    names = [str(k) for k in range(count)]
    labels = np.zeros(count, dtype=np.int64)
    return Pool(
        names, labels, ["train"] * count, [""] * count, names, values, np.arange(count), ("a",)
    )


def test_the_bits_are_the_signs_of_the_cosine_transform():
    images = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(1))
    prints = fingerprints(images)
    low = _lowest()
    for k in range(3):
        whole = dctn(images[k].numpy().astype(np.float64), norm="ortho")[low[:, 0], low[:, 1]]
        bits = int(prints.bits[k, 0])
        told = [bits >> (63 - n) & 1 for n in range(64)]
        assert told == (whole > 0).astype(int).tolist()
        weighted = whole * np.hypot(*low.T)
        np.testing.assert_allclose(
            prints.shapes[k, 0] / 127, weighted / np.linalg.norm(weighted), atol=0.006
        )


def test_a_mirrored_picture_has_the_mirrored_bits_and_brightness_has_none():
    images = torch.rand(4, 36, 36, generator=torch.Generator().manual_seed(2))
    prints, turned = fingerprints(images), fingerprints(images.flip(2) * 0.5 + 0.3)
    assert (prints.mirrored == turned.bits[:, 0]).all()
    rows = np.arange(4)
    assert np.abs(prints.mirrored_shapes(rows).astype(int) - turned.shapes[:, 0]).max() <= 1


def test_a_crop_has_the_bits_of_its_window():
    big = torch.rand(1, 500, 500, generator=torch.Generator().manual_seed(3))
    big = torch.nn.functional.avg_pool2d(big, 25, 1)[:, :470, :470]
    window = WINDOWS.index((0.894, 0.5, 1.0))
    side = round(0.894 * 470)
    crop = big[:, (470 - side) // 2 : (470 - side) // 2 + side, 470 - side :]
    a, b = fingerprints(big).bits[0, window], fingerprints(crop).bits[0, 0]
    assert np.bitwise_count(a ^ b) <= 3
    assert np.bitwise_count(fingerprints(big).bits[0, 0] ^ b) > 8


def test_alignment_finds_a_shifted_crop_and_tells_strangers():
    rng = torch.Generator().manual_seed(4)
    rough = torch.rand(2, 220, 220, generator=rng)
    two = torch.nn.functional.avg_pool2d(rough, 9, 1) * 2000  # (2, 212, 212)
    source = torch.nn.functional.interpolate(two[:1, None, :200, :200], (172, 172))[:, 0]
    crop = torch.nn.functional.interpolate(two[:1, None, 6:186, 9:189], (172, 172))[:, 0]
    guess = torch.tensor([[0.5, 0.5, 0.93, 0.93]])  # truly 0.48, 0.495, 0.9, 0.9
    assert agreement(crop, source, guess) > 0.9
    other = torch.nn.functional.interpolate(two[1:, None], (172, 172))[:, 0]
    assert agreement(crop, other, guess) < 0.3
    flat = torch.full((1, 172, 172), 7.0)
    assert agreement(flat, flat, guess) == 0  # nothing tells that two walls are one


def test_recall_and_false_alarms_on_real_photographs(real_data):
    files = sorted((real_data / "photos6" / "val").glob("*/*.jpg"))[:300]
    rng = np.random.default_rng(0)
    photos = [Image.open(file).convert("RGB") for file in files]
    cropped = []
    for photo in photos[::5]:
        width, height = photo.size
        side = 0.8**0.5
        x, y = rng.uniform(0, 1 - side, 2) * (width, height)
        cropped.append(photo.crop((int(x), int(y), int(x + side * width), int(y + side * height))))
    values = np.stack([_square(photo) for photo in (*photos, *cropped)])
    pairs = near_pairs(_pool(values))
    planted = {(5 * k, len(photos) + k) for k in range(len(cropped))}
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert len(planted & found) >= 0.9 * len(planted)
    assert len(found - planted) <= 1
    assert not pairs.mirrored.any()


def _square(photo: Image.Image) -> np.ndarray:
    side = min(photo.size)
    left, top = ((length - side) // 2 for length in photo.size)
    return np.asarray(photo.crop((left, top, left + side, top + side)).resize((172, 172)))


def test_one_photograph_many_times_is_linked_whole():
    rng = np.random.default_rng(5)
    one = rng.integers(0, 255, (1, 20, 20, 3)).repeat(8, axis=1).repeat(8, axis=2)
    values = np.concatenate([one.repeat(40, axis=0), 255 - one]).astype(np.uint8)
    pairs = near_pairs(_pool(values))
    assert {*pairs.first.tolist()} | {*pairs.second.tolist()} == set(range(40))


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_is_the_luminance(channels):
    pictures = np.random.default_rng(0).integers(0, 255, (2, 4, 5, channels), dtype=np.uint8)
    weights = [1.0] if channels == 1 else [0.299, 0.587, 0.114]
    np.testing.assert_allclose(grey(pictures), pictures @ np.array(weights), rtol=1e-5)
