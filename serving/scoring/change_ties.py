"""What must move with a feature that is changed, and which changes contradict what stays.

A change is of one thing that is measured in several ways: a shorter pause is a smaller share of the
usual one too, and what was bought in a week was bought in the month around it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from features.schema import FeatureSchema

PAUSE, SPAN, TENURE, SPREAD = "days_since_purchase", "active_span", "tenure", "gap_deviation"
PURCHASES = "purchase_days"
ORDER, RATIO, SCORE = "days_since_order", "pause_ratio", "pause_score"
_AGES = {PAUSE: ("purchases_in", "categories_in"), "days_since_contact": ("contacts_in",)}
_WINDOWED = re.compile(r"(?P<stem>.+)_(?P<days>\d+)d")


def followers(names: Collection[str]) -> frozenset[str]:
    """Return the features that follow another one, and are not changed by themselves."""
    return frozenset({ORDER, RATIO, SCORE} & set(names)) if PAUSE in names else frozenset()


def follow(
    schema: FeatureSchema, rows: np.ndarray, row: np.ndarray, changed: Collection[int]
) -> np.ndarray:
    """Let what is tied to changed features follow in place.

    Parameters
    ----------
    schema : FeatureSchema
    rows : ndarray, shape (candidates, features)
        The row with some features changed.
    row : ndarray, shape (features,)
        As it was.
    changed : collection of int
        The features changed.

    Returns
    -------
    ndarray of bool, shape (candidates,)
        Which candidates contradict nothing: within themselves, or no more than the row did.
    """
    places = {name: index for index, name in enumerate(schema.names)}
    given = {index: rows[:, index].copy() for index in changed}
    if places.get(PAUSE) in changed:
        _follow_pause(places, rows, row)
    for windows in _nested(schema):
        _follow_windows(windows, rows, changed)
    kept = np.all([rows[:, index] == values for index, values in given.items()], axis=0)
    kept &= _is_span(places, rows)
    return kept & ~(_wrong(schema, rows) & ~_wrong(schema, row[None])).any(axis=1)


def _follow_pause(places: Mapping[str, int], rows: np.ndarray, row: np.ndarray) -> None:
    before, now = row[places[PAUSE]], rows[:, places[PAUSE]]
    if ORDER in places:  # a purchase is an order, and a return may have come after it
        order = row[places[ORDER]]
        rows[:, places[ORDER]] = now if order == before else np.minimum(order, now)
    if RATIO in places and before > 0:
        rows[:, places[RATIO]] = row[places[RATIO]] * now / before
    if SCORE in places and SPREAD in places and row[places[SPREAD]] > 0:
        rows[:, places[SCORE]] = row[places[SCORE]] + (now - before) / row[places[SPREAD]]
    if SPAN in places and TENURE in places and row[places[SPAN]] == row[places[TENURE]] - before:
        rows[:, places[SPAN]] = row[places[TENURE]] - now


def _is_span(places: Mapping[str, int], rows: np.ndarray) -> np.ndarray:
    """Return where as many days with a purchase lie from the first to the last as there are."""
    if SPAN not in places:
        return np.ones(len(rows), dtype=bool)
    span = rows[:, places[SPAN]]
    if PURCHASES not in places:
        return span >= 0
    more = rows[:, places[PURCHASES]] - 1
    return (span >= more) & ((span == 0) | (more > 0))


def _nested(schema: FeatureSchema) -> list[list[int]]:
    """Return the counts of the same thing over windows of which each lies in the next."""
    found: dict[str, list[tuple[int, int]]] = {}
    for index, column in enumerate(schema.columns):
        if column.unit == "count" and (windowed := _WINDOWED.fullmatch(column.name)):
            found.setdefault(windowed["stem"], []).append((int(windowed["days"]), index))
    return [[index for _, index in sorted(held)] for held in found.values()]


def _follow_windows(windows: Sequence[int], rows: np.ndarray, changed: Collection[int]) -> None:
    for place, index in enumerate(windows):
        if index in changed:
            for shorter in windows[:place]:
                rows[:, shorter] = np.minimum(rows[:, shorter], rows[:, index])
            for longer in windows[place + 1 :]:
                rows[:, longer] = np.maximum(rows[:, longer], rows[:, index])


def _wrong(schema: FeatureSchema, rows: np.ndarray) -> np.ndarray:
    """Return which counts within a window say otherwise than the days since the last."""
    places = {name: index for index, name in enumerate(schema.names)}
    wrong = np.zeros(rows.shape, dtype=bool)
    for age, stems in _AGES.items():
        for name, index in places.items():
            windowed = _WINDOWED.fullmatch(name)
            if age in places and windowed and windowed["stem"] in stems:
                within = rows[:, places[age]] <= int(windowed["days"])
                wrong[:, index] = (rows[:, index] > 0) != within
    return wrong
