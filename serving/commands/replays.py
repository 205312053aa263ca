"""What a terminal is shown of scores that were computed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from serving.commands import console
from serving.record.replaying import Libraries, Replayed, Sample

_SHOWN = 20  # scores that differ, one a line


def show_one(found: Replayed, json_wanted: bool) -> None:
    """Show a score computed again."""
    held: dict[str, Any] = {"id": found.id, "same": found.same}
    console.show(held if found.same else asdict(found), json_wanted, _one(found))


def show_sample(found: Sample, json_wanted: bool) -> None:
    """Show what came of a sample."""
    console.show(asdict(found), json_wanted, _sample(found))


def _one(found: Replayed) -> Iterator[str]:
    if found.same:
        yield f"{found.id}: the same bytes"
        return
    yield f"{found.id}: {_why(found)}"
    yield from _moved_on(found.libraries)


def _why(found: Replayed) -> str:
    if found.gone is not None:
        return f"could not be computed: {found.gone}"
    far = (
        f"the {name} of {task} moved by {value:.3g}"
        for task, held in found.moved.items()
        for name, value in held.items()
        if value
    )
    return "NOT the same: " + (", ".join(far) or "the answers are, but not all that was recorded")


def _sample(found: Sample) -> Iterator[str]:
    erased = f"; {found.erased:,} of people who were erased" if found.erased else ""
    yield f"{found.drawn:,} scores drawn: {found.same:,} the same bytes{erased}"
    for each in found.others[:_SHOWN]:
        yield f"{each.id}: {_why(each)}"
    if len(found.others) > _SHOWN:
        yield f"and {len(found.others) - _SHOWN:,} others that are not the same"
    yield from _moved_on(found.libraries)


def _moved_on(libraries: Libraries) -> Iterator[str]:
    for name, (made_with, here) in libraries.items():
        yield f"{name}: made with {made_with}, here is {here or 'none'}"
