"""Reasons in words, for customers who are nobody: what is typical of a band of scores.

Each example is made of the middles of many rows, rounded, so no customer's row can be read from
it; what the model says of it is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from features.schema import FeatureColumn
from training.model import Model
from training.quantities import Value
from training.reasons import Options, Row, Vocabulary, ranked

FEWEST = 20
"""The fewest customers that an example may be made of."""

_DIGITS = 2
_OPTIONS = Options(reasons=3, language="en")
_BANDS = (
    ("low", "the tenth with the lowest predictions", 0.0, 0.1),
    ("middle", "the tenth in the middle", 0.45, 0.55),
    ("high", "the tenth with the highest predictions", 0.9, 1.0),
)


def examples(
    model: Model, matrix: np.ndarray, reference: Mapping[str, Any], config: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return what the model says of the typical customer of low, middle and high predictions.

    Parameters
    ----------
    model : Model
    matrix : ndarray, shape (rows, features)
        Rows that were tested, as the model takes them.
    reference : mapping
        The binned distributions of training, which values are held against.
    config : mapping
        As a bundle holds it.

    Returns
    -------
    list of dict
        ``band``, ``who``, ``customers`` (how many it is made of), ``served``, and the reasons
        that ``raise`` and ``lower`` it; none where a band has fewer than `FEWEST` customers.
    """
    order = np.argsort(model.predict(matrix), kind="stable")
    vocabulary = Vocabulary.read(model.schema, reference, config)
    told = []
    for band, who, low, high in _BANDS:
        rows = matrix[order[round(low * len(order)) : round(high * len(order))]]
        if len(rows) >= FEWEST:
            said = {"band": band, "who": who, "customers": len(rows)}
            told.append(said | _explained(model, vocabulary, typical(model, rows)))
    return told


def typical(model: Model, rows: np.ndarray) -> np.ndarray:
    """Return one row: each number's median in two digits, each category's most frequent.

    What is missing in most rows is missing; learned columns follow from the rounded ones.

    Returns
    -------
    ndarray, shape (1, features)
    """
    built = rows[:, : len(model.inputs.columns)]
    middle = [
        _middle(column, values)
        for column, values in zip(model.inputs.columns, built.T, strict=True)
    ]
    return model.complete(np.array([middle]))


def _middle(column: FeatureColumn, values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    if 2 * len(known) < len(values):
        return np.nan
    if column.kind == "category":
        return float(np.argmax(np.bincount(known.astype(int))))
    return float(f"{np.median(known):.{_DIGITS}g}")


def _explained(model: Model, vocabulary: Vocabulary, row: np.ndarray) -> dict[str, Any]:
    found = model.explain(row)
    plain = Row(
        _plain(model.schema.columns, row[0]),
        found.contributions[0].tolist(),
        found.served_contributions[0].tolist(),
    )
    return {
        "served": float(found.served[0]),
        "raise": [reason["text"] for reason in ranked(vocabulary, plain, 1, _OPTIONS)],
        "lower": [reason["text"] for reason in ranked(vocabulary, plain, -1, _OPTIONS)],
    }


def _plain(columns: Sequence[FeatureColumn], row: np.ndarray) -> list[Value]:
    return [
        None
        if np.isnan(value)
        else column.categories[int(value)]
        if column.kind == "category"
        else float(value)
        for column, value in zip(columns, row, strict=True)
    ]


def markdown(held: Sequence[Mapping[str, Any]], say: Callable[[float], str]) -> str:
    """Return examples as a page of text.

    Parameters
    ----------
    held : sequence of mapping
        As `examples` returned them.
    say : callable
        Says a prediction as a person reads it.
    """
    lines = [
        "# Reasons in words",
        "",
        "What the model says of customers who are nobody: middles of many rows, rounded.",
    ]
    for each in held:
        lines += ["", f"## Typical of {each['who']} ({each['customers']:,} customers)"]
        lines += ["", f"Predicted: {say(each['served'])}"]
        for way in ("raise", "lower"):
            if each[way]:
                lines += ["", f"What {way}s it:", "", *(f"- {text}" for text in each[way])]
    return "\n".join(lines) + "\n"
