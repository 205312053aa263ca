"""A connection whose caller sends the head of a request in time, or loses it.

The guard sees a call once its head is whole. Who begins one and never ends it would hold a
connection for ever, and each takes a file of the process. An answer leaves in one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http import auto
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 65_536
"""Bytes of a request's head."""

_LARGE = 65_536  # bytes of a body that are not worth a copy

_TOO_LONG = "The head of the request is too long."


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
            head, self._head = self._head, b""
            if len(data) > _LARGE:
                self._transport.write(head)
            else:
                data = head + data
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


class Punctual(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn has it, with a deadline and a bound for heads.

    Between two requests uvicorn's own keep-alive bounds the wait; a body is the guard's to bound.

    Parameters
    ----------
    seconds : callable
        Tells how long a head may take, from its first byte or from the connection.
    """

    _deadline: asyncio.TimerHandle | None = None
    _in_head = False
    _head = 0  # bytes of the head so far, and of what comes behind the chunks of a body
    _unread = 0  # bytes since the last that were part of a body, or ended a head

    def __init__(self, *given: Any, seconds: Callable[[], float], **more: Any) -> None:
        super().__init__(*given, **more)
        self._seconds = seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(_InOnePiece(transport))  # type: ignore[arg-type]
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes; a head that it leaves unfinished is waited for."""
        self._unread += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unread > MOST_HEAD:
            self.send_400_response(_TOO_LONG)
        elif self._deadline is None and (self._in_head or self._is_idle()):
            self._wait()

    def on_message_begin(self) -> None:
        """Count a head from its first byte."""
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the path."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or what comes behind the chunks of a body."""
        self._count(name + value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Wait no more."""
        self._cancel()
        self._in_head, self._unread = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the request."""
        self._unread = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._cancel()
        super().connection_lost(exc)

    def _count(self, part: bytes) -> None:
        self._head += len(part)
        if self._head > MOST_HEAD:
            raise ValueError(_TOO_LONG)  # which the parser gives up on, and uvicorn answers 400

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

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
