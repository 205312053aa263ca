"""The garbage collector of a service: kept away from what lives as long as the process."""

from __future__ import annotations

import gc

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


def settle() -> None:
    """Throw away what is dead, and have the collector look at what lives no more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
