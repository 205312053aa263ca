"""An Optuna study that can be taken up again where it was broken off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from configs.load import dump, sections_hash
from configs.schema import Config
from training.progress import Reporter

_STALE_LOCK_SECONDS = 5  # a writer holds the lock for milliseconds; a killed one never lets go


def study_name(config: Config, task: str, fingerprint: str) -> str:
    """Name a study for all that its trials depend on, so that only the same one is taken up."""
    sections = ("sources", "features", "timeline", task, "seed", "timezone")
    digest = sections_hash(dump(config), *sections)
    whole = hashlib.sha256(f"{digest}{fingerprint}".encode()).hexdigest()
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
    if done == 0 and first:
        study.enqueue_trial(dict(first), skip_if_exists=True)
    with reporter.steps(label, trials, done) as step:
        while done < trials and (done == 0 or time.monotonic() < deadline):
            study.sampler = optuna.samplers.TPESampler(
                seed=seed + done, n_startup_trials=8, constant_liar=False
            )
            study.optimize(objective, n_trials=1)
            done = len(finished(study))
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
    """Try every combination of a few options, in a shuffled order, up to a budget."""
    combinations = prod(len(values) for values in options.values())
    total, deadline = min(most, combinations), time.monotonic() + 60 * minutes
    study.sampler = optuna.samplers.GridSampler(dict(options), seed=seed)
    done = len(finished(study))
    with reporter.steps(label, total, done) as step:
        while done < total and (done == 0 or time.monotonic() < deadline):
            study.optimize(objective, n_trials=1)
            done = len(finished(study))
            step(f"best {study.best_value:.4f}")
