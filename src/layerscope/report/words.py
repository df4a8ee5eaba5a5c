"""Plain words: how each picture of the page is read, and whose idea it is."""

from dataclasses import dataclass

from layerscope import views


@dataclass(frozen=True)
class Words:
    """A method as the page tells of it."""

    title: str
    reading: str
    paper: str


_TITLES = {
    "filters": "First-layer filters",
    "feature_maps": "Feature maps",
    "grad_cam": "Grad-CAM",
    "deconvnet": "Deconvolution network",
}
_READINGS = {
    "filters": (
        "Each square holds the weights of one filter, in the colours of the input: what the "
        "network looks for in the picture itself. Neutral is zero; all filters share one scale."
    ),
    "feature_maps": (
        "What a layer answers: each square is one channel, yellow where it answers most, dark "
        "where it is silent. The channels with the highest peaks are shown, on one scale from 0."
    ),
    "grad_cam": (
        "Where a layer holds evidence for the class that was predicted, or that is named below: "
        "the brighter, the more. Each map is scaled by its own maximum, so brightness is not "
        "compared between maps; plain grey is zero."
    ),
    "deconvnet": (
        "What made a unit answer: the layer's strongest units, each carried from its strongest "
        "position back to pixels (left: neutral is zero, the strongest half percent has full "
        "colour), beside that piece of the picture (right)."
    ),
}


def words(name: str) -> Words:
    """Give the words of a method; one that is new here has its name and paper alone."""
    papers = {method.name: method.paper for method in views.methods()}
    title = _TITLES.get(name, name.replace("_", " ").capitalize())
    return Words(title, _READINGS.get(name, ""), papers.get(name, ""))
