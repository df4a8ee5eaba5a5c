"""TOML: what is written reads back equal, and keys are found on their lines."""

import tomllib
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope import toml

NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = (
    st.text(st.characters(codec="utf-8"), max_size=30)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.booleans()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_reads_back_equal(document):
    assert tomllib.loads(toml.dumps(document)) == document


def test_none_is_left_out_and_paths_are_text():
    assert tomllib.loads(toml.dumps({"a": None, "b": {"c": PurePosixPath("x/y"), "d": None}})) == {
        "b": {"c": "x/y"}
    }


def test_long_lists_are_wrapped():
    document = {"synsets": [f"n{number:08d}" for number in range(60)]}
    text = toml.dumps(document)
    assert max(map(len, text.splitlines())) <= 100
    assert len(text.splitlines()) > 5
    assert tomllib.loads(text) == document


TEXT = """\
name = "six"
[data]
root = "a = b"
"odd key" = 1
classes.bird = [
    "x",
]

[training.augment] # how pictures vary
flip = 0.5
[data.more]
'crop.size' = 3
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("name",), 1),
        (("data",), 2),
        (("data", "root"), 3),
        (("data", "odd key"), 4),
        (("data", "classes", "bird"), 5),
        (("data", "classes", "bird", 0), 5),
        (("data", "missing"), 2),
        (("training", "augment", "flip"), 10),
        (("training", "augment"), 9),
        (("data", "more", "crop.size"), 12),
        (("model", "preset"), None),
    ],
)
def test_keys_are_found_on_their_lines(key, line):
    assert toml.line_of(TEXT, key) == line
