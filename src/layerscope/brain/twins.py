"""Twins that cannot know the classes: the network untrained, or trained on shuffled labels."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerscope.brain.nulls import permuted_labels
from layerscope.errors import LayerscopeError

if TYPE_CHECKING:
    from torch import nn

    from layerscope.data import Dataset, Split
    from layerscope.run import Run


def shuffled_dataset(dataset: "Dataset", seed: int) -> "Dataset":
    """Permute the labels of the training and validation examples within each recording.

    The test examples keep theirs. What an example is does not change, so that the fingerprint
    says, beside the data's, which permutation it is.
    """
    splits = {
        name: split if name == "test" else _shuffled(split, seed)
        for name, split in dataset.splits.items()
    }
    mark = f"{dataset.fingerprint}, labels shuffled {seed}"
    return replace(dataset, splits=splits, fingerprint=mark)


def _shuffled(split: "Split", seed: int) -> "Split":
    return replace(split, labels=permuted_labels(split.labels, list(split.groups), 1, seed)[0])


def shuffled_twin(run: "Run", dataset: "Dataset", number: int, folder: Path) -> "nn.Module":
    """Train the run's network anew, with its recipe, on labels shuffled within recordings.

    Weights and order are drawn from another seed than the run's. What is there already is taken;
    an unfinished training goes on where it was.

    Args:
        run: whose study says how.
        dataset: the run's data.
        number: which twin: 0, 1, ...; it sets the seed.
        folder: where the twin's weights, history and checkpoint lie.

    """
    import safetensors.torch

    from layerscope import nets, storage, training
    from layerscope.training import checkpoint

    seed = run.study.training.seed + 1 + number
    asked = run.study.training.model_copy(update={"seed": seed})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nets.build(run.study.model, run.spec.shape, run.classes)
    done, weights = folder / "twin.json", folder / "model.safetensors"
    if done.is_file() and weights.is_file():
        try:
            net.load_state_dict(safetensors.torch.load_file(weights))
        except (safetensors.SafetensorError, RuntimeError) as error:
            raise LayerscopeError(
                f"{weights} does not hold a twin of this run's network: remove {folder}"
            ) from error
        return net.eval()
    again = checkpoint.path_in(folder).exists()
    shuffled = shuffled_dataset(dataset, seed)
    training.fit(net, shuffled, asked, folder, resume=again)
    changed = float(np.mean(shuffled["train"].labels != dataset["train"].labels))
    storage.write_json(done, {"seed": seed, "labels_changed": changed})
    return net.eval()
