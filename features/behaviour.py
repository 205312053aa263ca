"""What customers did, table by table: the frames of each at the cut-offs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features import frames
from features.asof import CUSTOMER, AsOf
from features.definition import Frame, Kind


class Behaviour(Protocol):
    """Rows that make a customer known."""

    @property
    def rows(self) -> ir.Table:
        """The rows as they came through the door."""

    @property
    def settled(self) -> bool:
        """Whether what is gathered is the same whichever cut-offs it is for."""

    @property
    def everybody(self) -> Frame:
        """The frame that holds every known customer."""

    def gather(self) -> dict[Frame, ir.Table]:
        """Return rows at the grain of frames, each with its ``day``: the costly part."""

    def frames(self, gathered: Mapping[Frame, ir.Table]) -> dict[Frame, ir.Table]:
        """Return each frame, its rows laid before the cut-offs."""


@dataclass(frozen=True)
class _Dated:
    """Rows that are of one instant each.

    Parameters
    ----------
    rows : Table
    at : AsOf
    settled : bool
        Whether what is known of an order (or an event) is the same at every cut-off after its day.
        Then rows are gathered once for all cut-offs; else for each of them.
    own : frozenset of Frame
        The frames that are gathered of them.
    """

    rows: ir.Table
    at: AsOf
    settled: bool
    own: ClassVar[frozenset[Frame]]

    @cached_property
    def _lines(self) -> ir.Table:
        known_from = _known_from(self.rows, "occurred_at")
        if self.settled:
            return self.rows.filter(known_from < self.at.instants[-1])
        return self.at.lay(self.rows, known_from, self.at.instants)

    @property
    def _keys(self) -> list[str]:
        return [CUSTOMER] if self.settled else self.at.keys

    def frames(self, gathered: Mapping[Frame, ir.Table]) -> dict[Frame, ir.Table]:
        """Return each frame, its rows laid before the cut-offs."""
        return {f: self._known(rows) for f, rows in gathered.items() if f in self.own}

    def _known(self, rows: ir.Table) -> ir.Table:
        if self.settled and len(self.at.days) > 1:
            rows = self.at.lay(rows, rows.day, self.at.numbers)
        return self.at.aged(rows)


@dataclass(frozen=True)
class Purchases(_Dated):
    """The frames of transactions at the cut-offs."""

    own: ClassVar = frozenset({frames.orders, frames.days, frames.categories, frames.channels})

    @property
    def everybody(self) -> Frame:
        """The frame that holds every known customer."""
        return frames.orders

    def gather(self) -> dict[Frame, ir.Table]:
        """Return orders, days where they are not the same, and what was bought of each kind."""
        orders = frames.orders(self._lines, self._keys)
        if "order_id" in self.rows.columns:
            bought = frames.days(frames.purchases(orders), self._keys)
            held: dict[Frame, ir.Table] = {frames.orders: orders, frames.days: bought}
        else:
            held = {frames.orders: frames.daily_orders(orders, self._keys)}
        for name, frame in _ITEMS.items():
            if name in self.rows.columns:
                held[frame] = frames.items(self._lines, self._keys, name)
        return held

    def frames(self, gathered: Mapping[Frame, ir.Table]) -> dict[Frame, ir.Table]:
        """Return each frame, its rows laid before the cut-offs."""
        held = super().frames(gathered)
        held[frames.purchases] = frames.purchases(held[frames.orders])
        held.setdefault(frames.days, held[frames.purchases])
        items = {
            frame: frame(held[frame], self.at.keys) for frame in _ITEMS.values() if frame in held
        }
        return held | items


_ITEMS: dict[str, Frame] = {"category": frames.categories, "channel": frames.channels}


@dataclass(frozen=True)
class Events(_Dated):
    """The frames of events at the cut-offs, some of which the declared kinds call for."""

    kinds: Sequence[Kind]
    own: ClassVar = frozenset({frames.events, frames.scores, frames.contacts})

    @property
    def everybody(self) -> Frame:
        """The frame that holds every known customer."""
        return frames.events

    def gather(self) -> dict[Frame, ir.Table]:
        """Return events, scores and contacts, each by day."""
        events = frames.events(self._lines, self._keys)
        held: dict[Frame, ir.Table] = {frames.events: events}
        scores = self._called("score")
        if scores and "value" in self.rows.columns:
            given = events.filter(events.kind.isin(scores))
            held[frames.scores] = frames.scores(given, self._keys)
        contact, response = self._called("contact"), self._called("response")
        if contact or response:
            held[frames.contacts] = frames.contacts(self._lines, self._keys, contact, response)
        return held

    def _called(self, role: str) -> list[str]:
        return [kind.name for kind in self.kinds if kind.role == role]


@dataclass(frozen=True)
class Subscriptions:
    """The frame of subscriptions at the cut-offs, which an end may change from one to the next."""

    rows: ir.Table
    at: AsOf
    settled: ClassVar[bool] = False

    @property
    def everybody(self) -> Frame:
        """The frame that holds every known customer."""
        return frames.subscriptions

    def gather(self) -> dict[Frame, ir.Table]:
        """Return the subscriptions that had begun, as they were known at each cut-off."""
        begun = self.at.lay(self.rows, _known_from(self.rows, "started_at"), self.at.instants)
        aged = self.at.aged(begun.mutate(day=frames.day_number(begun.start_day)))
        return {frames.subscriptions: frames.subscriptions(self.at.timed(aged), self.at.keys)}

    def frames(self, gathered: Mapping[Frame, ir.Table]) -> dict[Frame, ir.Table]:
        """Return the frame."""
        return dict(gathered)


def _known_from(rows: ir.Table, happened: str) -> ir.Value:
    """Return from when a row had happened and was known."""
    if "known_at" not in rows.columns:
        return rows[happened]
    return ibis.greatest(rows[happened], rows.known_at)


def is_settled(rows: ir.Table, at: AsOf, run: Callable[[ir.Table], pa.Table]) -> bool:
    """Say whether what is known of an order (or an event) is the same at all cut-offs after it.

    It is where no row becomes known late, each row lies on the same side of a cut-off by its day
    as by its instant, and no order lies on both.
    """
    if "known_at" in rows.columns:
        return False
    bounds = list(zip(map(ibis.date, at.days), at.instants, strict=True))
    # A day may begin before the clocks go back over midnight, or otherwise to another's clock.
    astray = [(rows.local_day < day) != (rows.occurred_at < instant) for day, instant in bounds]
    if at.zone != "UTC" and run(rows.filter(ibis.or_(*astray)).limit(1)).num_rows:
        return False
    if "order_id" not in rows.columns:
        return True
    spans = rows.group_by([CUSTOMER, "order_id"]).aggregate(
        first=rows.local_day.min(), last=rows.local_day.max()
    )
    crossed = [(spans["first"] < day) & (spans["last"] >= day) for day, _ in bounds]
    return run(spans.filter(ibis.or_(*crossed)).limit(1)).num_rows == 0
