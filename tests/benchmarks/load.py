"""Load on a service: many calls from a process of its own, each timed from when it was due.

In a closed loop every connection asks again once it is answered. In an open loop calls are due at
a given rate whether or not earlier ones are answered; one that is sent late, as no connection was
free, is timed from when it was due, so that a service that stalls cannot hide it.
"""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
BEGUN = b"!"
"""What the process that puts the load on says when it begins."""


@dataclass(frozen=True)
class Load:
    """What is to be asked, how often.

    Parameters
    ----------
    port : int
        Of the loopback.
    path : str
    bodies : sequence of bytes
        Of JSON, one a call; they are asked in turn, from the first again after the last.
    seconds : float
        How long calls are made that count.
    connections : int
    rate : float, optional
        Calls a second, in an open loop; a closed one unless given.
    headers : tuple of (str, str)
    warm : float
        Seconds of calls before, in a closed loop, that do not count.
    once : bool
        Whether a closed loop ends, before its seconds are over, once each body was asked.
    keep : bool
        Whether the answers are wanted too.
    """

    port: int
    path: str
    bodies: Sequence[bytes]
    seconds: float
    connections: int = 1
    rate: float | None = None
    headers: tuple[tuple[str, str], ...] = ()
    warm: float = 0.0
    once: bool = False
    keep: bool = False


@dataclass
class Found:
    """How the calls were answered.

    Parameters
    ----------
    seconds : float
        From the first call that counts to the last answer.
    times : dict of int to list of float
        Seconds of the calls by the status of the answer, ascending.
    broken : int
        Calls whose connection ended before the answer did.
    unanswered : int
        Calls without an answer long after the end.
    asked : int
        All calls, those that do not count too.
    asked_again : int
        Calls with a body that had been asked before.
    cpu_s : float
        Processor time of the load itself.
    answers : list of bytes
        Bodies of the answers with status 200, where they are to be kept.
    """

    seconds: float = 0.0
    times: dict[int, list[float]] = field(default_factory=dict)
    broken: int = 0
    unanswered: int = 0
    asked: int = 0
    asked_again: int = 0
    cpu_s: float = 0.0
    answers: list[bytes] = field(default_factory=list)

    @property
    def statuses(self) -> dict[int, int]:
        """How many calls were answered so, by status."""
        return {status: len(times) for status, times in sorted(self.times.items())}

    @property
    def rate(self) -> float:
        """Calls a second that were answered 200."""
        return len(self.times.get(200, ())) / self.seconds

    def ms(self, part: float, status: int = 200) -> float:
        """Return the time in milliseconds within which so large a part of the calls was answered.

        Parameters
        ----------
        part : float
            Such as 0.99.
        status : int
            Of the answers that count.
        """
        times = self.times.get(status, [])
        return 1e3 * times[max(0, math.ceil(part * len(times)) - 1)] if times else math.nan


class Running:
    """Load that is being put on a service by a process of its own, from its first call on."""

    def __init__(self, load: Load) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.generator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self._process.stdin.write(pickle.dumps(load))
        self._process.stdin.close()
        if not self._process.stdout.read(len(BEGUN)):
            raise RuntimeError("no load could be put on the service; see above")

    def found(self) -> Found:
        """Wait for the end; return how the calls were answered."""
        content = self._process.stdout.read()
        if self._process.wait() != 0:
            raise RuntimeError("the load on the service was cut off; see above")
        return pickle.loads(content)


def put(load: Load) -> Found:
    """Put load on a service from a process of its own; return how the calls were answered."""
    return Running(load).found()
