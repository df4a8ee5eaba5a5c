"""Projections of units down to the input: the deconvolution network at every layer."""

from functools import partial

from benchmarks.pairs import ratio
from benchmarks.rows import row
from benchmarks.views.common import subject


def rows() -> list[dict[str, object]]:
    """Measure deconvnet of the nine strongest units, and of the strongest beside captum's."""
    from captum.attr import NeuronDeconvolution

    seen = subject()
    names = [f"relu{number}" for number in range(1, 7)]
    peers = [NeuronDeconvolution(seen.net, seen.net.get_submodule(name)) for name in names]

    def captum() -> None:
        for peer in peers:
            peer.attribute(seen.images.clone().requires_grad_(), (0, 0, 0))

    nine = partial(seen.look, "deconvnet", top=9)
    one = partial(seen.look, "deconvnet")
    return [
        row(
            "deconvnet, nine strongest units of 6 layers",
            ratio(nine, seen.forward_backward, rounds=3),
            "FI",
            8,
        ),
        row("deconvnet, the strongest unit of 6 layers", ratio(one, captum, rounds=3), "captum", 1),
    ]
