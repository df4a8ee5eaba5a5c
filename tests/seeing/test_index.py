"""What was shown to the network lies beside the views: images, sounds, signals, as they were."""

import json

import numpy as np
import soundfile
from PIL import Image

from layerscope.seeing.index import Index


def test_each_kind_of_input_is_stored_exactly_and_removed_with_its_views(tmp_path):
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (3, 5, 4)).astype(np.uint8)
    sound = rng.integers(-32768, 32768, (1, 800)).astype(np.int16)
    signal = rng.standard_normal((4, 256)).astype(np.float32)
    index = Index(tmp_path, {"weights": "a"})
    shown = [(photo, None), (sound, 8000.0), (signal, 256.0)]
    for name, (stored, sfreq) in zip("psr", shown, strict=True):
        index.add_example({"id": name}, stored, sfreq=sfreq)
    index.write()
    examples = json.loads(index.path.read_text())["examples"]
    assert [sorted(example) for example in examples] == [
        ["id", "image"],
        ["id", "sound"],
        ["id", "signal"],
    ]
    picture = np.asarray(Image.open(tmp_path / examples[0]["image"]))
    assert (np.moveaxis(picture, -1, 0) == photo).all()
    wave, rate = soundfile.read(tmp_path / examples[1]["sound"], dtype="int16", always_2d=True)
    assert (sound == wave.T).all()
    assert rate == 8000
    assert (np.load(tmp_path / examples[2]["signal"]) == signal).all()
    Index.open(tmp_path, {"weights": "b"})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
