"""The base of every record that is written to disk as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record with named, typed fields; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
