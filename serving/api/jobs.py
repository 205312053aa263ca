"""Jobs that score the base: how one is asked for, and what is told of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from serving.api.parts import Day, Part
from training.quantities import Language


class BatchRequest(Part):
    """How to score the base."""

    reasons: int | None = Field(
        None, ge=0, le=50, description="how many reasons each way; the service's own unless given"
    )
    language: Language | None = Field(None, description="of the reasons")
    format: Literal["parquet", "csv"] = Field("parquet", description="of the result's file")


class Job(Part):
    """A job that scores the base, and how far it is."""

    job: str = Field(pattern=r"^[0-9a-f]{32}$", examples=["0a4d55a8d778e5022fab701977c5d840"])
    state: Literal["queued", "running", "done", "failed"]
    done: int = Field(ge=0, description="customers scored so far")
    total: int | None = Field(ge=0, description="of so many; null until they are counted")
    as_of: Day | None = Field(description="the day of the features, once it is done")
    batch: str | None = Field(description="its entry in the record, once it is done")
    format: Literal["parquet", "csv"]
    asked_at: str = Field(json_schema_extra={"format": "date-time"})
    began_at: str | None = Field(json_schema_extra={"format": "date-time"})
    ended_at: str | None = Field(json_schema_extra={"format": "date-time"})
    why: str | None = Field(description="why it failed")
    result: str | None = Field(description="where its file is, once it is done")
