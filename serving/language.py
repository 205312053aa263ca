"""In which language a caller would have words: Accept-Language, as RFC 9110 has it."""

from __future__ import annotations

import re
from typing import get_args

from training.quantities import Language

_LANGUAGES: tuple[Language, ...] = get_args(Language)
_RANGE = re.compile(r"(?P<tag>[A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9]{1,8})*(?:;q=(?P<q>[01](?:\.\d*)?))?")
_MOST = 50  # ranges that are read: a header is short, or not meant


def accepted(header: str | None) -> Language | None:
    """Return the language that a header likes best of those there are; None if it likes none.

    A region is not looked at: ``da-DK`` is Danish. What cannot be read is passed over.

    Examples
    --------
    >>> accepted("da-DK, da;q=0.9, en;q=0.8")
    'da'
    >>> accepted("sv, de;q=0.5") is None
    True
    """
    liked: dict[str, float] = {}
    for part in (header or "").split(",", _MOST)[:_MOST]:
        found = _RANGE.fullmatch(re.sub(r"\s+", "", part))
        if found and found["tag"] != "*":
            weight = float(found["q"] or 1)
            tag = found["tag"].lower()
            liked[tag] = max(liked.get(tag, 0.0), weight)
    # Of equals the first in the header; nothing is given that has a weight of zero.
    wanted = sorted(liked, key=lambda tag: -liked[tag])
    known = {str(language): language for language in _LANGUAGES}
    return next((known[tag] for tag in wanted if tag in known and liked[tag] > 0), None)
