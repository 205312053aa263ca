"""The pictures of the page, as SVG under their titles; what has no data has no picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from features.figures.definition import Unit
from serving.report import plots
from serving.report.contents import Report
from serving.report.tables import group_name
from serving.report.words import Words, known
from training import canvas

TREND = (
    "end",
    "subscribers_end",
    "retention_rate",
    "subscriber_retention_rate",
    "revenue",
    "mrr_end",
    "net_revenue_retention",
)
"""The figures drawn period by period, where the base has them; the first four of them."""

_MOST_TRENDS = 4
_MOST_DIMENSIONS = 3  # survival curves by so many ways: more say little
_FLOWS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "customers_flow": (("start", 1), ("lost", -1), ("won_back", 1), ("first_time", 1), ("end", 1)),
    "subscribers_flow": (
        ("subscribers_start", 1),
        ("subscribers_lost", -1),
        ("subscribers_won_back", 1),
        ("subscribers_first_time", 1),
        ("subscribers_end", 1),
    ),
    "mrr_flow": (
        ("mrr_start", 1),
        ("mrr_churned", -1),
        ("mrr_contraction", -1),
        ("mrr_expansion", 1),
        ("mrr_new", 1),
        ("mrr_end", 1),
    ),
}


@dataclass(frozen=True)
class Picture:
    """A picture under its title; `svg` escapes every text in it."""

    title: str
    caption: str
    svg: Markup


def _picture(figure: Figure, name: str, title: str, caption: str) -> Picture:
    figure.set_label(title)  # what a screen reader says
    return Picture(title, caption, Markup(canvas.svg(figure, name)))


def trend(report: Report, words: Words) -> list[Picture]:
    """Return the chief figures period by period, where there are two periods or more."""
    held = report.trend
    if held is None or held["end"].nunique() < 2:
        return []
    there = set(held.loc[held["value"].notna(), "figure"])
    names = [name for name in TREND if name in there and name in report.definitions][:_MOST_TRENDS]
    if not names:
        return []
    told = [
        (name, words.label(report.definitions[name]), report.definitions[name].unit)
        for name in names
    ]
    if report.lapses_from is not None:  # before it all stayed, for want of time to go
        early = held["figure"].eq("retention_rate") & held["start"].lt(report.lapses_from)
        held = held.assign(value=held["value"].mask(early))
    drawn = plots.trend(held, told, report.currency, words.language)
    return [_picture(drawn, "trend", words("trend"), words("trend_caption"))]


def flows(report: Report, words: Words) -> list[Picture]:
    """Return how customers and monthly revenue at the start became those at the end."""
    whole, found = report.whole["value"], []
    for name, parts in _FLOWS.items():
        if not all(part in whole.index and known(whole[part]) for part, _ in parts):
            continue
        rows = [
            (words.label(report.definitions[part]), sign * float(whole[part]))
            for part, sign in parts
        ]
        unit: Unit = "money" if name == "mrr_flow" else "count"
        drawn = plots.flow(
            rows[0], rows[1:-1], rows[-1], unit, report.currency, name, words.language
        )
        title = words("flow_mrr" if name == "mrr_flow" else "flow")
        found.append(_picture(drawn, name, title, words("flow_caption")))
    return found


def at_stake(report: Report, dimension: str, words: Words) -> list[Picture]:
    """Return what each segment of a way has at stake, of those of which it is known."""
    risk = report.risk
    if risk is None:
        return []
    rows = risk[(risk["dimension"] == dimension) & risk["at_stake"].notna()]
    units: Mapping[str, Unit] = {
        "value_at_risk": "money",
        "unrealised": "money",
        "customers": "count",
    }
    bars = [
        (words(f"short_{name}"), rows[name].astype(float).tolist(), unit)
        for name, unit in units.items()
        if rows[name].notna().any()
    ]
    if len(bars) < 2 or len(rows) < 2:
        return []
    names = [group_name(str(name), words, dimension) for name in rows["group"]]
    drawn = plots.stakes(names, bars, report.currency, words.language)
    return [_picture(drawn, f"stakes-{dimension}", words("stake"), "")]


def migration(report: Report, way: str, words: Words) -> list[Picture]:
    """Return where the customers of each segment of a way went."""
    moved = report.migration.get(way)
    if not moved or 2 * moved["before"].count(None) > len(moved["before"]):
        return []  # most of it is withheld
    counts = pd.DataFrame(
        [[np.nan if cell is None else float(cell) for cell in row] for row in moved["customers"]],
        index=moved["from"],
        columns=moved["to"],
    )
    before = [np.nan if cell is None else float(cell) for cell in moved["before"]]
    drawn = plots.migration(counts, before, words.language)
    return [_picture(drawn, f"migration-{way}", words("migration"), words("migration_caption"))]


def cohorts(report: Report, words: Words) -> list[Picture]:
    """Return the heat map of who of each cohort is still there."""
    if report.retention is None or report.retention["share"].isna().all():
        return []
    drawn = plots.cohort_retention(report.retention, report.unit, words.language)
    caption = words(
        "cohorts_bought_caption" if report.bought else "cohorts_kept_caption",
        units=words(f"{report.unit}s"),
    )
    return [_picture(drawn, "cohorts", words("cohorts_kept"), caption)]


def revenue(report: Report, words: Words) -> list[Picture]:
    """Return what each cohort brings."""
    if report.revenue is None or report.revenue.empty:
        return []
    drawn = plots.cohort_revenue(report.revenue, report.currency, report.unit, words.language)
    title = words("cohorts_revenue")
    caption = words("cohorts_revenue_caption" if report.bought else "cohorts_mrr_caption")
    return [_picture(drawn, "cohort-revenue", title, caption)]


def survival(report: Report, words: Words) -> list[Picture]:
    """Return how long customers stay, in all and by the first ways of telling them apart."""
    curves = report.survival
    if curves is None or curves.empty:
        return []
    told = curves[curves["surviving"].notna()]
    # Whoever left is in a segment of those who left: their curves would only say so again.
    others = [
        name
        for name in told["dimension"].unique()
        if name != "all" and not name.startswith("segment:")
    ]
    dimensions = sorted(others, key=lambda name: (name == "cohort", name))[:_MOST_DIMENSIONS]
    found: list[Picture] = []
    for dimension in dimensions or ["all"]:
        drawn = plots.survival(curves, dimension, words.language)
        names = report.names.get(dimension)
        title = words.pick(names) if names else words("survival")
        caption = words("survival_caption") if not found else ""
        found.append(_picture(drawn, f"survival-{dimension}", title, caption))
    return found


def values(report: Report, words: Words) -> list[Picture]:
    """Return how lifetime values are spread."""
    if report.values is None:
        return []
    drawn = plots.clv_distribution(report.values, report.currency, report.least, words.language)
    title, caption = words("value_picture"), words("value_picture_caption")
    return [_picture(drawn, "values", title, caption)]


def judged(
    task: str, groups: Sequence[Mapping[str, Any]], report: Report, words: Words
) -> list[Picture]:
    """Return predictions beside what happened, by parts of rising prediction."""
    if not groups:
        return []
    rows = pd.DataFrame(list(groups)).astype({"predicted": float, "actual": float})
    # The picture counts from the highest prediction, the record from the lowest.
    rows["tenth"] = rows["part"].max() + 1 - rows["part"]
    unit: Unit = "share" if task == "churn" else "money"
    drawn = plots.track_record(rows.sort_values("tenth"), unit, report.currency, words.language)
    return [_picture(drawn, f"judged-{task}", words("calibration"), "")]
