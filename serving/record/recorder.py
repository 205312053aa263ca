"""Entries put on record in groups: at once where the disk is quick, else beside the event loop.

To hand a write to a thread and back takes as long as the write. So the calls that one turn of the
loop has ready are written by the loop itself, in one commit; where the disk is slow, somebody else
is writing, or a server holds the record, by a thread, and the loop waits for no disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread

from configs.errors import StamkundeError
from serving.record.draft import Draft, LedgerError
from serving.record.ledger import Ledger

_TOGETHER = 1_000  # entries of one commit: more would keep the first waiting
_QUICK_S = 0.010  # a commit that takes longer is slow
_RESTING_S = 1.0  # how long the loop writes nothing itself after two slow commits


@dataclass
class _Pace:
    """Whether the disk is quick enough for the event loop to wait for it.

    One slow commit in some hundreds is SQLite's checkpoint; two on end are a slow disk.
    """

    _slow: int = 0
    _resting_until: float = 0.0

    def is_quick(self, now: float) -> bool:
        """Say whether to write at once."""
        return now >= self._resting_until

    def took(self, seconds: float, now: float) -> None:
        """Take note of a commit."""
        self._slow = self._slow + 1 if seconds > _QUICK_S else 0
        if self._slow >= 2:
            self._slow, self._resting_until = 1, now + _RESTING_S


@dataclass(frozen=True)
class _Call:
    """What one call must have on record before it is answered."""

    drafts: Sequence[Draft]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


@dataclass(frozen=True)
class Recorder:
    """Writes to the record for the calls of one event loop.

    Parameters
    ----------
    ledger : Ledger
    clock : callable
        Gives seconds, by which slow commits are told from quick ones.
    """

    ledger: Ledger
    clock: Callable[[], float] = time.perf_counter
    _light: list[_Call] = field(default_factory=list)  # of this turn of the loop
    _calls: SimpleQueue[_Call | None] = field(default_factory=SimpleQueue)
    _running: Event = field(default_factory=Event)
    _ended: Event = field(default_factory=Event)
    _pace: _Pace = field(default_factory=_Pace)

    def start(self) -> None:
        """Begin to write."""
        self._running.set()
        Thread(target=self._run, name="recorder", daemon=True).start()

    def stop(self) -> None:
        """End once what was put so far is written."""
        self.flush()
        self._running.clear()
        self._calls.put(None)

    def begin(self, drafts: Sequence[Draft], light: bool = False) -> asyncio.Future[None]:
        """Begin to record drafts, all or none; they are on disk once the future is done.

        Light ones, which take no longer than to hand them to a thread, may be written by the loop.
        It raises what `Ledger.write` does; and `LedgerError` if nothing is written any more.
        """
        loop = asyncio.get_running_loop()
        call = _Call(drafts, loop, loop.create_future())
        if not drafts:
            call.done.set_result(None)
        elif light:
            self._light.append(call)
            loop.call_soon(self.flush)  # with all else that this turn of the loop has ready
        else:
            self._hand_over([call])
        return call.done

    async def put(self, drafts: Sequence[Draft]) -> None:
        """Record drafts; they are on disk when this returns."""
        await self.begin(drafts)

    def flush(self) -> None:
        """Write what is light now, or hand it over: for who knows that no more comes."""
        group = self._light[:]
        self._light.clear()
        if group and not self._written_at_once(group):
            self._hand_over(group)

    def _written_at_once(self, group: Sequence[_Call]) -> bool:
        begun = self.clock()
        if not self._running.is_set() or not self._pace.is_quick(begun):
            return False
        try:
            self.ledger.write([draft for call in group for draft in call.drafts], wait=False)
        except StamkundeError:
            return False  # nothing is written: the thread waits, or finds whose fault it is
        except Exception as error:  # whatever it is, a call must not wait for ever
            _wake(group, error)
            return True
        now = self.clock()
        self._pace.took(now - begun, now)
        _wake(group, None)
        return True

    def _hand_over(self, group: Sequence[_Call]) -> None:
        for call in group:
            self._calls.put(call)
        if self._ended.is_set():
            self._refuse_all()  # these too, where they came after the writer's own look

    def _run(self) -> None:
        try:
            while (first := self._calls.get()) is not None:
                group, last = self._waiting(first)
                self._write(group)
                if last:
                    return
        finally:  # in whatever way it ends: a call must not wait for ever
            self._running.clear()
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
