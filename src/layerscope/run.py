"""The run folder: every verb reads what is there and adds its part."""

import contextlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from layerscope import provenance, storage
from layerscope.data.inputs import InputSpec
from layerscope.errors import LayerscopeError
from layerscope.nets.settings import ModelSettings
from layerscope.recording_runs import figures_of, refuse_crossed
from layerscope.study import Study

if TYPE_CHECKING:
    from torch import nn

    from layerscope.data import Dataset
    from layerscope.evaluation import Evaluation, Predictions
    from layerscope.nets.geometry import LayerGeometry
    from layerscope.views import Scope
    from layerscope.views.scope import Kind


class Run:
    """A folder with a study, its data's table, weights, history, predictions, views and report.

    Use `Run.create` or `Run.open`: the constructor only names the files.

    >>> Run(Path("runs/six")).weights_file.name
    'model.safetensors'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.study_file = self.path / "study.toml"
        self.provenance_file = self.path / "provenance.json"
        self.data_file = self.path / "data.csv"
        self.weights_file = self.path / "model.safetensors"
        self.start_file = self.path / "start.safetensors"
        self.moved_file = self.path / "moved.csv"
        self.model_file = self.path / "model.json"
        self.checkpoint_folder = self.path / "checkpoint"
        self.history_file = self.path / "history.csv"
        self.predictions_file = self.path / "predictions.csv"
        self.robustness_file = self.path / "robustness.csv"
        self.folds_file = self.path / "folds.csv"
        self.views_folder = self.path / "views"
        self.report_folder = self.path / "report"

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def create(cls, path: str | Path, study: Study) -> Self:
        """Make the folder and write its study; a folder that holds the same study is opened.

        Raises:
            LayerscopeError: the folder holds another study's run, or something else.

        """
        run = cls(path)
        if run.study_file.exists():
            if run.study != study:
                raise LayerscopeError(
                    f"{path} holds the run of another study ({differences(run.study, study)}): "
                    "name another folder, or remove this one"
                )
            return run
        if storage.holds_others(run.path, (".study.toml.", ".lock")):
            raise LayerscopeError(
                f"{path} is there already and is no run (it has no study.toml): name a new folder"
            )
        study.save(run.study_file)
        return run

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a run's folder.

        Raises:
            LayerscopeError: there is no such folder, or it is no run.

        """
        run = cls(path)
        if not run.path.is_dir():
            raise LayerscopeError(
                f"there is no run folder {path}: a run is made by `layerscope train STUDY.toml "
                f"--out {path}`"
            )
        if not run.study_file.is_file():
            inside = sorted(file.parent for file in run.path.glob("*/study.toml"))
            hint = f"; runs inside it: {', '.join(map(str, inside))}" if inside else ""
            raise LayerscopeError(f"{path} is no run: it has no study.toml{hint}")
        return run

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from training or seeing here; a crash lets go.

        Raises:
            LayerscopeError: another process works in this folder.

        """
        instead = "wait until it ends, or train into another folder"
        with storage.locked(self.path, instead):
            yield

    @cached_property
    def study(self) -> Study:
        """The study that was asked for."""
        return Study.load(self.study_file)

    @cached_property
    def model(self) -> dict[str, Any]:
        """What model.json says: architecture, classes, input."""
        if not self.model_file.is_file():
            raise LayerscopeError(f"{self.path} has no model.json: {self._train_again()}")
        return json.loads(self.model_file.read_text(encoding="utf-8"))

    @property
    def classes(self) -> list[str]:
        """The class names, in the order of the network's outputs."""
        return list(self.model["classes"])

    @property
    def spec(self) -> InputSpec:
        """What the network takes: kind, shape and units of its input."""
        return InputSpec.from_dict(self.model["input"])

    def describe_model(self, dataset: "Dataset") -> None:
        """Write model.json: all that is needed, beside the weights, to build the network."""
        from layerscope import nets

        if self.start_file.is_file():  # written already, and its source may be gone
            return
        document = {
            "architecture": nets.sources.architecture(self.study.model).model_dump(mode="json"),
            "classes": list(dataset.classes),
            "input": dataset.spec.as_dict(),
        }
        storage.write_json(self.model_file, document)
        self.__dict__.pop("model", None)

    def untrained_net(self) -> "nn.Module":
        """Build the network with the weights it starts from, drawn from the study's seed.

        Those of a pretrained network, with its new head, are kept in start.safetensors.
        """
        import torch

        from layerscope import nets

        if self.start_file.is_file():
            return self._filled(self.start_file)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.study.training.seed)
            if self.study.model.pretrained is not None:
                return nets.build(self.study.model, self.spec.shape, self.classes)
            return self._bare_net()

    def _bare_net(self) -> "nn.Module":
        """Build the network from model.json alone; its weights are of no meaning."""
        from layerscope import nets

        settings = ModelSettings.model_validate(self.model["architecture"])
        return nets.build(settings, self.spec.shape, self.classes, weights=False)

    def net(self) -> "nn.Module":
        """Build the network with its kept weights, in evaluation mode.

        Raises:
            LayerscopeError: the run has no weights yet, or the file is damaged.

        """
        refuse_crossed(self)
        if not self.weights_file.is_file():
            raise LayerscopeError(f"{self.path} has no weights yet: {self._train_again()}")
        return self._filled(self.weights_file).eval()

    def _filled(self, file: Path) -> "nn.Module":
        """Build the network with the weights of one of the run's files."""
        import safetensors.torch
        import torch

        with torch.random.fork_rng(devices=[]):
            net = self._bare_net()
        try:
            net.load_state_dict(safetensors.torch.load_file(file))
        except (safetensors.SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise LayerscopeError(
                f"{file} does not hold this run's weights ({reason}): {self._train_again()}"
            ) from error
        return net

    def scope(self) -> "Scope":
        """Look through the trained network, in its input's units."""
        from layerscope.views import Scope

        spec = self.spec
        return Scope(
            self.net(),
            kind=cast("Kind", spec.kind),
            classes=self.classes,
            mean=spec.mean,
            std=spec.std,
            bounds=spec.bounds
            if all(bool(side.isfinite().all()) for side in spec.bounds)
            else None,
            sfreq=spec.rate,
            channels=spec.channels or None,
        )

    def data(self) -> list[dict[str, str]]:
        """Give the rows of data.csv: id, split, label, sha256, source, reason, group, note.

        The last two are "" in a run that was made before they were there.
        """
        return [{"group": "", "note": ""} | row for row in self._rows(self.data_file)]

    def check_data(self, dataset: "Dataset") -> None:
        """Refuse a data set that is not the one this run was started with, by its fingerprint."""
        if self.provenance().get("data_fingerprint", dataset.fingerprint) != dataset.fingerprint:
            raise LayerscopeError(
                f"the data have changed since {self.path} was started (its data.csv lists what "
                "they were): bring them back, or train into another folder"
            )

    def history(self) -> list[dict[str, str]]:
        """Give the rows of history.csv, one an epoch."""
        refuse_crossed(self)
        return self._rows(self.history_file)

    def geometry(self) -> "list[LayerGeometry]":
        """Give size, receptive field, parameters and FLOPs of every layer."""
        from layerscope.nets.geometry import geometry

        return geometry(self._bare_net(), self.spec.shape)

    def splits(self) -> list[str]:
        """List the splits that hold predictions: val, test."""
        present = {row["split"] for row in self.data() if not row["reason"]}
        return [name for name in ("val", "test") if name in present]

    def evaluated_split(self, split: str | None = None) -> str:
        """Name the split that figures are told of: the one asked for, else test, else val."""
        known = self.splits()
        if split is None:
            return known[-1]
        if split not in known:
            raise LayerscopeError(f"split = {split!r}: this run has {' and '.join(known)}")
        return split

    def predictions(self, split: str | None = None) -> "Predictions":
        """Give the stored predictions of one split (default: test where there is one, else val).

        Raises:
            LayerscopeError: the run has no predictions, or no such split.

        """
        from layerscope.evaluation import Predictions

        if not self.predictions_file.is_file():
            raise LayerscopeError(f"{self.path} has no predictions: {self._train_again()}")
        wanted = self.evaluated_split(split)
        ids = {row["id"] for row in self.data() if row["split"] == wanted}
        every = Predictions.load(self.predictions_file)
        kept = [place for place, name in enumerate(every.ids) if name in ids]
        return Predictions(
            tuple(every.ids[place] for place in kept),
            every.true[kept],
            every.probabilities[kept],
            every.classes,
        )

    def evaluation(self, split: str | None = None) -> "Evaluation":
        """Compute every table of one split from the stored predictions."""
        from layerscope.evaluation import RefusedFile, evaluate, read_robustness

        wanted = self.evaluated_split(split)
        refused = [
            RefusedFile(row["id"], row["label"], row["reason"])
            for row in self.data()
            if row["split"] == wanted and row["reason"]
        ]
        measured = read_robustness(self.robustness_file)
        predictions = self.predictions(wanted)
        return evaluate(
            predictions,
            refused=refused,
            robustness=[each for each in measured if each.split == wanted],
            recordings=figures_of(self, predictions),
        )

    def linear_file(self, method: str) -> Path:
        """Name the file of what a linear classifier says of a run of recordings."""
        return self.path / f"linear_{method}.csv"

    def fold_groups(self) -> list[list[str]]:
        """Give the groups that each fold of a cross-validation held out, in the folds' order."""
        held: dict[str, list[str]] = {}
        for row in self._rows(self.folds_file):
            held.setdefault(row["fold"], []).append(row["group"])
        return list(held.values())

    def fold_runs(self) -> "list[Run]":
        """Give the runs of a cross-validation's folds, in their order; none of another run."""
        if not self.folds_file.is_file():
            return []
        return [Run(self.path / "folds" / str(k + 1)) for k in range(len(self.fold_groups()))]

    def provenance(self) -> dict[str, Any]:
        """Give what provenance.json holds; empty before training."""
        if not self.provenance_file.is_file():
            return {}
        return json.loads(self.provenance_file.read_text(encoding="utf-8"))

    def note(self, **facts: Any) -> None:
        """Add facts to provenance.json."""
        storage.write_json(self.provenance_file, self.provenance() | facts)

    def forget(self, fact: str) -> None:
        """Take a fact out of provenance.json, where it is there."""
        facts = self.provenance()
        if facts.pop(fact, None) is not None:
            storage.write_json(self.provenance_file, facts)

    def finished(self) -> bool:
        """Tell whether training came to its end and its predictions are stored."""
        return "finished" in self.provenance() and self.predictions_file.is_file()

    def weights_digest(self) -> str:
        """Give the SHA-256 of the kept weights, by which later parts know if they are valid."""
        return provenance.digest(self.weights_file)

    def _rows(self, file: Path) -> list[dict[str, str]]:
        if not file.is_file():
            raise LayerscopeError(f"{self.path} has no {file.name}: {self._train_again()}")
        return storage.read_csv(file)

    def _train_again(self) -> str:
        return f"run `layerscope train {self.study_file} --out {self.path} --resume`"


def differences(ours: Study, theirs: Study) -> str:
    """Name the keys in which two studies differ."""
    old, new = (flat(study.model_dump(mode="json")) for study in (ours, theirs))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    told = [f"{key} {old.get(key)!r} there, {new.get(key)!r} asked" for key in keys[:3]]
    return "; ".join(told) + (f"; and {len(keys) - 3} more" if len(keys) > 3 else "")


def flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Write nested tables as one with dotted keys.

    >>> flat({"model": {"blocks": 6}})
    {'model.blocks': 6}
    """
    found: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found
