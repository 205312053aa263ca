"""What the report of retention tells, and what it keeps to itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from configs.values import PositiveDuration, Section, Slug

Cost = Annotated[float, Field(ge=0, lt=1e9)]


class Reporting(Section):
    """The figures of retention."""

    period: PositiveDuration = Field(description="what the figures are of: the days before --as-of")
    periods: int = Field(
        ge=1, le=120, description="how many such periods one after another the trend shows"
    )
    active_within: PositiveDuration = Field(
        description="who bought within it is a customer, and active; who did not is passive. "
        "Of subscriptions, who has one running is a customer"
    )
    cohorts: Literal["month", "quarter", "year"] = Field(
        description="customers of one cohort bought (or subscribed) first in the same one"
    )
    by: tuple[Slug, ...] | None = Field(
        None,
        strict=False,
        description="attributes whose groups are told apart; all categories and flags that are "
        "not protected unless given",
    )
    least: int = Field(
        ge=1, le=1000, description="figures of fewer customers than this are withheld"
    )
    calls: int = Field(
        ge=0, le=10_000, description="how many customers to call first are listed, by their ids"
    )
    channel_costs: dict[str, Cost] = Field(
        {}, description="what each channel costs a month (30.4375 days), for the return on it"
    )
    costs_to_serve: dict[Slug, Cost] = Field(
        {},
        description="what serving costs each time: of a purchase, a return, or a kind of event",
    )
