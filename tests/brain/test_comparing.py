"""The 92 objects from settings to tables; a planted network; what does not fit is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from layerscope.brain.comparing import compare
from layerscope.brain.rdm import category_rdm, rdm, square
from layerscope.brain.settings import BrainStudy
from layerscope.brain.stimuli import find_stimuli
from layerscope.brain.subjects import read_subjects
from layerscope.cli import main
from layerscope.errors import LayerscopeError
from layerscope.report.brains import brain_page

NETS = """\
import torch
from torch import nn


def plain():
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4),
    )
"""
STIMULI = 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Twelve images of two kinds, a network, and the RDMs of three subjects in two sessions."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "images").mkdir()
    rows = ["file,kind,side"]
    for number in range(STIMULI):
        pixels = random.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        pixels[:, :, number % 2] //= 4
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number:02d}.png")
        rows.append(f"{number:02d}.png,{'ab'[number % 2]},{number % 3}")
    (tmp_path / "stimuli.csv").write_text("\n".join(rows) + "\n")
    truth = category_rdm([number % 2 for number in range(STIMULI)])
    noisy = truth + random.random((6, len(truth)))
    names = [f"IT | {name} | Session: {n}" for name in "XYZ" for n in (1, 2)]
    np.savez(tmp_path / "rdms.npz", IT=square(noisy), IT_names=names, other=square(noisy[:1]))
    return tmp_path


def asked(**brain):
    network = {"model": "nets.py:plain", "size": 24}
    settings = {"stimuli": "images", "rdm": "rdms.npz", "key": "IT", "draws": 30}
    return BrainStudy.asked(name="test", network=network, brain=settings | brain)


def test_one_command_writes_tables_pictures_and_a_page(folder, capsys):
    given = ["brain", "--model", "nets.py:plain", "--size", "24", "--stimuli", "images"]
    given += ["--rdm", "rdms.npz", "--key", "IT", "--category", "kind", "--draws", "30"]
    assert main([*given, "--estimator", "per-subject,group-mean", "--out", "out", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((folder / "out" / "comparison.json").read_text())
    assert document["subjects"]["names"] == ["IT | X", "IT | Y", "IT | Z"]
    first, second = document["rsa"]
    assert [row["layer"] for row in first["layers"]] == ["0", "2", "6"]
    assert first["ceiling"]["lower"] < first["ceiling"]["upper"]
    assert second["ceiling"] is None
    assert [row["model"] for row in first["references"]] == ["pixels", "category kind"]
    written = {path.name for path in (folder / "out").iterdir()}
    assert {"rsa_per-subject.csv", "rsa_group-mean.csv", "rdms.npz", "layers.csv"} <= written
    assert {"rsa_per-subject.png", "rsa_group-mean.png", "rdms.png", "index.html"} <= written
    page = (folder / "out" / "index.html").read_text()
    assert page.count("data:image/png") == len([name for name in written if name[-4:] == ".png"])
    assert "not to be compared" in page


def test_every_figure_is_that_of_the_rdms_that_are_stored(folder):
    document = compare(asked(category=["kind"]), folder / "out")
    with np.load(folder / "out" / "rdms.npz") as held:
        arrays = {name: held[name] for name in held.files}
    from scipy.stats import spearmanr

    subjects = [arrays[name] for name in arrays if name.startswith("subject ")]
    assert len(subjects) == 3
    table = document["rsa"][0]
    for row in table["layers"]:
        for key, kind in (("value", "layer"), ("untrained", "untrained")):
            own = arrays[f"{kind} {row['layer']}"]
            slow = np.mean([spearmanr(own, one).statistic for one in subjects])
            assert row[key] == pytest.approx(slow, abs=1e-3)
        assert row["above"] == pytest.approx(row["value"] - row["untrained"])
    assert document["layers_against_layers"]["cka"][1][1] == pytest.approx(1)


def test_an_untrained_twin_is_of_another_weights_and_the_same_twice(folder):
    first = compare(asked(), folder / "a")
    again = compare(asked(), folder / "b")
    other = compare(asked(seed=1), folder / "c")
    value = [d["rsa"][0]["layers"][0]["untrained"] for d in (first, again, other)]
    assert value[0] == value[1] != value[2]
    assert value[0] != first["rsa"][0]["layers"][0]["value"]


def test_a_network_against_itself_and_against_no_brain(folder, capsys):
    given = ["brain", "--model", "nets.py:plain", "--size", "24", "--stimuli", "images"]
    assert main([*given, "--against", "nets.py:plain", "--out", "out"]) == 0
    document = json.loads((folder / "out" / "comparison.json").read_text())
    assert "rsa" not in document
    assert np.allclose(np.diag(document["against"]["cka"]), 1)
    assert np.allclose(np.diag(document["against"]["rdm"]), 1)
    assert not np.allclose(np.diag(document["against"]["rdm_untrained"]), 1)
    assert main([*given, "--out", "other"]) == 1
    assert "nothing to compare with" in capsys.readouterr().err


def test_responses_made_by_a_layer_are_told_by_that_layer(folder):
    """Planted: channels are a mix of conv 0's answers from 0.1 to 0.2 s, else noise."""
    import torch

    from layerscope.brain.network import find_network
    from layerscope.brain.settings import NetworkSettings

    network = find_network(NetworkSettings(model="nets.py:plain", size=24), 0)
    images = find_stimuli(folder / "images").shown_to(network.spec)(0, STIMULI)
    random = np.random.default_rng(1)
    with torch.no_grad():
        answers = network.scope.model[:2](images).flatten(1).numpy()
    answers = (answers - answers.mean(0)) @ random.normal(size=(answers.shape[1], 40))
    signal = answers / answers.std()
    times = np.arange(20) / 100
    values = random.normal(size=(6, STIMULI, 40, 20))
    values[..., 10:] += 6 * signal[:, :, None]
    np.savez(folder / "planted.npz", responses=values, times=times)
    document = compare(
        asked(responses="planted.npz", rdm=None, draws=20, distance="euclidean"), folder / "out"
    )
    rows = document["movie"]["rows"]
    assert document["movie"]["distance"] == "crossnobis"
    late = {r["model"]: r["value"] for r in rows if r["start"] > 0.14}
    early = {r["model"]: r["value"] for r in rows if r["start"] < 0.01}
    assert late["layer 0"] > 0.7
    assert late["layer 0"] > late["category kind"]
    assert abs(early["layer 0"]) < 0.45
    assert document["encoding"]["ceiling_r"] > 0.9
    assert len(document["encoding"]["rows"]) == 8
    page = brain_page(folder / "out").read_text()
    assert "How well each layer tells the response" in page
    assert "When the responses have" in page


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": None}, "no key is named; its arrays of RDMs are IT, other"),
        ({"key": "hIT"}, "it has no hIT"),
        ({"sessions": 4}, "6 RDMs cannot be shared out"),
        ({"category": ["colour"]}, "the table of stimuli has kind, side"),
        ({"stimuli": "nowhere"}, "no folder of stimuli"),
        ({"rdm": "nothing.npz"}, "there is no file"),
        ({"table": "short.csv"}, "names 1 files that are not there"),
    ],
)
def test_what_does_not_fit_is_told(folder, change, told):
    (folder / "short.csv").write_text("file,kind\n00.png,a\nxx.png,b\n")
    with pytest.raises(LayerscopeError, match=told):
        compare(asked(**change), folder / "out")


def test_as_many_images_as_rows(folder):
    (folder / "stimuli.csv").unlink()
    (folder / "images" / "11.png").unlink()
    with pytest.raises(LayerscopeError, match="the 11 images"):
        compare(asked(), folder / "out")


def test_wrong_settings_are_told_in_plain_words(folder):
    with pytest.raises(LayerscopeError, match="did you mean 'euclidean'"):
        asked(distance="euclidian")
    with pytest.raises(LayerscopeError, match="name one network"):
        BrainStudy.asked(network={}, brain={"stimuli": "images"})
    (folder / "c.toml").write_text('[network]\nmodel = "nets.py:plain"\n[brain]\nstimulus = "x"\n')
    with pytest.raises(LayerscopeError, match="did you mean stimuli"):
        BrainStudy.load(folder / "c.toml")


def test_options_beside_a_file_are_refused_not_passed_over(folder, capsys):
    (folder / "c.toml").write_text('[network]\nmodel = "nets.py:plain"\n[brain]\nstimuli = "x"\n')
    assert main(["brain", "c.toml", "--draws", "5"]) == 2
    assert "leave out --draws" in capsys.readouterr().err
    assert main(["brain", "--bold", "x.npz", "--stimuli", "images"]) == 2
    assert main(["brain", "--stimuli", "images"]) == 2
    assert main(["brain", "--model", "nets.py:plain"]) == 2
    given = ["brain", "--model", "nets.py:plain", "--stimuli", "images", "--against", "runs/no"]
    assert main([*given, "--size", "24"]) == 1
    assert "no run folder" in capsys.readouterr().err


def test_sessions_are_told_by_names_or_by_number(folder):
    by_name = read_subjects(folder / "rdms.npz", "IT")
    assert by_name.sessions == (2, 2, 2)
    assert np.allclose(by_name.rdms, read_subjects(folder / "rdms.npz", "IT", 2).rdms)
    assert len(read_subjects(folder / "rdms.npz", "IT", 1).rdms) == 6


# -- real data ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ninety_two(real_data):
    folder = real_data / "rsa_92images"
    subjects = read_subjects(folder / "rdms.npz", "hIT")
    return find_stimuli(folder / "images"), subjects


def test_the_reference_figures_of_the_92_objects(ninety_two):
    from layerscope.brain.noise_ceiling import noise_ceiling
    from layerscope.brain.rsa import rsa

    stimuli, subjects = ninety_two
    assert subjects.names == ("hIT | BE", "hIT | KO", "hIT | SN", "hIT | TI")
    ceiling = noise_ceiling(subjects.rdms)
    assert (round(ceiling.lower, 3), round(ceiling.upper, 3)) == (0.372, 0.666)
    models = {"animacy": category_rdm(stimuli.columns["animal"]), "pixels": rdm(stimuli.pixels())}
    each = rsa(models, subjects.rdms, draws=0)
    assert round(each["animacy"].value, 3) == 0.386
    mean = rsa(models, subjects.rdms, estimator="group-mean", draws=0)
    assert round(mean["animacy"].value, 3) == 0.588
    assert round(mean["pixels"].value, 3) == 0.109


def test_an_untrained_study_network_is_as_like_the_group_as_peers_say(ninety_two):
    import torch

    from layerscope.brain.layers import layer_grams
    from layerscope.brain.rsa import rsa
    from layerscope.data.inputs import InputSpec
    from layerscope.nets import study_2d
    from layerscope.views import Scope

    stimuli, subjects = ninety_two
    torch.manual_seed(0)
    scope = Scope(study_2d(blocks=2, channels=8).eval())
    spec = InputSpec("photo", (3, 172, 172), (0.0,) * 3, (1.0,) * 3)
    grams = layer_grams(scope, stimuli.shown_to(spec), 92, ["conv1", "conv2"])
    models = {name: rdm(one) for name, one in grams.items()}
    found = rsa(models, subjects.rdms, estimator="group-mean", draws=0)
    assert all(0.03 < one.value < 0.2 for one in found.values())


def test_late_layers_of_squeezenet_are_above_their_untrained_twin(real_data, tmp_path):
    weights = "pretrained_squeezenet/squeezenet1_0_deepcompression_imagenet.npz"
    late = ("features.12.squeeze", "features.12.expand1x1", "classifier.1")
    pretrained = {"pretrained": "squeezenet1_0", "weights": real_data / weights, "layers": late}
    folder = real_data / "rsa_92images"
    brain = {"stimuli": folder / "images", "rdm": folder / "rdms.npz", "key": "hIT"}
    brain |= {"category": ["animal"], "draws": 400, "estimators": ["per-subject", "group-mean"]}
    study = BrainStudy.asked(name="late", network=pretrained, brain=brain)
    for table in compare(study, tmp_path / "out")["rsa"]:
        assert table["above_untrained"] == list(late)
        assert all(row["p"] < 0.05 and row["above"] > 0.1 for row in table["layers"])
        assert max(row["value"] for row in table["layers"]) < table["references"][1]["value"]
