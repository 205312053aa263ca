"""The process that puts load on a service: cheap, as the service shares the machine with it."""

from __future__ import annotations

import asyncio
import gc
import pickle
import re
import sys
from collections import deque
from contextlib import suppress
from time import perf_counter, process_time

from tests.benchmarks.load import BEGUN, Found, Load

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)

LAST_ANSWERS = 30.0
"""Seconds that are waited for what was asked before the end."""


class Generator:
    """Deals calls out to connections, and puts down how they were answered."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests = [_request(load, body) for body in load.bodies]
        self._asked = 0
        self._free: deque[_Connection] = deque()
        self._due: deque[float] = deque()
        self._in_hand = 0
        self._open_loop = load.rate is not None
        self._dealing = True
        self._begun = self._until = 0.0
        self._over, self._all_asked = asyncio.Event(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.found = Found()

    async def run(self) -> Found:
        await asyncio.gather(*(self._connect() for _ in range(self._load.connections)))
        # What the collector would walk through is here for good; it must not pause a call.
        gc.collect()
        gc.disable()
        sys.stdout.buffer.write(BEGUN)
        sys.stdout.buffer.flush()
        busy = process_time()
        self._begun = perf_counter() + (0.0 if self._open_loop else self._load.warm)
        self._until = self._begun + self._load.seconds
        if self._open_loop:
            await self._deal()
        else:
            while self._free:
                self.ready(self._free.popleft())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_asked.wait(), self._until - perf_counter())
        self._dealing = False
        self._check_over()
        try:
            await asyncio.wait_for(self._over.wait(), LAST_ANSWERS)
        except TimeoutError:
            self.found.unanswered = self._in_hand + len(self._due)
        self.found.cpu_s = process_time() - busy
        self.found.seconds = perf_counter() - self._begun
        self.found.asked = self._asked
        self.found.asked_again = max(0, self._asked - len(self._requests))
        for times in self.found.times.values():
            times.sort()
        return self.found

    async def _deal(self) -> None:
        """Send calls at the rate asked, each on a free connection or on the next that is."""
        assert self._load.rate is not None
        for number in range(int(self._load.rate * self._load.seconds)):
            due = self._begun + number / self._load.rate
            wait = due - perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)  # late: answers must be read all the same
            if self._free:
                self._ask(self._free.popleft(), due)
            else:
                self._due.append(due)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), "127.0.0.1", self._load.port
            )
        except OSError:
            self.found.broken += 1

    def ready(self, connection: _Connection) -> None:
        """Give a connection its next call."""
        now = perf_counter()
        if self._due:
            self._ask(connection, self._due.popleft())
        elif self._open_loop or not self._begun:
            self._free.append(connection)
        elif self._load.once and self._asked >= len(self._requests):
            self._all_asked.set()
        elif now < self._until or not self.found.times:  # a call may take longer than all of it
            self._ask(connection, now)

    def _ask(self, connection: _Connection, due: float) -> None:
        request = self._requests[self._asked % len(self._requests)]
        self._asked += 1
        self._in_hand += 1
        connection.send(request, due)

    def answered(self, connection: _Connection, status: int, body: bytes, again: bool) -> None:
        """Put an answer down, and have the connection ask again, or another in its place."""
        if connection.due >= self._begun:
            self.found.times.setdefault(status, []).append(perf_counter() - connection.due)
        self._in_hand -= 1
        if self._load.keep and status == 200:
            self.found.answers.append(body)
        if again:
            self.ready(connection)
        else:
            self._connect_anew()
        self._check_over()

    def broke(self) -> None:
        """Put down that a connection ended before its answer."""
        self._in_hand -= 1
        self.found.broken += 1
        self._check_over()

    def lost(self, connection: _Connection) -> None:
        """Put another in the place of a connection that the service ended while it was free."""
        if connection in self._free:
            self._free.remove(connection)
            self._connect_anew()

    def _connect_anew(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _check_over(self) -> None:
        if not (self._dealing or self._in_hand or self._due):
            self._over.set()


class _Connection(asyncio.Protocol):
    """One connection, kept alive, with at most one call in hand."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._asking = False
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._generator.ready(self)

    def send(self, request: bytes, due: float) -> None:
        self._head, self._held, self._asking, self.due = b"", b"", True, due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        if not self._head:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head, self._held = self._held[:end], self._held[end + 4 :]
            self._length = int(_LENGTH.search(self._head)[1])
        if len(self._held) < self._length:
            return
        self._asking = False
        again = _CLOSES.search(self._head) is None
        if not again:
            self._transport.close()
        self._generator.answered(self, int(self._head[9:12]), self._held, again)

    def connection_lost(self, _: Exception | None) -> None:
        if self._asking:
            self._asking = False
            self._generator.broke()
        else:
            self._generator.lost(self)


def _request(load: Load, body: bytes) -> bytes:
    headers = {"Host": f"127.0.0.1:{load.port}", "Content-Type": "application/json"}
    headers |= {**dict(load.headers), "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {load.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


if __name__ == "__main__":
    told = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(asyncio.run(Generator(told).run())))
