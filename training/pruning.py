"""Which trials are ended early."""

from __future__ import annotations

import optuna


def pruner(prune: bool) -> optuna.pruners.BasePruner:
    """Return what ends a trial that, at some step, is worse than half of those completed were.

    The median is taken over completed trials alone. So what a killed trial left behind does not
    weigh on the ones after it, as it would in successive halving, and a study on one worker that
    is taken up again prunes exactly what it would have pruned. The first trials always complete.
    """
    if not prune:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_min_trials=5)
