"""What became of segments when they were found anew: kept, split, merged, vanished, appeared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from training.quantities import number
from training.segmenters.segmenter import Segment

MOST = 0.5
"""More than this share of a segment's customers says where it went, or where it came from."""

_TOLD = 3  # segments named of those that customers went to or came from

Kind = Literal["kept", "split", "merged", "vanished", "appeared"]


@dataclass(frozen=True)
class Change:
    """What became of segments.

    Parameters
    ----------
    kind : {"kept", "split", "merged", "vanished", "appeared"}
    said : str
        The same in a sentence, with shares of customers.
    old, new : tuple of int
        The ids before and after; a split or merged segment that keeps its id is in both.
    """

    kind: Kind
    said: str
    old: tuple[int, ...]
    new: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON can hold it."""
        return {**asdict(self), "old": list(self.old), "new": list(self.new)}


@dataclass(frozen=True)
class _Table:
    """Customers by old and new segment, and whose ids are whose."""

    old: Sequence[Segment]
    ids: Sequence[int]
    shared: np.ndarray

    def went(self, before: int) -> np.ndarray:
        """Return the shares of an old segment's customers that are in each new one."""
        return self.shared[before, :-1] / max(int(self.shared[before].sum()), 1)

    def came(self, place: int) -> np.ndarray:
        """Return the shares of a new segment's customers that were in each old one."""
        return self.shared[:-1, place] / max(int(self.shared[:, place].sum()), 1)

    def named(self, before: int) -> str:
        """Return an old segment as a sentence has it."""
        return f"{self.old[before].id} ({self.old[before].name})"


def changes(old: Sequence[Segment], ids: Sequence[int], shared: np.ndarray) -> tuple[Change, ...]:
    """Tell what became of every segment.

    Every old segment and every new one is in at least one change. Of those not found again, an old
    one merged into the new one that holds most of its customers, and a new one was split from the
    old one that most of its customers were in. Where both hold of one pair, so much has changed
    that the old one vanished and the new one appeared.

    Parameters
    ----------
    old : sequence of Segment
    ids : sequence of int
        Of each new place: an old segment's if it is the same.
    shared : ndarray of int, shape (old + 1, places + 1)
        Customers by old and new place; the last row and column are of those with none.

    Returns
    -------
    tuple of Change
        Kept, split, merged, vanished, appeared; each in the order of ids.
    """
    table = _Table(old, ids, shared)
    kept = {ids.index(segment.id): i for i, segment in enumerate(old) if segment.id in ids}
    origins = _mostly({p: table.came(p) for p in range(len(ids)) if p not in kept})
    gone = {i: table.went(i) for i in range(len(old)) if i not in kept.values()}
    merged, split = _told_apart(_mostly(gone), origins)
    absorbed = {before for befores in merged.values() for before in befores}
    rest = sorted(set(gone) - absorbed - set(split))
    told = {place for places in split.values() for place in places} | set(merged) | set(kept)
    found = [
        *(_kept(table, before, place) for place, before in kept.items()),
        *(_split(table, before, places) for before, places in split.items()),
        *(_merged(table, befores, place) for place, befores in merged.items()),
        *(_vanished(table, before) for before in rest),
        *(_appeared(table, place) for place in sorted(set(range(len(ids))) - told)),
    ]
    order = ("kept", "split", "merged", "vanished", "appeared")
    return tuple(
        sorted(found, key=lambda change: (order.index(change.kind), change.old or change.new))
    )


def _mostly(shares: dict[int, np.ndarray]) -> dict[int, int]:
    """Return where most of each went or came from."""
    return {
        one: int(np.argmax(held)) for one, held in shares.items() if held.size and held.max() > MOST
    }


def _told_apart(
    destinations: dict[int, int], origins: dict[int, int]
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return what merged into which place, and the places that were split from which segment."""
    merged: dict[int, list[int]] = {}
    for before, place in destinations.items():
        merged.setdefault(place, []).append(before)
    merged = {
        place: befores
        for place, befores in merged.items()
        if len(befores) > 1 or origins.get(place) != befores[0]
    }
    split: dict[int, list[int]] = {}
    for place, before in origins.items():
        if place not in merged and destinations.get(before) != place:
            split.setdefault(before, []).append(place)
    return merged, split


def _kept(table: _Table, before: int, place: int) -> Change:
    one = table.old[before].id
    stay, were = table.went(before)[place], table.came(place)[before]
    said = (
        f"Segment {table.named(before)} stayed: {_percent(stay)} of its customers are in it again, "
        f"and {_percent(were)} of those now in it were before."
    )
    return Change("kept", said, (one,), (one,))


def _split(table: _Table, before: int, places: list[int]) -> Change:
    one, went = table.old[before].id, table.went(before)
    still = [table.ids.index(one)] if one in table.ids else []
    others = [] if still else [place for place in _largest(went) if place not in places]
    parts = [f"{_percent(went[place])} of its customers are in it still" for place in still]
    for place in [*places, *others]:
        of = "" if parts else " of its customers"
        new = "the new " if place in places else ""
        parts.append(f"{_percent(went[place])}{of} are in {new}segment {table.ids[place]}")
    new_ids = tuple(table.ids[place] for place in [*still, *places])
    said = f"Segment {table.named(before)} split: {_listed(parts)}."
    return Change("split", said, (one,), new_ids)


def _merged(table: _Table, befores: list[int], place: int) -> Change:
    one = table.ids[place]
    itself = [i for i, segment in enumerate(table.old) if segment.id == one]
    into = f"segment {table.named(itself[0])}" if itself else f"the new segment {one}"
    shares = _listed([_percent(table.went(before)[place]) for before in befores])
    said = (
        f"{_segments(table, befores)} merged into {into}: {shares} of "
        f"{'its' if len(befores) == 1 else 'their'} customers are in it."
    )
    old = sorted(table.old[before].id for before in [*befores, *itself])
    return Change("merged", said, tuple(old), (one,))


def _vanished(table: _Table, before: int) -> Change:
    went = table.went(before)
    parts = [f"{_percent(went[p])} are in segment {table.ids[p]}" for p in _largest(went)]
    end = f": of its customers {_listed(parts)}." if parts else ": it has no customers any more."
    said = f"Segment {table.named(before)} vanished{end}"
    return Change("vanished", said, (table.old[before].id,), ())


def _appeared(table: _Table, place: int) -> Change:
    came = table.came(place)
    parts = [f"{_percent(came[i])} were in segment {table.named(i)}" for i in _largest(came)]
    end = (
        f": of its customers {_listed(parts)}."
        if parts
        else ": none of its customers had a segment."
    )
    return Change("appeared", f"Segment {table.ids[place]} appeared{end}", (), (table.ids[place],))


def _largest(shares: np.ndarray) -> list[int]:
    order = np.argsort(-shares, kind="stable")[:_TOLD]
    return [int(index) for index in order if shares[index] > 0]


def _segments(table: _Table, befores: list[int]) -> str:
    names = _listed([table.named(before) for before in befores])
    return f"Segment{'' if len(befores) == 1 else 's'} {names}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _percent(share: float) -> str:
    return f"{number(100 * float(share), 1, 'en')}%"
