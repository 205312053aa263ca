"""How far long work has come: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_EVERY_SECONDS = 10.0


def in_words(seconds: float) -> str:
    """Return a time to come as a person would say it.

    >>> in_words(41.2), in_words(400), in_words(5100)
    ('41 s', '7 min', '1 h 25 min')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Reporter:
    """Tells people of steps and of how far they have come; machines are told nothing.

    Parameters
    ----------
    stream : text file, optional
        Where it is told; standard error, so that results stay alone on standard output.
    quiet : bool
        Tell nothing.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._console = Console(file=stream or sys.stderr, quiet=quiet, highlight=False)

    def say(self, text: str) -> None:
        """Tell one plain line."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def steps(self, label: str, total: int, done: int = 0) -> Iterator[Callable[[str], None]]:
        """Count steps of known number; the yielded function takes a note on each."""
        if self._console.is_terminal and not self._console.quiet:
            with self._bar(label, total, done) as step:
                yield step
        else:
            yield self._lines(label, total, done)

    @contextmanager
    def _bar(self, label: str, total: int, done: int) -> Iterator[Callable[[str], None]]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self._console) as bar:
            task = bar.add_task(label, total=total, completed=done, note="")
            yield lambda note: bar.update(task, advance=1, note=note)

    def _lines(self, label: str, total: int, done: int) -> Callable[[str], None]:
        """Return a step that tells the first, the last, and one every ten seconds."""
        count, told = done, 0.0

        def step(note: str) -> None:
            nonlocal count, told
            count += 1
            if count == total or time.monotonic() - told >= _EVERY_SECONDS:
                told = time.monotonic()
                self.say(f"{label}: {count} of {total}  {note}".rstrip())

        return step
