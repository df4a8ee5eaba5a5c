"""The `[training]` section of a study: every knob of training, its unit and its default."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Factor = Annotated[float, Field(gt=0, le=10)]
Decibels = Annotated[float, Field(ge=-60, le=120)]
Seconds = Annotated[float, Field(ge=0, le=60)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Size = Annotated[int, Field(ge=1, le=4096)]


class _Section(BaseModel):
    """A table of the study file: read-only, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SoundAugmentSettings(_Section):
    """The `[training.augment.sound]` table: how training sounds are varied; nothing by default.

    Chances are probabilities of an example; what is drawn lies evenly between its ends.

    >>> SoundAugmentSettings(shift=0.1, noise=0.5, noise_snr=(5, 25)).noise_source
    'pink'
    """

    speed: tuple[Factor, Factor] = (1.0, 1.0)
    """Factor by which a sound is played faster, about its middle; its pitch rises with it."""
    shift: float = Field(default=0.0, ge=0, le=60)
    """Seconds, drawn between plus and minus this; zeros come into view."""
    noise: Fraction = 0.0
    """Probability of adding noise."""
    noise_snr: tuple[Decibels, Decibels] = (5.0, 30.0)
    """Signal-to-noise ratio in dB: mean power of the whole clip over that of the noise."""
    noise_source: Literal["white", "pink", "recorded"] = "pink"
    """Made, of equal power in each Hz or each octave; or from the data's `_background_noise_`."""
    gain: float = Field(default=0.0, ge=0, le=60)
    """Decibels, drawn between plus and minus this; scale = "rms" takes them away again."""
    mask: Fraction = 0.0
    """Probability of setting a stretch to zero."""
    mask_seconds: tuple[Seconds, Seconds] = (0.02, 0.1)
    """How long that stretch is."""
    invert: Fraction = 0.0
    """Probability of turning the wave upside down, which sounds the same."""
    channel_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Probability of each channel of a recording to be set to zero; one at least is kept."""

    @field_validator("speed", "noise_snr", "mask_seconds")
    @classmethod
    def _runs_upwards(cls, ends: tuple[float, float]) -> tuple[float, float]:
        return _upwards(ends)


class AugmentSettings(_Section):
    """The `[training.augment]` table: how training pictures are varied; nothing by default.

    Sizes are fractions of the picture, angles are degrees, chances are probabilities.

    >>> AugmentSettings(crop=(0.35, 1.0), flip=0.5).crop
    (0.35, 1.0)
    """

    crop: tuple[Share, Share] = (1.0, 1.0)
    """Area of the random crop, as a fraction of the picture's; it is resized to the input."""
    ratio: tuple[Factor, Factor] = (1.0, 1.0)
    """How much wider than high the crop is, in proportion to the picture; 1 keeps its shape."""
    flip: Fraction = 0.0
    """Probability of mirroring left and right."""
    rotation: float = Field(default=0.0, ge=0, le=180)
    """Degrees, drawn between plus and minus this."""
    shear: float = Field(default=0.0, ge=0, le=60)
    """Degrees by which verticals lean, drawn between plus and minus this."""
    zoom: tuple[Factor, Factor] = (1.0, 1.0)
    """Factor by which the picture grows about its centre."""
    shift: Fraction = 0.0
    """Fraction of the side, drawn between plus and minus this for y and for x."""
    brightness: Fraction = 0.0
    """Pixels are multiplied by a factor between 1 minus and 1 plus this."""
    contrast: Fraction = 0.0
    """Distances from the picture's mean grey are multiplied by 1 plus or minus this."""
    saturation: Fraction = 0.0
    """Distances from each pixel's own grey are multiplied by 1 plus or minus this."""
    grey: Fraction = 0.0
    """Probability of taking all colour away."""
    cutout: Fraction = 0.0
    """Probability of painting a square over with the data's mean colour."""
    cutout_size: tuple[Share, Share] = (0.15, 0.5)
    """Side of that square, as a fraction of the shorter side."""
    mixup: Fraction = 0.0
    """Probability that a batch is blended with a shuffled copy of itself, labels too."""
    mixup_alpha: Positive = 0.2
    """The blend's share is drawn from Beta(alpha, alpha)."""
    cutmix: Fraction = 0.0
    """Probability that a rectangle of a shuffled copy is pasted in, labels by area."""

    sound: SoundAugmentSettings | None = None
    """For sounds and recordings, in the place of all but mixup."""

    @field_validator("crop", "ratio", "zoom", "cutout_size")
    @classmethod
    def _runs_upwards(cls, ends: tuple[float, float]) -> tuple[float, float]:
        return _upwards(ends)

    @model_validator(mode="after")
    def _one_mix_a_batch(self) -> Self:
        if self.mixup + self.cutmix > 1:
            raise ValueError(
                f"mixup = {self.mixup} and cutmix = {self.cutmix}: a batch is mixed in one way, "
                "so the two probabilities add up to 1 at most"
            )
        return self


def _upwards(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("the lower end comes first, as in [0.5, 1.0]")
    return ends


class FinetuneSettings(_Section):
    """The `[training.finetune]` table: which layers learn, when, and how fast; all alike if absent.

    >>> FinetuneSettings(freeze=["features.0"]).layer_decay
    1.0
    """

    freeze: tuple[str, ...] = ()
    """Names of layers, or of parts that hold layers, whose weights are never changed."""
    probe_epochs: int = Field(default=0, ge=0)
    """Epochs at the start in which the last layer alone learns (a linear probe)."""
    layer_decay: Share = 1.0
    """Each layer's learning rate is this times that of the layer after it; the last has it all."""


class TrainingSettings(_Section):
    """The `[training]` section.

    >>> TrainingSettings(epochs=12).optimizer
    'muon'
    """

    epochs: int = Field(default=30, ge=1, le=100_000)
    batch_size: int = Field(default=32, ge=1, le=65_536)
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Decides the order of the pictures, their augmentation and dropout."""

    optimizer: Literal["adamw", "sgd", "muon"] = "muon"
    """Muon is for the convolutions, with AdamW for the rest."""
    learning_rate: Positive = 1e-3
    momentum: float | None = Field(default=None, ge=0, lt=1)
    """Of SGD (Nesterov's) and Muon; AdamW's first beta. None: 0.9, and 0.95 for Muon."""
    weight_decay: float = Field(default=0.05, ge=0)
    """Decoupled, but an L2 penalty for SGD; never on biases and norms."""
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Fraction of the training during which the learning rate rises from 0."""
    final_learning_rate: Fraction = 0.0
    """Where the cosine ends, as a fraction of learning_rate."""
    clip_gradient: float = Field(default=0.0, ge=0)
    """Largest norm of the whole gradient; 0 lets it be."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    logit_adjustment: float = Field(default=0.0, ge=0, le=10)
    """Times the log of the class frequencies, added to the logits in the loss (Menon 2021)."""
    ema: float = Field(default=0.998, ge=0, lt=1)
    """Decay a step of the averaged weights, which are then evaluated and kept; 0 for none."""

    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    threads: int | None = Field(default=None, ge=1, le=1024)
    """Threads of torch; None takes what torch has."""
    train_sizes: tuple[tuple[Fraction, Size], ...] = ()
    """Pairs [fraction of the training from which it holds, side in pixels]; none: full size."""
    augment: AugmentSettings = Field(default_factory=AugmentSettings)
    finetune: FinetuneSettings = Field(default_factory=FinetuneSettings)

    metric: Literal["val_balanced_accuracy", "val_accuracy", "val_loss"] = "val_balanced_accuracy"
    """What tells the best epoch."""
    keep: Literal["best", "last"] = "best"
    """Which epoch's weights become the run's."""
    patience: int = Field(default=0, ge=0)
    """Stop after so many epochs without a better one; 0 never stops early."""
    validate_every: int = Field(default=1, ge=1)
    """Epochs from one validation to the next; the last epoch is always validated."""
    checkpoint_seconds: float = Field(default=60.0, ge=0)
    """A checkpoint is written so often, and at the end of every epoch; 0: after every step."""

    @field_validator("train_sizes")
    @classmethod
    def _begin_at_the_start(cls, pairs: tuple[tuple[float, int], ...]) -> Any:
        starts = [start for start, _ in pairs]
        if starts and (starts[0] != 0 or starts != sorted(set(starts))):
            raise ValueError(
                "the first size begins at 0 and each later than the one before it, "
                "as in [[0, 132], [0.7, 172]]"
            )
        return pairs
