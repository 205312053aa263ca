"""Scores computed again from the record and the bundles that it names: the same bits, or why not.

What differs is told with how far it moved, and with the libraries that the bundle was made with and
are others here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from configs.errors import StamkundeError
from serving.record.drawing import drawn
from serving.record.ledger import Ledger
from serving.record.merkle import Entry, canonical
from serving.releases.release import ReleaseError, bundle_by_digest
from serving.scoring.score import BundleLookup, replay
from training.bundle import BundleError
from training.libraries import libraries
from training.progress import Reporter

SCORES = ("score", "row")
_VALUES = ("margin", "served")
_BUNDLES = 64  # kept in memory

Libraries = Mapping[str, tuple[str | None, str | None]]
"""By name, the version that a bundle was made with and the one here, where they are others."""


class ReplayError(StamkundeError):
    """An entry that is no score."""


@dataclass(frozen=True)
class Replayed:
    """A score computed again.

    Parameters
    ----------
    id : str
    same : bool
        Whether every byte is.
    moved : mapping of task to mapping of {"margin", "served"} to float
        How far, where it is not the same.
    libraries : mapping of str to (str, str)
        Which have moved on since the bundles were made, in order of their names.
    gone : str or None
        Why it could not be computed: a bundle is not there, or not as it was.
    """

    id: str
    same: bool
    moved: Mapping[str, Mapping[str, float]]
    libraries: Libraries
    gone: str | None = None


@dataclass(frozen=True)
class Sample:
    """Scores drawn from the record and computed again.

    Parameters
    ----------
    drawn, same, erased : int
        How many; those of customers who were erased cannot be computed.
    others : tuple of Replayed
        Those that are not the same, or could not be computed.
    libraries : mapping of str to (str, str)
        Which have moved on since some bundle was made.
    """

    drawn: int
    same: int
    erased: int
    others: tuple[Replayed, ...]
    libraries: Libraries


def kept_bundles(var: Path) -> BundleLookup:
    """Return what finds bundles that are or once were promoted, and keeps them at hand."""
    return lru_cache(_BUNDLES)(lambda digest: bundle_by_digest(var, digest))


def replayed(entry: Entry, bundle_of: BundleLookup) -> Replayed:
    """Compute a score again.

    Raises
    ------
    ReplayError
        If the entry is not a score.
    ErasedError
        If its customer was erased.
    """
    if entry.kind not in SCORES:
        raise ReplayError(
            f"{entry.id} is a {entry.kind}, not a score; a {entry.kind}'s scores are {entry.id}/1 "
            "and on"
            if "rows" in entry.body
            else f"{entry.id} is a {entry.kind}, not a score"
        )
    body = entry.body
    try:
        again = replay(body, bundle_of)
        moved_on = _moved_on(body, bundle_of)
    except (ReleaseError, BundleError) as error:
        return Replayed(entry.id, False, {}, {}, str(error))
    same = canonical(again) == canonical(body)
    return Replayed(entry.id, same, {} if same else _moved(body, again), moved_on)


def replay_sample(
    ledger: Ledger,
    bundle_of: BundleLookup,
    count: int,
    seed: int,
    reporter: Reporter | None = None,
) -> Sample:
    """Draw scores from the record, the same ones for the same seed, and compute them again.

    Parameters
    ----------
    ledger : Ledger
    bundle_of : callable
        From a digest to the bundle.
    count, seed : int
    reporter : Reporter, optional
        Told how far it has come.

    Raises
    ------
    RowsError
        If the rows of a batch cannot be read.
    """
    total, scores = drawn(ledger, count, seed)
    same = erased = 0
    others: list[Replayed] = []
    moved_on: dict[str, tuple[str | None, str | None]] = {}
    with (reporter or Reporter(quiet=True)).steps("computed again", total) as step:
        for _, entry in scores:
            if entry is None:
                erased += 1
            else:
                found = replayed(entry, bundle_of)
                same += found.same
                moved_on |= found.libraries
                others += [] if found.same else [found]
            step("")
    return Sample(total, same, erased, tuple(others), dict(sorted(moved_on.items())))


@lru_cache(1)
def _installed() -> Mapping[str, str]:
    return libraries()


def _moved_on(body: Mapping[str, Any], bundle_of: BundleLookup) -> Libraries:
    """Return the libraries that are not of the versions that a score's bundles were made with."""
    here, found = _installed(), dict[str, tuple[str | None, str | None]]()
    for digest in body["bundles"].values():
        made_with = bundle_of(digest).manifest.get("libraries") or {}
        found |= {
            name: (version, here.get(name))
            for name, version in made_with.items()
            if here.get(name) != version
        }
    return dict(sorted(found.items()))


def _moved(body: Mapping[str, Any], again: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return how far the answers of the tasks are from those on record."""
    return {
        task: {
            name: abs(again["scores"][task][name] - held[name])
            for name in _VALUES
            if name in held and name in again["scores"].get(task, {})
        }
        for task, held in body["scores"].items()
        if task in ("churn", "clv")
    }
