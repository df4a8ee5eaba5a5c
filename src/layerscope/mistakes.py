"""What is allowed where a value is wrong, in plain words."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": 'text, in quotes ""',
    "dict": "a table",
}


def allowed(detail: Mapping[str, Any], given: Any, key: Sequence[str | int] = ()) -> str:
    """Say what is allowed where a value is wrong, from one of pydantic's details.

    >>> allowed({"type": "tuple_type", "msg": "Input should be a valid tuple"}, "grad_cam")
    'it should be a list, as in ["grad_cam"]'
    """
    kind = detail["type"]
    if kind == "tuple_type":
        example = f', as in ["{given}"]' if isinstance(given, str) else ""
        return f"it should be a list{example}"
    if kind in ("model_type", "model_attributes_type"):
        return f"it should be a table: [{'.'.join(map(str, key))}]"
    if kind == "too_long":
        return f"it should be a list of {detail['ctx']['max_length']} at most"
    word = re.fullmatch(r"(\w+?)_(?:type|parsing|from_float)", kind)
    if word and word[1] in _WORDS:
        return f"it should be {_WORDS[word[1]]}"
    said = str(detail["msg"]).removeprefix("Value error, ")
    said = re.sub(r"^Input should be", "it should be", said)
    if kind in ("literal_error", "enum") and isinstance(given, str):
        words = re.findall(r"'([^']*)'", str(detail["ctx"]["expected"]))
        close = difflib.get_close_matches(given, words, n=1)
        said += f"; did you mean {close[0]!r}?" if close else ""
    return said


def joined(reasons: Sequence[str]) -> str:
    """Join what is allowed of one value, each once.

    >>> joined(["it should be text", "it should be a list"])
    'it should be text, or a list'
    """
    first, *others = dict.fromkeys(reasons)
    return ", or ".join([first, *(reason.removeprefix("it should be ") for reason in others)])


def guess(given: str, known: Iterable[str]) -> str:
    """Guess what was meant by a name that is not known: "" where nothing is near.

    >>> guess("fc1", ["fc", "conv1"])
    'did you mean fc? '
    """
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"did you mean {close[0]}? " if close else ""


def with_a_group(pattern: str, what: str, example: str) -> str:
    """Give a regular expression back if its first group can name something.

    Raises:
        ValueError: it is none, or has no group.

    >>> with_a_group("^(.+)_nohash_", "the speaker", "^(.+)_")
    '^(.+)_nohash_'

    """
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    if groups < 1:
        raise ValueError(f'it needs a group in ( ), which is {what}, as in "{example}"')
    return pattern
