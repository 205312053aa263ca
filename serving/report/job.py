"""The report of retention of a customer base as of a date: gathered, then written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pandas as pd

from configs.errors import StamkundeError
from configs.load import config_hash
from configs.schema import Config, Label
from features.engine import computed
from features.figures import cohorts, survival, table
from features.figures.channels import main_channel
from features.figures.definition import Period
from features.figures.orders import gathered
from features.figures.trend import trend
from features.source import Tables, fingerprint, first_and_last_day
from features.timeline import HistoryError, instant
from serving.record.merkle import put, sync, temporary_beside
from serving.releases.release import Release, current, is_promoted
from serving.report import calls, personas, risk, track_record, written
from serving.report.contents import Origin, Report
from serving.report.page import page
from serving.report.phrases import PHRASES
from serving.report.scored import SEGMENT, Scored, ScoredAt, score_at
from training.model import TASKS
from training.progress import Reporter
from training.segmentation.migration import migration

STEPS = 7

_LATE = 10  # a base may be quiet at the period's end for such a part of it

Step = Callable[[str], None]


class ReportError(StamkundeError, ValueError):
    """A report that cannot be of what is asked."""


@dataclass(frozen=True)
class Written:
    """Where a report was put.

    Parameters
    ----------
    page, json, parquet : Path
        To read, and the same figures for machines.
    report : Report
        What is in them.
    """

    page: Path
    json: Path
    parquet: Path
    report: Report


def write_report(
    config: Config,
    tables: Tables,
    as_of: date,
    out: Path,
    at: datetime,
    reporter: Reporter | None = None,
) -> Written:
    """Gather a report and write its page, and beside it the same figures as JSON and Parquet.

    The page is in the language of ``serving.language``.

    No file has its name before all of them are whole.

    Parameters
    ----------
    config, tables
        The customer base.
    as_of : date
        The first instant of this day ends the period, and is excluded.
    out : Path
        The page; the others have its name and endings of their own.
    at : datetime
        When this is done, for the record.
    reporter : Reporter, optional
        Told of each step.

    Raises
    ------
    ReportError
        If the data begin no earlier than `as_of`, or the page would have another file's name.
    FeatureError
        If a feature is computed otherwise than when a model was trained.
    """
    places = _places(out)
    with (reporter or Reporter(quiet=True)).steps("report", STEPS) as step:
        report = gather(config, tables, as_of, at, step)
        with ExitStack() as stack:
            made = {name: stack.enter_context(temporary_beside(to)) for name, to in places.items()}
            written.parquet(report, made["parquet"])
            made["json"].write_bytes(written.as_json(report))
            made["page"].write_bytes(page(report, config.serving.language))
            for name in places:
                sync(made[name])
            for name, to in places.items():
                put(made[name], to)
        step("written")
    return Written(**places, report=report)


def _places(out: Path) -> dict[str, Path]:
    if out.suffix.lower() in (".json", ".parquet"):
        raise ReportError(
            f"{out}: is to be a page, beside which lie a file of that ending; name it "
            f"{out.with_suffix('.html').name}"
        )
    # Of another ending, such as a date's in report.2024-06-03, the name is kept whole.
    stem = out.stem if out.suffix.lower() in (".html", ".htm") else out.name
    beside = {kind: out.with_name(f"{stem}.{kind}") for kind in ("parquet", "json")}
    return {**beside, "page": out}


def gather(config: Config, tables: Tables, as_of: date, at: datetime, step: Step) -> Report:
    """Return all that a report tells of a base; `step` is called with a note on each.

    The scores of those to call are on record by then.
    """
    release = current(config.var) if is_promoted(config.var) else None
    origin = _origin(config, tables, as_of, release)
    scored_at = _scoring(config, tables, release) if release else None
    scored = scored_at(as_of) if scored_at else None
    step("customers scored")
    with gathered(config, tables, as_of) as held:
        report = _of_figures(config, held, as_of, scored, origin)
        step("figures")
        report = _over_time(config, held, report, scored)
        step("periods, cohorts, lives")
        if scored is not None:
            report = _of_models(config, held, report, scored, at)
        step("money at stake, whom to call")
    if scored_at and scored and report.period is not None:
        report = replace(report, migration=_moved(config, tables, report.period, scored, scored_at))
    step("who moved")
    if scored_at and release and report.period is not None:
        told = track_record.track_record(config, tables, release, as_of, scored_at)
        report = replace(report, track_record=told)
    step("last predictions against what happened")
    return replace(report, cautions=tuple(_cautions(config, report)))


def _scoring(config: Config, tables: Tables, release: Release) -> ScoredAt:
    """Return how everybody is scored as of a date; who moved and the track record share dates."""
    return lru_cache(maxsize=2)(partial(score_at, config, tables, release))


def _origin(config: Config, tables: Tables, as_of: date, release: Release | None) -> Origin:
    instant(as_of, config.timezone)  # which refuses a day out of reach
    days = None if tables.snapshot is not None else first_and_last_day(tables)
    if days is not None and as_of <= days[0]:
        raise ReportError(
            f"nobody is known before {as_of}: the data begin on {days[0]}; name a later --as-of"
        )
    files = {name: (intake.file, intake.rows) for name, intake in sorted(tables.intake.items())}
    held = Origin(files, fingerprint(config), config_hash(config), days)
    return replace(held, release=release.digest, bundles=release.digests) if release else held


def _of_figures(
    config: Config, tables: Tables, as_of: date, scored: Scored | None, origin: Origin
) -> Report:
    timeless = tables.snapshot is not None
    period = Period.before(as_of, config.report.period)
    found = table.of_period(config, tables, period, _segments(scored))
    there = set(found["figure"])
    told = {name: figure for name, figure in table.FIGURES.items() if name in there}
    return Report(
        base=config.name,
        currency=config.currency,
        zone=config.timezone,
        as_of=as_of,
        period=None if timeless else period,
        active_within=config.report.active_within,
        unit=config.report.cohorts,
        least=config.report.least,
        definitions=told,
        figures=found,
        names=_names(config, scored.ways if scored else ()),
        origin=origin,
    )


def _segments(scored: Scored | None) -> pd.DataFrame | None:
    """Return whose segment is which, with a column a way under its own name."""
    if scored is None or not scored.ways:
        return None
    held = scored.frame[["customer_id", *(f"{SEGMENT}{way}" for way in scored.ways)]]
    return held.rename(columns={f"{SEGMENT}{way}": way for way in scored.ways})


def _names(config: Config, ways: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return what the dimensions of a base are called, in the order of the page.

    Ways are those of the model that is served, which the config may no longer ask for.
    """
    names = {
        f"{SEGMENT}{way}": _way(way) for way in dict.fromkeys([*(config.segments or {}), *ways])
    }
    for name, attribute in config.attributes.items():
        label = attribute.label or name.replace("_", " ")
        danish = attribute.label_da or label
        names[f"attribute:{name}"] = (_begun(label), _begun(danish))
    return {**names, "channel": PHRASES["channel"], "cohort": PHRASES["cohort"]}


def _way(way: str) -> tuple[str, str]:
    spelt = _begun(way.replace("_", " "))
    return PHRASES.get(f"way_{way}", (spelt, spelt))


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _over_time(config: Config, tables: Tables, report: Report, scored: Scored | None) -> Report:
    """Add how the base came to be what it is; a snapshot tells nothing of that."""
    if report.period is None:
        return report
    held = cohorts.of_base(config, tables, report.as_of)
    return replace(
        report,
        trend=trend(config, tables, report.as_of),
        retention=held.retention,
        revenue=held.revenue,
        survival=survival.curves(config, tables, report.as_of, _segments(scored)),
    )


def _of_models(
    config: Config, tables: Tables, report: Report, scored: Scored, at: datetime
) -> Report:
    costs = risk.costs_to_serve(config, tables, report.as_of)
    cards: dict[str, list[dict[str, Any]]] = {}
    for card in personas.personas(config, scored, _channels(config, tables, report.as_of)):
        cards.setdefault(card["way"], []).append(card)
    valued = scored.frame["clv"].notna().any()
    first = calls.to_call(config, tables, scored)
    first.put_on_record(config, at)
    return replace(
        report,
        values=scored.frame["clv"].dropna().to_numpy(float) if valued else None,
        risk=risk.at_risk(config, scored, costs),
        calls=first.frame,
        calls_entry=first.batch_id if first.records else "",
        personas=cards,
        horizons=_horizons(config),
    )


def _horizons(config: Config) -> dict[str, int]:
    """Return how many days ahead is asked of churn and of value; a label has no time."""
    asked = (("churn", config.churn), ("clv", config.clv))
    return {task: held.horizon for task, held in asked if held and not isinstance(held, Label)}


def _channels(config: Config, tables: Tables, as_of: date) -> pd.Series | None:
    """Return each customer's main channel by their ids, where the base has channels."""
    if tables.transactions is None or "channel" not in tables.transactions.columns:
        return None
    found = main_channel(config, tables.transactions, as_of)
    held = computed(tables.backend, found).to_pandas()
    return held.set_index("customer_id")["channel"]


def _moved(
    config: Config, tables: Tables, period: Period, scored: Scored, scored_at: ScoredAt
) -> dict[str, Mapping[str, Any]]:
    """Return who moved between the segments of each way since the period began."""
    first, _ = first_and_last_day(tables)
    if not scored.ways or period.start <= first:
        return {}
    try:
        then = scored_at(period.start).frame
    except HistoryError:  # nobody was known yet: rows may become known long after they happened
        return {}
    before = then.set_index("customer_id")
    after = scored.frame.set_index("customer_id")
    segments = scored.release.bundles["segments"].model.segmenters
    return {
        held.way: migration(
            before[f"{SEGMENT}{held.way}"],
            after[f"{SEGMENT}{held.way}"],
            held.segments,
            config.report.least,
        ).to_dict()
        for held in segments
    }


def _cautions(config: Config, report: Report) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return what a reader must know before believing the page."""
    promoted, days = report.origin.bundles, report.origin.days
    lacking = [task for task in TASKS if task in config.tasks and task not in promoted]
    if not promoted:
        yield "caution_nothing_promoted", {}
    elif lacking:
        yield "caution_no_model", {"tasks": ", ".join(lacking)}
    if days is None or report.period is None:
        yield "caution_no_time", {}
        return
    if (report.period.end - days[1]).days > max(1, report.period.days // _LATE):
        yield "caution_data_end", {"last": days[1]}
    if report.period.start < days[0]:
        yield "caution_short", {"first": days[0]}
    elif report.lapses_from is not None and report.period.start < report.lapses_from:
        yield "caution_young", {"first": days[0], "from": report.lapses_from}
