"""Entries put on record in groups: calls that come while a commit is under way share the next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread

from configs.errors import StamkundeError
from serving.record.draft import Draft, LedgerError
from serving.record.ledger import Ledger

_TOGETHER = 1_000  # entries of one commit: more would keep the first waiting


@dataclass(frozen=True)
class _Call:
    """What one call must have on record before it is answered."""

    drafts: Sequence[Draft]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


@dataclass(frozen=True)
class Recorder:
    """Writes to the record beside the event loop, which waits for no disk.

    Parameters
    ----------
    ledger : Ledger
    """

    ledger: Ledger
    _calls: SimpleQueue[_Call | None] = field(default_factory=SimpleQueue)
    _ended: Event = field(default_factory=Event)

    def start(self) -> None:
        """Begin to write."""
        Thread(target=self._run, name="recorder", daemon=True).start()

    def stop(self) -> None:
        """End once what was put so far is written."""
        self._calls.put(None)

    def begin(self, drafts: Sequence[Draft]) -> asyncio.Future[None]:
        """Begin to record drafts, all or none; they are on disk once the future is done.

        It raises what `Ledger.write` does; and `LedgerError` if nothing is written any more.
        """
        loop = asyncio.get_running_loop()
        call = _Call(drafts, loop, loop.create_future())
        if not drafts:
            call.done.set_result(None)
            return call.done
        self._calls.put(call)
        if self._ended.is_set():
            self._refuse_all()  # this call too, where it came after the writer's own look
        return call.done

    async def put(self, drafts: Sequence[Draft]) -> None:
        """Record drafts; they are on disk when this returns."""
        await self.begin(drafts)

    def _run(self) -> None:
        try:
            while (first := self._calls.get()) is not None:
                group, last = self._waiting(first)
                self._write(group)
                if last:
                    return
        finally:  # in whatever way it ends: a call must not wait for ever
            self._ended.set()
            self._refuse_all()

    def _refuse_all(self) -> None:
        """Fail what waits to be written, once nothing is."""
        with suppress(Empty):
            while True:
                if (call := self._calls.get_nowait()) is not None:
                    _tell([call], _ended())

    def _waiting(self, first: _Call) -> tuple[list[_Call], bool]:
        """Return what waits to be written, and whether nothing comes after it."""
        group, entries = [first], len(first.drafts)
        while entries < _TOGETHER:
            try:
                call = self._calls.get_nowait()
            except Empty:
                break
            if call is None:
                return group, True
            group.append(call)
            entries += len(call.drafts)
        return group, False

    def _write(self, group: Sequence[_Call]) -> None:
        try:
            self.ledger.write([draft for call in group for draft in call.drafts])
        except LedgerError as error:
            if len(group) > 1:  # an id that is on record is one call's fault, not the others'
                for call in group:
                    self._write([call])
            else:
                _tell(group, error)
        except StamkundeError as error:
            _tell(group, error)
        except Exception as error:  # whatever it is, a call must not wait for ever
            _tell(group, error)
        except BaseException:
            _tell(group, _ended())
            raise
        else:
            _tell(group, None)


def _ended() -> LedgerError:
    return LedgerError("the record is no longer written by this process; start the service again")


def _tell(group: Sequence[_Call], error: Exception | None) -> None:
    """Let calls go on, or fail; one wake of their loop for all."""
    loops = {call.loop for call in group}
    for loop in loops:
        with suppress(RuntimeError):  # it is closed, and so nobody waits there
            loop.call_soon_threadsafe(_wake, [call for call in group if call.loop is loop], error)


def _wake(group: Sequence[_Call], error: Exception | None) -> None:
    for call in group:
        if not call.done.done():  # it is where the caller has left, or time was out
            if error is None:
                call.done.set_result(None)
            else:
                call.done.set_exception(error)
