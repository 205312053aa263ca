"""The index follows the record beside the service, which it never keeps from answering for long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event

from configs.errors import StamkundeError
from serving.guard.log import log
from serving.record.beside import beside
from serving.record.index import Index
from serving.record.ledger import Ledger

_EVERY = 5.0  # seconds between two looks at a record that has nothing new
_ENTRIES = 50  # a step: some milliseconds, for which a call may have to wait
_REST = 10  # times as long as a step took, so that answering keeps nine tenths of a processor


@contextmanager
def following(index: Index, ledger: Ledger) -> Iterator[None]:
    """Keep an index near its record's end while this lasts."""
    with beside(partial(_follow, index, ledger), "index"):
        yield


def _follow(index: Index, ledger: Ledger, ended: Event) -> None:
    rest = 0.0
    while not ended.wait(rest):
        began = time.monotonic()
        try:
            at_end = index.catch_up(ledger, within=0, entries=_ENTRIES)
        except StamkundeError as error:
            log.warning("not indexed", error=type(error).__name__)
            at_end = True
        rest = _EVERY if at_end else _REST * (time.monotonic() - began)
