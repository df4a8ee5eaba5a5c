"""An evaluation against the study's own table, scikit-learn, and data with classes missing."""

import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from layerscope.evaluation import Predictions, RefusedFile, evaluate, findings, notes
from layerscope.evaluation.calibration import calibration
from layerscope.evaluation.sentences import confused_with

CLASSES = ["bed", "bird", "cat", "dog", "house", "tree"]
STUDY = [
    [28, 0, 1, 1, 0, 0],
    [5, 932, 12, 85, 2, 14],
    [0, 3, 62, 13, 0, 0],
    [4, 29, 75, 1831, 0, 1],
    [0, 0, 0, 1, 32, 1],
    [0, 1, 0, 1, 2, 47],
]


@pytest.fixture(scope="module")
def study():
    return evaluate(Predictions.from_confusion(STUDY, CLASSES))


def test_the_studys_matrix_gives_the_studys_table(study):
    table = study.as_dict()["per_class"]
    column = lambda key: [float(f"{table[name][key]:.2f}") for name in CLASSES]
    assert column("precision") == [0.76, 0.97, 0.41, 0.95, 0.89, 0.75]
    assert column("recall") == [0.93, 0.89, 0.79, 0.94, 0.94, 0.92]
    assert column("f1") == [0.84, 0.93, 0.54, 0.95, 0.91, 0.82]
    assert [table[name]["support"] for name in CLASSES] == [30, 1050, 78, 1940, 34, 51]
    assert f"{study.accuracy.value:.4f}" == "0.9211"
    assert study.n == 3183
    assert study.as_dict()["confusion"] == STUDY


def test_the_studys_finding_is_told_with_its_numbers_and_its_cause(study):
    said = "\n".join(findings(study))
    assert "cat is most often confused with dog: 13 of 78 (17 %, 95 % interval 10 to 26 %)." in said
    assert "cat has precision 0.41 here, where 2.5 % of the examples are cat" in said
    assert "it would be 0.91" in said
    assert "dog has precision 0.95 here" in said
    assert "it would be 0.74" in said
    assert "tree is most often" not in said  # 2 houses against 1 bird carry no such sentence
    assert "cannot be told" in confused_with(study, "tree")


def test_confusions_are_directed_and_the_surest_leads(study):
    first = study.most_confused[0]
    assert (first.true, first.predicted, first.count, first.support) == ("cat", "dog", 13, 78)
    assert len(study.most_confused) == np.count_nonzero(STUDY) - 6
    lows = [pair.rate.low for pair in study.most_confused]
    assert lows == sorted(lows, reverse=True)


def test_averages_are_scikit_learns():
    random = np.random.default_rng(5)
    probabilities = random.dirichlet([0.5] * 4, size=300)
    said = Predictions(
        [str(i) for i in range(300)], random.integers(4, size=300), probabilities, "abcd"
    )
    lost = [RefusedFile("a/1.png", "a", "empty"), RefusedFile("x.png", "", "in no folder")]
    result = evaluate(said, refused=lost)
    truth = (said.true, said.predicted)
    assert result.macro_f1.value == pytest.approx(f1_score(*truth, average="macro"))
    assert result.weighted.f1 == pytest.approx(f1_score(*truth, average="weighted"))
    assert result.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(*truth))
    assert result.macro.recall == pytest.approx(result.balanced_accuracy.value)
    for each in (result.macro_f1, result.balanced_accuracy, *(c.f1 for c in result.per_class)):
        assert each.low < each.value < each.high
    document = result.as_dict()
    assert (document["n"], document["skipped"]) == (300, 2)
    assert document["refused"] == [
        {"id": "a/1.png", "reason": "empty"},
        {"id": "x.png", "reason": "in no folder"},
    ]


def test_a_class_never_predicted_and_a_class_without_examples_are_undefined_not_zero():
    result = evaluate(
        Predictions.from_confusion([[4, 0, 1], [2, 0, 0], [0, 0, 0]], ["a", "b", "c"])
    )
    table = result.as_dict()["per_class"]
    assert table["b"]["precision"] is None
    assert table["b"]["precision_interval"] is None
    assert table["b"]["precision_equal_prevalence"] is None
    assert table["b"]["recall"] == 0
    assert table["b"]["f1"] == 0
    assert table["c"]["recall"] is None
    assert table["c"]["precision"] == 0
    assert result.balanced_accuracy.value == pytest.approx((4 / 5 + 0) / 2)
    assert result.macro.precision == pytest.approx((4 / 6 + 0) / 2)
    assert notes(result) == [
        "No examples, so recall is undefined and left out of averages: c.",
        "Never predicted, so precision is undefined and left out of averages: b.",
    ]
    assert "n/a" in result.text()


@pytest.mark.parametrize(
    "matrix", [[[0, 0], [0, 0]], [[0]], [[5, 0], [0, 0]], [[3]], [[0, 3], [0, 0]]]
)
def test_no_examples_and_one_class_are_handled_and_json_is_strict(matrix):
    result = evaluate(Predictions.from_confusion(matrix, "ab"[: len(matrix)]))
    text = json.dumps(result.as_dict(), allow_nan=False)
    assert json.loads(text)["n"] == np.sum(matrix)
    assert "nan" not in result.text()
    if np.sum(matrix) == 0:
        assert result.accuracy.value is result.balanced_accuracy.value is None
        assert result.calibration_error is None


def test_calibration_is_the_slow_twin_of_the_paper():
    random = np.random.default_rng(2)
    probabilities = random.dirichlet([0.4] * 3, size=400)
    said = Predictions(
        [str(i) for i in range(400)], random.integers(3, size=400), probabilities, "abc"
    )
    error = 0.0
    for m in range(1, 16):
        inside = [
            i for i in range(400) if (m - 1) / 15 < said.probabilities[i].max().item() <= m / 15
        ]
        if inside:
            right = sum(said.predicted[i] == said.true[i] for i in inside) / len(inside)
            sure = sum(said.probabilities[i].max().item() for i in inside) / len(inside)
            error += len(inside) / 400 * abs(right - sure)
    ours, bins = calibration(said)
    assert ours == pytest.approx(error)
    assert sum(part.count for part in bins) == 400


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    said = Predictions(["a", "b"], [0, 0], [[1.0, 0.0], [0.5, 0.5]], ["x", "y"])
    _, bins = calibration(said, bins=2)
    assert [part.count for part in bins] == [1, 1]


def test_the_same_predictions_give_the_same_evaluation(study):
    again = evaluate(Predictions.from_confusion(STUDY, CLASSES))
    assert again.as_dict() == study.as_dict()


def test_the_text_shows_the_tables_and_names_as_they_are():
    names = ["[red]cat[/red]", "猫 :smile:"]
    lost = [RefusedFile(str(k), label, "why") for k, label in enumerate(["cat"] * 3 + [""])]
    text = evaluate(Predictions.from_confusion([[8, 2], [5, 85]], names), refused=lost).text()
    assert text.startswith(
        "100 examples (3 more could not be read, 1 lies in no class's folder), "
        "accuracy 0.930 (0.863 to 0.966)"
    )
    assert "a row for each true class, a column for each predicted one" in text
    for name in names:
        assert name in text
    assert "\x1b" not in text
