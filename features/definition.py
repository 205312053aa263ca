"""How a feature is defined: a short function over one frame, with what its reader is told.

A feature takes a frame of what was known at each cut-off and returns an aggregate of it::

    @feature(days, unit="days", idea="recency", label="days since the last purchase", …)
    def days_since_purchase(days):
        return days.age.min()

With ``windowed=True`` it is built once for each window of the config, and takes the window's
length in days as its second argument; ``{window}`` in its labels stands for it.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.types as ir

Frame = Callable[..., ir.Table]


@dataclass(frozen=True)
class Feature:
    """One feature: its expression, and what is said of it.

    Parameters
    ----------
    name : str
        The column's name.
    frame : callable
        The frame it is an aggregate of.
    expression : callable
        The function of that frame.
    window : int, optional
        Look-back in local days.
    needs : tuple of str
        Optional canonical columns without which it is not built.
    unit : str
        ``days``, ``count``, ``share``, ``money`` or ``ratio``.
    idea : str
        What it is about; reasons of one idea are told as one.
    label, label_da : str
        Its name in plain English and Danish.
    actionable : bool
        Whether the company can act on it.
    against : str, optional
        The feature it is naturally held against ("usually every 21 days").
    empty : float, optional
        Its value where the customer has no row in the frame; missing unless given.
    source : str
        The code of its body and its frame's.
    """

    name: str
    frame: Frame
    expression: Callable[..., ir.Value]
    window: int | None
    needs: tuple[str, ...]
    unit: str
    idea: str
    label: str
    label_da: str
    actionable: bool
    against: str | None
    empty: float | None
    source: str

    def of(self, frame: ir.Table) -> ir.Value:
        """Return the aggregate of its frame."""
        value = self.expression(frame, self.window) if self.window else self.expression(frame)
        return value.cast("float64")

    @property
    def definition(self) -> str:
        """A digest of how it is computed: its body, its frame's body, its window."""
        text = "\n".join((self.source, str(self.window), str(self.empty)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Family:
    """The features of one file, in the order they are written."""

    features: list[Callable[[tuple[int, ...]], list[Feature]]] = field(default_factory=list)

    def feature(
        self,
        frame: Frame,
        *,
        unit: str,
        idea: str,
        label: str,
        label_da: str,
        windowed: bool = False,
        needs: tuple[str, ...] = (),
        actionable: bool = False,
        against: str | None = None,
        empty: float | None = None,
    ) -> Callable[[Callable[..., ir.Value]], Callable[..., ir.Value]]:
        """Make the decorated function a feature; its name is the column's."""

        def declare(expression: Callable[..., ir.Value]) -> Callable[..., ir.Value]:
            said: dict[str, Any] = {
                "frame": frame,
                "expression": expression,
                "needs": needs,
                "unit": unit,
                "idea": idea,
                "actionable": actionable,
                "against": against,
                "empty": empty,
                # Read when the module is, as a file may change under a process that runs for long.
                "source": f"{_body(expression)}\n{_body(frame)}",
            }

            def build(windows: tuple[int, ...]) -> list[Feature]:
                if not windowed:
                    name = expression.__name__
                    return [Feature(name, window=None, label=label, label_da=label_da, **said)]
                return [
                    Feature(
                        f"{expression.__name__}_{window}d",
                        window=window,
                        label=label.format(window=window),
                        label_da=label_da.format(window=window),
                        **said,
                    )
                    for window in windows
                ]

            self.features.append(build)
            return expression

        return declare

    def build(self, windows: tuple[int, ...], columns: set[str]) -> list[Feature]:
        """Return the features that can be built from tables with these optional columns."""
        built = [feature for build in self.features for feature in build(windows)]
        return [feature for feature in built if set(feature.needs) <= columns]


def _body(function: Callable[..., Any]) -> str:
    """Return a function's source without decorators, docstring and name."""
    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source).body[0]
    if not isinstance(tree, ast.FunctionDef):
        return source
    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    return "\n".join(ast.get_source_segment(source, part) or "" for part in body)
