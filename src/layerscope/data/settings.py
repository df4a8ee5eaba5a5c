"""The `[data]` section of a study: what the network is shown."""

from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from layerscope.data.recordings.settings import RecordingsSettings
from layerscope.data.waveforms.settings import WaveformsSettings
from layerscope.errors import LayerscopeError
from layerscope.paths import beside, expanded

_DEFAULTS: dict[str, dict[str, Any]] = {
    "photos": {"size": 172, "val_fraction": 0.2, "test_fraction": 0.0},
    "mnist": {"size": 28, "val_fraction": 1 / 3, "test_fraction": 0.0},
    "digits": {"size": 28, "val_fraction": 0.2, "test_fraction": 0.2},
    "waveforms": {"size": None, "val_fraction": 0.2, "test_fraction": 0.0, "waveforms": {}},
    "recordings": {"size": None, "val_fraction": 0.2, "test_fraction": 0.0, "recordings": {}},
}


class DataSettings(BaseModel):
    """Say what the network is shown, how it is split, balanced and normalised.

    `kind` photos: `root` holds a folder a class, or `classes` maps a concept to folders; they are
    looked for in `root`, or in its sub-folders `train`, `val` and `test` where these are named. A
    split that is not named is drawn, stratified, by its fraction and `seed`. `kind` mnist: `root`
    holds the four idx files. `kind` digits: scikit-learn's, nothing else is needed. `kind`
    waveforms and recordings have tables of these names; `size` is for pictures.

    >>> settings = DataSettings(root="pets", classes={"pet": ["cats", "dogs"], "wild": ["wolves"]})
    >>> settings.size, settings.val_fraction, settings.classes["pet"]
    (172, 0.2, ('cats', 'dogs'))
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["photos", "mnist", "digits", "waveforms", "recordings"] = "photos"
    root: str | None = Field(default=None, min_length=1)
    classes: dict[str, tuple[str, ...]] | None = None
    train: str | None = None
    val: str | None = None
    test: str | None = None
    val_fraction: float = Field(default=0.2, ge=0, lt=1)
    test_fraction: float = Field(default=0.0, ge=0, lt=1)
    size: int | None = Field(default=172, ge=8, le=4096)
    balance: Literal["none", "undersample", "undersample_each_epoch", "oversample", "weighted"] = (
        "none"
    )
    normalize: Literal["channel", "imagenet", "none", "network"] = "channel"
    """"network": as the pretrained network of [model] takes it, which then is the default."""
    seed: int = Field(default=0, ge=0)
    max_pixels: int = Field(default=89_478_485, ge=1, le=178_956_970)
    decisions: str | None = Field(default=None, min_length=1)
    """The keep_drop.csv of `layerscope clean`: what it drops or relabels is not as found."""
    waveforms: WaveformsSettings | None = None
    recordings: RecordingsSettings | None = None

    def folder(self) -> Path:
        """Give `root` as an existing absolute folder, `~` and `$VARIABLES` expanded.

        Raises:
            LayerscopeError: a variable that is not set, or no such folder.

        """
        root = self.root or ""
        try:
            path = Path(expanded(root))
        except ValueError as error:
            raise LayerscopeError(f'data.root = "{root}": {error}') from None
        if not path.is_dir():
            what = "a file, not a folder" if path.exists() else "no folder"
            raise LayerscopeError(
                f'data.root = "{root}": {path.absolute()} is {what}{_neighbours(path)}'
            )
        return path.absolute()

    def decided_in(self) -> Path:
        """Give `decisions` as a path, `~` and `$VARIABLES` expanded.

        Raises:
            LayerscopeError: a variable is not set.

        """
        try:
            return Path(expanded(self.decisions or "keep_drop.csv")).absolute()
        except ValueError as error:
            raise LayerscopeError(f'data.decisions = "{self.decisions}": {error}') from None

    @model_validator(mode="before")
    @classmethod
    def _fill_defaults(cls, given: Any) -> Any:
        """Fill in what depends on the kind: size and fractions (none where a folder is named)."""
        if not isinstance(given, dict):
            return given
        defaults = dict(_DEFAULTS.get(str(given.get("kind", "photos")), {}))
        sounds = given.get("waveforms")
        if isinstance(sounds, dict) and sounds.get("layout") == "speech_commands":
            defaults |= {"val_fraction": 0.1, "test_fraction": 0.1}  # its README's
        for name in ("val", "test"):
            if given.get(name) is not None or _groups(given.get("recordings"), name):
                defaults[f"{name}_fraction"] = 0.0
        return defaults | given

    @field_validator("root", "decisions", mode="before")
    @classmethod
    def _beside_the_study(cls, root: Any, info: ValidationInfo) -> Any:
        """Make a relative path relative to the study file, whose folder is the context's."""
        return beside(root, (info.context or {}).get("folder"))

    @field_validator("classes", mode="before")
    @classmethod
    def _as_mapping(cls, classes: Any) -> Any:
        """Read a list of folders as a mapping of each class to the folder of its name."""
        if isinstance(classes, list | tuple):
            _require(all(isinstance(name, str) for name in classes), _CLASSES)
            twice = sorted({name for name in classes if classes.count(name) > 1})
            _require(not twice, f"{', '.join(twice)} stands there twice: name each class once")
            return {name: (name,) for name in classes}
        if isinstance(classes, dict):
            return {k: (v,) if isinstance(v, str) else v for k, v in classes.items()}
        _require(classes is None, _CLASSES)
        return classes

    @field_validator("classes")
    @classmethod
    def _check_classes(
        cls, classes: dict[str, tuple[str, ...]] | None
    ) -> dict[str, tuple[str, ...]] | None:
        if classes is None:
            return None
        _require(len(classes) > 1, "at least two classes are needed")
        owner: dict[PurePosixPath, str] = {}
        for concept, folders in classes.items():
            _require(concept.strip() != "", "a class without a name: give it one")
            _require(len(folders) > 0, f"{concept} has no folder: name at least one")
            for folder in folders:
                _check_inside(folder)
                path = PurePosixPath(folder)
                _require(
                    path not in owner,
                    f'the folder "{folder}" stands in {owner.get(path)} and in {concept}: '
                    "a folder belongs to one class, once",
                )
                owner[path] = concept
        return classes

    @field_validator("train", "val", "test")
    @classmethod
    def _check_split(cls, folder: str | None) -> str | None:
        if folder is not None:
            _check_inside(folder)
        return folder

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        for name in ("val", "test"):
            named = getattr(self, name)
            _require(named is None or self.train is not None, f"{name} is named but train is not")
            _require(
                named is None or getattr(self, f"{name}_fraction") == 0,
                f"{name} and {name}_fraction are both given: name the folder or give the fraction",
            )
            _require(
                not _groups(self.recordings, name) or getattr(self, f"{name}_fraction") == 0,
                f"{name}_fraction and recordings.{name}_groups are both given: give one of them",
            )
            _require(
                not _groups(self.recordings, name) or self.train is None,
                f"recordings.{name}_groups: data.train names folders already, leave one out",
            )
        named = [n for n in (self.train, self.val, self.test) if n is not None]
        _require(
            len({PurePosixPath(name) for name in named}) == len(named),
            f"train, val and test must be different folders, not {', '.join(named)}",
        )
        _require(
            self.val_fraction + self.test_fraction < 1,
            f"val_fraction + test_fraction = {self.val_fraction + self.test_fraction:g}: "
            "less than 1 must be drawn, or nothing is left to train on",
        )
        if self.kind in ("photos", "waveforms", "recordings"):
            what = "photographs" if self.kind == "photos" else self.kind
            _require(self.root is not None, f"root is missing: the folder that holds the {what}")
        else:
            self._check_digits()
        self._check_kind()
        return self

    def _check_kind(self) -> None:
        """Refuse what only another kind of data has."""
        for kind in ("waveforms", "recordings"):
            _require(
                self.kind == kind or getattr(self, kind) is None,
                f'[data.{kind}] is for kind = "{kind}", not "{self.kind}": leave it out',
            )
        if self.kind not in ("waveforms", "recordings"):
            _require(self.size is not None, "size: the side of the pictures, in pixels")
            return
        _require(self.size is None, f"size: {self.kind} have none, leave it out")
        _require(
            self.normalize != "imagenet",
            'normalize = "imagenet" is for colour photographs: "channel" or "none" here',
        )

    def _check_digits(self) -> None:
        """Refuse what only photographs have."""
        if self.kind == "mnist":
            _require(self.root is not None, "root is missing: the folder with the four idx files")
            _require(self.size == 28, f"size = {self.size}: mnist is 28 x 28, leave size out")
            _require(self.test_fraction == 0, "test_fraction: mnist has its own 10,000 for test")
        else:
            _require(self.root is None, "root: the digits come with scikit-learn, leave root out")
        for name in ("classes", "train", "val", "test"):
            _require(getattr(self, name) is None, f"{name}: {self.kind} has its own, leave it out")
        _require(
            self.normalize != "imagenet",
            'normalize = "imagenet" is for colour photographs: "channel" or "none" here',
        )


_CLASSES = "a list of folders, or a table of concept = [folders], or nothing for all sub-folders"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _groups(recordings: Any, split: str) -> Any:
    """Give the groups that a recordings' table names as a split."""
    if isinstance(recordings, RecordingsSettings):
        recordings = recordings.model_dump()
    return isinstance(recordings, dict) and recordings.get(f"{split}_groups")


def _check_inside(folder: str) -> None:
    """Refuse a folder that is not inside data.root."""
    path = PurePosixPath(folder)
    _require(
        len(path.parts) > 0
        and not path.is_absolute()
        and ".." not in path.parts
        and folder.strip() != "",
        f'"{folder}": a folder inside data.root, as a relative path without ".."',
    )


def _neighbours(path: Path) -> str:
    """Say what folders there are beside a missing one, the nearest first."""
    import difflib

    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_dir())
    except OSError:
        return f"; there is no {path.parent.absolute()} either"
    close = difflib.get_close_matches(path.name, names, n=1)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; {path.parent.absolute()} has {', '.join(names[:12]) or 'no folders'}"
