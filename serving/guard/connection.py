"""A connection whose caller sends the head of a request in time, or loses it.

The guard sees a call once its head is whole. Who begins one and never ends it would hold a
connection for ever, and each takes a file of the process. An answer leaves in one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import h11
from uvicorn.protocols.http import auto
from uvicorn.protocols.http.h11_impl import H11Protocol


class _InOnePiece:
    """A transport that holds an answer's head until its body, or its end, is there.

    Two pieces would wake the caller twice, and take the system twice the time.

    Parameters
    ----------
    transport : Transport
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._head = transport, b""

    def write(self, data: bytes) -> None:
        """Write what is held and this, or hold it if it is a head that something follows."""
        if self._head:
            data, self._head = self._head + data, b""
            self._transport.write(data)
        elif data.startswith(b"HTTP/") and not data.startswith(b"HTTP/1.1 100"):
            self._head = data
        elif data:
            self._transport.write(data)

    def close(self) -> None:
        """Write what is held, and close."""
        if self._head:
            self.write(b"")
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Punctual(H11Protocol):
    """HTTP/1.1 as uvicorn has it, with a deadline for heads.

    Between two requests uvicorn's own keep-alive bounds the wait; a body is the guard's to bound.

    Parameters
    ----------
    seconds : callable
        Tells how long a head may take, from its first byte or from the connection.
    """

    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, seconds: Callable[[], float], **more: Any) -> None:
        super().__init__(*given, **more)
        self._seconds = seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(_InOnePiece(transport))  # type: ignore[arg-type]
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes; a head that it leaves unfinished is waited for."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._cancel()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self._seconds(), self._close)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()


def install(seconds: Callable[[], float]) -> None:
    """Have uvicorn, as BentoML starts it, serve connections so.

    Parameters
    ----------
    seconds : callable
        As `Punctual` has it.
    """
    # BentoML leaves uvicorn to choose its protocol, and this is what uvicorn then takes.
    held: Any = auto
    held.AutoHTTPProtocol = partial(Punctual, seconds=seconds)
