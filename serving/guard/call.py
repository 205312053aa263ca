"""One call: its body within bounds, its answer in time, and what is to be told of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from serving.guard.headers import put_on
from serving.guard.refusal import RefusalError
from serving.problem import ProblemError

BODY_SECONDS = 10.0
"""How long a caller may take to send a body, if the time-out is not sooner."""

_SMALL = 65_536  # bytes of a body that is not wanted, and yet read to keep the connection
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Call:
    """One request and its answer.

    Attributes
    ----------
    id : str
        Made here, told to the caller and the log; what a caller calls it is not taken over.
    route : str
        The template of the path.
    status : int
        Of the answer; 0 as long as there is none.
    cut : bool
        Whether it was answered while the application still works at it.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.headers = scope, dict(scope["headers"])
        self.id = secrets.token_hex(8)
        self.route = "unknown"
        self.status = 0
        self.cut = False
        self._receive, self._send = receive, send
        self._begun = time.perf_counter()
        declared = self.headers.get(b"content-length", b"0")
        # What the parser lets through is digits; more than 20 of them is more than there is.
        self._declared = int(declared[:20]) if declared.isdigit() else 0
        self._chunked = b"transfer-encoding" in self.headers
        self._whole = not self._chunked and not self._declared
        self._read = 0
        self._limit = 0
        self._timer: asyncio.TimerHandle | None = None
        self._leave: Callable[[], None] | None = None

    @property
    def method(self) -> str:
        """Its method; of those that nobody serves, `other`."""
        method = str(self.scope["method"])
        return method if method in _METHODS else "other"

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return time.perf_counter() - self._begun

    def bound(self, most_bytes: int) -> None:
        """Bound the body.

        Raises
        ------
        RefusalError
            413 if it is declared too large, 415 if it is compressed.
        """
        self._limit = most_bytes
        if self._declared > most_bytes:
            raise RefusalError(413, "size", self._too_large())
        if self.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise RefusalError(
                415, "encoding", "a body is read as it is: send it without Content-Encoding"
            )

    def in_hand(self, leave: Callable[[], None]) -> None:
        """Take what is to be called once the work has ended."""
        self._leave = leave

    def due(self, seconds: float, late: Callable[[RefusalError], None]) -> None:
        """Have the call answered after a time-out whatever the application does.

        The thread that works at it cannot be ended: it goes on, its answer is thrown away, and
        the call stays in hand until it is done, so that late work does not pile up unseen.
        """
        loop = asyncio.get_running_loop()

        def look() -> None:
            if self.status:
                return
            left = seconds - self.seconds
            if left <= 0.001:
                late(RefusalError(504, "time_out", f"no answer was found within {seconds:g} s"))
            elif self._whole:
                self._timer = loop.call_later(left, look)
            else:
                said = f"the body did not come within {min(BODY_SECONDS, seconds):g} s"
                late(RefusalError(408, "slow_body", said))

        first = seconds if self._whole else min(BODY_SECONDS, seconds - 0.01)
        self._timer = loop.call_later(first, look)

    async def receive(self) -> Message:
        """Read on; what is more than may be is not read."""
        message = await self._receive()
        self._read += len(message.get("body", b""))
        self._whole = self._whole or not message.get("more_body", False)
        if self._read > self._limit:
            # Starlette's own kind, which the application answers as any other problem.
            raise HTTPException(413, self._too_large(), {"Connection": "close"})
        return message

    async def send(self, message: Message) -> None:
        """Answer, if that was not done already."""
        if self.cut:
            return
        if message["type"] == "http.response.start":
            self._begin(message)
        await self._send(message)

    async def refuse(self, problem: ProblemError) -> None:
        """Answer with a problem, if there is no answer yet."""
        if not self.status and not self.cut:
            await self._refused(problem)

    async def cut_short(self, problem: ProblemError) -> None:
        """Answer with a problem in the application's place, having set `cut`."""
        await self._refused(problem)

    def end(self) -> None:
        """Say that the work has ended."""
        if self._timer is not None:
            self._timer.cancel()
        if self._leave is not None:
            self._leave()
            self._leave = None

    async def _refused(self, problem: ProblemError) -> None:
        response = problem.response({"Connection": "close"} if self._leaves_much() else {})

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(message)
            await self._send(message)

        await response(self.scope, self._receive, send)

    def _leaves_much(self) -> bool:
        """Say whether so much of the body is unread that the connection is better closed."""
        much = self._chunked or self._declared > _SMALL or b"expect" in self.headers
        return not self._whole and (much or self._timer is not None)

    def _begin(self, message: Message) -> None:
        self._note(message)
        self.end()  # what is left is to send, which a slow reader may draw out

    def _note(self, message: Message) -> None:
        self.status = message["status"]
        put_on(message, self.id, self.scope.get("scheme") == "https")

    def _too_large(self) -> str:
        return f"a body may have {self._limit / 1_000_000:g} MB; send less"
