"""What is said of the models that are served."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from serving.api.parts import Digest, Part, TaskName


class CardInShort(Part):
    """What of a model's card everybody who uses its scores should have read."""

    question: str | None = Field(description="what the model was made to tell")
    metrics: dict[str, Any] = Field(
        description="how good it was on the period that no model had seen: value, and lower and "
        "upper end of its interval, by name"
    )
    verdict: dict[str, Any] | None = Field(description="what the gate said of it, and why")
    cautions: list[str] = Field(description="what to mind, and what it must not be used for")


class Champion(Part):
    """The model that a task is served with."""

    digest: Digest
    model: str
    features: list[str] = Field(description="the features to give when scoring by features")
    papers: dict[str, Any] = Field(description="when and on what it was made, and its metrics")
    card: CardInShort
    card_at: str = Field(
        pattern=r"^/v1/models/[a-z]+/card$", description="where its whole card is: JSON, or a page"
    )


class Waiting(Part):
    """A release that was promoted and does not serve yet; it is tried again when it may."""

    release: str = Field(description="what the pointer names; no digest if it was altered")
    since: str = Field(json_schema_extra={"format": "date-time"})
    why: str


class ModelsAnswer(Part):
    """What is served."""

    base: str
    release: Digest
    waiting: Waiting | None = Field(description="null where nothing waits to be served")
    models: dict[TaskName, Champion]
