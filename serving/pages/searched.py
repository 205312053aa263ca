"""What an auditor looks for: read from an address, and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

from serving.problem import ProblemError
from training.reasons import BANDS

_RULES: Mapping[str, re.Pattern[str]] = {
    "customer": re.compile(r"[0-9a-f]{32}"),
    "since": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "until": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "model": re.compile(r"[0-9a-f]{64}"),
    "band": re.compile("|".join(BANDS)),
    "after": re.compile(r"[A-Za-z0-9._:~=/-]{1,300}"),
}
_NAMES = {"since": "the first day", "until": "the last day", "after": "the page"}


@dataclass(frozen=True)
class Searched:
    """What scores are looked for; empty where it does not matter.

    Parameters
    ----------
    customer : str
        The record's name of the customer, never their id.
    since, until : str
        Days of the base's zone, both included.
    model : str
        A bundle's digest.
    band : {"", "low", "middle", "high"}
    after : str
        Where the page before ended.
    """

    customer: str = ""
    since: str = ""
    until: str = ""
    model: str = ""
    band: str = ""
    after: str = ""

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Searched:
        """Read an address's parameters; others are let be.

        Raises
        ------
        ProblemError
            422 if one is not what it can be.
        """
        held = {name: asked.get(name, "").strip() for name in _RULES}
        for name, rule in _RULES.items():
            if held[name] and not rule.fullmatch(held[name]):
                raise ProblemError(422, f"{_NAMES.get(name, name)} is not spelt as it should be")
        for name in ("since", "until"):
            _check_day(name, held[name])
        return cls(**held)

    def given(self) -> dict[str, str]:
        """Return what is looked for, without what does not matter."""
        return {name: value for name, value in asdict(self).items() if value}


def _check_day(name: str, text: str) -> None:
    try:
        if text:
            date.fromisoformat(text)
    except ValueError:
        raise ProblemError(422, f"{_NAMES[name]} is no day of the calendar") from None
