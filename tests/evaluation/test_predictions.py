"""Predictions: their table comes back to the last bit, and bad ones are refused by name."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layerscope.errors import LayerscopeError
from layerscope.evaluation import Predictions, predict

NAMES = ["cat", "Hund, groß", 'a "b" c', "猫", "p_", " lead", "true"]


def random_predictions(seed: int, n: int, classes: list[str]) -> Predictions:
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(0, 4, (n, len(classes))).astype(np.float32))
    true = random.integers(len(classes), size=n)
    ids = [f"val/{classes[t]}/é {i}, x.jpg" for i, t in enumerate(true)]
    return Predictions(ids, true, logits.softmax(dim=1).numpy(), classes)


@pytest.mark.parametrize("n", [0, 1, 500])
def test_the_table_comes_back_to_the_last_bit(tmp_path, n):
    said = random_predictions(n, n, NAMES)
    said.save(tmp_path / "predictions.csv")
    back = Predictions.load(tmp_path / "predictions.csv")
    assert back.ids == said.ids
    assert back.classes == said.classes == tuple(NAMES)
    np.testing.assert_array_equal(back.true, said.true)
    np.testing.assert_array_equal(back.predicted, said.predicted)
    assert back.probabilities.tobytes() == said.probabilities.tobytes()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2), st.text("ab,\" '\n;é", max_size=8)
)
def test_any_float_and_any_name_come_back(tmp_path_factory, values, name):
    path = tmp_path_factory.mktemp("table") / "predictions.csv"
    row = np.array([[*values, max(1.0 - sum(values), 0.0)]], dtype=np.float32)
    row /= row.sum()
    said = Predictions([name], [1], row, ["x", name + "!", "z"])
    said.save(path)
    back = Predictions.load(path)
    assert back.ids == (name,)
    assert back.classes == said.classes
    assert back.probabilities.tobytes() == said.probabilities.tobytes()


def test_the_table_is_readable_by_a_person(tmp_path):
    Predictions(["a.jpg"], [1], [[0.75, 0.25]], ["cat", "dog"]).save(tmp_path / "p.csv")
    assert (
        tmp_path / "p.csv"
    ).read_text() == "id,true,predicted,p_cat,p_dog\na.jpg,dog,cat,0.75,0.25\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\na,b\n", "the columns are id, label"),
        ("", r"the columns are \(none\)"),
        ("id,true,predicted,p_x,p_y\na,x,z,1.0,0.0\n", "example 1 reads a, x, z"),
        ("id,true,predicted,p_x,p_y\na,x,x,1.0,0.0\nb,x,x,one,0\n", "example 2 reads b"),
        ("id,true,predicted,p_x,p_y\na,x,x,1.0\n", "example 1 reads a, x, x, 1.0"),
        ("id,true,predicted,p_x,p_y\na,x,y,1.0,0.0\n", "a is said to be predicted as y"),
        ("id,true,predicted,p_x,p_y\na,x,x,0.9,0.9\n", "the probabilities of a are"),
        ("id,true,predicted,p_x,p_y\na,x,x,nan,0.9\n", "a is said|the probabilities of a are"),
        ("id,true,predicted,p_x,p_x\na,x,x,0.5,0.5\n", "no name twice"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(LayerscopeError, match=message):
        Predictions.load(tmp_path / "p.csv")


def test_a_missing_table_is_the_users_mistake(tmp_path):
    with pytest.raises(LayerscopeError, match="cannot read the predictions"):
        Predictions.load(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("true", "probabilities", "message"),
    [
        ([0, 2], [[1, 0], [0, 1]], "true classes from 0 to 2"),
        ([0], [[1, 0], [0, 1]], "belong together"),
        ([0, 1], [[1, 0, 0, 1]], "belong together"),
        ([0, 1], [], "belong together"),
        ([0, 1], [[1, 0], [-0.5, 1.5]], "the probabilities of b are"),
    ],
)
def test_predictions_that_contradict_themselves_are_refused(true, probabilities, message):
    with pytest.raises(LayerscopeError, match=message):
        Predictions(["a", "b"], true, probabilities, ["cat", "dog"])


def test_a_confusion_matrix_comes_back_from_its_predictions():
    matrix = np.random.default_rng(0).integers(0, 9, (4, 4))
    said = Predictions.from_confusion(matrix, list("abcd"))
    counted = np.zeros_like(matrix)
    np.add.at(counted, (said.true, said.predicted), 1)
    np.testing.assert_array_equal(counted, matrix)
    with pytest.raises(LayerscopeError, match="shape"):
        Predictions.from_confusion([[1, 2, 3]], ["a"])


class Split:
    """Seven examples of uint8 pixels, read as the data room reads them."""

    def __init__(self, n: int = 7) -> None:
        self.pixels = torch.from_numpy(
            np.random.default_rng(1).integers(0, 256, (n, 3, 8, 8), dtype=np.uint8)
        )
        self.labels = np.arange(n) % 3
        self.ids = [f"x{i}" for i in range(n)]

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, positions: np.ndarray) -> torch.Tensor:
        return self.pixels[positions].contiguous(memory_format=torch.channels_last)


class Spec:
    def to_model(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float() / 255 - 0.5


def small_net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(144, 3),
    )


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_predict_equals_the_network_applied_to_one_example_at_a_time(batch_size):
    net, split = small_net(), Split()
    net.train()
    net[1].eval()  # a part that the user froze
    before = {name: value.clone() for name, value in net.state_dict().items()}
    said = predict(net, split, Spec(), ["a", "b", "c"], batch_size=batch_size)
    assert [module.training for module in net] == [True, False, True, True, True, True]
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name
    net.eval()
    for i in range(len(split)):
        alone = net(Spec().to_model(split.pixels[i : i + 1])).softmax(dim=1)
        np.testing.assert_allclose(said.probabilities[i], alone[0].detach().numpy(), atol=1e-6)
    assert said.ids == tuple(split.ids)
    np.testing.assert_array_equal(said.true, split.labels)


def test_predict_in_bfloat16_is_close_and_not_the_same():
    net, split = small_net(), Split()
    exact = predict(net, split, Spec(), ["a", "b", "c"]).probabilities
    rough = predict(net, split, Spec(), ["a", "b", "c"], precision="bfloat16").probabilities
    assert 0 < np.abs(exact - rough).max() < 0.03


def test_predict_of_no_examples_gives_no_predictions():
    assert len(predict(small_net(), Split(0), Spec(), ["a", "b", "c"])) == 0


def test_predict_refuses_what_cannot_be_evaluated():
    net, split = small_net(), Split()
    with pytest.raises(LayerscopeError, match=r"gives \(7, 3\) for 7 examples and the 2 classes"):
        predict(net, split, Spec(), ["a", "b"])
    with pytest.raises(LayerscopeError, match='precision = "half"'):
        predict(net, split, Spec(), ["a", "b", "c"], precision="half")
    net.train()
    with torch.no_grad():
        net[5].bias[0] = float("nan")
    with pytest.raises(LayerscopeError, match="NaN or infinite logits, first for x0"):
        predict(net, split, Spec(), ["a", "b", "c"])
    assert all(module.training for module in net.modules())
