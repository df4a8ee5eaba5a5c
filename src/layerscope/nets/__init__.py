"""The networks: the study's family, how a study names one, and the geometry of any."""

from layerscope.nets.geometry import LayerGeometry, geometry
from layerscope.nets.settings import ModelSettings, build
from layerscope.nets.study import study_1d, study_2d, study_mnist

__all__ = [
    "LayerGeometry",
    "ModelSettings",
    "build",
    "geometry",
    "study_1d",
    "study_2d",
    "study_mnist",
]
