"""Processes that try a study's settings side by side, at the word of the one that began them.

They are spawned, not forked: neither DuckDB's nor OpenMP's threads live through a fork, and a fit
in a forked process may wait for ever for threads that are not there. So the objective is sent to
each, with the data that it holds, and all see the same rows; each opens the storage for itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from threadpoolctl import threadpool_limits

from configs.errors import StamkundeError
from training.draws import Draws
from training.pruning import pruner
from training.study import Place

Objective = Callable[[optuna.Trial], float]
_SPAWN = multiprocessing.get_context("spawn")
_SECONDS_TO_LEAVE = 5.0


class WorkerError(StamkundeError):
    """Work that a worker could not do, or workers that all died."""


class Worker:
    """One process, seen from the one that began it.

    Parameters
    ----------
    place : Place
        Of the study.
    objective : callable
        Must be picklable: a function of a module, or a `functools.partial` or an object of one.
    seed : int
    prune : bool
    threads : int
        For the numerical libraries.
    """

    def __init__(
        self, place: Place, objective: Objective, *, seed: int, prune: bool, threads: int
    ) -> None:
        self.words, theirs = _SPAWN.Pipe()
        self.trial: int | None = None
        told = (place, objective, seed, prune, threads, theirs)
        self.process: BaseProcess = _SPAWN.Process(target=_work, args=told, daemon=True)
        self.process.start()
        theirs.close()  # so that its death is the end of our side too

    def begin(self) -> None:
        """Let it try one more trial."""
        with suppress(BrokenPipeError):  # it died; whoever hears it is told so
            self.words.send("begin")

    def heard(self) -> TrialState | None:
        """Return how its trial ended, or none while it goes on.

        Raises
        ------
        EOFError
            If the process died.
        WorkerError
            If the objective raised an error.
        """
        try:
            word, held = self.words.recv()
        except ConnectionResetError:
            raise EOFError from None
        if word == "raised":
            raise WorkerError(held)
        self.trial = held if word == "begun" else None
        return held if word == "ended" else None

    def leave(self) -> None:
        """Let it go: at once where it waits for work, by force where it has some."""
        self.words.close()
        if self.trial is None:
            self.process.join(_SECONDS_TO_LEAVE)
        if self.process.is_alive():
            self.process.terminate()
        self.process.join()


def together(
    workers: list[Worker],
    study: optuna.Study,
    *,
    may_begin: Callable[[int], bool],
    ended: Callable[[TrialState], None],
) -> None:
    """Let workers try trials for as long as more may be begun.

    Parameters
    ----------
    workers : list of Worker
        One that dies is taken off; its trial counts as failed, and the others go on.
    study : Study
    may_begin : callable
        Whether another trial may be begun while so many are under way.
    ended : callable
        Is told how each trial ended.

    Raises
    ------
    WorkerError
        If an objective raised an error, or no worker is left.
    """
    idle, busy = list(workers), dict[Any, Worker]()
    while True:
        while idle and may_begin(len(busy)):
            worker = idle.pop()
            worker.begin()
            busy[worker.words] = worker
        if not busy:
            return
        for words in wait(list(busy)):
            worker = busy[words]
            try:
                state = worker.heard()
            except EOFError:
                del busy[words]
                _give_up(worker, study)
                if not (idle or busy):
                    raise _all_died(worker) from None
                continue
            if state is not None:
                del busy[words]
                idle.append(worker)
                ended(state)


def _give_up(worker: Worker, study: optuna.Study) -> None:
    """Count as failed the trial that a dead worker leaves."""
    if worker.trial is not None:
        with suppress(ValueError):  # it had come to its end
            study.tell(worker.trial, state=TrialState.FAIL)


def _all_died(last: Worker) -> WorkerError:
    last.process.join()
    return WorkerError(
        f"tuning: every worker died (the last with exit code {last.process.exitcode}); no trial "
        "that came to an end is lost. If memory ran out, give fewer --workers; the same command "
        "goes on from here"
    )


def share_of_threads(workers: int) -> int:
    """Return how many threads each of some workers may use, so that they do not crowd the cores."""
    return max(1, (os.cpu_count() or 1) // workers)


def _work(
    place: Place, objective: Objective, seed: int, prune: bool, threads: int, words: Connection
) -> None:
    """Try trials one at a time, each when told to, until the other side is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began this one is told as well
    threading.Thread(target=_leave_with_parent, daemon=True).start()

    def announced(trial: optuna.Trial) -> float:
        words.send(("begun", trial.number))
        return objective(trial)

    def tell(_: optuna.Study, trial: FrozenTrial) -> None:
        words.send(("ended", trial.state))

    with suppress(EOFError, OSError), threadpool_limits(threads):
        try:
            study = place.open()
            study.sampler = Draws(seed, alone=False)
            study.pruner = pruner(prune)
            while words.recv():
                study.optimize(announced, n_trials=1, callbacks=[tell])
        except StamkundeError as error:
            words.send(("raised", str(error)))
        except (EOFError, OSError):
            raise
        except Exception:
            words.send(("raised", traceback.format_exc()))


def _leave_with_parent() -> None:
    """End this process when the one that began it is gone, however that came to be."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
