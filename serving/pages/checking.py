"""A score checked on its page: computed again, and held against the record's fingerprints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from serving.pages.told_score import ToldScore
from serving.record.merkle import canonical
from serving.releases.release import ReleaseError
from serving.scoring.score import BundleLookup, replay
from training.bundle import BundleError

_SHOWN = 10


@dataclass(frozen=True)
class Difference:
    """A number that came out otherwise.

    Parameters
    ----------
    where : str
        Such as ``scores.churn.served``.
    then, now
        On record, and computed again.
    """

    where: str
    then: Any
    now: Any

    @property
    def size(self) -> float:
        """How far apart they are; infinite where that is no matter of numbers."""
        if isinstance(self.then, int | float) and isinstance(self.now, int | float):
            return abs(self.now - self.then)
        return float("inf")


@dataclass(frozen=True)
class Replayed:
    """What computing a score again showed.

    Parameters
    ----------
    said : {"same", "gone", "other"}
        The same bytes; a model is gone; or it differs.
    differences : tuple of Difference
        The largest first.
    libraries : tuple of str
        Those that have moved on since the models were made, such as ``numpy 2.1 → 2.4``.
    """

    said: Literal["same", "gone", "other"]
    differences: tuple[Difference, ...] = ()
    libraries: tuple[str, ...] = ()


def replayed(score: ToldScore, bundle_of: BundleLookup) -> Replayed:
    """Compute a score again from its record, and compare."""
    try:
        again = replay(score.body, bundle_of)
    except (ReleaseError, BundleError):
        return Replayed("gone")
    if canonical(again) == canonical(dict(score.body)):
        return Replayed("same")
    found = sorted(_differences("", score.body, again), key=lambda held: -held.size)
    return Replayed("other", tuple(found[:_SHOWN]), tuple(_moved_on(score)))


def _differences(where: str, then: Any, now: Any) -> Iterator[Difference]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in sorted({*then, *now}):
            yield from _differences(f"{where}.{name}".strip("."), then.get(name), now.get(name))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for index, (one, other) in enumerate(zip(then, now, strict=True), 1):
            yield from _differences(f"{where}[{index}]", one, other)
    elif then != now:
        yield Difference(where, then, now)


def _moved_on(score: ToldScore) -> Iterator[str]:
    made = {
        name: number
        for bundle in score.bundles.values()
        for name, number in (bundle.manifest.get("libraries") or {}).items()
    }
    for name, number in sorted(made.items()):
        try:
            present = version(name)
        except PackageNotFoundError:
            present = "–"
        if present != number:
            yield f"{name} {number} → {present}"
