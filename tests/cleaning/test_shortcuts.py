"""Shortcuts: a border that tells the class is found, and nothing is where nothing is."""

import numpy as np

from layerscope.cleaning.pool import Pool
from layerscope.cleaning.shortcuts import shortcuts


def _pool(values: np.ndarray, labels: np.ndarray) -> Pool:
    count = len(values)
    same = [""] * count
    names = [f"{k}.jpg" for k in range(count)]
    return Pool(names, labels, same, same, same, values, np.arange(count), ("a", "b"))


def _photos() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 190, (160, 8, 8, 3)).astype(np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2), np.arange(160) % 2


def test_a_border_that_tells_the_class_is_found_and_named(tmp_path):
    values, labels = _photos()
    values[labels == 1, :, :6] = np.minimum(values[labels == 1, :, :6], 205) + 50
    found = {each.cue: each for each in shortcuts(_pool(values, labels), tmp_path)}
    assert found["border"].found
    assert found["border"].accuracy > 0.8
    assert found["border"].chance == 0.5
    assert 0 < len(found["border"].examples) <= 6
    assert "file size" not in found  # all alike


def test_where_nothing_tells_nothing_is_found():
    values, labels = _photos()
    found = shortcuts(_pool(values, labels), None)
    assert {each.cue for each in found} == {"thumbnail", "border", "colour statistics"}
    assert not any(each.found for each in found)


def test_the_size_of_the_file(tmp_path):
    values, labels = _photos()
    for k, label in enumerate(labels):
        (tmp_path / f"{k}.jpg").write_bytes(b"x" * (1000 + 900 * int(label) + k))
    found = shortcuts(_pool(values, labels), tmp_path)
    assert found[0].cue == "file size"
    assert found[0].found


def test_the_level_of_sounds():
    rng = np.random.default_rng(1)
    labels = np.arange(120) % 2
    values = (rng.normal(size=(120, 2000)) * np.where(labels, 6000, 2500)[:, None]).astype(np.int16)
    found = {each.cue: each for each in shortcuts(_pool(values, labels), None)}
    assert {*found} == {"level", "noise floor", "length"}
    assert found["level"].accuracy > 0.95
    assert not found["length"].found
