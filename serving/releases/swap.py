"""What is served at present, and how another release takes its place while calls go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from anyio import CapacityLimiter, to_thread

from configs.errors import StamkundeError
from features.database import DatabaseError
from serving.guard.log import log
from serving.releases.kept import note_served
from serving.releases.release import Pointer, Release, ReleaseError, pointer, release_by_digest
from serving.releases.shadow import Recent, try_out
from serving.scoring.assessment import schemas
from serving.scoring.online import Online

EVERY = 0.5
"""Seconds between two looks at which release is to be served."""


@dataclass(frozen=True)
class Waiting:
    """A release that is to be served, and is not.

    Parameters
    ----------
    release : str
        Its digest.
    since : datetime
        When it was first seen.
    why : str
    """

    release: str
    since: datetime
    why: str


@dataclass
class Served:
    """What answers calls; a call reads it once, so that no answer mixes two releases.

    Parameters
    ----------
    online : Online
    waiting : Waiting, optional
        The release that is to take its place, while it cannot.
    recent : Recent
        The latest calls, on which a release is tried before it answers any.
    """

    online: Online
    waiting: Waiting | None = None
    recent: Recent = field(default_factory=Recent)


class Successor:
    """Puts the release that is to be served in the place of the one that is, once it can be.

    A release is loaded with every hash checked, waits until the store holds the features that it
    takes, is tried in the shadow, and then swapped. Whatever fails leaves the old one serving;
    it is tried again when the pointer is written anew or the store is filled.

    Parameters
    ----------
    served : Served
    var : Path
        The base's run-time folder.
    """

    def __init__(self, served: Served, var: Path) -> None:
        self._served, self._var = served, var
        self._seen: Pointer | None = None
        self._release: Release | None = None
        self._tried: object = None  # with what in the store

    def look(self, at: datetime) -> None:
        """Look once, and do what can be done; nothing is raised.

        Parameters
        ----------
        at : datetime
            Now.
        """
        self._forget()
        try:
            seen = pointer(self._var)
        except OSError:
            return  # a folder that is out of reach says nothing about what is to be served
        if seen.digest == self._served.online.release.digest:
            self._seen = self._release = self._tried = self._served.waiting = None
            return
        try:
            self._advance(seen, at)
        except DatabaseError as error:
            self._tried = None  # the store is out of reach: that is no trial
            self._wait(seen, str(error), at)
        except StamkundeError as error:
            self._wait(seen, str(error), at)
        except Exception as error:
            # A bundle that breaks a library must not end the looking. Texts may quote data.
            self._wait(seen, f"it cannot be used ({type(error).__name__})", at)

    def _forget(self) -> None:
        """Drop who asked to be forgotten from the calls that are kept."""
        permission = self._served.online.permission
        try:
            if permission is not None:
                self._served.recent.forget(permission.marks)
        except (StamkundeError, OSError) as error:
            log.error("marks", why=type(error).__name__)  # calls are refused for the same reason

    def _advance(self, seen: Pointer, at: datetime) -> None:
        if seen != self._seen:
            self._seen, self._release, self._tried = seen, None, None
            self._release = self._loaded(seen.digest)
        if self._release is None:
            return  # it could not be loaded, and has not been promoted again since
        candidate = replace(self._served.online, release=self._release)
        stored = self._stored(candidate)
        if stored == self._tried:
            return
        self._tried = stored
        found = try_out(candidate, self._served.online, self._served.recent.calls(), at)
        before = self._served.online.release.digest
        self._served.online, self._served.waiting = candidate, None
        note(candidate, self._var)
        log.info("swapped", before=before, release=seen.digest, **vars(found))

    def _loaded(self, digest: str) -> Release:
        release = release_by_digest(self._var, digest)
        base = self._served.online.release.base
        if release.base != base:
            raise ReleaseError(f"the release is of {release.base!r}, and {base!r} is served here")
        return release

    def _stored(self, candidate: Online) -> object:
        """Return what the store holds for a release, which must be all that it takes.

        Raises
        ------
        ReleaseError
            If a set is missing or of another day than the others, though customers are asked for
            by id: sets of the release that serves are there.
        """
        held = _days(candidate)
        if None in held.values() and not any(_days(self._served.online).values()):
            return held  # nobody fills the store: features are always given
        if None in held.values():
            missing = sum(day is None for day in held.values())
            raise ReleaseError(
                f"the store lacks the features of {missing} of its {len(held)} feature schemas; "
                "run: stamkunde features --as-of DATE --store"
            )
        if len(set(held.values())) > 1:
            raise ReleaseError(
                "the features that the store holds for it are of different days; "
                "run: stamkunde features --as-of DATE --store"
            )
        return held

    def _wait(self, seen: Pointer, why: str, at: datetime) -> None:
        # Callers are told no place on this machine.
        why = why.replace(f"{self._var}/", "")
        held = self._served.waiting
        if held and (held.release, held.why) == (seen.digest, why):
            return
        since = held.since if held and held.release == seen.digest else at
        self._served.waiting = Waiting(seen.digest[:64], since, why)
        log.warning("waiting", release=seen.digest[:64], why=why)


def note(online: Online, var: Path) -> None:
    """Have the store keep the features that a release takes, as long as it answers."""
    try:
        note_served(var, online.release)
    except OSError as error:
        log.warning("not noted", why=type(error).__name__)  # it answers all the same


def _days(online: Online) -> dict[str, str | None]:
    """Return the day that each of a release's sets in the store is of; None where it has none."""
    base = online.release.base
    found = {digest: online.store.first(base, digest, 1) for digest in schemas(online.release)}
    return {digest: rows[0][1] if rows else None for digest, rows in found.items()}


@asynccontextmanager
async def following(served: Served, var: Path) -> AsyncIterator[None]:
    """Have a release that is promoted meanwhile served, until the block ends."""
    task = asyncio.create_task(_follow(Successor(served, var)))
    try:
        yield
    finally:
        task.cancel()


async def _follow(successor: Successor) -> None:
    # A thread of its own: those that score are all for calls.
    own = CapacityLimiter(1)
    while True:
        await asyncio.sleep(EVERY)
        await to_thread.run_sync(successor.look, datetime.now(UTC), limiter=own)
