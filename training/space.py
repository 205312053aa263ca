"""The space of a study: what a config says may be searched, as Optuna draws from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import optuna

from configs.errors import StamkundeError
from configs.tuning import ChoiceDimension, Dimension, FloatDimension, IntDimension


class SpaceError(StamkundeError, LookupError):
    """A space that names a setting which its task does not have."""


@dataclass(frozen=True)
class Setting:
    """What a setting may be.

    Parameters
    ----------
    low, high : float, optional
        Both allowed; None for one of a few words.
    whole : bool
        Whether it is a whole number.
    words : tuple of str
    """

    low: float | None = None
    high: float | None = None
    whole: bool = False
    words: tuple[str, ...] = ()

    def allows(self, value: Any) -> bool:
        """Say whether a value is one."""
        if self.low is None or self.high is None:
            return value in self.words
        number = isinstance(value, int if self.whole else int | float)
        return number and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        if self.words:
            return f"one of {', '.join(self.words)}"
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}"


def require_known(
    space: Mapping[str, Dimension], settings: Mapping[str, Setting], task: str
) -> None:
    """Refuse a space with a setting that a task does not have, or a value that it cannot take.

    Raises
    ------
    SpaceError
        With the name meant, or the names there are, or what the setting may be.
    """
    names = sorted(settings)
    for name in sorted(space):
        if name not in names:
            near = get_close_matches(name, names, n=1)
            advice = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
            raise SpaceError(f"tuning.space.{task}.{name}: is no setting of {task}; {advice}")
        dimension = space[name]
        if isinstance(dimension, ChoiceDimension):
            held: tuple[Any, ...] = dimension.of
        else:
            held = (dimension.low, dimension.high)
        wrong = [value for value in held if not settings[name].allows(value)]
        if wrong or (settings[name].whole and isinstance(dimension, FloatDimension)):
            found = ", ".join(map(repr, wrong)) or "numbers that are not whole"
            raise SpaceError(f"tuning.space.{task}.{name}: must be {settings[name]}, got {found}")


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
