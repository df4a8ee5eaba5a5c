"""Plain words for sounds: how what is drawn and played of a clip is read, in the words of time."""

_ALONG = (
    "Orange speaks for the word, blue against it, along the clip; the line below is the same about "
    "zero, scaled by its own largest value. “Only” plays the cells of time and frequency that it "
    "finds most relevant, a fifth of the clip's energy; “without” plays all the others."
)
_BRIGHT = (
    "The fuller the orange, the more; each map is scaled by its own largest value, grey is zero. "
    "“Only” plays the clip where the map is high: of frequency it says no more than that."
)

READINGS = {
    "filters": (
        "First-layer filters",
        "The weights of each filter, in the order of time: what the network listens for in the "
        "samples themselves. White is zero; each filter is scaled by itself.",
    ),
    "frequency_response": (
        "Frequency responses of the first filters",
        "Left the weights of each filter, right by how much it amplifies each frequency, in dB re "
        "its own maximum; sorted by centre frequency (ring), the mean weighted by power.",
    ),
    "effective_response": (
        "What each layer is tuned to",
        "By how much each unit of a layer answers each frequency: bright is its own maximum. Units "
        "are sorted by their centre frequency (ring), the mean weighted by power.",
    ),
    "feature_maps": (
        "Feature maps",
        "What a layer answers along the clip: each line is one channel, bright where it answers "
        "most. The channels with the highest peaks are shown, on one scale from 0.",
    ),
    "deconvnet": (
        "Deconvolution network",
        "What made a unit answer: the layer's strongest units, the whole map of each carried back "
        "to samples (orange), over that piece of the clip (grey); each line is scaled by itself. "
        "Below: the unit, its largest activation, how long the piece is and where. At the input: "
        "the word itself, carried back.",
    ),
    "guided_backprop": (
        "Guided backpropagation",
        "As the deconvolution network, but only through units that answered this clip. " + _ALONG,
    ),
    "grad_cam": ("Grad-CAM", f"When a layer holds evidence for the word. {_BRIGHT}"),
    "grad_cam_plus_plus": ("Grad-CAM++", f"Grad-CAM that counts every copy of a thing. {_BRIGHT}"),
    "xgrad_cam": ("XGrad-CAM", f"Grad-CAM with gradients weighed by the maps. {_BRIGHT}"),
    "hires_cam": ("HiResCAM", f"Gradient times map at each moment, what is above 0. {_BRIGHT}"),
    "layer_cam": (
        "LayerCAM",
        f"Each moment of a map weighed by its own positive gradient. {_BRIGHT}",
    ),
    "saliency": (
        "Saliency",
        "How much the score changes with each sample, whichever way. " + _BRIGHT,
    ),
    "input_x_gradient": ("Input × gradient", f"Each sample times its gradient. {_ALONG}"),
    "integrated_gradients": (
        "Integrated gradients",
        f"What each sample adds to the score on the straight way from silence to the clip. "
        f"{_ALONG}",
    ),
    "expected_gradients": (
        "Expected gradients",
        f"Integrated gradients, averaged over other clips in the place of silence. {_ALONG}",
    ),
    "smooth_grad": ("SmoothGrad", f"The gradient, averaged over noisy copies. {_ALONG}"),
    "lrp": (
        "LRP",
        "Layer-wise relevance propagation: the score shared out among the samples, and in the "
        f"table of layers among the moments of each layer, summed over channels. {_ALONG}",
    ),
    "deep_lift": (
        "DeepLIFT",
        "The difference of the score from that of silence, shared out among the samples, and in "
        f"the table of layers among their moments. {_ALONG}",
    ),
    "concept_relevance": (
        "Concept relevance",
        "What the layer's most relevant units have to do with the word: the relevance that goes "
        "through one unit, at the samples (orange), over that piece of the clip (grey).",
    ),
    "occlusion": (
        "Occlusion",
        "How much the score falls (orange) or rises (blue) when a moment of the clip is silenced.",
    ),
    "rise": (
        "RISE",
        "The probability of the word behind many random masks, averaged for each moment over those "
        "that leave it to be heard.",
    ),
    "zeiler_fergus": (
        "Strongest snippets and their projections",
        "For each unit the snippets of the data that it answers most, as long as what it hears, "
        "the strongest uppermost (grey), and what of each made it answer (orange). Each line is "
        "scaled by itself. Below: the unit, its strongest answer, the length. They are played one "
        "after the other, each at the same loudness; what lasts a few milliseconds is a click.",
    ),
    "activation_maximization": (
        "Activation maximisation",
        "Sounds made so that one unit answers as much as it can, as long as what it hears; below "
        "each the answer that was reached.",
    ),
    "class_model": ("Class model", "Sounds made so that the score of a word is high."),
    "deep_dream": ("DeepDream", "The clip, changed so that a layer answers it more strongly."),
    "feature_inversion": (
        "Feature inversion",
        "What a layer still knows of the clip: a sound made from the layer's answers alone.",
    ),
    "class_means": (
        "Class means",
        "When a layer holds evidence on the average of all clips of a word (Grad-CAM).",
    ),
    "embedding": (
        "Embedding",
        "Each point is a clip; near one another lie those that the layer holds alike. Axes have no "
        "unit.",
    ),
}
