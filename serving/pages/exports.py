"""What stands on a page, as a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from features.formulas import neutral
from serving.problem import ProblemError

Rows = Sequence[Mapping[str, Any]]


def wanted(request: Request) -> str | None:
    """Return the kind of file that an address asks for, by ``?format=``; None for the page.

    Raises
    ------
    ProblemError
        422 if it is another kind.
    """
    named = request.query_params.get("format")
    if named not in (None, "", "html", "csv", "json"):
        raise ProblemError(422, "format must be csv, json or html")
    return named if named in ("csv", "json") else None


def file_of(kind: str, name: str, data: Any, rows: Rows) -> Response:
    """Return a file.

    Parameters
    ----------
    kind : {"csv", "json"}
    name : str
        The file's, without its ending: no value of anybody's.
    data
        What the JSON says.
    rows : sequence of mapping
        What the CSV says, a line each; the first one's names are the head.
    """
    content = as_csv(rows) if kind == "csv" else as_json(data)
    media = "text/csv; charset=utf-8" if kind == "csv" else "application/json"
    said = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(content, 200, said, media)


def as_json(data: Any) -> bytes:
    """Return data as JSON that people can read, every number to its last bit."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False).encode()


def as_csv(rows: Rows) -> bytes:
    """Return rows as CSV (RFC 4180), in which no text is run as a formula."""
    written = io.StringIO()
    if rows:
        writer = csv.writer(written)
        writer.writerow([neutral(name) for name in rows[0]])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return written.getvalue().encode("utf-8-sig")  # by whose first bytes Excel knows UTF-8


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return neutral(value)
    return "" if value is None else value
