"""A run of sounds, planted: two words that are tones, a network of random weights, real views."""

import json
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from layerscope import storage
from layerscope.data.inputs import InputSpec
from layerscope.evaluation import Predictions
from layerscope.run import Run
from layerscope.seeing.ask import Beside, asks
from layerscope.seeing.index import Index
from layerscope.seeing.look import Group, look
from layerscope.seeing.settings import ViewsSettings
from layerscope.study import Study

CLASSES = ["low", "high"]
SFREQ, LENGTH = 8000, 4000
METHODS = ("feature_maps", "deconvnet", "grad_cam", "lrp", "zeiler_fergus")
HISTORY = "epoch,images,seconds,train_loss,val_loss,val_accuracy\n1,9,3,1.2,1.1,0.5\n"


def clips() -> np.ndarray:
    """Give int16 `(example, channel, time)`: 300 Hz twice, 1500 Hz twice, each at its time."""
    samples = np.zeros((4, 1, LENGTH), np.int16)
    for row, (frequency, first) in enumerate([(300, 400), (300, 1600), (1500, 400), (1500, 1600)]):
        at = np.arange(2000)
        tone = np.sin(2 * np.pi * frequency / SFREQ * at) * np.hanning(2000)
        samples[row, 0, first : first + 2000] = np.round(12000 * tone)
    return samples


def plant(path: Path) -> Run:
    """Write the run: every file that the page reads."""
    data = {"kind": "waveforms", "root": "words", "classes": CLASSES}
    data["waveforms"] = {"sfreq": SFREQ, "seconds": LENGTH / SFREQ}
    model = {"preset": "study-1d", "blocks": 3, "channels": 4}
    run = Run.create(path, Study(name="two tones", data=data, model=model))
    spec = InputSpec("waveform", (1, LENGTH), (0.0,), (1.0,), sfreq=SFREQ, scale="rms")
    architecture = run.study.model.model_dump(mode="json")
    document = {"architecture": architecture, "classes": CLASSES, "input": spec.as_dict()}
    run.model_file.write_text(json.dumps(document))
    net = run.untrained_net()
    safetensors.torch.save_file(net.state_dict(), run.weights_file)
    run.history_file.write_text(HISTORY)
    run.note(finished="2025-03-01T10:00:00+00:00")
    ids, labels = [f"{CLASSES[k // 2]}/{k}.wav" for k in range(4)], [0, 0, 1, 1]
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]])
    Predictions(ids, labels, probabilities, CLASSES).save(run.predictions_file)
    rows = [
        {"id": split + name, "split": split or "val", "label": CLASSES[label]}
        for split in ("", "train")
        for name, label in zip(ids, labels, strict=True)
    ]
    columns = ("id", "split", "label", "sha256", "source", "reason", "group", "note")
    storage.write_csv(run.data_file, columns, rows)
    plant_views(run, ids, labels, probabilities)
    return run


def plant_views(run: Run, ids: list[str], labels: list[int], probabilities: np.ndarray) -> None:
    """Look at the four clips, as `layerscope see` does."""
    settings = ViewsSettings(methods=METHODS, pictured=2, units=1, channels=3)
    index = Index.open(run.views_folder, {"weights_sha256": run.weights_digest()})
    stored, scope = clips(), run.scope()
    inputs = run.spec.to_model(torch.from_numpy(stored))
    places = [
        index.add_example(
            {
                "id": ids[k],
                "true": CLASSES[labels[k]],
                "predicted": CLASSES[int(probabilities[k].argmax())],
                "probability": float(probabilities[k].max()),
                "split": "val",
            },
            stored[k],
            sfreq=SFREQ,
        )
        for k in range(4)
    ]
    trace = scope.trace(inputs, examples=ids, true=labels)
    wanted = asks(settings, scope.layers("conv", run.spec.shape))
    look(trace, Group("all", tuple(places)), wanted, settings, index, Beside())
