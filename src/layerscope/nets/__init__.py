"""The networks: the study's family, pretrained ones, how a study names one, geometry of any."""

from layerscope.nets.geometry import LayerGeometry, geometry
from layerscope.nets.pretrained import pretrained, pretrained_input
from layerscope.nets.settings import ModelSettings, build
from layerscope.nets.squeezenet import SqueezeNet
from layerscope.nets.study import study_1d, study_2d, study_mnist

__all__ = [
    "LayerGeometry",
    "ModelSettings",
    "SqueezeNet",
    "build",
    "geometry",
    "pretrained",
    "pretrained_input",
    "study_1d",
    "study_2d",
    "study_mnist",
]
