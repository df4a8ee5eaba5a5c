"""The `[data.recordings]` table of a study: what only brain recordings have, each with its unit."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from layerscope.mistakes import with_a_group

Hertz = Annotated[float, Field(gt=0, le=100_000)]
Seconds = Annotated[float, Field(ge=-3600, le=3600)]
Microvolts = Annotated[float, Field(gt=0)]


class RecordingsSettings(BaseModel):
    """Say how recordings are read; `[data]` says where they are, their classes and fractions.

    Signals are in microvolts and seconds. What is done to them is done in this order: reference,
    notch, filter, epochs cut around events, resample, crop, baseline, rejection.

    >>> RecordingsSettings(h_freq=30, reject=100).split_by
    'recording'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    files: tuple[str, ...] = ()
    """Names or patterns (*, **) of files inside data.root; none: every recording that lies there.
    Epochs: .npz, .mat, .h5 (x, y, channels, sfreq), .fif, .set. Raw signals: .fif, .edf, .bdf,
    .vhdr, .set."""
    bids: bool = False
    """data.root is a BIDS data set, to be read with mne-bids."""
    task: str | None = None
    """Of a BIDS data set: the task whose recordings are read."""
    unit: Literal["uV", "mV", "V"] = "uV"
    """Of the arrays in .npz, .mat and .h5 files that do not say theirs; other files say theirs."""

    events: str | None = None
    """Of raw signals. None: annotations, else trigger channels; a channel's name; or a table, as in
    "{name}_events.tsv" ({name}: the recording's file), with columns onset (s) or sample (from 0),
    and label, trial_type or value."""
    tmin: Seconds | None = None
    """Where epochs begin (s from the event); None: 0 for raw signals, else what the file holds."""
    tmax: Seconds | None = None
    """Where epochs end (s from the event), included; raw signals need it."""
    channels: tuple[str, ...] = ()
    """The channels that are kept, in this order; none: every EEG (or sEEG, ECoG) channel."""

    reference: Literal["average"] | tuple[str, ...] | None = None
    """Subtract the mean of all EEG channels ("average"), or of the channels named."""
    notch: tuple[Hertz, ...] = ()
    """Frequencies (Hz) that are taken out, of the power line."""
    l_freq: Hertz | None = None
    """Hz below which slow changes are filtered out (MNE's zero-phase FIR)."""
    h_freq: Hertz | None = None
    """Hz above which fast changes are filtered out."""
    resample: Hertz | None = None
    """Samples per second (Hz) that are wanted."""
    baseline: tuple[Seconds, Seconds] | None = None
    """From where to where (s) each channel's mean is subtracted, as in [-0.1, 0.0]."""
    reject: Microvolts | None = None
    """Epochs are dropped whose largest peak-to-peak of a channel is above this (microvolts)."""
    flat: Microvolts | None = None
    """Epochs are dropped with a channel whose peak-to-peak is below this (microvolts)."""

    split_by: Literal["recording", "session", "subject", "epoch"] = "recording"
    """What is never torn apart between splits; "epoch": nothing, which needs allow_leak."""
    val_groups: tuple[str, ...] = ()
    """Recordings, sessions or subjects (names or patterns) of the val split; none: drawn."""
    test_groups: tuple[str, ...] = ()
    """Those of the test split; none: drawn by data.test_fraction."""
    folds: int | None = Field(default=None, ge=2, le=1000)
    """Of a cross-validation: so many folds of groups; None: each group is held out once."""
    allow_leak: bool = False
    """Allow one recording (or session, or subject) in several splits; figures then flatter."""
    subject: str = r"sub(?:ject)?[-_ ]?([A-Za-z0-9]+)"
    """A regular expression whose first group is the subject in a recording's name or path."""
    session: str = r"ses(?:sion)?[-_ ]?([A-Za-z0-9]+)"
    """A regular expression whose first group is the session."""

    @field_validator("subject", "session")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        return with_a_group(pattern, "the name", "sub-([0-9]+)")

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        for low, high, unit in (("tmin", "tmax", "s"), ("l_freq", "h_freq", "Hz")):
            a, b = getattr(self, low), getattr(self, high)
            if a is not None and b is not None and a >= b:
                raise ValueError(
                    f"{low} = {a:g} and {high} = {b:g} {unit}: {low} lies below {high}"
                )
        if self.baseline is not None and self.baseline[0] > self.baseline[1]:
            raise ValueError("baseline: the earlier time comes first, as in [-0.1, 0.0]")
        if self.resample and self.h_freq and self.h_freq >= self.resample / 2:
            raise ValueError(
                f"h_freq = {self.h_freq:g} Hz is not below half of resample = {self.resample:g} Hz"
            )
        if self.reject and self.flat and self.flat >= self.reject:
            raise ValueError(f"flat = {self.flat:g} lies below reject = {self.reject:g} microvolts")
        shared = set(self.val_groups) & set(self.test_groups)
        if shared:
            raise ValueError(f"{', '.join(sorted(shared))}: in val_groups and in test_groups")
        if self.split_by == "epoch" and (self.val_groups or self.test_groups):
            raise ValueError('val_groups and test_groups: split_by = "epoch" has no groups')
        if self.task is not None and not self.bids:
            raise ValueError("task is of a BIDS data set: set bids = true")
        return self
