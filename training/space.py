"""The space of a study: what a config says may be searched, as Optuna draws from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import optuna

from configs.errors import StamkundeError
from configs.tuning import ChoiceDimension, Dimension, IntDimension


class SpaceError(StamkundeError, LookupError):
    """A space that names a setting which its task does not have."""


def require_known(space: Mapping[str, Dimension], known: Iterable[str], task: str) -> None:
    """Refuse a space with a setting that a task does not have.

    Raises
    ------
    SpaceError
        With the name meant, or the names there are.
    """
    names = sorted(known)
    for name in sorted(space):
        if name not in names:
            near = get_close_matches(name, names, n=1)
            advice = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
            raise SpaceError(f"tuning.space.{task}.{name}: is no setting of {task}; {advice}")


def suggest(trial: optuna.Trial, space: Mapping[str, Dimension]) -> dict[str, Any]:
    """Return the settings that a trial tries, one a dimension.

    They are drawn in the order of their names, so that the order in a file changes nothing.
    """
    return {name: _drawn(trial, name, space[name]) for name in sorted(space)}


def _drawn(trial: optuna.Trial, name: str, dimension: Dimension) -> Any:
    if isinstance(dimension, ChoiceDimension):
        return trial.suggest_categorical(name, dimension.of)
    draw = trial.suggest_int if isinstance(dimension, IntDimension) else trial.suggest_float
    return draw(name, dimension.low, dimension.high, log=dimension.log)


def beginning(space: Mapping[str, Dimension], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the point of a space that is nearest to the usual settings: where a study begins.

    A dimension that has no usual value is left for the first trial to draw.
    """
    return {
        name: _nearest(dimension, usual[name])
        for name, dimension in sorted(space.items())
        if name in usual
    }


def _nearest(dimension: Dimension, value: Any) -> Any:
    if isinstance(dimension, ChoiceDimension):
        return value if value in dimension.of else dimension.of[0]
    within = min(max(value, dimension.low), dimension.high)
    return round(within) if isinstance(dimension, IntDimension) else float(within)
