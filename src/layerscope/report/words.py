"""Plain words: how each picture of the page is read, and whose idea it is."""

from dataclasses import dataclass

from layerscope import views
from layerscope.report.sound_words import READINGS


@dataclass(frozen=True)
class Words:
    """A method as the page tells of it."""

    title: str
    reading: str
    paper: str


_BRIGHT = (
    "The brighter, the more; each map is scaled by its own maximum, so brightness is not compared "
    "between maps; plain grey is zero."
)
_SIGNED = (
    "Red speaks for the class, blue against it; white is zero; the strongest half percent has full "
    "colour."
)
_COLOURS = (
    "In the colours of the picture: grey is zero, the strongest half percent has full colour."
)
_KNOWN = {
    "filters": (
        "First-layer filters",
        "Each square holds the weights of one filter, in the colours of the input: what the "
        "network looks for in the picture itself. Neutral is zero; all filters share one scale.",
    ),
    "feature_maps": (
        "Feature maps",
        "What a layer answers: each square is one channel, yellow where it answers most, dark "
        "where it is silent. The channels with the highest peaks are shown, on one scale from 0.",
    ),
    "grad_cam": (
        "Grad-CAM",
        "Where a layer holds evidence for the class that was predicted, or that is named below: "
        "the brighter, the more. Each map is scaled by its own maximum, so brightness is not "
        "compared between maps; plain grey is zero.",
    ),
    "deconvnet": (
        "Deconvolution network",
        "What made a unit answer: the layer's strongest units, each carried from its strongest "
        "position back to pixels (left: neutral is zero, the strongest half percent has full "
        "colour), beside that piece of the picture (right). At the input: the class itself, "
        "carried back.",
    ),
    "guided_backprop": (
        "Guided backpropagation",
        "As the deconvolution network, but only through units that answered this picture. "
        f"{_COLOURS}",
    ),
    "guided_grad_cam": (
        "Guided Grad-CAM",
        f"Guided backpropagation where Grad-CAM of the layer finds evidence. {_COLOURS}",
    ),
    "grad_cam_plus_plus": ("Grad-CAM++", f"Grad-CAM that counts every copy of a thing. {_BRIGHT}"),
    "xgrad_cam": ("XGrad-CAM", f"Grad-CAM with gradients weighed by the maps. {_BRIGHT}"),
    "hires_cam": (
        "HiResCAM",
        f"Gradient times map at each place, summed over channels, what is above 0. {_BRIGHT}",
    ),
    "layer_cam": (
        "LayerCAM",
        f"Each place of a map weighed by its own positive gradient. {_BRIGHT}",
    ),
    "eigen_cam": (
        "Eigen-CAM",
        f"The first principal direction of a layer's maps; no class is asked for. {_BRIGHT}",
    ),
    "score_cam": (
        "Score-CAM",
        f"Maps weighed by what the class's score is when only they are left to see. {_BRIGHT}",
    ),
    "ablation_cam": (
        "Ablation-CAM",
        f"Maps weighed by what the class's score loses without them. {_BRIGHT}",
    ),
    "cam": ("CAM", f"Maps weighed by the linear layer that reads their means. {_BRIGHT}"),
    "saliency": (
        "Saliency",
        "How much the score changes with each pixel, whichever way: the largest of its colours; "
        "dark is zero, the largest half percent has full colour.",
    ),
    "input_x_gradient": ("Input × gradient", f"Each pixel times its gradient. {_SIGNED}"),
    "integrated_gradients": (
        "Integrated gradients",
        "What each pixel adds to the score on the straight way from a plain picture to this one. "
        f"{_SIGNED}",
    ),
    "expected_gradients": (
        "Expected gradients",
        f"Integrated gradients, averaged over other examples as the plain picture. {_SIGNED}",
    ),
    "smooth_grad": ("SmoothGrad", f"The gradient, averaged over noisy copies. {_SIGNED}"),
    "var_grad": (
        "VarGrad",
        "Where the gradient varies between noisy copies; dark is zero, the largest half percent "
        "has full colour.",
    ),
    "lrp": (
        "LRP",
        "Layer-wise relevance propagation: the score shared out among the pixels, and in the table "
        f"of layers among the places of each layer, summed over channels. {_SIGNED}",
    ),
    "deep_lift": (
        "DeepLIFT",
        "The difference of the score from that of a plain picture, shared out among the pixels, "
        f"and in the table of layers among their places. {_SIGNED}",
    ),
    "concept_relevance": (
        "Concept relevance",
        "What the layer's most relevant units have to do with the class: the relevance that goes "
        "through one unit, at the pixels (left; grey is zero), beside that piece of the picture.",
    ),
    "occlusion": (
        "Occlusion",
        "How much the score falls (red) or rises (blue) when a window of the picture is covered; "
        "plain grey is no change.",
    ),
    "rise": (
        "RISE",
        "The probability of the class behind many random masks, averaged for each pixel over those "
        "that leave it to be seen; from each map's least (plain grey) to its largest (yellow).",
    ),
    "activation_maximization": (
        "Activation maximisation",
        "Pictures made so that one unit answers as much as it can, in the size of what it sees; "
        "below each the answer that was reached.",
    ),
    "class_model": ("Class model", "Pictures made so that the score of a class is high."),
    "deep_dream": ("DeepDream", "The picture, changed so that a layer answers it more strongly."),
    "feature_inversion": (
        "Feature inversion",
        "What a layer still knows of the picture: a picture made from the layer's answers alone.",
    ),
    "zeiler_fergus": (
        "Strongest patches and their projections",
        "For each unit the nine patches of the data that it answers most, the strongest first "
        "(right), and what of each made it answer (left: grey is zero, one scale a unit). The "
        "layer's units that answer most are shown.",
    ),
    "class_means": (
        "Class means",
        "Where a layer holds evidence on the average of all examples of a class (Grad-CAM): what "
        "is bright in the frame's middle is the thing, or how it is photographed.",
    ),
    "strongest_units": (
        "Strongest units of each class",
        "The units that answer a class more than the others, the strongest first; faint: units "
        "that stand in several rows.",
    ),
    "selectivity": (
        "Class selectivity",
        "Each dot is a unit: 0 answers all classes alike, 1 only one. The bar holds the middle "
        "half, the ring the median.",
    ),
    "embedding": (
        "Embedding",
        "Each point is an example; near one another lie those that the layer holds alike. Axes "
        "have no unit.",
    ),
    "frequency_response": (
        "Frequency responses of the first filters",
        "How much each filter lets through of each frequency, a row a filter, sorted by the centre "
        "of what it passes: the network's own filter bank.",
    ),
    "effective_response": (
        "What each layer is tuned to",
        "How far a tone of each frequency moves each unit's answer, a row a unit: what it hears "
        "through all the layers below.",
    ),
    "time_frequency": (
        "Relevance over time and frequency",
        "What each piece of time and frequency adds to the score of the word (red) or takes from "
        "it (blue): the relevance of the samples, carried through the inverse Fourier transform.",
    ),
    "time_frequency_occlusion": (
        "Occlusion over time and frequency",
        "How much the score falls (red) or rises (blue) when a piece of time and frequency is "
        "silenced.",
    ),
    "linear_probe": (
        "Linear probe",
        "How well a linear classifier on one layer alone tells the classes apart, on examples that "
        "it was not fitted to: balanced accuracy with its 95 % interval.",
    ),
}


def words(name: str, kind: str = "photo") -> Words:
    """Give the words of a method; one that is new here has its name and paper alone."""
    papers = {method.name: method.paper for method in views.methods()}
    known = {**_KNOWN, **(READINGS if kind == "waveform" else {})}
    title, reading = known.get(name, (name.replace("_", " ").capitalize(), ""))
    return Words(title, reading, papers.get(name, ""))
