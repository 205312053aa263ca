"""The interpreter of a service: neither its garbage collector nor a thread holds up a call."""

from __future__ import annotations

import gc
import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NEW_OBJECTS = 50_000
"""After so many the collector looks; Python's own 700 has it look several times a call."""


def settled(app: ASGIApp) -> ASGIApp:
    """Return an application that, once started, has the collector leave alone what it loaded.

    Looking through the models and libraries takes the collector 0.1 s and more, in the midst of
    some call.
    """

    async def settling(scope: Scope, receive: Receive, send: Send) -> None:
        async def started(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                settle()
            await send(message)

        await app(scope, receive, started if scope["type"] == "lifespan" else send)

    return settling


_TURN_S = 0.0005
"""How long a thread that counts keeps the one that answers waiting; Python's own 5 ms is as long
as two calls take."""


def settle() -> None:
    """Throw away what is dead, have the collector look at what lives no more, and share time."""
    sys.setswitchinterval(_TURN_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
