"""Bodies that are nearly right: what a schema alone does not know of customers and their rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from features.schema import FeatureColumn
from tests.factories import AS_OF

DAYS = (str(AS_OF), "1900-01-01", "2200-12-31")
"""Few, as the first rows of each day cost tenths of a second."""

_NO_DAYS = ("2024-02-30", "0001-01-01", "9999-12-31", "2024-6-3", "", "2024-06-03T00:00:00", None)
_NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, -0.0, 1, 5e-324, 2.2e-308, 1e308, -1e308, 2**53, 2**53 + 1, 10**400]),
)
_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=8),
    st.sampled_from(
        ["", "NaN", "inf", "1e999", "=1+1", "x" * 201, "\x00", "\ud800", [], {}, [[1]]]
    ),
)
_STAMPS = st.sampled_from(
    [
        "2024-05-20T10:30:00",
        "2024-05-20",
        "2024-05-20T10:30:00.123456Z",
        "2024-03-31T02:30:00",  # skipped by the clocks in Copenhagen
        "2024-05-20T10:30:00+14:00",
        "2099-12-31T23:59:59Z",
        "1900-01-01",
        "2024-02-30",
        "20.05.2024",
        "2024-05-20T25:00",
        1716200000,
    ]
)
_AMOUNTS = st.one_of(
    st.sampled_from(
        [10, -3.2, 0, -0.0, 1e-9, 9999999999.9999, 1e10, "24.50", "24,50", "1e3", True]
    ),
    _NUMBERS,
)


def customers(
    columns: Mapping[str, FeatureColumn], known: Sequence[str]
) -> st.SearchStrategy[dict[str, Any]]:
    """Customers by id, by features or by rows; some in ways that nobody may be asked for."""
    ids = st.one_of(
        st.sampled_from([*known, "nobody", "æøå ☃", "x" * 200]),
        st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=200),
    )
    wrong_ids = st.one_of(_ODD, _NUMBERS)
    days = st.sampled_from(DAYS)
    by_id = st.fixed_dictionaries({"customer_id": ids})
    by_features = st.fixed_dictionaries(
        {"customer_id": ids, "features": features(columns)}, optional={"as_of": days}
    )
    by_rows = st.fixed_dictionaries({"customer_id": ids, "rows": rows(), "as_of": days})
    # Rows cost the most, above all those that must be looked through for their faults.
    forms = st.one_of(by_id, by_features, by_features, by_features, by_rows)
    spoilt = st.fixed_dictionaries(
        {},
        optional={
            "customer_id": wrong_ids,
            "features": _ODD,
            "rows": _ODD,
            "as_of": st.sampled_from(_NO_DAYS),
            "name": _ODD,
        },
    )
    return _rarely(forms, st.builds(lambda form, more: {**form, **more}, forms, spoilt))


def features(columns: Mapping[str, FeatureColumn]) -> st.SearchStrategy[dict[str, Any]]:
    """Every feature by its name, a few of them at the ends of what a double holds; some not."""

    def value(column: FeatureColumn) -> st.SearchStrategy[Any]:
        if column.kind == "number":
            return st.one_of(st.none(), _NUMBERS)
        return st.one_of(
            st.none(), st.sampled_from(column.categories or ("",)), st.text(max_size=9)
        )

    usual = {name: 1 if column.kind == "number" else None for name, column in columns.items()}
    names = st.sampled_from(list(columns))
    extreme = st.lists(
        names.flatmap(lambda name: st.tuples(st.just(name), value(columns[name]))), max_size=5
    )
    whole = st.builds(
        lambda base, few: {**base, **dict(few)},
        st.sampled_from([usual, dict.fromkeys(columns)]),
        extreme,
    )
    return _rarely(
        whole,
        st.builds(lambda held, name, odd: {**held, name: odd}, whole, names, _ODD),
        st.builds(lambda held, name: {**held, name + "s": 1}, whole, names),
        st.builds(lambda held, name: {k: held[k] for k in held if k != name}, whole, names),
    )


def rows() -> st.SearchStrategy[dict[str, Any]]:
    """A customer's own rows, in the canonical columns and in others."""
    receipt = st.fixed_dictionaries(
        {"occurred_at": _STAMPS, "amount": _AMOUNTS},
        optional={
            "category": st.sampled_from(["toys", "food", "☃", "", None]),
            "order_id": st.sampled_from(["81", "", None]),
        },
    )
    spoilt = st.fixed_dictionaries(
        {},
        optional={"customer_id": _ODD, "occurred_at": _ODD, "amount": _ODD, "paid": _ODD},
    )
    person = st.fixed_dictionaries(
        {}, optional={"income": st.one_of(st.just("high"), _ODD), "newsletter": _ODD}
    )
    receipts = st.lists(
        _rarely(receipt, st.builds(lambda row, more: {**row, **more}, receipt, spoilt)), max_size=4
    )
    return st.fixed_dictionaries(
        {"transactions": receipts},
        optional={"customer": st.one_of(person, st.lists(person, max_size=2)), "events": receipts},
    )


def requests(
    columns: Mapping[str, FeatureColumn], known: Sequence[str]
) -> st.SearchStrategy[dict[str, Any]]:
    """Whole calls."""
    held = st.lists(customers(columns, known), min_size=1, max_size=3)
    options = {
        "reasons": _rarely(st.integers(0, 50), st.sampled_from([-1, 51, 1.5, "3", True, None])),
        "language": _rarely(st.sampled_from(["en", "da"]), st.sampled_from(["sv", "", 1, None])),
    }
    spoilt = st.fixed_dictionaries({}, optional={"customers": _ODD, "as_of": _ODD, "": _ODD})
    whole = st.fixed_dictionaries({"customers": held}, optional=options)
    return _rarely(whole, st.builds(lambda body, more: {**body, **more}, whole, spoilt))


def bodies(columns: Mapping[str, FeatureColumn], known: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Calls as they are sent; of some, a few bytes are others."""
    written = requests(columns, known).map(lambda body: json.dumps(body).encode())
    return _rarely(written, _spoilt(written))


@st.composite
def _spoilt(draw: st.DrawFn, written: st.SearchStrategy[bytes]) -> bytes:
    body = draw(written)
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 4)))
    put = draw(st.one_of(st.binary(max_size=4), st.sampled_from(_PUT)))
    return body[:start] + put + body[end:]


_PUT = (
    b"",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 5000,
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"[" * 5000,
    b'{"a":' * 500,
    b'"customers":[],',
)


def _rarely(usual: st.SearchStrategy[Any], *others: st.SearchStrategy[Any]) -> Any:
    """Mostly the first: of many parts, all must be right for a call to get through."""
    return st.integers(0, 9).flatmap(lambda drawn: usual if drawn else st.one_of(*others))
