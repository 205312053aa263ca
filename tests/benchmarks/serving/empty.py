"""BentoML services that do nothing: what any service on BentoML costs."""

from __future__ import annotations

from typing import Any

import bentoml

# As ours: it has a log of its own in the place of BentoML's.
_QUIET = {"access": {"enabled": False}}


@bentoml.service(name="empty", logging=_QUIET)
class Empty:
    """Takes nothing, does nothing."""

    @bentoml.api
    async def score(self) -> dict[str, float]:
        return {"probability": 0.5}


@bentoml.service(name="empty_as_it_comes")
class EmptyAsItComes:
    """The same with BentoML's log of every call."""

    @bentoml.api
    async def score(self) -> dict[str, float]:
        return {"probability": 0.5}


@bentoml.service(name="parsing", logging=_QUIET)
class Parsing:
    """Parses what Stamkunde is asked, and does nothing."""

    @bentoml.api
    async def score(self, customers: list[dict[str, Any]]) -> dict[str, float]:
        return {"probability": float(len(customers) > 0)}
