"""What is asked of customers: whether they leave, and what they will be worth."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from configs.values import PositiveDuration, Section


def _rise(days: tuple[int, ...]) -> tuple[int, ...]:
    if list(days) != sorted(set(days)):
        raise ValueError("must rise, each number of days once")
    return days


Within = Annotated[
    tuple[PositiveDuration, ...], Field(min_length=1, max_length=20), AfterValidator(_rise)
]
_WITHIN = ("30d", "60d", "90d")
_WITHIN_SAID = "the days that a score tells the chance of churning within, beside the horizon"


class Lapse(Section):
    """Churn as silence: no purchase within the horizon, asked of active customers."""

    kind: Literal["lapse"]
    horizon: PositiveDuration
    training_horizon: PositiveDuration | None = Field(
        None, description="shorter label windows to learn from, where the history is too short"
    )
    active_within: PositiveDuration | None = Field(
        None, description="only customers who bought within it are asked; all unless given"
    )
    within: Within = Field(_WITHIN, strict=False, validate_default=True, description=_WITHIN_SAID)


class Cancel(Section):
    """Churn as cancelling: of those with a subscription, who has none as the horizon ends."""

    kind: Literal["cancel"]
    horizon: PositiveDuration
    within: Within = Field(_WITHIN, strict=False, validate_default=True, description=_WITHIN_SAID)


class Label(Section):
    """Churn as a column of a snapshot."""

    kind: Literal["label"]
    test_share: float = Field(gt=0, lt=1, description="the part held out, by strata of the label")
    fold: int | None = Field(
        None, ge=0, description="which of 1/test_share stratified folds is held out"
    )

    @property
    def folds(self) -> int:
        """How many parts of the size of `test_share` there are."""
        return round(1 / self.test_share)

    @model_validator(mode="after")
    def _fold_is_one(self) -> Label:
        if self.fold is not None and not self.fold < self.folds >= 2:
            raise ValueError(f"fold must be below {self.folds}, the folds of this test_share")
        return self


class Clv(Section):
    """The revenue (or margin) of a customer over the horizon after the cut-off."""

    horizon: PositiveDuration
    training_horizon: PositiveDuration | None = Field(
        None, description="shorter label windows to learn from, where the history is too short"
    )
    active_within: PositiveDuration | None = Field(
        None, description="only customers who bought within it are asked; all unless given"
    )
    value: Literal["amount", "margin", "mrr"] = Field(
        "amount",
        description="amount and margin are of purchases; mrr is what subscriptions bring while "
        "they run, asked of customers with one, whether or not there are purchases too",
    )

    @model_validator(mode="after")
    def _stretches_purchases(self) -> Clv:
        if self.training_horizon and self.value == "mrr":
            raise ValueError("training_horizon is of purchases: value mrr has none")
        return self

    @property
    def of_subscriptions(self) -> bool:
        """Whether subscriptions are what is valued, not purchases."""
        return self.value == "mrr"


def asks_subscribers(task: Section | None) -> bool:
    """Say whether a task is asked of customers with a subscription, not of those who buy."""
    return isinstance(task, Cancel) or (isinstance(task, Clv) and task.of_subscriptions)
