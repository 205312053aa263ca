"""The model card: a model's facts and plots as a page that stands alone, and the report of all."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from training import canvas, card_tables, wording
from training.bundle import to_json
from training.comparison import headline, label, metric_block, tested
from training.fact_plots import of_facts
from training.page import render

_CONTENTS = {"churn": "Churn", "clv": "Customer lifetime value", "segments": "Segments"}
_MOST_FEATURES = 12
_IN_DETAIL = 3  # features whose plot is on the page; MLflow holds more

Facts = Mapping[str, Any]
Figures = Mapping[str, Figure]


def card(facts: Facts, figures: Figures) -> tuple[bytes, bytes]:
    """Return a model's card as JSON and as a page.

    Parameters
    ----------
    facts : mapping
        Plain data; what is missing is left out of the page. Not-a-number becomes null.
    figures : mapping of str to Figure
        By the names in `wording.FIGURES`; ``dependence_…`` may come several times.
    """
    held = _as_plain(facts)
    return to_json(held), render("card.html", card=_view(held, figures))


def report(cards: Sequence[tuple[Facts, Figures]], check: Facts | None = None) -> bytes:
    """Return one page of all tasks' cards, with a summary on top.

    Parameters
    ----------
    cards : sequence of (facts, figures)
    check : mapping, optional
        What checking the data found: ``passed``, and anything plain besides.
    """
    views: list[dict[str, Any]] = []
    for facts, figures in cards:
        taken = {view["slug"] for view in views}
        views.append(_view(_as_plain(facts), figures, taken))
    cautions = [
        f"{view['heading']}: {said}" for view in views for said in view.get("warnings") or []
    ]
    found = _check(_as_plain(check)) if check else None
    return render("report.html", cards=views, check=found, cautions=cautions)


def _view(facts: dict[str, Any], figures: Figures, taken: Collection[str] = ()) -> dict[str, Any]:
    """Return the facts with what the page needs besides: words, plots, places on a scale."""
    slug = re.sub(r"[^a-z0-9]+", "-", str(facts.get("task", "")).lower()).strip("-") or "model"
    slug = f"{slug}-{len(taken) + 1}" if slug in taken else slug
    told = {named["name"]: named for named in facts.get("models") or []}
    return {
        **facts,
        "slug": slug,
        "heading": _CONTENTS.get(str(facts.get("task")), "Model"),
        "served": label(told, (facts.get("verdict") or {}).get("served")),
        "blocks": [metric_block(metric, told, facts) for metric in facts.get("metrics") or []],
        "checks": card_tables.checks(facts),
        "slice_tables": card_tables.slices(facts),
        "leaks": card_tables.leaks(facts),
        "example_tables": card_tables.examples(facts),
        "claims": card_tables.claims(facts),
        "times": card_tables.times(facts),
        "figures": _drawn(slug, _shown(facts, figures), facts),
        "bars": _bars(facts.get("features") or []),
        "headline": headline(facts),
        "tested": tested(facts),
    }


def _shown(facts: dict[str, Any], figures: Figures) -> dict[str, Figure]:
    held = {name: drawn for name, drawn in of_facts(facts).items() if name not in figures}
    in_detail = 0
    for name, drawn in figures.items():
        kind = wording.kind_of(name)
        in_detail += kind == "dependence"
        # Where features are listed, as text that can be read aloud, their plot says nothing more.
        told = kind == "importance" and facts.get("features")
        if not told and (kind != "dependence" or in_detail <= _IN_DETAIL):
            held[name] = drawn
    return held


def _drawn(
    slug: str, figures: Mapping[str, Figure], facts: Facts
) -> dict[str, list[dict[str, Any]]]:
    """Return the plots by section, in the order of a page; of one kind the first is explained."""
    told = {
        f"dependence_{each.get('name')}": each.get("label") for each in facts.get("features") or []
    }
    drawn: dict[str, list[dict[str, Any]]] = {}
    explained = set()
    for name in sorted(figures, key=wording.rank):
        about, kind = wording.caption(name), wording.kind_of(name)
        measured = card_tables.calibration(facts) if kind == "reliability" else ""
        drawn.setdefault(about.section, []).append({
            "title": wording.title(told.get(str(figures[name].get_label())) or about.title),
            "caption": "" if kind in explained else f"{about.text} {measured}".strip(),
            "of": str(figures[name].get_label()),
            # `canvas.svg` escapes every text in it as XML does.
            "svg": Markup(canvas.svg(figures[name], f"{slug}-{name}")),
        })  # fmt: skip
        explained.add(kind)
    return drawn


def _bars(features: Sequence[Facts]) -> list[dict[str, Any]]:
    ordered = sorted(features, key=lambda each: -(each.get("importance") or 0.0))[:_MOST_FEATURES]
    most = max((each.get("importance") or 0.0 for each in ordered), default=0.0) or 1.0
    return [
        {
            "label": each.get("label") or each.get("name"),
            "width": round(100 * (each.get("importance") or 0.0) / most, 2),
            "importance": wording.number(each.get("importance")),
            "actionable": bool(each.get("actionable")),
        }
        for each in ordered
    ]


def _check(found: dict[str, Any]) -> dict[str, Any]:
    """Return the check's findings as lists and lines, whatever they are called."""
    lists = {name: held for name, held in found.items() if isinstance(held, list) and held}
    lines = {
        name: held
        for name, held in found.items()
        if name != "passed" and not isinstance(held, list) and held is not None
    }
    return {"passed": found.get("passed"), "lists": lists, "lines": lines}


def _as_plain(held: Any) -> Any:
    """Return data as JSON can hold it: numpy and dates made plain, what is not finite null."""
    if isinstance(held, Mapping):
        return {str(key): _as_plain(value) for key, value in held.items()}
    if isinstance(held, list | tuple):
        return [_as_plain(value) for value in held]
    if isinstance(held, np.ndarray | np.generic):
        return _as_plain(held.tolist())
    if isinstance(held, date):
        return held.isoformat()
    return None if isinstance(held, float) and not math.isfinite(held) else held
