"""Rows in chunks that stay in a processor's cache, over the threads there are.

What is done to a row does not depend on the rows beside it, so that chunks change no bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

ROWS = 2048
"""The most in a chunk."""


def threads() -> int:
    """Return how many threads to use: OMP_NUM_THREADS, or one a processor."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(asked)) if asked.isdigit() else os.cpu_count() or 1


def in_chunks(work: Callable[[slice], object], rows: int) -> None:
    """Do the work on each chunk of so many rows."""
    if rows <= ROWS:
        work(slice(0, rows))
        return
    chunks = [slice(first, min(first + ROWS, rows)) for first in range(0, rows, ROWS)]
    count = min(threads(), len(chunks))
    if count == 1:
        for chunk in chunks:
            work(chunk)
        return
    with ThreadPoolExecutor(count) as pool:
        for _ in pool.map(work, chunks):  # which raises what a chunk raised
            pass
