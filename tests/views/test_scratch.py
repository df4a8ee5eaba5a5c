import resource

import numpy as np
import pytest
import torch

from layerscope import LayerscopeError
from layerscope.views.scratch import Shelf, zeros


@pytest.fixture
def shelf():
    shelf = Shelf()
    yield shelf
    shelf.close()


@pytest.fixture
def full_disk():
    """Let no file grow beyond 16 MB: a log that the tests are written to is a file too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**24, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_what_is_kept_comes_back_to_the_last_bit(shelf, dtype):
    examples = torch.randn(9, 3, 5, 4).to(dtype).to(memory_format=torch.channels_last)
    for number in range(6):
        shelf.put(number, examples[number])
    shelf.drop(2)
    shelf.drop(4)
    shelf.put(70, examples[7])
    shelf.put(60, examples[6])
    shelf.put(80, examples[8])
    assert shelf.numbers() == [0, 1, 3, 5, 60, 70, 80]
    found = shelf.take([80, 0, 60, 5, 70, 3])
    assert found.dtype == dtype
    assert torch.equal(found, examples[[8, 0, 6, 5, 7, 3]])


def test_room_is_used_again(shelf):
    for number in range(50):
        shelf.put(number, torch.full((1000,), float(number)))
        if number >= 3:
            shelf.drop(number - 3)
    assert shelf._file.seek(0, 2) == 4 * 4000
    assert shelf.take([47, 49])[:, 0].tolist() == [47, 49]


def test_arrays_on_disk_are_arrays():
    mapped = zeros((3, 4), on_disk=True)
    mapped[1] = 5
    assert isinstance(mapped.numpy(), np.ndarray)
    assert mapped.sum() == 20
    assert zeros((0, 4), on_disk=True).shape == (0, 4)
    assert torch.equal(zeros((3, 4), on_disk=False), torch.zeros(3, 4))


def test_a_full_disk_is_told(shelf, full_disk):
    with pytest.raises(LayerscopeError, match=r"cannot write 4\.0 GB in .*set TMPDIR"):
        zeros((1000, 1000, 1000), on_disk=True)
    with pytest.raises(LayerscopeError, match=r"cannot write .*set TMPDIR"):
        shelf.put(0, torch.zeros(2**23))
