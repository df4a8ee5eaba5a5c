"""One forward pass of any module, written down as a list of operations."""

from layerscope.tape.leaves import is_leaf
from layerscope.tape.operations import Operation, Value
from layerscope.tape.places import moved_places
from layerscope.tape.plane import sensor_plane
from layerscope.tape.receptive import Receptive, receptive_fields
from layerscope.tape.record import Tape, eager, record
from layerscope.tape.resume import leading_to, resume
from layerscope.tape.untouched import evaluation_mode, untouched

__all__ = [
    "Operation",
    "Receptive",
    "Tape",
    "Value",
    "eager",
    "evaluation_mode",
    "is_leaf",
    "leading_to",
    "moved_places",
    "receptive_fields",
    "record",
    "resume",
    "sensor_plane",
    "untouched",
]
