"""What a running service does beside its answering, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def beside(run: Callable[[Event], object], name: str) -> Iterator[None]:
    """Run something until the block ends, which sets the event that it is given."""
    ended = Event()
    thread = Thread(target=run, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
