"""Drawing layers anew: which change, in which order, and as Quantus does; robustness likewise."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from layerscope.errors import Refused
from layerscope.trust.randomise import ORDERS, Order, drawn_layers, randomised
from layerscope.trust.robustness import max_sensitivity, shift_equivariance
from layerscope.trust.similarity import spearman
from peers import peer


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4)
    ).eval()


@pytest.mark.parametrize("order", ORDERS)
def test_layers_are_drawn_in_order_and_the_network_is_unharmed(order: Order) -> None:
    net = _net()
    nn.init.uniform_(net[1].weight)
    before, state = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    changed = []
    for name, twin in randomised(net, order, seed=1):
        now = twin.state_dict()
        parts = [key for key in before if not torch.equal(before[key], now[key])]
        changed.append((name, sorted({key.split(".")[0] for key in parts})))
    names = drawn_layers(net)
    assert names == ["0", "1", "4"]
    if order == "independent":
        assert changed == [(name, [name]) for name in names]
    else:
        line = names[::-1] if order == "top-down" else names
        assert changed == [(name, sorted(line[: k + 1])) for k, name in enumerate(line)]
    assert all(torch.equal(before[key], net.state_dict()[key]) for key in before)
    assert torch.equal(state, torch.get_rng_state())


def _gradient(net: nn.Module, images: Tensor, labels: Tensor) -> np.ndarray:
    images = images.clone().requires_grad_()
    chosen = net(images)[torch.arange(len(images)), labels].sum()
    return torch.autograd.grad(chosen, images)[0].numpy()


def test_randomisation_is_quantus() -> None:
    quantus = peer("quantus")
    net, images, labels = _net(), torch.randn(5, 1, 8, 8), torch.tensor([0, 1, 2, 3, 0])

    def explain(
        model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: object
    ) -> np.ndarray:
        return _gradient(model, torch.as_tensor(inputs), torch.as_tensor(targets))

    for order, theirs in (("top-down", "top_down"), ("independent", "independent")):
        with warnings.catch_warnings(), torch.random.fork_rng():
            warnings.simplefilter("ignore")
            metric = quantus.MPRT(
                layer_order=theirs, seed=6, abs=False, normalise=False, disable_warnings=True
            )
            found = metric(
                model=net,
                x_batch=images.numpy(),
                y_batch=labels.numpy(),
                explain_func=explain,
                channel_first=True,
            )
        original = _gradient(net, images, labels)
        for name, twin in randomised(net, order, seed=7):  # type: ignore[arg-type]
            ours = spearman(original, _gradient(twin, images, labels))
            np.testing.assert_allclose(ours, found[name], atol=1e-6, err_msg=name)


def test_a_layer_that_cannot_be_drawn_is_named() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.by = nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.by

    with pytest.raises(Refused, match="Scale"):
        drawn_layers(nn.Sequential(nn.Linear(2, 2), Scale()))


def test_max_sensitivity_of_known_maps() -> None:
    images = torch.randn(3, 1, 4, 4)

    def explain(x: Tensor) -> dict[str, np.ndarray]:
        return {"same": np.ones((len(x), 4, 4)), "itself": x[:, 0].numpy()}

    generator = torch.Generator().manual_seed(3)  # Yeh et al.'s definition, draw by draw
    slow = np.zeros(3)
    for _ in range(5):
        noise = (2 * torch.rand(images.shape, generator=generator) - 1) * 0.2
        slow = np.maximum(slow, noise.flatten(1).norm(dim=1).numpy())
    slow /= images.flatten(1).norm(dim=1).numpy()
    found = max_sensitivity(explain, images, radius=0.2, samples=5, seed=3)
    np.testing.assert_allclose(found["itself"], slow, rtol=1e-5)
    assert found["same"].tolist() == [0, 0, 0]


def test_shift_equivariance_of_known_maps() -> None:
    images = torch.randn(2, 1, 6, 20)
    still = np.tile(np.arange(20.0) ** 2, (2, 6, 1))
    found = shift_equivariance(lambda x: {"it": x[:, 0].numpy(), "still": still}, images, 3)
    np.testing.assert_allclose(found["it"], 1)
    assert (found["still"] < 1 - 1e-4).all()
