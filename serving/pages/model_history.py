"""Which models were in use when, as the record has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from serving.record.ledger import Ledger
from serving.releases.promotion import PROMOTION, ROLLBACK


@dataclass(frozen=True)
class Reign:
    """The time from one change of a task's champion to the next.

    Parameters
    ----------
    task : str
    bundle : str
        The digest of the model in use.
    version : int
        Its number in the registry.
    run : str
        The run that made it.
    since, until : str
        The times of the entries that began and ended it; it lasts where there is no end.
    began_by : {"promotion", "rollback"}
    entry : str
        The entry that began it.
    passed : bool
        Whether the gate passed it.
    forced : str, optional
        Why it was promoted against the gate's verdict.
    """

    task: str
    bundle: str
    version: int
    run: str
    since: str
    until: str | None
    began_by: str
    entry: str
    passed: bool
    forced: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def reigns(ledger: Ledger) -> list[Reign]:
    """Return which models were in use when: each task's in their order, the present one last."""
    moves = [*ledger.entries(PROMOTION), *ledger.entries(ROLLBACK)]
    last: dict[str, Reign] = {}
    past: list[Reign] = []
    for entry in sorted(moves, key=lambda entry: entry.seq):
        body = entry.body
        task, before = body["task"], last.get(body["task"])
        if before is not None:
            past.append(replace(before, until=entry.at))
        last[task] = Reign(
            task=task,
            bundle=body["bundle"],
            version=body["version"],
            run=body["run"],
            since=entry.at,
            until=None,
            began_by=entry.kind,
            entry=entry.id,
            passed=body["passed"],
            forced=body["forced"],
        )
    return [*past, *last.values()]


def of_task(held: Iterable[Reign], task: str) -> list[Reign]:
    """Return a task's, the latest first."""
    return [each for each in held if each.task == task][::-1]


def of_bundle(held: Iterable[Reign], digest: str) -> list[Reign]:
    """Return those of a model, the latest first; it may have come back."""
    return [each for each in held if each.bundle == digest][::-1]


def digests(held: Sequence[Reign]) -> frozenset[str]:
    """Return the digests of all models that were ever in use."""
    return frozenset(each.bundle for each in held)
