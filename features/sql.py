"""Names and texts quoted for SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable


def identifier(name: str) -> str:
    """Quote a name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Return the quoted texts with commas between them."""
    return ", ".join(map(literal, texts))


def paths(files: Iterable[str]) -> str:
    """Return the quoted paths of files, whose own names DuckDB is not to take for globs."""
    return literals(re.sub(r"[\[*?]", r"[\g<0>]", file) for file in files)
