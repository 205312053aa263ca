"""The planner: all features of a base, at all of its cut-offs, in as few passes as can be.

What is costly is bringing millions of lines to orders and days, and laying days in their order;
what is cheap is adding them up. So lines are gathered once, whatever the number of cut-offs, and
features over one set of rows are one aggregate, whatever filters it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from features.asof import AsOf
from features.behaviour import Behaviour
from features.definition import Feature, Frame


@dataclass(frozen=True)
class Plan:
    """How some features are computed at some cut-offs.

    Parameters
    ----------
    features : sequence of Feature
    behaviours : sequence
        The kinds of rows that make a customer known, each with its frames.
    at : AsOf
    """

    features: Sequence[Feature]
    behaviours: Sequence[Behaviour]
    at: AsOf

    def gathered(self) -> dict[Frame, ir.Table]:
        """Return what is gathered once for all cut-offs."""
        settled = (behaviour for behaviour in self.behaviours if behaviour.settled)
        return {frame: rows for each in settled for frame, rows in each.gather().items()}

    def table(self, gathered: Mapping[Frame, ir.Table]) -> ir.Table:
        """Return all features of everybody who is known at each cut-off.

        Parameters
        ----------
        gathered : mapping of Frame to Table
            What `gathered` returned, or tables that keep it.
        """
        behaved = [self._features_of(behaviour, gathered) for behaviour in self.behaviours]
        return self.at.dated(reduce(partial(_meet, self.at.keys), behaved))

    def _features_of(self, behaviour: Behaviour, gathered: Mapping[Frame, ir.Table]) -> ir.Table:
        """Return a behaviour's features, beginning with the rows that hold every customer."""
        frames = behaviour.frames(gathered if behaviour.settled else behaviour.gather())
        sets: dict[ops.Relation, dict[str, ir.Value]] = {frames[behaviour.everybody].op(): {}}
        for feature in self.features:
            if feature.frame not in frames:
                continue
            known = feature.rows(frames[feature.frame])
            value, rows = feature.of(known), known.op()
            if isinstance(rows, ops.Filter):
                value, rows = _over(value, rows), rows.parent
            sets.setdefault(rows, {})[feature.name] = _conditional(value)
        made = [rows.to_expr().group_by(self.at.keys).aggregate(**of) for rows, of in sets.items()]
        return reduce(partial(_widen, self.at.keys), made)


def _widen(keys: Sequence[str], left: ir.Table, right: ir.Table) -> ir.Table:
    return left.left_join(right, keys).drop([f"{key}_right" for key in keys])


def _meet(keys: Sequence[str], left: ir.Table, right: ir.Table) -> ir.Table:
    """Return the features of who is known by either."""
    both = left.outer_join(right, keys)
    known = {key: ibis.coalesce(both[key], both[f"{key}_right"]) for key in keys}
    return both.mutate(**known).drop([f"{key}_right" for key in keys])


def _over(value: ir.Value, rows: ops.Filter) -> ir.Value:
    """Return a value of filtered rows as one of all, each reduction in it filtered instead."""
    predicate = ibis.and_(*(each.to_expr() for each in rows.predicates)).op()

    def step(node: ops.Node, changed: dict | None) -> ops.Node:
        parts = changed or dict(zip(node.argnames, node.args, strict=True))
        if isinstance(node, ops.Field):
            return ops.Field(rows.parent, node.name)
        if isinstance(node, ops.CountStar | ops.CountDistinctStar):
            parts["arg"] = rows.parent
        if isinstance(node, ops.Reduction):
            own = parts["where"]
            parts["where"] = predicate if own is None else ops.And(predicate, own)
        return node.__recreate__(parts)

    return value.op().replace(step, filter=ops.Value).to_expr()


def _conditional(value: ir.Value) -> ir.Value:
    """Return a value with its reductions' conditions in their arguments.

    DuckDB takes several times as long over an aggregate with a filter.
    """

    def step(node: ops.Node, changed: dict | None) -> ops.Node:
        parts = changed or dict(zip(node.argnames, node.args, strict=True))
        where = parts.get("where")
        if where is None or type(node) not in _TAKE_NULLS:
            return node if changed is None else node.__recreate__(parts)
        if isinstance(node, ops.CountStar):
            return ops.Count(where.to_expr().ifelse(1, None))
        return type(node)(where.to_expr().ifelse(parts["arg"].to_expr(), None))

    return value.op().replace(step, filter=ops.Value).to_expr()


_TAKE_NULLS = (ops.Sum, ops.Count, ops.CountStar, ops.CountDistinct, ops.Min, ops.Max)
"""Reductions that pass over what is missing."""
