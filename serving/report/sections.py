"""The sections of the page, in the order of their use to whoever reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import pandas as pd

from features.figures.definition import Unit
from serving.report import looking_back, pictures, tables
from serving.report.cards import card
from serving.report.contents import Report
from serving.report.layout import Folded, Part, Section
from serving.report.tables import Cell, Table
from serving.report.words import Words, known
from serving.report.written import distribution


def sections(report: Report, words: Words) -> list[Section]:
    """Return the sections that the report has something for."""
    made: Sequence[Callable[[Report, Words], Section | None]] = (
        _risk,
        _calls,
        _figures,
        _segments,
        _groups,
        _cohorts,
        _value,
        _track_record,
        _origin,
    )
    return [section for make in made if (section := make(report, words)) is not None]


def _section(
    name: str, words: Words, parts: Sequence[Part] = (), said: Sequence[str] = ()
) -> Section:
    return Section(name, words(f"section_{name}"), said or [words(f"about_{name}")], parts)


_AT_RISK: Mapping[str, Unit] = {
    "at_stake": "money",
    "value_at_risk": "money",
    "unrealised": "money",
    "cost_to_serve": "money",
    "customers": "count",
    "expected_leavers": "count",
    "mean_churn": "share",
    "high_band": "count",
    "clv": "money",
}


def _risk(report: Report, words: Words) -> Section | None:
    risk = report.risk
    if risk is None or risk.empty:
        return None
    units = {
        name: unit for name, unit in _AT_RISK.items() if name in risk and risk[name].notna().any()
    }
    whole = risk[risk["dimension"] == "all"]
    parts = []
    for dimension in risk["dimension"].unique():
        if dimension == "all":
            continue
        title = words.pick(report.names.get(dimension, (dimension, dimension)))
        rows = pd.concat([risk[risk["dimension"] == dimension], whole])
        columns: dict[str, tuple[str, Unit | None]] = {"group": (title, None)}
        columns |= {name: (words(name), unit) for name, unit in units.items()}
        table = tables.of_frame(rows, words("risk_caption", name=title), columns, words)
        parts.append(Part(title, (), pictures.at_stake(report, dimension, words), (), [table]))
    if not parts:
        columns = {"group": (words("customers"), None)}
        columns |= {name: (words(name), unit) for name, unit in units.items()}
        parts = [
            Part("", (), (), (), [tables.of_frame(whole, words("risk_whole"), columns, words)])
        ]
    said = [words("about_risk")]
    if "at_stake" in units:
        said.append(words("about_stake"))
    return _section("risk", words, parts, said)


def _calls(report: Report, words: Words) -> Section | None:
    calls = report.calls
    if calls is None or calls.empty:
        return None
    units: dict[str, Unit | None] = {
        "customer_id": None,
        "churn": "share",
        "value_at_risk": "money",
        "clv": "money",
        "last_purchase": None,
        "last_contact": None,
    }
    columns: dict[str, tuple[str, Unit | None]] = {
        name: (words(f"call_{name}"), unit)
        for name, unit in units.items()
        if name in calls and calls[name].notna().any()
    }
    for name in map(str, calls):
        if name.startswith("segment:"):
            title = words.pick(report.names.get(name, (name, name)))
            columns[name] = (title, None)
        elif name.startswith("consent_"):
            purpose = name.removeprefix("consent_").replace("_", " ")
            columns[name] = (words("consent", purpose=purpose), None)
    table = tables.of_frame(calls, words("calls_caption"), columns, words, fine="reasons")
    opened = Folded(words("calls_open", count=words.value(len(calls), "count")), table)
    said = [words("about_calls")]
    if report.calls_entry:
        said.append(words("calls_recorded", entry=report.calls_entry))
    return _section("calls", words, [Part(folded=[opened])], said)


def _figures(report: Report, words: Words) -> Section | None:
    table = tables.whole_base(report, words)
    if not table.rows:
        return None
    said = [words("about_figures")]
    if report.before is not None:
        said.append(words("about_change"))
    drawn = [*pictures.flows(report, words), *pictures.trend(report, words)]
    return _section("figures", words, [Part(tables=[table]), Part("", (), drawn)], said)


def _segments(report: Report, words: Words) -> Section | None:
    parts = []
    for way, cards in report.personas.items():
        title = words.pick(report.names.get(f"segment:{way}", (way, way)))
        met = [held for held in cards if held["withheld"] or held["customers"]]
        parts.append(Part(title, personas=[card(held, words) for held in met]))
        moved = report.migration.get(way)
        if moved is not None and moved["from"]:
            folded = [Folded(words("as_table"), _moves(moved, words))]
            drawn = pictures.migration(report, way, words)
            parts.append(Part("", _stayed(moved, words), drawn, folded=folded))
    return _section("segments", words, parts) if parts else None


def _stayed(moved: Mapping[str, Any], words: Words) -> list[str]:
    if not known(moved.get("stay_share")):
        return []
    return [words("stayed", share=words.value(moved["stay_share"], "share"))]


def _moves(moved: Mapping[str, Any], words: Words) -> Table:
    """Return who moved, a row a segment before and a column a segment after."""
    rows = [
        [Cell(str(name)), *(_count(cell, words) for cell in cells), _count(whole, words)]
        for name, cells, whole in zip(
            moved["from"], moved["customers"], moved["before"], strict=True
        )
    ]
    last = [Cell(words("then")), *(_count(cell, words) for cell in moved["after"]), Cell("")]
    heads = [words("from_to"), *map(str, moved["to"]), words("before_all")]
    return Table(words("moves_caption"), heads, [*rows, last])


def _count(value: Any, words: Words) -> Cell:
    return tables.told(value, "count", not known(value), words)


def _groups(report: Report, words: Words) -> Section | None:
    parts = []
    for held in tables.breakdowns(report, words):
        said = [words("left_out", count=held.left_out)] if held.left_out else []
        further = [Folded(words("further", name=held.title), held.further)]
        more = further if len(held.further.heads) > 1 else []
        parts.append(Part(held.title, said, (), (), [held.chief], more))
    if not parts:
        return None
    said = [words("about_groups"), words("about_withheld", least=report.least)]
    if any(name.startswith("segment:") for name in report.figures["dimension"].unique()):
        said.append(words("segments_at_end"))
    return _section("groups", words, parts, said)


def _cohorts(report: Report, words: Words) -> Section | None:
    parts = []
    if report.retention is not None and not report.retention.empty:
        grid = Folded(words("as_table"), _grid(report.retention, words))
        parts.append(
            Part(words("cohorts_kept"), (), pictures.cohorts(report, words), folded=[grid])
        )
    if report.revenue is not None and report.revenue["revenue"].notna().any():
        parts.append(Part(words("cohorts_revenue"), (), pictures.revenue(report, words)))
    if report.survival is not None and not report.survival["surviving"].isna().all():
        about = "about_survival" if report.bought else "about_subscribing"
        said = [words(about, days=report.active_within)]
        parts.append(Part(words("survival"), said, pictures.survival(report, words)))
    about = words("about_cohorts", unit=words(report.unit))
    return _section("cohorts", words, parts, [about]) if parts else None


def _grid(retention: pd.DataFrame, words: Words) -> Table:
    """Return the share of each cohort that was there in each unit, the latest cohort last."""
    offsets = sorted(retention["offset"].unique())
    rows = []
    for cohort, held in retention.groupby("cohort", sort=True):
        of = {row.offset: row for row in held.itertuples()}
        size = _count(held["size"].iloc[0], words)
        cells = [
            tables.told(of[at].share, "share", of[at].withheld, words) if at in of else Cell("")
            for at in offsets
        ]
        rows.append([Cell(words.day(pd.Timestamp(cohort))), size, *cells])  # type: ignore[arg-type]
    heads = [words("cohort"), words("customers"), *(str(at) for at in offsets)]
    return Table(words("grid_caption"), heads, rows)


def _value(report: Report, words: Words) -> Section | None:
    held = distribution(report.values, report.least)
    if held is None:
        return None
    days = report.horizons.get("clv")
    about = words("about_value_within", days=days) if days else words("about_value")
    named = {
        "mean": words.value(held["mean"], "money"),
        "count": words.value(held["customers"], "count"),
    }
    middle = words.value(held["quantiles"].get("0.5"), "money")
    rows = [
        [
            Cell(words("quantile", share=words.value(1 - float(at), "share"))),
            Cell(words.value(value, "money")),
        ]
        for at, value in held["quantiles"].items()
    ]
    table = Table(words("value_caption"), [words("of_customers"), words("at_least")], rows)
    said = [about, words("value_said", middle=middle, **named)]
    return _section(
        "value", words, [Part("", (), pictures.values(report, words), (), [table])], said
    )


def _track_record(report: Report, words: Words) -> Section | None:
    parts = []
    for task, record in report.track_record.items():
        table = looking_back.parts(task, record, words)
        folded = [Folded(words("as_table"), table)] if table else []
        drawn = pictures.judged(task, record.get("groups") or (), report, words)
        told = looking_back.tables(task, record, words)
        said = looking_back.said(task, record, words)
        parts.append(Part(words(f"task_{task}"), said, drawn, (), told, folded))
    return _section("track_record", words, parts) if parts else None


def _origin(report: Report, words: Words) -> Section:
    origin = report.origin
    pairs = [
        (words(f"table_{table}"), f"{_names(file)} ({words.value(rows, 'count')} {words('rows')})")
        for table, (file, rows) in origin.files.items()
    ]
    if origin.days:
        first, last = map(words.day, origin.days)
        pairs.append((words("days"), f"{first} – {last}"))
    pairs.append((words("fingerprint"), origin.fingerprint))
    pairs.append((words("config"), origin.config))
    if origin.release:
        pairs.append((words("release"), origin.release))
    pairs += [
        (words("bundle", task=words(f"named_{task}")), digest)
        for task, digest in origin.bundles.items()
    ]
    said = [words("about_origin")]
    if report.period is not None:
        said.append(words("about_zone", zone=report.zone))
    if report.bought:
        said.append(words("about_customer", days=report.active_within))
    said = [" ".join(said), words("about_withheld", least=report.least)]
    return Section("origin", words("section_origin"), said, (), pairs)


def _names(files: str) -> str:
    """Return the names of files, each once; where they lie is their owner's business."""
    return ", ".join(dict.fromkeys(PurePath(file).name for file in files.split(", ")))
