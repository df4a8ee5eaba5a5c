"""The report of a sweep made of a hand-made document: only full budgets have figures."""

import pytest

from layerscope.report.figures.sweep import sweep_curves, sweep_fronts
from layerscope.report.sweep import write_sweep
from layerscope.training.sweep.grid import tables
from layerscope.training.sweep.sentences import sentence


def row(number, values, mean, parameters, state="finished", seeds=1, fronts=()):
    return {
        "setting": number,
        "values": values,
        "state": state,
        "seeds": seeds,
        "mean": mean,
        "low": None if mean is None else mean - 0.01,
        "high": None if mean is None else mean + 0.02,
        "standard_error": None if mean is None else 0.012,
        "seeds_error": 0.005,
        "examples_error": 0.011,
        "parameters": parameters,
        "flops": 1000 * parameters,
        "seconds": None if mean is None else 3.0 + number,
        "memory_mb": None,
        "fronts": list(fronts),
        "reason": "",
    }


@pytest.fixture
def found():
    """Two depths, two widths, two dropouts; one setting stopped, one failed, one not there."""
    rows = [
        row(
            0, {"dropout": 0.5, "blocks": 6, "channels": 32}, 0.904, 803_366, fronts=["parameters"]
        ),
        row(1, {"dropout": 0.5, "blocks": 6, "channels": 64}, 0.915, 3_193_926, fronts=["flops"]),
        row(2, {"dropout": 0.5, "blocks": 5, "channels": 32}, None, 414_374, "stopped"),
        row(3, {"dropout": 0.75, "blocks": 5, "channels": 64}, None, 1_596_742, "failed"),
    ]
    document = {
        "name": "six",
        "metric": "balanced_accuracy",
        "rule": "one_standard_error",
        "size": "parameters",
        "comparable": True,
        "settings": rows,
        "trials": [{"trial": "003-blocks5", "reason": "out of memory", "state": "failed"}],
        "choice": {"chosen": 0, "best": 1, "threshold": 0.903, "test_balanced_accuracy": 0.89},
        "curves": {"0": [[1, 0.5, 0.4, 0.6], [2, 0.9, 0.9, 0.9]], "2": [[1, 0.3, 0.3, 0.3]]},
    }
    return document | {"sentence": sentence(document)}


def test_the_table_lies_by_depth_and_width_whatever_the_order_of_the_keys(found):
    half, most = tables(found)
    assert (half.title, most.title) == ("dropout 0.5", "dropout 0.75")
    assert (half.row_key, half.column_key) == ("blocks", "channels")
    assert (half.rows, half.columns) == (("5", "6"), ("32", "64"))
    assert half.cells[0] == (("stopped", "414,374"), ("", ""))
    assert half.cells[1] == (("0.9040 *", "803,366"), ("0.9150", "3,193,926"))
    assert most.cells == ((("failed", "1,596,742"),),)


def test_seeds_have_their_range_in_the_table(found):
    found["settings"][0]["seeds"] = 3
    assert tables(found)[0].cells[1][0][0] == "0.9040 (0.8940 to 0.9240) *"


def test_the_sentence_says_rule_figures_error_and_what_is_left_out(found):
    said = found["sentence"]
    for part in (
        "Chosen: dropout 0.5, blocks 6, channels 32 (803,366 parameters)",
        "the smallest network within one standard error (0.0120) of the best",
        "with one seed, what another seed would have given is not known",
        "on test, which had no part in the choice: 0.8900",
        "Not compared: 1 stopped early by halving, 1 failed in a trial (of 4 settings).",
    ):
        assert part in said
    found["settings"][1]["seeds"] = 3
    assert "mean over 3 seeds (0.0050)" in sentence(found)
    best = found | {"choice": found["choice"] | {"chosen": 1}}
    assert "the best, and no smaller network is within one standard error" in sentence(best)


def test_the_page_and_its_figures(found, tmp_path):
    text = write_sweep(tmp_path, found).read_text()
    assert found["sentence"] in text
    assert "| 6 | 0.9040 \\* | 803,366 | 0.9150 | 3,193,926 |" in text
    assert "- `003-blocks5`: out of memory" in text
    assert "blocks 5" not in text.split("## Quality beside cost")[1].split("## Curves")[0]
    for name in ("curves.png", "fronts.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_curves_of_all_and_fronts_of_full_budgets_only(found):
    curves = sweep_curves(found).axes
    assert [axes.get_title(loc="left") for axes in curves] == ["dropout 0.5", "dropout 0.75"]
    crosses = [line for line in curves[0].lines if line.get_marker() == "x"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses] == [(1, 0.3)]
    fronts = sweep_fronts(found).axes
    assert [axes.get_xlabel() for axes in fronts] == [
        "parameters",
        "FLOPs of one example",
        "seconds of training",
    ]  # of memory nothing is known
    marks = {x for c in fronts[0].containers for x in c.lines[0].get_xdata()}
    assert marks == {803_366, 3_193_926}
    nothing = found | {"settings": found["settings"][2:], "choice": None}
    assert not (sweep_fronts(nothing).axes)
