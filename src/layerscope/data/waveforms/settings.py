"""The `[data.waveforms]` table of a study: what only sounds have, each with its unit."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from layerscope.mistakes import with_a_group

LIST_FILES = {"val": "validation_list.txt", "test": "testing_list.txt"}
"""Of the Speech Commands layout: clips that are in a split, one path a line."""

BACKGROUND = "_background_noise_"
"""The folder of the Speech Commands layout that holds noise, and no class."""

SPEAKER = r"^(.+?)_nohash_"
"""Who speaks, in a Speech Commands file name."""


class WaveformsSettings(BaseModel):
    """Say how sounds are read; `[data]` says where they are and how they are split.

    >>> settings = WaveformsSettings(sfreq=8000, seconds=0.5)
    >>> settings.samples, settings.scale
    (4000, 'rms')
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    layout: Literal["folders", "speech_commands", "manifest"] = "folders"
    """Class folders; Speech Commands (its lists or hash are the splits); a table of paths."""
    manifest: str | None = Field(default=None, min_length=1)
    """A CSV file inside data.root with columns path, label and, if known, split, speaker, start,
    end (seconds)."""
    speaker: str | None = SPEAKER
    """A regular expression whose first group is the speaker in a file's name; "" for none."""
    unknown: float = Field(default=0.0, ge=0, le=10)
    """Speech Commands: clips of all other words as the class "unknown", as a share of the words'
    clips of each split; 0 for no such class."""
    silence: float = Field(default=0.0, ge=0, le=10)
    """Speech Commands: stretches of background noise as the class "silence", as such a share."""

    sfreq: int = Field(default=16_000, ge=100, le=384_000)
    """Samples per second (Hz); files of another rate are resampled."""
    seconds: float = Field(default=1.0, gt=0, le=60)
    """What the network hears at once."""
    short: Literal["pad_end", "pad_both", "refuse"] = "pad_end"
    """A shorter sound: zeros after it, zeros on both sides, or it is refused."""
    long: Literal["start", "centre", "loudest", "windows", "refuse"] = "centre"
    """A longer sound: its beginning, its middle, the stretch of most energy, one example for each
    window, or it is refused."""
    hop_seconds: float | None = Field(default=None, gt=0, le=60)
    """From the beginning of one window to that of the next; None: windows do not overlap."""
    max_seconds: float = Field(default=3600.0, gt=0, le=86_400)
    """Files longer than this are refused."""
    wrong_rate: Literal["resample", "refuse"] = "resample"
    """A file whose rate is not sfreq."""
    silent_dbfs: float = Field(default=-70.0, ge=-200, le=0)
    """Sounds whose RMS level is below this (decibels of full scale) are refused as silent."""

    scale: Literal["rms", "fixed"] = "rms"
    """Each clip divided by its own RMS, or full scale as 1."""
    front: Literal["none", "log_mel"] = "none"
    """What the network is shown: the waveform, or its log-mel spectrogram "1 mel frame"."""
    mels: int = Field(default=64, ge=4, le=512)
    window_ms: float = Field(default=25.0, gt=0, le=1000)
    hop_ms: float = Field(default=10.0, gt=0, le=1000)
    n_fft: int | None = Field(default=None, ge=8, le=65_536)
    """Samples of a frame's Fourier transform; None: the next power of 2 above the window."""
    fmin: float = Field(default=20.0, ge=0)
    """Hz, where the lowest mel band begins."""
    fmax: float | None = Field(default=None, gt=0)
    """Hz, where the highest mel band ends; None: half of sfreq."""

    @property
    def samples(self) -> int:
        """How many samples the network hears at once."""
        return round(self.sfreq * self.seconds)

    @field_validator("speaker")
    @classmethod
    def _has_a_group(cls, pattern: str | None) -> str | None:
        return with_a_group(pattern, "the speaker", "^(.+)_nohash_") if pattern else None

    @model_validator(mode="before")
    @classmethod
    def _a_manifest_is_a_layout(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("manifest") and "layout" not in given:
            return given | {"layout": "manifest"}
        return given

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.layout == "manifest") != (self.manifest is not None):
            raise ValueError('layout = "manifest" and manifest = "FILE.csv" belong together')
        if self.layout != "speech_commands" and (self.unknown or self.silence):
            raise ValueError('unknown and silence are for layout = "speech_commands"')
        if self.samples < 2:
            raise ValueError(f"seconds = {self.seconds} at {self.sfreq} Hz is no sound")
        if self.hop_seconds is not None and self.long != "windows":
            raise ValueError('hop_seconds is for long = "windows"')
        if self.front == "log_mel":
            self._check_front()
        return self

    def _check_front(self) -> None:
        top = self.fmax or self.sfreq / 2
        if not self.fmin < top <= self.sfreq / 2:
            raise ValueError(
                f"fmin = {self.fmin:g}, fmax = {top:g} Hz: fmin lies below fmax, and that at most "
                f"at {self.sfreq / 2:g} Hz, half of sfreq"
            )
        if self.n_fft is not None and self.n_fft < self.sfreq * self.window_ms / 1000:
            raise ValueError(
                f"n_fft = {self.n_fft} is shorter than the window, "
                f"{self.sfreq * self.window_ms / 1000:g} samples"
            )
