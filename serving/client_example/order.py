"""What a printed program asks, and in which order, whatever it is written in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from serving.client_example.facts import Facts


class Score(Protocol):
    """Writes a call for scores."""

    def __call__(self, said: str, customer: dict[str, Any], **options: Any) -> str:
        """Return the call, with a line that says what it shows."""


@dataclass(frozen=True)
class Wording:
    """How a program's parts are written.

    Parameters
    ----------
    score : callable
    missing : str
        What stands for a missing value.
    recorded, batch, at_risk : str
        The calls for a score on record, for a job and for those at risk.
    """

    score: Score
    missing: str
    recorded: str
    batch: str
    at_risk: str


def calls(facts: Facts, routes: Collection[tuple[str, str]], wording: Wording) -> list[str]:
    """Return the calls of a program, of the routes that there are.

    Parameters
    ----------
    facts : Facts
    routes : collection of (str, str)
        Methods with their paths.
    wording : Wording
    """
    customer: dict[str, Any] = {"customer_id": facts.customer}
    parts = [wording.score("by id, from the feature store", customer, reasons=3)]
    if ("GET", "/v1/scores/{id}") in routes:
        parts.append(wording.recorded)
    given = {**customer, "features": facts.features, "as_of": facts.as_of}
    said = f"by features: each by its name, {wording.missing} where it is missing"
    parts.append(wording.score(said, given))
    if facts.rows is not None:
        rows = {**customer, "rows": facts.rows, "as_of": facts.as_of}
        parts.append(wording.score("by their own rows, as of the beginning of a day", rows))
    if ("POST", "/v1/score/batch") in routes:
        parts.append(wording.batch)
    if ("GET", "/v1/customers/at-risk") in routes:
        parts.append(wording.at_risk)
    return parts
