"""The networks: the study's family, EEG's, pretrained ones, how a study names one, geometry."""

from layerscope.nets import sources
from layerscope.nets.eeg import deep_eeg, eegnet, shallow_eeg
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
    "deep_eeg",
    "eegnet",
    "geometry",
    "pretrained",
    "pretrained_input",
    "shallow_eeg",
    "sources",
    "study_1d",
    "study_2d",
    "study_mnist",
]
