"""The figures of a report as tables of text, which the page and a screen reader can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.figures.definition import Unit
from serving.report.contents import Report
from serving.report.words import NOTHING, Words, known

MOST_GROUPS = 40
"""The groups of a dimension that the page shows; the files hold all."""

CHIEF = (
    "known",
    "end",
    "retention_rate",
    "repeat_purchase_rate",
    "average_order_value",
    "revenue",
    "revenue_per_customer",
    "subscribers_end",
    "subscriber_retention_rate",
    "mrr_end",
    "net_revenue_retention",
    "snapshot_customers",
    "snapshot_retention_rate",
    "nps",
    "csat",
    "channel_earned",
    "channel_cost",
    "channel_return",
)
"""The figures of a group that the page shows at once; the others it shows on request."""

_FEW = 5
"""So many figures are all shown at once."""


@dataclass(frozen=True)
class Cell:
    """What stands in a place of a table; ``fine`` stands below it in small print."""

    text: str
    fine: str = ""
    withheld: bool = False


@dataclass(frozen=True)
class Table:
    """A table of text: the first column names its rows.

    Parameters
    ----------
    caption : str
    heads : sequence of str
    rows : sequence of sequence of Cell
    words : sequence of int
        Which columns hold words, which stand to the left; the others hold numbers.
    spare : sequence of int
        Which columns a narrow screen leaves out.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: Sequence[int] = (0,)
    spare: Sequence[int] = ()


def whole_base(report: Report, words: Words) -> Table:
    """Return the figures of the whole base with their definitions, and those of the period before.

    Without the time before, only the figures.
    """
    held, before = report.whole, report.before
    rows = []
    for name, figure in report.definitions.items():
        if name not in held.index or not (known(held.value[name]) or held.withheld[name]):
            continue
        row = [
            Cell(words.label(figure), words.definition(figure)),
            told(held.value[name], figure.unit, held.withheld[name], words),
        ]
        if before is not None:
            was = before.loc[name] if name in before.index else None
            row += _beside(held.value[name], was, figure.unit, words)
        rows.append(row)
    heads = [words("figure"), words("now")]
    heads += [words("before"), words("change")] if before is not None else []
    return Table(words("whole_caption"), heads, rows, spare=(2,) if before is not None else ())


def _beside(now: Any, was: Any, unit: Unit, words: Words) -> list[Cell]:
    if was is None:
        return [Cell(NOTHING), Cell(NOTHING)]
    earlier = told(was["value"], unit, was["withheld"], words)
    return [earlier, Cell(words.change(now, was["value"], unit))]


def told(value: Any, unit: Unit, withheld: Any, words: Words, decimals: int | None = None) -> Cell:
    """Return a figure as it stands in a table, or that it is withheld.

    In a column of its kind it has so many ``decimals`` as all of them.
    """
    if bool(withheld) and not known(value):
        return Cell(words("withheld"), withheld=True)
    if decimals is None or unit == "score":
        return Cell(words.value(value, unit))
    return Cell(words.aligned(value, unit, decimals))


def _decimals(values: Iterable[Any], unit: Unit) -> int:
    """Return how many decimals the figures of a column have, so that they stand in line."""
    if unit == "money":
        return 0 if any(known(value) and abs(value) >= 100 for value in values) else 2
    return {"share": 1, "ratio": 2}.get(unit, 0)


@dataclass(frozen=True)
class Breakdown:
    """A dimension's figures: at once, and the further ones.

    Parameters
    ----------
    title : str
    chief, further : Table
        The latter may have no columns but the groups' names.
    left_out : int
        How many groups only the files hold.
    """

    title: str
    chief: Table
    further: Table
    left_out: int


def breakdowns(report: Report, words: Words) -> list[Breakdown]:
    """Return the figures by group, a dimension after another."""
    found = report.figures["dimension"].unique()
    ordered = [name for name in report.names if name in found]
    ordered += sorted(set(found) - set(ordered) - {"all"})
    return [_breakdown(report, name, words) for name in ordered]


def _breakdown(report: Report, dimension: str, words: Words) -> Breakdown:
    held = report.figures[report.figures["dimension"] == dimension]
    told_of = held[held["withheld"] | held["value"].notna()]
    figures = [name for name in report.definitions if name in set(told_of["figure"])]
    groups = _groups(report, held, dimension)
    shown = groups[:MOST_GROUPS]
    cells = {(str(row.group), str(row.figure)): row for row in held.itertuples()}
    title = words.pick(report.names[dimension]) if dimension in report.names else dimension
    few = len(figures) <= _FEW
    chief = figures if few else [name for name in CHIEF if name in figures] or figures
    further = [name for name in figures if name not in chief]

    def table(names: Sequence[str], caption: str) -> Table:
        units = [report.definitions[name].unit for name in names]
        labels = [words.label(report.definitions[name]) for name in names]
        decimals = [
            _decimals((cells[group, name].value for group in shown if (group, name) in cells), unit)
            for name, unit in zip(names, units, strict=True)
        ]
        rows = [
            [
                Cell(group_name(group, words, dimension)),
                *(
                    _of(cells.get((group, name)), unit, words, places)
                    for name, unit, places in zip(names, units, decimals, strict=True)
                ),
            ]
            for group in shown
        ]
        return Table(caption, [title, *map(words.head, labels, units)], rows)

    return Breakdown(
        title,
        table(chief, words("by_caption", name=title)),
        table(further, words("further_caption", name=title)),
        len(groups) - len(shown),
    )


def _groups(report: Report, held: pd.DataFrame, dimension: str) -> list[str]:
    """Return a dimension's groups: times and segments in their order, others the largest first."""
    groups = sorted(held["group"].unique())
    if dimension == "cohort":
        return groups[::-1]
    cards = report.personas.get(dimension.removeprefix("segment:"), ())
    places = {card[name]: place for place, card in enumerate(cards) for name in ("name", "name_da")}
    sizes = held.groupby("group")["customers"].max().astype("float64").fillna(0.0)
    last = len(places)
    return sorted(
        groups,
        key=lambda group: (group == "unknown", places.get(group, last), -sizes[group], group),
    )


def _of(held: Any, unit: Unit, words: Words, decimals: int) -> Cell:
    return Cell(NOTHING) if held is None else told(held.value, unit, held.withheld, words, decimals)


def group_name(group: str, words: Words, dimension: str = "") -> str:
    """Return a group's name as a reader knows it."""
    if group == "unknown" and dimension.startswith("segment:"):
        return words("in_none")
    known_names = {"all": "everybody", "unknown": "unknown", "yes": "yes", "no": "no"}
    return words(known_names[group]) if group in known_names else group


def of_frame(
    frame: pd.DataFrame,
    caption: str,
    columns: Mapping[str, tuple[str, Unit | None]],
    words: Words,
    fine: str = "",
) -> Table:
    """Return the columns of a frame that are there, each with its head and its unit.

    A column without a unit holds words; ``fine`` names one that stands below a row in small
    print. Of a row that is ``withheld`` in part, what there is is told.
    """
    there = {name: told_as for name, told_as in columns.items() if name in frame}
    decimals = {
        name: _decimals(frame[name], unit) for name, (_, unit) in there.items() if unit is not None
    }
    rows = []
    for row in frame.to_dict("records"):
        hidden = bool(row.get("withheld", False))
        dimension = str(row.get("dimension", ""))
        (first, *_), below = there, _text(row[fine], words) if fine else ""
        cells = [
            Cell(_text(row[name], words, dimension), below if name == first else "")
            if unit is None
            else told(row[name], unit, hidden, words, decimals[name])
            for name, (_, unit) in there.items()
        ]
        rows.append(cells)
    texts = [place for place, (_, unit) in enumerate(there.values()) if unit is None]
    return Table(caption, [words.head(*held) for held in there.values()], rows, texts)


def _text(value: Any, words: Words, dimension: str = "") -> str:
    if isinstance(value, list | tuple):
        return "; ".join(str(each) for each in value)
    if value is None or pd.isna(value):
        return NOTHING
    return (
        words.day(value) if hasattr(value, "strftime") else group_name(str(value), words, dimension)
    )
