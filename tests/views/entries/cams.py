"""Entries of the class activation maps, and their twins: one example and one channel at a time."""

import numpy as np
import torch
from torch import nn

from views.entries import Entry

#: Where position 0 of the zoo's plain networks' second convolution looks, and how far apart
#: neighbours look; other layers here have the input's own positions.
LOOKS_AT = {"3": (0.5, 2)}
PLAIN = ("plain", "plain in place", "plain 1-D", "plain 3-D")


def read_module(net, layer, options):
    """Find the module whose answer is read: a rectifier that is the next in a `Sequential`."""
    if isinstance(net, nn.Sequential) and not options.get("raw"):
        return net[int(layer) + 1]
    return net.get_submodule(layer)


def answer_of(net, image, module, change=None):
    """Return the logits of one example and what the module answered, changed where asked."""
    kept = []

    def keep(_module, _inputs, out):
        kept.append(out if change is None else change(out))
        return kept[0].clone()  # what is written in place later does not reach what was kept

    handle = module.register_forward_hook(keep)
    try:
        return net(image[None])[0], kept[0]
    finally:
        handle.remove()


def each(images, one):
    """Look at each example alone, in double precision, and rectify."""
    return np.stack([np.maximum(one(image), 0) for image in images])


def by_gradient(formula):
    """Make a twin of a formula of maps `(C, *space)`, their gradients and the score."""

    def twin(net, images, layer, options):
        module = read_module(net, layer, options)

        def one(image):
            logits, maps = answer_of(net, image, module)
            score = logits[options["target"]]
            (gradient,) = torch.autograd.grad(score, maps)
            return formula(*(x.detach().double().numpy() for x in (maps[0], gradient[0], score)))

        return each(images, one)

    twin.formula = formula
    return twin


def weighted(maps, weights):
    return sum(weight * one for weight, one in zip(weights, maps, strict=True))


@by_gradient
def grad_cam(maps, gradient, _score):
    return weighted(maps, [g.mean() for g in gradient])


@by_gradient
def grad_cam_plus_plus(maps, gradient, score):
    """Equations 5 and 19 for `Y = exp(score)`; the factor Y is taken out again at the end."""
    y = np.exp(score)
    weights = []
    for a, g in zip(maps, gradient, strict=True):
        first, second, third = y * g, y * g**2, y * g**3
        alpha = np.zeros_like(g)
        for at in np.ndindex(g.shape):
            below = 2 * second[at] + a.sum() * third[at]
            alpha[at] = second[at] / below if below != 0 else 0
        weights.append((alpha * np.maximum(first, 0)).sum())
    return weighted(maps, weights) / y


@by_gradient
def xgrad_cam(maps, gradient, _score):
    pairs = zip(maps, gradient, strict=True)
    return weighted(maps, [(a / a.sum() * g).sum() if a.sum() != 0 else 0 for a, g in pairs])


@by_gradient
def hires_cam(maps, gradient, _score):
    return sum(a * g for a, g in zip(maps, gradient, strict=True))


@by_gradient
def layer_cam(maps, gradient, _score):
    return sum(np.maximum(g, 0) * a for a, g in zip(maps, gradient, strict=True))


def cam(net, images, layer, options):
    """The weights of the linear layer; after the functional network's convolution, its relu."""
    linear = net.head if hasattr(net, "head") else net.fc

    def one(image):
        maps = answer_of(net, image, net.get_submodule(layer))[1][0].detach().double()
        maps = maps.relu() if hasattr(net, "head") and not options.get("raw") else maps
        return weighted(maps.numpy(), linear.weight[options["target"]].detach().double().numpy())

    return each(images, one)


def eigen_cam(net, images, layer, options):
    module = read_module(net, layer, options)

    def one(image):
        maps = answer_of(net, image, module)[1][0].detach().double().numpy()
        _, _, directions = np.linalg.svd(maps.reshape(len(maps), -1).T, full_matrices=False)
        projection = weighted(maps, directions[0])
        return projection if projection.sum() >= 0 else -projection

    return each(images, one)


def laid(a, layer, size):
    """Interpolate along each axis between where the positions look."""
    centre, stride = LOOKS_AT.get(layer, (0, 1))
    for axis, samples in enumerate(size):
        looks = centre + stride * np.arange(a.shape[axis])
        a = np.apply_along_axis(
            lambda row, x=looks, n=samples: np.interp(range(n), x, row), axis, a
        )
    return a


def score_cam(net, images, layer, options):
    module = read_module(net, layer, options)

    @torch.no_grad()
    def one(image):
        maps = answer_of(net, image, module)[1][0].double().numpy()
        nothing = net(torch.zeros_like(image)[None])[0, options["target"]].item()
        live, increase = [], []
        for a in maps:
            mask = laid(a, layer, image.shape[1:])
            if mask.max() == mask.min():
                continue
            mask = torch.tensor((mask - mask.min()) / (mask.max() - mask.min())).to(image)
            live.append(a)
            increase.append(net((image * mask)[None])[0, options["target"]].item() - nothing)
        shares = np.exp(increase) / np.exp(increase).sum()
        return weighted(live, shares) if live else np.zeros(maps.shape[1:])

    return each(images, one)


def ablation_cam(net, images, layer, options):
    module = read_module(net, layer, options)

    @torch.no_grad()
    def one(image):
        logits, maps = answer_of(net, image, module)
        score = logits[options["target"]].double().item()
        weights = []
        for k in range(maps.shape[1]):
            kept = torch.ones(maps.shape[1], dtype=maps.dtype)
            kept[k] = 0
            kept = kept.view(1, -1, *[1] * (maps.dim() - 2))
            without = answer_of(net, image, module, lambda out, kept=kept: out * kept)[0]
            weights.append((score - without[options["target"]].double().item()) / abs(score))
        return weighted(maps[0].double().numpy(), weights)

    return each(images, one)


class GuidedRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, arriving):
        return arriving.clamp(min=0) * (ctx.saved_tensors[0] > 0)


def guided_grad_cam(net, images, layer, options):
    leaf = images.clone().requires_grad_()
    x = leaf
    for module in net:
        x = GuidedRelu.apply(x) if isinstance(module, nn.ReLU) else module(x)
    (guided,) = torch.autograd.grad(x[:, options["target"]].sum(), leaf)
    cams = [laid(cam, layer, images.shape[2:]) for cam in grad_cam(net, images, layer, options)]
    return guided.double().numpy() * np.stack(cams)[:, None]


#: Only these networks of the zoo end in a mean and one linear layer after a convolution.
AVERAGED = ("functional", "gated")
NOT_AVERAGED = (*PLAIN, "in place", "residual", "residual 1-D", "dense")
_PLAIN_ONLY = "it asks for the plain network, which does not end in a mean and one linear layer"
_ON_THE_PLAIN_NETWORK = (
    "the_model_is_untouched_after_an_exception",
    "views_come_in_forward_order_under_full_names",
    "memory_layout_of_the_images_does_not_matter",
    "the_same_question_gives_the_same_answer",
    "the_model_s_dtype_is_respected",
    "a_waveform_network_and_its_twin_on_flat_images_agree",
    "a_budget_of_one_byte_changes_nothing",
    "the_target_may_be_a_difference_of_classes",
    "it_keeps_its_golden_values",
)

ENTRIES = [
    Entry("grad_cam", grad_cam, twin_networks=PLAIN, evidence=True),
    Entry("grad_cam_plus_plus", grad_cam_plus_plus, twin_networks=PLAIN, evidence=True),
    Entry("xgrad_cam", xgrad_cam, twin_networks=PLAIN, evidence=True),
    Entry("hires_cam", hires_cam, twin_networks=PLAIN, evidence=True),
    Entry("layer_cam", layer_cam, twin_networks=PLAIN, evidence=True),
    Entry("eigen_cam", eigen_cam, twin_networks=PLAIN),
    Entry("score_cam", score_cam, twin_networks=PLAIN, evidence=True),
    Entry("ablation_cam", ablation_cam, twin_networks=PLAIN, evidence=True),
    Entry(
        "guided_grad_cam",
        guided_grad_cam,
        twin_networks=PLAIN,
        refuses=("gated",),
        evidence=True,
    ),
    Entry(
        "cam",
        cam,
        twin_networks=AVERAGED,
        refuses=NOT_AVERAGED,
        evidence=True,
        exempt=dict.fromkeys(_ON_THE_PLAIN_NETWORK, _PLAIN_ONLY),
    ),
]
