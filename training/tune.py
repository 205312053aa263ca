"""An Optuna study that can be taken up again where it was broken off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from configs.errors import StamkundeError
from configs.load import dump, sections_hash
from configs.schema import Config
from configs.tuning import Tuning
from training.draws import ENDED, Draws
from training.progress import Reporter, in_words
from training.pruning import pruner
from training.study import Place
from training.workers import Objective, Worker, share_of_threads, together

Proposal = Callable[[optuna.Study], Mapping[str, Any] | None]
"""What a study should try next; None where its sampler is to draw it."""


class TuningError(StamkundeError, ArithmeticError):
    """A trial whose objective is no number: nothing can be chosen by it."""


@dataclass(frozen=True)
class Budget:
    """How long a study goes on; whichever ends first.

    Parameters
    ----------
    trials : int
        In all, those of earlier runs included. Pruned ones count, failed ones don't.
    minutes : float
        Of this run. A first trial is always made, so that there is something to choose.
    patience : int, optional
        Trials in a row without a better value.
    """

    trials: int
    minutes: float
    patience: int | None = None

    @classmethod
    def of(cls, tuning: Tuning, space: Mapping[str, Any]) -> Budget:
        """Return the budget that a config gives: one trial where nothing is searched."""
        return cls(tuning.trials if space else 1, tuning.minutes, tuning.patience)

    def allows(self, study: optuna.Study, seconds: float, under_way: int = 0) -> bool:
        """Say whether another trial may be begun, so many seconds into a run."""
        ended = study.get_trials(deepcopy=False, states=ENDED)
        if not ended:
            return under_way < self.trials
        if len(ended) + under_way >= self.trials or seconds >= 60 * self.minutes:
            return False
        return self.patience is None or since_best(ended) < self.patience


def since_best(ended: Sequence[FrozenTrial]) -> int:
    """Return how many trials came after the best one, the first of equals."""
    values = [t.value if t.state == TrialState.COMPLETE else np.inf for t in ended]
    return len(values) - 1 - int(np.argmin(values))


def study_name(config: Config, task: str, fingerprint: str, code: str = "") -> str:
    """Name a study for all that its trials depend on, so that only the same one is taken up.

    Parameters
    ----------
    config : Config
    task : str
    fingerprint : str
        Of the data.
    code : str
        What else they depend on: the code of the search, the features' definitions, libraries.
    """
    sections = ("sources", "features", "timeline", task, "seed", "timezone")
    content = dump(config)
    tuning = content["tuning"]
    searched = {"space": tuning["space"].get(task), "prune": tuning["prune"]}
    digest = sections_hash({**content, "searched": searched}, *sections, "searched")
    whole = hashlib.sha256(f"{digest}{fingerprint}{code}".encode()).hexdigest()
    return f"{config.name}-{task}-{whole[:16]}"


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that were completed, in their order."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def over(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that were completed, pruned, or failed, in their order."""
    return study.get_trials(deepcopy=False, states=(*ENDED, TrialState.FAIL))


def tune(
    place: Place,
    objective: Objective,
    *,
    budget: Budget,
    seed: int,
    first: Mapping[str, Any],
    prune: bool,
    workers: int,
    reporter: Reporter,
    label: str,
) -> optuna.Study:
    """Run a study up to a budget, from where it was left; return it.

    On one worker, the same seed and objective make the same trials, however often the study is
    killed and taken up again, as long as minutes do not end it.

    Parameters
    ----------
    place : Place
    objective : callable
        What is minimised. It may report a curve and be pruned; picklable for several workers.
    budget : Budget
        Of all workers together.
    seed : int
    first : mapping
        Settings of the first trial; those that it does not name are drawn.
    prune : bool
        Whether trials may be ended early.
    workers : int
        Processes; one is this one.
    reporter : Reporter
    label : str
        What the work is called.

    Raises
    ------
    TuningError
        If the objective is no number.
    WorkerError
        If a worker's objective raised an error, or all workers died.
    StorageError
        If the database of the studies cannot be used.
    """
    with place.entered() as (study, nobody_else):
        alone = nobody_else and workers == 1
        study.sampler = Draws(seed, alone)
        study.pruner = pruner(prune)
        if first and not _begun(study):
            study.enqueue_trial(dict(first))
        run = _Run(study, budget, reporter, label)
        if workers == 1:
            run.alone(objective, lambda _: None)
        else:
            run.together(place, objective, workers, seed, prune)
    return study


def search_all(
    place: Place,
    objective: Objective,
    *,
    options: Mapping[str, Sequence[Any]],
    budget: Budget,
    seed: int,
    reporter: Reporter,
    label: str,
    first: Mapping[str, Any] | None = None,
) -> optuna.Study:
    """Try every combination of a few options once, in a shuffled order, up to a budget.

    One of them may be tried before all others.
    """
    names = list(options)
    listed = [dict(zip(names, values, strict=True)) for values in product(*options.values())]
    shuffled = [listed[i] for i in np.random.default_rng(seed).permutation(len(listed))]
    shuffled.sort(key=lambda each: each != first)

    def untried(study: optuna.Study) -> Mapping[str, Any] | None:
        known = [trial.params for trial in study.get_trials(deepcopy=False, states=ENDED)]
        return next((each for each in shuffled if each not in known), None)

    limit = Budget(min(budget.trials, len(shuffled)), budget.minutes, budget.patience)
    with place.entered() as (study, _):
        study.sampler = optuna.samplers.RandomSampler(seed=seed)
        _Run(study, limit, reporter, label).alone(objective, untried)
    return study


def _begun(study: optuna.Study) -> bool:
    """Say whether a trial of the study ended, runs, or is set down to be tried."""
    return any(trial.state != TrialState.FAIL for trial in study.get_trials(deepcopy=False))


class _Run:
    """One run of a study: what it may still do, and how far it has come."""

    def __init__(self, study: optuna.Study, budget: Budget, reporter: Reporter, label: str) -> None:
        self.study = study
        self.budget = budget
        self.reporter = reporter
        self.label = label
        self.start = time.monotonic()
        self.before = self._ended()

    def alone(self, objective: Objective, propose: Proposal) -> None:
        """Try one trial after another in this process."""
        with self._steps() as ended:
            while self._may_begin(0):
                settings = propose(self.study)
                if settings is not None and settings not in self._waiting():
                    self.study.enqueue_trial(dict(settings))
                self.study.optimize(
                    objective, n_trials=1, callbacks=[lambda _, trial: ended(trial.state)]
                )

    def together(
        self, place: Place, objective: Objective, workers: int, seed: int, prune: bool
    ) -> None:
        """Try trials side by side, each in one of some processes."""
        if not self._may_begin(0):
            return
        crew: list[Worker] = []
        try:
            for _ in range(workers):
                threads = share_of_threads(workers)
                crew.append(Worker(place, objective, seed=seed, prune=prune, threads=threads))
            with self._steps() as ended:
                together(crew, self.study, may_begin=self._may_begin, ended=ended)
        finally:
            for worker in crew:
                worker.leave()

    def _may_begin(self, under_way: int) -> bool:
        return self.budget.allows(self.study, time.monotonic() - self.start, under_way)

    def _ended(self) -> int:
        return len(self.study.get_trials(deepcopy=False, states=ENDED))

    def _waiting(self) -> list[dict[str, Any]]:
        """Return the settings that are set down to be tried next."""
        trials = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return [trial.system_attrs["fixed_params"] for trial in trials]

    @contextmanager
    def _steps(self) -> Iterator[Callable[[TrialState], None]]:
        with self.reporter.steps(self.label, self.budget.trials, self.before) as step:

            def ended(state: TrialState) -> None:
                if state == TrialState.FAIL:
                    raise self._no_number()
                step(self._note())

            yield ended

    def _note(self) -> str:
        """Say the best value so far, and how long the rest should take."""
        left = self._seconds_left()
        best = f"best {self.study.best_value:.4f}" if finished(self.study) else ""
        return f"{best}, about {in_words(left)} left" if left > 0 else best

    def _seconds_left(self) -> float:
        now, made = time.monotonic() - self.start, self._ended()
        if not self._may_begin(0) or made == self.before:
            return 0.0
        pace = now / (made - self.before)
        return min(pace * (self.budget.trials - made), 60 * self.budget.minutes - now)

    def _no_number(self) -> TuningError:
        return TuningError(
            f"{self.label}: what was to be minimised is not a number: the customers' outcomes are "
            "all alike, so that no order of them is better; bring others, or another horizon"
        )
