"""Which ways there are of telling a base's customers apart; a customer has one segment of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from configs.values import PositiveDuration, Section, Share, Slug


class BehaviourSegments(Section):
    """Clusters of customers by how they buy, found by a study at one cut-off."""

    kind: Literal["behaviour"]
    active_within: PositiveDuration | None = Field(
        None, description="only customers who bought within it; everybody who ever did unless given"
    )
    min_segments: int = Field(3, ge=2, le=20)
    max_segments: int = Field(8, ge=2, le=20, description="more than a team can treat differently")
    penalty: float = Field(
        0.1, ge=0, le=10, description="what each segment past max_segments costs in the study"
    )
    min_share: Share = Field(0.05, description="the least part of them that a segment may hold")
    min_stability: Share = Field(0.6, description="the least bootstrap stability (adjusted Rand)")
    resamples: int = Field(10, ge=2, le=200, description="bootstrap refits behind the stability")

    @model_validator(mode="after")
    def _ordered(self) -> BehaviourSegments:
        if self.min_segments > self.max_segments:
            raise ValueError("min_segments must not exceed max_segments")
        if self.min_share * self.min_segments > 1:
            raise ValueError("min_share is too large for min_segments segments")
        return self


class RfmSegments(Section):
    """The grid of recency, frequency and monetary value in fifths, under its usual names."""

    kind: Literal["rfm"]
    window: PositiveDuration | None = Field(
        None,
        description="the window of features that frequency and monetary value are taken over; "
        "the longest unless given",
    )


class LifecycleSegments(Section):
    """Where customers stand in their life as such: new, growing, loyal, cooling, asleep, lost."""

    kind: Literal["lifecycle"]
    new_within: PositiveDuration = Field(
        "30d", validate_default=True, description="new: the first purchase lies within it"
    )
    cooling_after: PositiveDuration = Field(
        "60d", validate_default=True, description="cooling: no purchase for longer"
    )
    asleep_after: PositiveDuration = Field(
        "120d",
        validate_default=True,
        description="asleep: no purchase for longer; who was and bought again is won back",
    )
    lost_after: PositiveDuration = Field(
        "365d", validate_default=True, description="lost: no purchase for longer"
    )
    growing_by: float = Field(
        1.5,
        gt=1,
        le=100,
        description="growing: spends so many times as much as in the time before of the same "
        "length, which is the shortest window of features that cooling_after fits in",
    )

    @model_validator(mode="after")
    def _ordered(self) -> LifecycleSegments:
        if not self.cooling_after < self.asleep_after < self.lost_after:
            raise ValueError("cooling_after, asleep_after and lost_after must rise")
        return self


class ValueSegments(Section):
    """Tenths of customers by lifetime value, each customer with a potential one.

    The potential is what customers like this one spend at their best.
    """

    kind: Literal["value"]
    best: float = Field(
        0.9,
        gt=0.5,
        lt=1,
        description="the quantile of what customers alike spend that is their best",
    )
    min_alike: int = Field(
        50, ge=20, le=100_000, description="the least customers who are held to be alike"
    )


class AttributeSegments(Section):
    """Customers by what is known of who or where they are: each combination that is met."""

    kind: Literal["attributes"]
    of: tuple[Slug, ...] = Field(min_length=1, max_length=4, strict=False)
    bands: dict[Slug, Annotated[tuple[float, ...], Field(min_length=1, strict=False)]] = Field(
        {}, description="the values at which a number is cut, such as {employees: [10, 50, 250]}"
    )
    min_share: Share = Field(0.02, description="rarer combinations are put together as others")

    @model_validator(mode="after")
    def _bands_are_of_them(self) -> AttributeSegments:
        for name, edges in self.bands.items():
            if name not in self.of:
                raise ValueError(f"bands.{name} must be one of the attributes in of")
            if list(edges) != sorted(set(edges)):
                raise ValueError(f"bands.{name} must rise")
        return self


Segmentation = Annotated[
    BehaviourSegments | RfmSegments | LifecycleSegments | ValueSegments | AttributeSegments,
    Field(discriminator="kind"),
]
"""One way of telling customers apart."""

KINDS = ("behaviour", "rfm", "lifecycle", "value", "attributes")


def _named_by_kind(held: Any) -> Any:
    """Take the name of a way for its kind where it has none, as in ``rfm: {}``."""
    if not isinstance(held, Mapping):
        return held
    if "max_segments" in held or "kind" in held:
        raise ValueError(
            "must name the ways to tell customers apart, such as behaviour: {max_segments: 8}"
        )
    return {
        name: {"kind": name, **way}
        if name in KINDS and isinstance(way, Mapping) and "kind" not in way
        else way
        for name, way in held.items()
    }


Segments = Annotated[dict[Slug, Segmentation], Field(min_length=1), BeforeValidator(_named_by_kind)]
"""Every way of telling customers apart, by name; one whose name is a kind is of that kind."""
