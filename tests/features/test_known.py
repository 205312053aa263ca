"""Nothing that had not happened, or was not known at a cut-off, changes a byte of the features."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from configs.schema import Config
from features.build import build
from features.source import load_rows
from tests.factories import make_base

DAY = 24 * 60
KINDS = {
    "visit": {},
    "nps": {"role": "score"},
    "mail": {"role": "contact"},
    "click": {"role": "response"},
}
TABLES = ("events", "subscriptions")
KNOWN_AT = [f"{table}.known_at" for table in ("transactions", *TABLES)]
TOLD = make_base(*TABLES, kinds=KINDS, features={"windows": ["30d"]})
SETTLED = make_base(
    *TABLES,
    kinds=KINDS,
    features={"windows": ["30d"]},
    without=[*KNOWN_AT, "subscriptions.ended_known_at"],
)
"""The same base where rows do not say when they were known, so that it is planned otherwise."""

CLOCKS_CHANGE = [date(2024, 4, 1), date(2024, 10, 28)]  # on the day before

Row = dict[str, Any]
Held = dict[str, list[Row]]


@dataclass
class Case:
    """A few customers' rows around a cut-off, of which some are known at it.

    ``before`` and ``after`` have the known ones in common and nothing else; ``plain`` has them and
    those that happen later, each known as it happens.
    """

    name: str
    cutoff: date
    before: Held = field(default_factory=dict)
    after: Held = field(default_factory=dict)
    plain: Held = field(default_factory=dict)

    @classmethod
    def drawn(cls, seed: int, cutoffs: list[date]) -> Case:
        """Draw a case; about half of its rows are known at its cut-off."""
        random = Random(seed)
        case = cls(f"case-{seed}", random.choice(cutoffs))
        for table, draw in (
            ("transactions", case.receipt),
            ("events", case.event),
            ("subscriptions", case.subscription),
        ):
            for _ in range(random.randrange(7)):
                happened, known = case.moments(random)
                row = {"customer_id": f"{case.name}-{random.choice('ab')}"}
                row |= {"known_at": case.stamp(known)} | draw(random, case.stamp(happened))
                case.take(table, row, happened, known, random)
        return case

    def stamp(self, minutes: int) -> str:
        midnight = datetime.combine(self.cutoff, time(), ZoneInfo("Europe/Copenhagen"))
        at = midnight.astimezone(UTC) + timedelta(minutes=minutes)
        return at.strftime("%Y-%m-%dT%H:%MZ")

    def moments(self, random: Random) -> tuple[int, int]:
        """When a row happened and when it was known, in minutes from the cut-off."""
        near, far = random.randrange(-10 * DAY, 10 * DAY), random.randrange(-100 * DAY, 30 * DAY)
        happened = random.choice([-1, 0, 1, near, near, near, far, far, far])
        return happened, happened + random.choice([0, 0, 0, 1, DAY, 40 * DAY, -9 * DAY])

    def receipt(self, random: Random, stamp: str) -> Row:
        return {
            "occurred_at": stamp,
            "amount": random.randrange(-5_000, 9_000) / 100,
            "order_id": random.choice([None, "A", "B"]),
            "category": random.choice([None, "food", "toys"]),
            "channel": random.choice(["web", "shop"]),
            "discount": random.choice([None, 0, 1.5]),
        }

    def event(self, random: Random, stamp: str) -> Row:
        value = random.choice([None, random.randrange(-100, 100) / 10])
        return {"occurred_at": stamp, "kind": random.choice(list(KINDS)), "value": value}

    def subscription(self, random: Random, stamp: str) -> Row:
        plan, mrr = random.choice([None, "basic", "pro"]), random.choice([None, 9.95, 20, 35.5])
        return {"started_at": stamp, "plan": plan, "mrr": mrr}

    def take(self, table: str, row: Row, happened: int, known: int, random: Random) -> None:
        """Lay a row into both, or into one, as it is known or not; its end may be known in turn."""
        before, after, plain = (
            held.setdefault(table, []) for held in (self.before, self.after, self.plain)
        )
        untold = {name: row[name] for name in row if name != "known_at"}
        if max(happened, known) >= 0:
            random.choice([before, after]).append(row)
            plain += [untold] * (happened >= 0)
            return
        one, other, settled = (
            ({}, {}, {}) if table != "subscriptions" else self.ends(random, happened)
        )
        before.append(row | one)
        after.append(row | other)
        plain.append(untold | settled)

    def ends(self, random: Random, begun: int) -> tuple[Row, Row, Row]:
        """Two ends that are alike if known at the cut-off, and the known one without when."""
        known, unknown = [{}], [{}]
        for _ in range(4):
            ended = max(begun, random.choice([-1, 0, 1, begun, begun + random.randrange(90 * DAY)]))
            learnt = ended + random.choice([0, 0, 0, 1, DAY, 40 * DAY, -9 * DAY])
            end = {"ended_at": self.stamp(ended), "ended_known_at": self.stamp(learnt)}
            (known if max(ended, learnt) < 0 else unknown).append(end)
        if len(known) > 1 and random.random() < 0.5:
            return known[1], known[1], {"ended_at": known[1]["ended_at"]}
        return random.choice(unknown), random.choice(unknown), {}


def features_of(config: Config, held: list[Held], cutoffs: list[date]) -> dict[tuple, dict]:
    """Each customer's features at each cut-off, as bytes."""
    rows = {
        table: [row for each in held for row in each.get(table, [])]
        for table in ("transactions", *TABLES)
    }
    frame = build(config, load_rows(config, rows), cutoffs)
    keys = list(zip(frame.pop("as_of"), frame.pop("customer_id"), strict=True))
    values = frame.to_numpy("float64")
    names = list(frame)
    return {
        key: dict(zip(names, map(bytes, row), strict=True))
        for key, row in zip(keys, values.view("V8"), strict=True)
    }


@given(
    seeds=st.lists(st.integers(0, 2**48), min_size=100, max_size=100, unique=True),
    days=st.lists(
        st.dates(date(2024, 2, 1), date(2024, 12, 1)), min_size=3, max_size=3, unique=True
    ),
)
@settings(max_examples=2, deadline=None, phases=[Phase.generate])  # a seed cannot be shrunk
def test_nothing_that_was_not_yet_known_changes_a_byte(seeds, days):
    cutoffs = sorted({*days, *CLOCKS_CHANGE})
    cases = {f"case-{seed}": Case.drawn(seed, cutoffs) for seed in seeds}

    def until(found: dict[tuple, dict], only: bool = False) -> dict[tuple, dict]:
        """What was found at each case's cut-off, and at those before unless ``only``."""
        ends = {key: cases[key[1].rpartition("-")[0]].cutoff for key in found}
        return {
            key: held
            for key, held in found.items()
            if key[0] == ends[key] or (key[0] < ends[key] and not only)
        }

    before = features_of(TOLD, [case.before for case in cases.values()], cutoffs)
    after = features_of(TOLD, [case.after for case in cases.values()], cutoffs)
    assert until(before) == until(after)
    settled = features_of(SETTLED, [case.plain for case in cases.values()], cutoffs)
    assert until(settled, only=True) == until(before, only=True)
