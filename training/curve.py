"""A trial's curve: what XGBoost tells a study of each round, and where it ends early."""

from __future__ import annotations

import optuna
import xgboost as xgb


class Curve(xgb.callback.TrainingCallback):
    """Reports a metric of a set to a trial each few rounds, and ends one that is not worth more.

    Values of different trials are set beside each other, so the metric must mean the same in
    all: a Tweedie likelihood, say, does only where its power is not tuned.

    Parameters
    ----------
    trial : Trial
        Of a study that minimises.
    data, metric : str
        As XGBoost names them; smaller is better.
    every : int
        Rounds between two reports. Each is written to disk, so not every round.
    not_before : int
        No trial is ended in an earlier round. Small learning rates are behind at first.

    Raises
    ------
    TrialPruned
        Out of ``xgboost.train``, where the study's pruner says so.
    """

    def __init__(
        self,
        trial: optuna.Trial,
        data: str,
        metric: str,
        every: int = 10,
        not_before: int = 50,
    ) -> None:
        super().__init__()
        self.trial = trial
        self.data = data
        self.metric = metric
        self.every = every
        self.not_before = not_before

    def after_iteration(
        self,
        model: xgb.Booster,  # noqa: ARG002 - XGBoost hands it over
        epoch: int,
        evals_log: xgb.callback.TrainingCallback.EvalsLog,
    ) -> bool:
        """Report a round, and end the trial if it is not worth going on."""
        rounds = epoch + 1
        if rounds % self.every == 0:
            self.trial.report(float(evals_log[self.data][self.metric][-1]), rounds)
            if rounds >= self.not_before and self.trial.should_prune():
                raise optuna.TrialPruned(f"worse than most after {rounds} rounds")
        return False
