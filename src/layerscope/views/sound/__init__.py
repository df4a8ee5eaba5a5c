"""Sound: spectrograms, masks and playable sounds of views; pure arrays in, arrays out."""

from layerscope.views.sound.level import a_weighting, level_db, peak
from layerscope.views.sound.masks import masked, strongest, through
from layerscope.views.sound.plane import Plane, plane_of, spectrogram
from layerscope.views.sound.relevance import on_plane, reading_of, time_frequency_of
from layerscope.views.sound.sonify import Sound, at_level, sonify
from layerscope.views.sound.sufficiency import Kept, sufficiency

__all__ = [
    "Kept",
    "Plane",
    "Sound",
    "a_weighting",
    "at_level",
    "level_db",
    "masked",
    "on_plane",
    "peak",
    "plane_of",
    "reading_of",
    "sonify",
    "spectrogram",
    "strongest",
    "sufficiency",
    "through",
    "time_frequency_of",
]
