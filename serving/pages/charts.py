"""Drawings as coordinates, which a template puts into SVG: dots, bars and lines over a scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 400, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 40

Say = Callable[[float], str]


@dataclass(frozen=True)
class Dot:
    """A mark: where it is, what it is, and what is said of it."""

    x: float
    y: float
    kind: str
    said: str


@dataclass(frozen=True)
class Bar:
    """A stroke from one height to another."""

    x: float
    y1: float
    y2: float
    kind: str


@dataclass(frozen=True)
class Line:
    """A line through points, as SVG has them."""

    points: str
    kind: str


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    said: str


@dataclass(frozen=True)
class Chart:
    """A drawing: its marks, and the places named on its axes."""

    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    dots: tuple[Dot, ...] = ()
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    rules: tuple[Tick, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


@dataclass(frozen=True)
class Scale:
    """From values to places on a drawing."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def across(cls, low: float, high: float) -> Scale:
        """Return a scale from left to right."""
        return cls(low, high, _LEFT, WIDTH - _RIGHT)

    @classmethod
    def up(cls, low: float, high: float) -> Scale:
        """Return a scale from the bottom up."""
        return cls(low, high, HEIGHT - _BOTTOM, _TOP)

    def __call__(self, value: float) -> float:
        """Return where a value is, within the drawing."""
        span = self.high - self.low
        part = (value - self.low) / span if span > 0 else 0.5
        return round(self.start + min(max(part, 0.0), 1.0) * (self.end - self.start), 1)

    def ticks(self, say: Say, most: int = 5) -> tuple[Tick, ...]:
        """Return round values on it, and what stands there."""
        return tuple(
            Tick(self(value), say(value)) for value in round_values(self.low, self.high, most)
        )


def round_values(low: float, high: float, most: int = 5) -> list[float]:
    """Return round values between two ends, at most so many and one.

    >>> round_values(0.0, 0.83), round_values(0, 1234)
    ([0.0, 0.2, 0.4, 0.6, 0.8], [0.0, 500.0, 1000.0])
    """
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def path(points: Sequence[tuple[float, float]]) -> str:
    """Return points as SVG's polyline has them."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def reliability(tenths: Sequence[dict[str, float]], say: Say) -> Chart:
    """Draw what came against what was predicted, a dot for each tenth of the customers.

    Parameters
    ----------
    tenths : sequence of dict
        As `training.tenths.tenths` gives them.
    say : callable
        A value in words.
    """
    ends = [held.get(name, 0.0) for held in tenths for name in ("predicted", "actual", "high")]
    low = min(0.0, *ends)
    high = 1.05 * max([*ends, 0.01])
    x, y = Scale.across(low, high), Scale.up(low, high)
    bars = tuple(
        Bar(x(held["predicted"]), y(held["low"]), y(held["high"]), "chance")
        for held in tenths
        if "low" in held
    )
    dots = tuple(Dot(x(held["predicted"]), y(held["actual"]), _of(held), "") for held in tenths)
    straight = Line(path([(x(low), y(low)), (x(high), y(high))]), "even")
    return Chart(x.ticks(say), y.ticks(say), dots, bars, (straight,))


def _of(held: dict[str, float]) -> str:
    inside = "low" not in held or held["low"] <= held["actual"] <= held["high"]
    return "held" if inside else "off"


def by_week(
    weeks: Sequence[str],
    values: Sequence[float | None],
    say: Say,
    rules: Sequence[tuple[float, str]] = (),
) -> Chart:
    """Draw a figure week by week, with the heights that it is judged by.

    Parameters
    ----------
    weeks : sequence of str
        What stands under each.
    values : sequence of float or None
        None where there is none: the line has a gap there.
    say : callable
        A value in words.
    rules : sequence of (float, str)
        Heights, and the name of each.
    """
    known = [value for value in values if value is not None]
    low = min([0.0, *known])
    high = 1.1 * max([*known, *(height for height, _ in rules), 1e-9])
    x, y = Scale.across(0, max(len(weeks) - 1, 1)), Scale.up(low, high)
    dots = tuple(
        Dot(x(week), y(value), "held", "") for week, value in enumerate(values) if value is not None
    )
    lines = tuple(
        Line(path([(x(week), y(values[week])) for week in part]), "found")  # type: ignore[arg-type]
        for part in _unbroken(values)
        if len(part) > 1
    )
    named = tuple(Tick(y(height), said) for height, said in rules)
    return Chart(_named_weeks(weeks, x), y.ticks(say, 4), dots, (), lines, named)


def beside(
    weeks: Sequence[str],
    predicted: Sequence[float | None],
    came: Sequence[float | None],
    say: Say,
) -> Chart:
    """Draw week by week what came, as dots, beside what was predicted, as circles.

    Parameters
    ----------
    weeks : sequence of str
        What stands under each.
    predicted, came : sequence of float or None
        None where it is not known.
    say : callable
        A value in words.
    """
    known = [value for value in (*predicted, *came) if value is not None]
    x = Scale.across(-0.5, len(weeks) - 0.5)
    y = Scale.up(min([0.0, *known]), 1.1 * max([*known, 1e-9]))
    bars = tuple(
        Bar(x(week), y(told), y(real), "apart")
        for week, (told, real) in enumerate(zip(predicted, came, strict=True))
        if told is not None and real is not None
    )
    dots = tuple(
        Dot(x(week), y(value), kind, "")
        for kind, values in (("guess", predicted), ("held", came))
        for week, value in enumerate(values)
        if value is not None
    )
    return Chart(_named_weeks(weeks, x), y.ticks(say, 4), dots, bars)


def _unbroken(values: Sequence[float | None]) -> list[list[int]]:
    parts: list[list[int]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append(place)
    return [part for part in parts if part]


def _named_weeks(weeks: Sequence[str], x: Scale, most: int = 6) -> tuple[Tick, ...]:
    """Return as many weeks as can be read beside each other, the last among them."""
    every = max(1, math.ceil(len(weeks) / most))
    return tuple(Tick(x(place), weeks[place]) for place in range(len(weeks) - 1, -1, -every))
