"""Large calls for scores read in columns: by ids, or by features, every customer in one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from pydantic import TypeAdapter, ValidationError

from serving.api.asked import Asked, ScoreRequest
from serving.api.parts import CustomerId

MANY = 8
"""Customers of a call from which it is worked off in columns: for fewer these cost more."""

DEEP = 4
"""How deep lists and objects lie in each other in a call that is regular."""

_FORMS = {
    ("customer_id",),
    ("customer_id", "features"),
    ("customer_id", "features", "as_of"),
    ("customer_id", "as_of", "features"),
}
_IDS = TypeAdapter(list[CustomerId])


@dataclass(frozen=True)
class Regular(Sequence[Asked]):
    """Customers of a call, by id or by features; each is made an `Asked` when looked at.

    Parameters
    ----------
    ids : list of str
    features : list of dict or None
        By name, as they came.
    as_of : list of str or None
    """

    ids: list[str]
    features: list[dict[str, Any] | None]
    as_of: list[str | None]

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Asked: ...

    @overload
    def __getitem__(self, place: slice) -> list[Asked]: ...

    def __getitem__(self, place: int | slice) -> Asked | list[Asked]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return Asked.model_construct(
            customer_id=self.ids[place], features=self.features[place], as_of=self.as_of[place]
        )

    def __iter__(self) -> Iterator[Asked]:
        return (self[place] for place in range(len(self)))


def ids_of(asked: Sequence[Asked]) -> list[str]:
    """Return whom a call is about."""
    return asked.ids if isinstance(asked, Regular) else [each.customer_id for each in asked]


def regular(value: Any, bounds: Mapping[str, int]) -> tuple[ScoreRequest, int] | None:
    """Read a call that is plainly in order, as `ScoreRequest` would.

    Parameters
    ----------
    value : object
        What the body's JSON says.
    bounds : mapping of str to int
        ``max_customers`` and ``max_given``.

    Returns
    -------
    tuple of ScoreRequest and int, or None
        The call, and how many names with a value it has unless a feature is a list or an object;
        None where it takes a closer look.
    """
    asked = value.get("customers") if type(value) is dict else None
    if type(asked) is not list or not MANY <= len(asked) <= bounds["max_customers"]:
        return None
    if set(map(type, asked)) != {dict} or not set(map(tuple, asked)) <= _FORMS:
        return None
    given = [each["features"] for each in asked if len(each) > 1]
    if len(given) > bounds["max_given"] or not set(map(type, given)) <= {dict}:
        return None
    features = [each.get("features") for each in asked]
    days = [each.get("as_of") for each in asked]
    try:
        ids = _IDS.validate_python([each["customer_id"] for each in asked], strict=True)
        for day in set(days):
            Asked(customer_id="1", features={}, as_of=day)
        call = ScoreRequest.model_validate({**value, "customers": asked[:1]}, context=dict(bounds))
    except (ValidationError, TypeError):
        return None
    members = len(value) + sum(map(len, asked)) + sum(map(len, given))
    return call.model_copy(update={"customers": Regular(ids, features, days)}), members
