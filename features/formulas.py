"""Texts that a spreadsheet would run as a formula, made harmless in the CSV files we write.

A spreadsheet runs a cell that begins with one of ``= + - @``, a tab, a line's end, or the
full-width form of a sign (OWASP, "CSV Injection"). It also begins a cell after a semicolon, a tab
or a line's end where it takes those for what parts cells, as it does in much of Europe. At each of
these places an apostrophe is put before the sign; one that stands there already gets another, so
that a reader who takes one away has the text as it was. Numbers are no texts: they stay as they
are.
"""

from __future__ import annotations

import re

_SIGNS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_BEGINS = "(?<![^;\t\r\n])"  # at the text's begin, or after what may part cells

SOMEWHERE = f"(^|[;\t\r\n])'*[{_SIGNS}]"
"""A pattern, in RE2's syntax as well, of the texts that `neutral` changes."""

_DANGEROUS = re.compile(f"{_BEGINS}(?='*[{_SIGNS}])")
_NEUTRAL = re.compile(f"{_BEGINS}'(?='*[{_SIGNS}])")


def neutral(text: str) -> str:
    """Return a text that no spreadsheet runs.

    >>> neutral("=1+1"), neutral("'=1"), neutral("a;-2"), neutral("'s-Hertogenbosch; Aarhus-Nord")
    ("'=1+1", "''=1", "a;'-2", "'s-Hertogenbosch; Aarhus-Nord")
    """
    return _DANGEROUS.sub("'", text)


def restored(text: str) -> str:
    """Return the text that `neutral` was given.

    >>> restored("'=1+1"), restored("'s-Hertogenbosch")
    ('=1+1', "'s-Hertogenbosch")
    """
    return _NEUTRAL.sub("", text)
