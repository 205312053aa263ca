"""An Optuna study that can be taken up again where it was broken off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from configs.errors import StamkundeError
from configs.load import dump, sections_hash
from configs.schema import Config
from training.progress import Reporter

_STALE_LOCK_SECONDS = 5  # a writer holds the lock for milliseconds; a killed one never lets go


class TuningError(StamkundeError, ArithmeticError):
    """A trial whose objective is no number: nothing can be chosen by it."""


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
    digest = sections_hash(dump(config), *sections)
    whole = hashlib.sha256(f"{digest}{fingerprint}{code}".encode()).hexdigest()
    return f"{config.name}-{task}-{whole[:16]}"


def study_at(folder: Path, name: str) -> optuna.Study:
    """Open a study, or begin it; trials that a kill left running count as failed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    file = str(folder / f"{name}.journal")
    lock = JournalFileOpenLock(file, grace_period=_STALE_LOCK_SECONDS)
    storage = JournalStorage(JournalFileBackend(file, lock_obj=lock))
    study = optuna.create_study(
        storage=storage, study_name=name, direction="minimize", load_if_exists=True
    )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the trials that were completed, in their order."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _waiting(study: optuna.Study) -> list[dict[str, Any]]:
    """Return the settings that are set down to be tried next."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    return [trial.system_attrs["fixed_params"] for trial in trials]


def tune(
    study: optuna.Study,
    objective: Callable[[optuna.Trial], float],
    *,
    trials: int,
    minutes: float,
    seed: int,
    first: Mapping[str, Any] | None,
    reporter: Reporter,
    label: str,
) -> None:
    """Run a study until it holds so many completed trials, or the time is up.

    The sampler is seeded anew for each trial by how many were completed, so that a study which
    was broken off and taken up again tries the same settings as one that was not.

    Parameters
    ----------
    study : Study
    objective : callable
        What is minimised.
    trials, minutes : int, float
        The budget; trials completed earlier count, minutes are those of this call.
    seed : int
    first : mapping, optional
        Settings of the first trial.
    reporter : Reporter
    label : str
        What the work is called.
    """
    deadline = time.monotonic() + 60 * minutes
    done = len(finished(study))
    if done == 0 and first and not _waiting(study):
        study.enqueue_trial(dict(first))
    with reporter.steps(label, trials, done) as step:
        while done < trials and (done == 0 or time.monotonic() < deadline):
            study.sampler = optuna.samplers.TPESampler(
                seed=seed + done, n_startup_trials=8, constant_liar=False
            )
            done = _try_one(study, objective, label)
            step(f"best {study.best_value:.4f}")


def search_all(
    study: optuna.Study,
    objective: Callable[[optuna.Trial], float],
    *,
    options: Mapping[str, Sequence[Any]],
    most: int,
    minutes: float,
    seed: int,
    reporter: Reporter,
    label: str,
) -> None:
    """Try every combination of a few options once, in a shuffled order, up to a budget."""
    combinations = [
        dict(zip(options, values, strict=True)) for values in product(*options.values())
    ]
    total, deadline = min(most, len(combinations)), time.monotonic() + 60 * minutes
    study.sampler = optuna.samplers.RandomSampler(seed=seed)
    tried = [trial.params for trial in finished(study)]
    done, known = len(tried), [*tried, *_waiting(study)]
    for number in np.random.default_rng(seed).permutation(len(combinations)):
        if combinations[number] not in known:
            study.enqueue_trial(combinations[number])
    with reporter.steps(label, total, done) as step:
        while done < total and (done == 0 or time.monotonic() < deadline):
            done = _try_one(study, objective, label)
            step(f"best {study.best_value:.4f}")


def _try_one(study: optuna.Study, objective: Callable[[optuna.Trial], float], label: str) -> int:
    """Run the next trial; return how many are completed by now."""
    before = len(finished(study))
    study.optimize(objective, n_trials=1)
    done = len(finished(study))
    if done == before:
        raise TuningError(
            f"{label}: what was to be minimised is not a number: the customers' outcomes are "
            "all alike, so that no order of them is better; bring others, or another horizon"
        )
    return done
