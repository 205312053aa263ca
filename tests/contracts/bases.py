"""Small customer bases with all that engines might see otherwise, and a few days to cut off at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from configs.schema import Config
from tests.factories import make_club, make_shop, make_snapshot
from tests.features.test_build import ROWS, WHOLE_COLUMNS

EARLIER, CUT_OFF = date(2024, 5, 4), date(2024, 6, 3)
MUCH = [round(9_999_999_999.99 / day, 2) for day in range(1, 29)]

# In UTF-8 they sort as written here; in UTF-16, or by the alphabet, they do not.
NAMES = ("Zoë", "e\u0301", "Østergård", "ångström", "é", "日本", "\uffee", "😀")

FOREIGN = [
    (name, "2024-05-01T12:00", 10 + number, f"N{number}", 1, "ø", "butik", 0)
    for number, name in enumerate(NAMES)
]
RICH = [
    ("rich", f"2024-05-{day:02}T12:00", paid, f"R{day}", 1, "food", "web", 0)
    for day, paid in enumerate(MUCH, 1)
]

LATE = [
    ("a", "2024-05-01T12:00", 1, None, "food"),
    ("a", "2024-05-02T12:00", 2, "2024-06-01T00:00", "toys"),  # known between the cut-offs
    ("a", "2024-05-02T13:00", 4, "2024-06-03T00:00", "toys"),  # at the latter: not yet known
    ("b", "2024-05-05T12:00", 8, "2024-05-01T12:00", "food"),  # known ahead of its day
]

LONG_AGO = [
    ("old", "1900-01-06T12:00", 1.0001),  # a Saturday
    ("old", "1969-12-28T12:00", 2.0003),  # a Sunday
    ("old", "1970-01-01T00:00", 4.0007),  # a Thursday
    ("old", "2027-01-05T12:00", 8.0009),  # a Tuesday
]
AFTER_ALL = date(2027, 2, 1)

PEOPLE = pd.DataFrame(
    {
        "customer": ["00123", "00123", "Østergård", "😀"],
        "since": ["2024-01-01", "2024-05-20", "2024-01-01", "2024-06-03"],
        "income": ["høj", "middel", "低い", "høj"],
        "age": [41.5, 42.0, None, 50.0],
        "newsletter": ["yes", None, "no", "no"],
        "renews": ["2024-06-02", "2024-06-03", "1969-12-31", None],
        "joined": ["2024-05-03T23:30", "2024-06-02T23:30", "1950-01-01T12:00", "2024-06-03T00:00"],
    }
)
ATTRIBUTES = {
    "income": {"kind": "category"},
    "age": {"kind": "number"},
    "newsletter": {"kind": "flag"},
    "renews": {"kind": "date"},
}

PLANS = [
    ("a", "2024-01-01", "2024-04-01", None, "basis", 100),
    ("a", "2024-04-01", None, None, "guld", 250.5),  # another plan the day the first one ends
    ("a", "2024-04-01", "2024-05-31", "2024-07-01", "ø", 19.95),  # an end that is told of late
    ("b", "2024-02-15", "2024-05-20", None, "basis", 100),
    ("c", "2024-06-03", None, None, "basis", 100),  # begins at the cut-off: not yet
    ("Østergård", "1969-06-01", None, None, None, None),
]
HAPPENED = [
    ("a", "2024-05-01T10:00", "visit", None),
    ("a", "2024-05-01T11:00", "visit", None),
    ("a", "2024-06-02T23:30", "visit", None),
    ("a", "2024-05-10T10:00", "mail", None),
    ("a", "2024-05-12T10:00", "click", None),
    ("a", "2024-05-20T10:00", "mail", None),
    ("b", "2024-03-01T10:00", "survey", 7.5),
    ("b", "2024-05-28T10:00", "survey", 9),
    ("only", "2024-05-28T10:00", "visit", None),  # no subscription, but known
]
KINDS = {
    "visit": {},
    "mail": {"role": "contact"},
    "click": {"role": "response"},
    "survey": {"role": "score"},
}


def shop(folder: Path) -> Config:
    """The base worked out by hand, with names from afar, much money, and changing attributes."""
    rows = pd.DataFrame([*ROWS, *FOREIGN, *RICH], columns=WHOLE_COLUMNS)
    columns = {"customer_id": "customer", "valid_from": "since", "signed_up_at": "joined"}
    people = {
        "path": _written(PEOPLE, folder / "people.csv"),
        "timezone": "Europe/Copenhagen",
        "columns": columns,
        "attributes": ATTRIBUTES,
    }
    return make_shop(folder, rows, sources={"customers": people})


def late(folder: Path) -> Config:
    """Purchases that become known late, or ahead, with no order ids."""
    columns = ["customer", "when", "paid", "known", "department"]
    return make_shop(folder, pd.DataFrame(LATE, columns=columns))


def long_ago(folder: Path) -> Config:
    """Purchases before the day that days are counted from, and 57 years after."""
    return make_shop(folder, pd.DataFrame(LONG_AGO, columns=["customer", "when", "paid"]))


def many(folder: Path, order: int | None = None) -> Config:
    """Random receipts, in a random order if asked: sums that rounding would change."""
    rng = np.random.default_rng(11)
    minutes = rng.integers(0, 200 * 24 * 60, 4_000)
    rows = pd.DataFrame(
        {
            "customer": rng.integers(0, 200, 4_000).astype(str),
            "when": pd.Timestamp("2023-12-01") + pd.to_timedelta(minutes, "min"),
            "paid": rng.integers(-2_000_000, 9_000_000, 4_000) / 100,
            "department": rng.choice(["food", "toys", "garden"], 4_000),
            "channel": rng.choice(["web", "shop"], 4_000),
            "discount": rng.integers(0, 500, 4_000) / 100,
        }
    )
    if order is not None:
        rows = rows.sample(frac=1, random_state=order)
    return make_shop(folder, rows)


def shuffled(folder: Path) -> Config:
    """The same receipts in another order."""
    return many(folder, order=5)


def club(folder: Path) -> Config:
    """Subscriptions and events, and no purchase."""
    folder.mkdir(parents=True, exist_ok=True)
    events = {
        "path": _written(
            pd.DataFrame(HAPPENED, columns=["customer", "when", "what", "score"]),
            folder / "events.csv",
        ),
        "timezone": "Europe/Copenhagen",
        "columns": {
            "customer_id": "customer",
            "occurred_at": "when",
            "kind": "what",
            "value": "score",
        },
        "kinds": KINDS,
    }
    names = ["customer", "start", "end", "end_known", "plan", "mrr"]
    return make_club(folder, pd.DataFrame(PLANS, columns=names), sources={"events": events})


def snapshot(folder: Path) -> Config:
    """Labelled customers, and no time."""
    rows = pd.DataFrame(
        {
            "customer": NAMES,
            "left": ["Yes", "No"] * 4,
            "plan": ["guld", None, "sølv", "guld"] * 2,
            "months": [3, None, 0.1, 1e15] * 2,
            "online": ["no", "yes", None, "no"] * 2,
        }
    )
    attributes = {
        "plan": {"kind": "category"},
        "months": {"kind": "number"},
        "online": {"kind": "flag"},
    }
    return make_snapshot(folder, rows, attributes)


def _written(rows: pd.DataFrame, file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(file, index=False)
    return str(file)


BASES: dict[str, Callable[[Path], Config]] = {
    made.__name__: made for made in (shop, late, long_ago, many, shuffled, club, snapshot)
}
