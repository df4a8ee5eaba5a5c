"""MNIST's idx files and scikit-learn's digits."""

import gzip
import shutil

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Resampling
from sklearn.datasets import load_digits as sklearn_digits

from layerscope import LayerscopeError
from layerscope.data import DataSettings, prepare
from layerscope.data.idx import CONTENTS, read_idx


@pytest.fixture
def mnist(real_data):
    if not (real_data / "mnist").is_dir():
        pytest.skip(f"there is no mnist in {real_data}")
    return real_data / "mnist"


def test_mnist_is_split_as_the_study_does(mnist):
    dataset = prepare(DataSettings(kind="mnist", root=str(mnist)))
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 40_000,
        "val": 20_000,
        "test": 10_000,
    }
    shares = np.bincount(dataset["train"].labels) / np.bincount(dataset["val"].labels)
    np.testing.assert_allclose(shares, 2, rtol=2e-3)
    assert not set(dataset["train"].ids) & set(dataset["val"].ids)
    raw = gzip.decompress((mnist / "t10k-images-idx3-ubyte.gz").read_bytes())
    first = np.frombuffer(raw, np.uint8, 784, 16).reshape(28, 28)
    np.testing.assert_array_equal(dataset["test"].batch([0])[0, 0].numpy(), first)
    assert dataset["test"].labels[:3].tolist() == [7, 2, 1]


def test_plain_files_are_read_like_packed_ones(mnist, tmp_path):
    for name in CONTENTS:
        packed = (mnist / f"{name}.gz").read_bytes()
        (tmp_path / name).write_bytes(gzip.decompress(packed))
    plain, packed = (
        prepare(DataSettings(kind="mnist", root=str(root))).fingerprint
        for root in (tmp_path, mnist)
    )
    assert plain == packed


def test_missing_files_are_named_with_where_they_are_to_be_had(tmp_path):
    with pytest.raises(LayerscopeError) as refusal:
        prepare(DataSettings(kind="mnist", root=str(tmp_path)))
    for name, checksum in CONTENTS.items():
        assert name in str(refusal.value)
        assert checksum in str(refusal.value)
    assert "https://" in str(refusal.value)


def test_a_file_of_other_content_is_named(mnist, tmp_path):
    for name in CONTENTS:
        shutil.copyfile(mnist / f"{name}.gz", tmp_path / f"{name}.gz")
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[100] ^= 1
    labels.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(LayerscopeError, match=r"t10k-labels-idx1-ubyte\.gz is not MNIST's"):
        prepare(DataSettings(kind="mnist", root=str(tmp_path)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\x08\x01\0\0\0\x05abc", "holds 3 values but states 5"),
        (b"\0\0\x0d\x01\0\0\0\x01a", "no idx file of unsigned bytes"),
        (b"", "no idx file"),
        (b"\x1f\x8bnonsense", "cannot read"),
    ],
)
def test_damaged_idx_files_are_told(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(LayerscopeError, match=message):
        read_idx(tmp_path / "x")


def test_an_idx_file_is_what_it_states(tmp_path):
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    header = b"\0\0\x08\x03" + np.array(values.shape, ">u4").tobytes()
    (tmp_path / "x").write_bytes(header + values.tobytes())
    np.testing.assert_array_equal(read_idx(tmp_path / "x"), values)


@pytest.mark.parametrize("size", [28, 16])
def test_digits_are_scikit_learn_s_enlarged(size):
    dataset = prepare(DataSettings(kind="digits", size=size))
    images, labels = sklearn_digits(return_X_y=True)
    seen = []
    for split in dataset.splits.values():
        numbers = [int(name.split("/")[1]) for name in split.ids]
        assert split.labels.tolist() == labels[numbers].tolist()
        seen += numbers
        for position in (0, len(split) - 1):
            values = images[numbers[position]].reshape(8, 8).astype(np.float32)
            large = Image.fromarray(values * (255 / 16)).resize((size, size), Resampling.BICUBIC)
            expected = np.asarray(large).clip(0, 255)
            shown = split.batch([position])[0, 0].numpy()
            assert np.abs(shown - expected).mean() < 1
            assert np.abs(shown - expected).max() < 20  # between its two passes Pillow clips bytes
    assert sorted(seen) == list(range(1797))
