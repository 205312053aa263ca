"""Calls that one turn of the event loop has ready: scored in one go, each answered by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from serving.record.recorder import Recorder
from serving.scoring.online import Call, Online
from serving.scoring.prepared import PreparedScores
from serving.watching.note import Watch

Begun = tuple[PreparedScores, "asyncio.Future[None]"]
"""A call's answer to be, and what is done once its record is on disk."""


@dataclass(frozen=True)
class _Waiting:
    online: Online
    call: Call
    done: asyncio.Future[Begun]


@dataclass(frozen=True)
class Together:
    """Scores the calls of a few customers that come at the same time together.

    No call waits for another: those that are there once the loop gets to it are taken, be it one.
    What the models cost is mostly the same for one customer and for twenty.

    Parameters
    ----------
    recorder : Recorder
    watch : Watch
        Told of the scores that are on record.
    """

    recorder: Recorder
    watch: Watch
    _waiting: list[_Waiting] = field(default_factory=list)

    def begin(self, online: Online, call: Call) -> asyncio.Future[Begun]:
        """Begin to score a call of a few customers, and to put the scores on record.

        The future raises what `Online.prepare` does.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        waiting = _Waiting(online, call, loop.create_future())
        self._waiting.append(waiting)
        return waiting.done

    def _flush(self) -> None:
        waiting = self._waiting[:]
        self._waiting.clear()
        by_release: dict[int, list[_Waiting]] = {}  # two, in the turn in which they are swapped
        for each in waiting:
            by_release.setdefault(id(each.online), []).append(each)
        for alike in by_release.values():
            self._score(alike[0].online, alike)

    def _score(self, online: Online, waiting: Sequence[_Waiting]) -> None:
        try:
            prepared = online.together([each.call for each in waiting])
            drafts = [
                held.drafts(online.ledger, each.call.at)
                for held, each in zip(prepared, waiting, strict=True)
            ]
        except Exception as error:
            self._failed(online, waiting, error)
            return
        for each, held, entries in zip(waiting, prepared, drafts, strict=True):
            written = self.recorder.begin(entries, light=True)
            if not each.done.done():  # it is where the caller has left
                each.done.set_result((held, written))
        self.recorder.flush()
        # They are written in this order, so that the last stands for all.
        written.add_done_callback(partial(self._note, waiting, prepared))

    def _failed(self, online: Online, waiting: Sequence[_Waiting], error: Exception) -> None:
        """Fail a call; of several, find out which are at fault."""
        if len(waiting) > 1:
            for each in waiting:
                self._score(online, [each])
        elif not waiting[0].done.done():
            waiting[0].done.set_exception(error)

    def _note(
        self,
        waiting: Sequence[_Waiting],
        prepared: Sequence[PreparedScores],
        written: asyncio.Future[None],
    ) -> None:
        if written.cancelled() or written.exception() is not None:
            return
        at = waiting[-1].call.at
        for assessed in {id(held.assessed): held.assessed for held in prepared}.values():
            self.watch.note(assessed, at)
