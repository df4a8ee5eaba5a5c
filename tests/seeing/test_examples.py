from layerscope.evaluation import Predictions
from layerscope.seeing.examples import choose


    rows = []
    for label, confidence in sure:
        row = [(1 - confidence) / 3] * 4
        row[label] = confidence
        rows.append(row)
    said = Predictions(list("uvwxyz"), [0] * 6, rows, ["a", "b", "c", "d"])
    chosen = choose(said, "a", correct=2, wrong=5)
    assert [one.id for one in chosen] == ["v", "u", "z", "w", "y"]
