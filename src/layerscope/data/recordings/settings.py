"""The `[data.recordings]` table of a study: what only brain recordings have."""

from pydantic import BaseModel, ConfigDict


class RecordingsSettings(BaseModel):
    """Say how recordings are read; `[data]` says where they are and how they are split."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
