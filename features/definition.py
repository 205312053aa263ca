"""How a feature is defined: a short function over one frame, with what its reader is told.

A feature takes a frame of what was known at each cut-off and returns an aggregate of it::

    @feature(days, unit="days", idea="recency", label="days since the last purchase", …)
    def days_since_purchase(days):
        return days.age.min()

With ``windowed=True`` it is built once for each window of the config, and takes the window's
length in days as its second argument; ``{window}`` in its labels stands for it. With ``roles`` it
is built once for each declared kind of event that has one of them, over the rows of that kind;
``{kind}`` in its labels and its idea stands for the kind.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import ibis.expr.types as ir

Frame = Callable[..., ir.Table]


@dataclass(frozen=True)
class Kind:
    """A declared kind of event.

    Parameters
    ----------
    name, role : str
    label, label_da : str
        What it is called in plain English and Danish.
    valued : bool
        Whether its events have a value.
    """

    name: str
    role: str
    label: str
    label_da: str
    valued: bool


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
    kind : str, optional
        The one kind of event whose rows it is of.
    needs : tuple of str
        Optional canonical columns, or roles of events, without which it is not built.
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
        The code of its body, and all of that which its frame lies among.
    """

    name: str
    frame: Frame
    expression: Callable[..., ir.Value]
    window: int | None
    kind: str | None
    needs: tuple[str, ...]
    unit: str
    idea: str
    label: str
    label_da: str
    actionable: bool
    against: str | None
    empty: float | None
    source: str

    def rows(self, frame: ir.Table) -> ir.Table:
        """Return the rows of its frame that it is of."""
        return frame.filter(frame.kind == self.kind) if self.kind else frame

    def of(self, rows: ir.Table) -> ir.Value:
        """Return the aggregate of its rows."""
        value = self.expression(rows, self.window) if self.window else self.expression(rows)
        return value.cast("float64")

    @property
    def definition(self) -> str:
        """A digest of how it is computed: its body, the frames' code, its window and kind."""
        parts = [self.source, str(self.window), str(self.empty)]
        text = "\n".join([*parts, self.kind] if self.kind else parts)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Written:
    """A feature as it is written, before it is built for each kind and window."""

    feature: Feature
    windowed: bool
    roles: tuple[str, ...]

    def build(self, windows: Sequence[int], kinds: Sequence[Kind]) -> list[Feature]:
        asked = [kind for kind in kinds if kind.role in self.roles]
        if "value" in self.feature.needs:
            asked = [kind for kind in asked if kind.valued]
        return [
            self._of(kind, window)
            for kind in (asked if self.roles else [None])
            for window in (windows if self.windowed else [None])
        ]

    def _of(self, kind: Kind | None, window: int | None) -> Feature:
        written, ending = self.feature, f"_{window}d" if window else ""
        if kind is None:
            return replace(
                written,
                name=written.name + ending,
                window=window,
                label=written.label.format(window=window),
                label_da=written.label_da.format(window=window),
            )
        return replace(
            written,
            name=f"{kind.name}_{written.name}{ending}",
            window=window,
            kind=kind.name,
            idea=written.idea.format(kind=kind.name.replace("_", " ")),
            label=written.label.format(window=window, kind=kind.label),
            label_da=written.label_da.format(window=window, kind=kind.label_da),
        )


@dataclass
class Family:
    """The features of one file, in the order they are written."""

    features: list[_Written] = field(default_factory=list)

    def feature(
        self,
        frame: Frame,
        *,
        windowed: bool = False,
        roles: tuple[str, ...] = (),
        unit: str,
        idea: str,
        label: str,
        label_da: str,
        needs: tuple[str, ...] = (),
        actionable: bool = False,
        against: str | None = None,
        empty: float | None = None,
    ) -> Callable[[Callable[..., ir.Value]], Callable[..., ir.Value]]:
        """Make the decorated function a feature; its name is the column's."""

        def declare(expression: Callable[..., ir.Value]) -> Callable[..., ir.Value]:
            feature = Feature(
                name=expression.__name__,
                frame=frame,
                expression=expression,
                window=None,
                kind=None,
                needs=needs,
                unit=unit,
                idea=idea,
                label=label,
                label_da=label_da,
                actionable=actionable,
                against=against,
                empty=empty,
                # Read when the module is, as a file may change under a process that runs for long.
                source=f"{_body(expression)}\n{frame.__name__}\n{_code_beside(frame)}",
            )
            self.features.append(_Written(feature, windowed, roles))
            return expression

        return declare

    def build(
        self, windows: Sequence[int], columns: set[str], kinds: Sequence[Kind] = ()
    ) -> list[Feature]:
        """Return the features that can be built from a table with these columns and kinds."""
        built = [feature for each in self.features for feature in each.build(windows, kinds)]
        held = columns | {kind.role for kind in kinds}
        return [feature for feature in built if set(feature.needs) <= held]


def _body(function: Callable[..., Any]) -> str:
    """Return a function's source without decorators, docstring and name."""
    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source).body[0]
    if not isinstance(tree, ast.FunctionDef):
        return source
    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    return "\n".join(ast.get_source_segment(source, part) or "" for part in body)


@cache
def _code_beside(frame: Frame) -> str:
    """Return the code of a frame's module, without docstrings: frames are made of one another."""
    tree = ast.parse(inspect.getsource(sys.modules[frame.__module__]))
    told = (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef))
    for node in told:
        node.body = node.body[1:] if ast.get_docstring(node) else node.body
    return ast.dump(tree)
