"""The child of a model that passed the gate: fitted alike, on all that is known by now.

No later period is left to measure it on, so it carries its parent's figures as an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import ModuleType
from typing import Any

from configs.errors import StamkundeError
from configs.schema import Config
from training import ensemble
from training.baselines import Absent, Contender
from training.model import Model
from training.split import Split


class RefitError(StamkundeError):
    """A model that cannot be fitted on all that is known by now."""


def child(
    config: Config,
    kind: ModuleType,
    data: Split,
    parent: Model,
    settings: Mapping[str, Any],
    rounds: Sequence[int],
) -> Model:
    """Fit what the parent is, the ensemble or the baseline that won, on other examples.

    Parameters
    ----------
    config : Config
    kind : module
        Of the task: `training.churn` or `training.clv`.
    data : Split
        What is known by now, as the task's ``known_by_now`` returns it.
    parent : Model
        What passed the gate.
    settings : mapping
        Those that tuning chose.
    rounds : sequence of int
        Of the trees.

    Raises
    ------
    RefitError
        If a baseline that could be fitted before cannot be now.
    """
    if parent.name == ensemble.NAME:
        fitted = kind.fit(data, settings, rounds, config.seed)
    else:
        fitted = _baseline(kind.contenders(config, data, parent)[1:], parent.name)
    return replace(fitted, timing=parent.timing)


def _baseline(contenders: Sequence[Contender | Absent], name: str) -> Model:
    for each in contenders:
        if isinstance(each, Contender) and each.name == name:
            return each.model
    why = "; ".join(each.why for each in contenders if isinstance(each, Absent))
    raise RefitError(
        f"refit: {name} passed the gate but cannot be fitted on all that is known by now ({why}); "
        "promote the version that was measured, or set refit: never"
    )


def cutoffs(told: Mapping[str, Any], data: Split) -> dict[str, Any]:
    """Return the cut-offs of a child's manifest, from those of its parent's.

    ``known`` is the day up to which it learned: no outcome on that day or later is in it.
    """
    if data.cutoffs is None:
        return {"split": "none: fitted on all rows"}
    return {
        "fit": _days(data.cutoffs.fit),
        "known": data.cutoffs.test.isoformat(),
        **{key: told[key] for key in ("horizon_days", "learns_days", "gap_days")},
    }


def facts(told: Mapping[str, Any], data: Split, parent: str) -> dict[str, Any]:
    """Return what a child's card says: what its parent's does, under a note of what it is.

    Parameters
    ----------
    told : mapping
        The parent's facts.
    data : Split
        What the child was fitted on.
    parent : str
        The digest of the parent's bundle.
    """
    fit = [] if data.cutoffs is None else _days(data.cutoffs.fit)
    held = {"bundle": parent, "figures": "estimate", "fit": fit, "customers": len(data.fit)}
    return {
        **told,
        "schema": data.schema.digest,
        "refit": {**held, "said": _said(fit, len(data.fit), parent)},
    }


def _said(fit: Sequence[str], rows: int, parent: str) -> str:
    on = f"on {len(fit)} cut-offs from {fit[0]} to {fit[-1]}" if len(fit) > 1 else ""
    on = on or (f"at the cut-off {fit[0]}" if fit else "on all customers")
    return (
        f"Fitted {on}: {rows:,} rows, all that is known by now, with the settings of its parent, "
        f"the bundle {parent[:12]}…. No later period is left to measure it on: all figures, plots "
        "and reasons below are its parent's, as an estimate."
    )


def _days(days: Sequence[date]) -> list[str]:
    return [day.isoformat() for day in days]
