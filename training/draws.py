"""What each trial of a study tries: drawn from the seed and the trial's number, nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_AT_RANDOM = 8  # trials before the first that learns from those before it


class Draws(BaseSampler):
    """A tree-structured Parzen estimator (Bergstra et al. 2011), seeded anew for each trial.

    For one worker, a trial's number is how many came to an end before it. A trial that a kill cut
    off did not, so its successor draws what it drew, from the same history: a study that was
    taken up again tries the same settings as one that was never broken off. Several workers know
    of one another only what is in the storage, so theirs is the storage's own number, which no
    two share, and each keeps away from what the others are trying.

    Parameters
    ----------
    seed : int
    alone : bool
        Whether nobody else works on the study.
    """

    def __init__(self, seed: int, alone: bool) -> None:
        self._seed = seed
        self._alone = alone
        self._estimator = self._for_number(0)

    def _for_number(self, number: int) -> TPESampler:
        mixed = np.random.SeedSequence([self._seed, number, int(self._alone)])
        return TPESampler(
            seed=int(mixed.generate_state(1)[0]),
            n_startup_trials=_AT_RANDOM,
            constant_liar=not self._alone,
        )

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Seed the estimator for a trial."""
        ended = study.get_trials(deepcopy=False, states=ENDED) if self._alone else ()
        self._estimator = self._for_number(len(ended) if self._alone else trial.number)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the dimensions that are drawn together."""
        return self._estimator.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw the dimensions that are drawn together."""
        return self._estimator.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one dimension by itself."""
        return self._estimator.sample_independent(study, trial, param_name, param_distribution)
