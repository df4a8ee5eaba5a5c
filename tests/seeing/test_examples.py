from layerscope.evaluation import Predictions
from layerscope.seeing.examples import choose


def test_wrong_ones_cover_the_commonest_confusions_first():
    sure = [(1, 0.9), (2, 0.8), (2, 0.7), (2, 0.6), (1, 0.5), (3, 0.99)]  # taken for, confidence
    rows = []
    for label, confidence in sure:
        row = [(1 - confidence) / 3] * 4
        row[label] = confidence
        rows.append(row)
    said = Predictions(list("uvwxyz"), [0] * 6, rows, ["a", "b", "c", "d"])
    chosen = choose(said, "a", correct=2, wrong=5)
    assert [one.id for one in chosen] == ["v", "u", "z", "w", "y"]
