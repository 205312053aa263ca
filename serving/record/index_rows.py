"""What of a record's entries goes into the index."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan, nan
from typing import Any

import pyarrow as pa

from serving.record.batch_rows import BATCH
from serving.record.index_batch import BANDS
from serving.record.merkle import Entry, canonical

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPELT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Row:
    """A score as the index holds it.

    Parameters
    ----------
    at : int
        When it was given, in microseconds.
    seq, row : int
        Its entry, and its row there; 0 for the entry itself.
    customer : bytes
        The customer's token.
    as_of, bundles, band : str
        The bundles as canonical JSON; no band is empty.
    probability, value : float, optional
        None where a code stands instead.
    """

    at: int
    seq: int
    row: int
    customer: bytes
    as_of: str | None
    bundles: str
    band: str
    probability: float | None
    value: float | None


def instant(at: str) -> int:
    """Return an entry's time in microseconds."""
    return microseconds(datetime.fromisoformat(at))


def microseconds(at: datetime) -> int:
    """Return a time in microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def spelt(at: int) -> str:
    """Return a time as entries spell it."""
    return (_EPOCH + timedelta(microseconds=at)).strftime(_SPELT)


def is_columns(entry: Entry) -> bool:
    """Say whether an entry is a batch whose rows lie in columns."""
    return entry.kind == BATCH and "layout" in entry.body


def rows_of(entry: Entry, rows: Iterator[tuple[int, Mapping[str, Any]]]) -> Iterator[Row]:
    """Yield the scores of an entry.

    Parameters
    ----------
    entry : Entry
    rows : iterator of (int, body)
        The rows of it that are scores, by their numbers; 0 is the entry itself.
    """
    at = instant(entry.at)
    for number, body in rows:
        customer = token(body.get("customer"))
        scores = body.get("scores")
        if customer is None or not isinstance(scores, dict):
            continue
        churn, clv = scores.get("churn", {}), scores.get("clv", {})
        yield Row(
            at,
            entry.seq,
            number,
            customer,
            body["as_of"],
            bundles(body),
            churn.get("band") or "",
            churn.get("served"),
            clv.get("served"),
        )


def rows_of_call(entry: Entry, rows: pa.Table) -> Iterator[Row]:
    """Yield the scores of a call of many customers, whose rows lie in columns."""
    at, body = instant(entry.at), entry.body
    edges, count, said = body["options"]["bands"], rows.num_rows, bundles(body)
    served = [
        rows.column(name).to_pylist() if name in rows.column_names else [nan] * count
        for name in ("churn.served", "clv.served")
    ]
    customers, days = rows.column("customer").to_pylist(), rows.column("as_of").to_pylist()
    each = zip(customers, days, *served, strict=True)
    for number, (customer, as_of, chance, value) in enumerate(each, start=1):
        if (held := token(customer)) is None:
            continue
        band = BANDS[bisect_right(edges, chance)] if edges and chance == chance else ""
        churn, clv = (None if isnan(figure) else figure for figure in (chance, value))
        yield Row(at, entry.seq, number, held, as_of, said, band, churn, clv)


def bundles(body: Mapping[str, Any]) -> str:
    """Return the bundles of a score or a batch, in one spelling."""
    return canonical(body["bundles"]).decode()


def token(customer: Any) -> bytes | None:
    """Return a customer's token as bytes; None if it is none."""
    try:
        held = bytes.fromhex(customer)
    except (TypeError, ValueError):
        return None
    return held or None
