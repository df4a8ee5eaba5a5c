"""A user's own module: built from FILE:FUNCTION, and each mistake told in one message."""

import re
import sys

import pytest
from torch import nn

from layerscope import LayerscopeError
from layerscope.seeing.module import load_module

GOOD = """
import helper_of_mine
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, helper_of_mine.WIDTH, 3), nn.ReLU())

def number():
    return 7

def broken():
    raise RuntimeError("no weights here")
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "helper_of_mine.py").write_text("WIDTH = 5\n")
    (tmp_path / "nets.py").write_text(GOOD)
    (tmp_path / "syntax.py").write_text("def build(:\n")
    (tmp_path / "text.txt").write_text("no python\n")
    return tmp_path


def test_the_module_is_built_and_the_path_is_as_before(folder):
    before = list(sys.path)
    net = load_module(f"{folder}/nets.py:build")
    assert isinstance(net, nn.Module)
    assert net[0].out_channels == 5
    assert sys.path == before


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("nets.py", "name a Python file and a function"),
        ("nets.py:", "name a Python file and a function"),
        ("absent.py:build", "there is no file"),
        ("text.txt:build", "is no Python file"),
        ("syntax.py:build", "syntax.py cannot be run: SyntaxError"),
        ("nets.py:biuld", "has no function biuld; did you mean build?"),
        ("nets.py:number", "gives int; it must give a torch.nn.Module"),
        ("nets.py:broken", "failed: RuntimeError: no weights here (line 12 of nets.py)"),
    ],
)
def test_each_mistake_is_told(folder, place, told):
    with pytest.raises(LayerscopeError, match=re.escape(told)):
        load_module(f"{folder}/{place}")
