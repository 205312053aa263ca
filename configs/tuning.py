"""How a task's settings are searched: the budget, who works on it, where it is kept, the space."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from configs.values import DatabaseUrl, Section


class _Range(Section):
    """What a range of numbers must keep to, whole or not."""

    @model_validator(mode="after")
    def _ordered(self) -> _Range:
        low, high = getattr(self, "low"), getattr(self, "high")  # noqa: B009 - the kinds have them
        if low >= high:
            raise ValueError(f"high must be above low, which is {low}")
        if getattr(self, "log") and low <= 0:  # noqa: B009
            raise ValueError("low must be above 0 where log is true")
        return self


class FloatDimension(_Range):
    """A number between two bounds, both allowed."""

    kind: Literal["float"]
    low: float
    high: float
    log: bool = Field(False, description="search its logarithm: as likely 0.01 to 0.1 as 0.1 to 1")


class IntDimension(_Range):
    """A whole number between two bounds, both allowed."""

    kind: Literal["int"]
    low: int
    high: int
    log: bool = Field(False, description="search its logarithm")


def _plain(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("must be text, a number, true or false")
    return value


Option = Annotated[
    Any,
    AfterValidator(_plain),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]


class ChoiceDimension(Section):
    """One of a few values, which have no order."""

    kind: Literal["choice"]
    of: tuple[Option, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _each_once(self) -> ChoiceDimension:
        if any(option in self.of[:index] for index, option in enumerate(self.of)):
            raise ValueError("of must name each value once")
        return self


Dimension = Annotated[FloatDimension | IntDimension | ChoiceDimension, Field(discriminator="kind")]
"""The values that one setting may take in a study."""


class Space(Section):
    """The settings that a study searches, by task; one that is not named keeps its first value."""

    churn: dict[str, Dimension] = Field({})
    clv: dict[str, Dimension] = Field({})


class Tuning(Section):
    """The Optuna study of a task."""

    trials: int = Field(ge=1, le=10_000, description="trials that came to an end or were pruned")
    minutes: float = Field(gt=0, description="no trial is begun after so many minutes")
    patience: int | None = Field(
        None, ge=1, description="stop after so many trials without a better value; never if null"
    )
    workers: int = Field(
        1, ge=1, le=256, description="processes that try settings; only one makes the same bytes"
    )
    storage: DatabaseUrl | None = Field(
        None,
        description="postgresql://… to keep studies in a database that several machines may "
        "work on; a journal file under paths.mlruns unless given",
    )
    prune: bool = Field(True, description="end trials early that are worse than most at that point")
    space: Space = Space()
