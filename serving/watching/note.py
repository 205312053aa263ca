"""What a service or a batch counts of the scores it gives, off the way of any answer."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Event, Lock, Thread

import numpy as np

from configs.errors import StamkundeError
from serving.guard.log import failed, log
from serving.scoring.assessment import Assessments
from serving.watching.bins import Reference, Rows
from serving.watching.drift import drift
from serving.watching.metrics import drift_metrics
from serving.watching.seen import Counts, Of, Seen, add, add_all, week_of
from training.bundle import Bundle

EVERY = 10.0
"""Seconds between two times that counts are written: what a kill loses at most."""

_LOOKS_EVERY = 2.0  # seconds between two looks at what waits to be counted
_MANY = 4_096  # customers that are counted without waiting for the next look


class References:
    """The bins of bundles, each read once."""

    def __init__(self) -> None:
        self._held: dict[str, Reference] = {}

    def of(self, bundle: Bundle) -> Reference:
        """Return a bundle's."""
        held = self._held.pop(bundle.digest, None) or Reference(bundle)
        self._held[bundle.digest] = held
        return held

    def latest(self) -> list[Reference]:
        """Return those of the bundles that were asked for last, one a task."""
        held = {each.bundle.model.task: each for each in list(self._held.values())}
        return list(held.values())


@dataclass(frozen=True)
class Given:
    """What is counted of some scores by one bundle; nothing else of them is held meanwhile."""

    at: datetime
    bundle: Bundle
    inputs: np.ndarray
    learned: np.ndarray
    served: np.ndarray
    codes: list[str | None]
    unseen: list[tuple[str, ...]]


def given(assessed: Assessments, at: datetime) -> Iterator[Given]:
    """Yield what is counted of an assessment, by bundle."""
    customers = assessed.customers
    for scores in assessed.tasks.values():
        inputs = customers.matrices[scores.bundle.model.inputs.digest]
        served = scores.explanation.served
        yield Given(
            at, scores.bundle, inputs, scores.learned, served, scores.codes, customers.unseen
        )


def counted(held: Iterable[Given], zone: str, references: References) -> Counts:
    """Return how scores fall into their bundles' bins; who has a code instead is in none.

    Parameters
    ----------
    held : iterable of Given
    zone : str
        The base's.
    references : References
    """
    together: dict[tuple[date, str], list[Given]] = {}
    weeks: dict[datetime, date] = {}
    for each in held:
        minute = each.at.replace(second=0, microsecond=0)  # none of which lies in two weeks
        if minute not in weeks:
            weeks[minute] = week_of(minute, zone)
        together.setdefault((weeks[minute], each.bundle.digest), []).append(each)
    counts: Counts = {}
    known: dict[tuple[int, ...], Rows] = {}
    for (week, digest), alike in together.items():
        answered = np.array([code is None for each in alike for code in each.codes], dtype=bool)
        if not answered.any():
            continue
        # Tasks that are asked of the same customers take the same features, mostly in one binning.
        same = (*(id(each.inputs) for each in alike), hash(answered.tobytes()))
        if same not in known:
            inputs = _joined([each.inputs for each in alike], answered)
            known[same] = Rows(inputs, _unseen(alike))
        learned = _joined([each.learned for each in alike], answered)
        served = _joined([each.served for each in alike], answered)
        found = references.of(alike[0].bundle).count(known[same], learned, served)
        add(counts, Of(week, alike[0].bundle.model.task, digest), found)
    return counts


def _joined(parts: list[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    whole = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return whole if chosen.all() else whole[chosen]


def _unseen(alike: list[Given]) -> Counter[str]:
    """Count the rows that have a category of a feature that was not seen in training."""
    return Counter(
        name
        for each in alike
        if any(each.unseen)
        for names, code in zip(each.unseen, each.codes, strict=True)
        if code is None
        for name in names
    )


class Watch:
    """Counts the scores that a service gives, in a thread of its own.

    A caller's answer waits for none of it. The counts are written every `EVERY` seconds and when
    the service stops: one that is killed loses what it gave since, for the drift alone.

    Parameters
    ----------
    seen : Seen
    zone : str
        The base's.
    """

    def __init__(self, seen: Seen, zone: str) -> None:
        self.seen, self._zone = seen, zone
        self._references = References()
        self._waiting: deque[Given] = deque()
        self._customers = 0
        self._counts: Counts = {}
        self._called, self._stopping = Event(), Event()
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._working = Lock()

    def start(self) -> None:
        """Begin to count."""
        self._thread.start()

    def note(self, assessed: Assessments | None, at: datetime) -> None:
        """Have scores counted that have been given."""
        if assessed is None:
            return
        self._waiting.extend(given(assessed, at))
        self._customers += len(assessed)  # about: a turn lost among threads calls a little later
        if self._customers >= _MANY:
            self._called.set()

    def flush(self) -> None:
        """Count what waits, and write what is counted; what cannot be written waits for more."""
        with self._working:
            self._count()
            try:
                self.seen.add(self._counts)
                self._counts = {}
            except StamkundeError as error:
                log.warning("not counted", why=str(error))

    def tell(self, at: datetime) -> None:
        """Tell Prometheus how far this week's scores lie from the reference."""
        held = self._references.latest()
        if not held:
            return
        week = week_of(at, self._zone)
        counts = self.seen.since(week)
        for reference in held:
            drift_metrics().tell(drift(reference, counts, [week]))

    def stop(self) -> None:
        """End, once all is written."""
        self._stopping.set()
        self._called.set()
        if self._thread.is_alive():
            self._thread.join()
        self.flush()
        self.seen.close()

    def _run(self) -> None:
        written = time.monotonic()
        while not self._stopping.is_set():
            self._called.wait(_LOOKS_EVERY)
            self._called.clear()
            try:
                if time.monotonic() - written < EVERY:
                    with self._working:
                        self._count()
                else:
                    self.flush()
                    self.tell(datetime.now(UTC))
                    written = time.monotonic()
            except Exception as error:  # what is counted wrongly must not end the counting
                failed(error, "watching")

    def _count(self) -> None:
        held = []
        self._customers = 0
        while self._waiting:
            held.append(self._waiting.popleft())
        add_all(self._counts, counted(held, self._zone, self._references))
