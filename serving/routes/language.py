"""Which language a caller reads, by the header Accept-Language (RFC 9110, 12.5.4)."""

from __future__ import annotations

from functools import lru_cache
from typing import get_args

from training.quantities import Language

_SPOKEN: tuple[Language, ...] = get_args(Language)
_USUAL = 200  # characters of such a header


def accepted(header: str | None) -> Language | None:
    """Return the language that a caller would rather read; None where they read neither.

    >>> accepted("da, en-GB;q=0.8"), accepted("sv, en;q=0.5, da;q=0.4"), accepted("fr")
    ('da', 'en', None)
    """
    if not header:
        return None
    # What is kept of callers in memory is bounded.
    return _kept(header) if len(header) <= _USUAL else _best(header)


def _best(header: str) -> Language | None:
    wanted: dict[Language, float] = {}
    for part in header.lower().split(","):
        tag, _, weight = part.partition(";")
        for language in _SPOKEN:
            if tag.strip().partition("-")[0] == language:
                wanted[language] = max(_quality(weight), wanted.get(language, 0.0))
    best = max(wanted, key=lambda language: wanted[language], default=None)
    return best if best and wanted[best] > 0 else None


_kept = lru_cache(maxsize=256)(_best)


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
