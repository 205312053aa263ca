"""What customers answered in a period: the net promoter score and satisfaction.

The net promoter score (NPS) is from Reichheld (2003), "The one number you need to grow", Harvard
Business Review 81(12): of answers from 0 to 10 to how likely one is to recommend, those of 9 and 10
are promoters and those of 0 to 6 detractors. Satisfaction (CSAT) is the share of answers of 4 and 5
from 1 to 5. Kinds of events of one scale are put together, and every answer counts, a customer's
second no less than their first.

An answer is a whole number of its scale. What is outside it, or between two of its numbers, as a
mean of several answers is, is no answer: it is counted as unusable, never rounded to one. An event
without a value is a question that was not answered.
"""

from __future__ import annotations

from operator import itemgetter

import ibis.expr.types as ir

from configs.schema import Config
from features.figures.definition import Figure, Period, ratio
from features.figures.known import known
from features.source import Tables
from features.timeline import stamp

SCALES = {"nps": range(11), "csat": range(1, 6)}
"""What may be answered on each scale."""

PROMOTERS, DETRACTORS = range(9, 11), range(7)
SATISFIED = range(4, 6)


def measures(config: Config, tables: Tables, period: Period) -> ir.Table | None:
    """Return what each customer of events answered in the period.

    Returns
    -------
    Table or None
        A row a customer of whom any event had happened, and was known, by the period's end; None
        where no kind of event has both a scale and values. Counts, those of a scale only where a
        kind has it: ``nps_answers``, of which ``nps_promoters`` and ``nps_detractors``;
        ``csat_answers``, of which ``csat_satisfied``; of each, ``…_unusable`` (values that are no
        answers), ``…_customers`` and ``…_misread`` (one where the customer gave an answer, or such
        a value).
    """
    kinds = _kinds(config)
    if tables.events is None or not kinds:
        return None
    rows = known(tables.events, period.end, config.timezone)
    within = rows.occurred_at >= stamp(period.start, config.timezone)
    counts: dict[str, ir.IntegerScalar] = {}
    for scale, names in kinds.items():
        counts |= _counts(scale, rows, within & rows.kind.isin(names))
    held = rows.group_by("customer_id").aggregate(**counts)
    about = {}
    for scale in kinds:
        about[f"{scale}_customers"] = held[f"{scale}_answers"].clip(upper=1)
        about[f"{scale}_misread"] = held[f"{scale}_unusable"].clip(upper=1)
    return held.mutate(**about)


def _kinds(config: Config) -> dict[str, list[str]]:
    """Return the kinds of each scale that have values, the scales in their order."""
    valued = {name for held in config.sources.events if held.columns.value for name in held.kinds}
    given = {name: kind.scale for name, kind in config.sources.event_kinds.items()}
    held = {scale: sorted(n for n in valued if given[n] == scale) for scale in SCALES}
    return {scale: names for scale, names in held.items() if names}


def _counts(scale: str, rows: ir.Table, asked: ir.BooleanColumn) -> dict[str, ir.IntegerScalar]:
    answered = rows["value"].isin(SCALES[scale])
    told = {"answers": answered, "unusable": rows["value"].notnull() & ~answered}
    if scale == "nps":
        told["promoters"] = rows["value"].isin(PROMOTERS)
        told["detractors"] = rows["value"].isin(DETRACTORS)
    else:
        told["satisfied"] = rows["value"].isin(SATISFIED)
    return {f"{scale}_{name}": _times(asked & held) for name, held in told.items()}


def _times(held: ir.BooleanColumn) -> ir.IntegerScalar:
    return held.ifelse(1, 0).sum().cast("int64")


FIGURES: tuple[Figure, ...] = (
    Figure(
        "nps",
        "net promoter score",
        "Net Promoter Score (NPS)",
        "score",
        "The share of answers that are 9 or 10 less the share that are 0 to 6, times 100, of "
        "answers from 0 to 10 to how likely one is to recommend us: from −100 to 100.",
        "Andelen af svar på 9 eller 10 minus andelen på 0 til 6, gange 100, blandt svar fra 0 til "
        "10 på, hvor sandsynligt det er, at man vil anbefale os: fra −100 til 100.",
        "nps_customers",
        lambda of: ratio(100 * (of["nps_promoters"] - of["nps_detractors"]), of["nps_answers"]),
    ),
    Figure(
        "nps_answers",
        "answers to the net promoter score",
        "NPS-svar",
        "count",
        "Answers in the period to how likely one is to recommend us; a customer may give several.",
        "Svar i perioden på, hvor sandsynligt det er, at man vil anbefale os; en kunde kan give "
        "flere.",
        "nps_customers",
        itemgetter("nps_answers"),
    ),
    Figure(
        "nps_unusable",
        "unusable answers to the net promoter score",
        "ubrugelige NPS-svar",
        "count",
        "Values in the period that are not whole numbers from 0 to 10, and so are not counted.",
        "Værdier i perioden, der ikke er hele tal fra 0 til 10 og derfor ikke tælles med.",
        "nps_misread",
        itemgetter("nps_unusable"),
    ),
    Figure(
        "csat",
        "customer satisfaction",
        "kundetilfredshed (CSAT)",
        "share",
        "The share of answers that are 4 or 5, of answers from 1 to 5 to how satisfied one is.",
        "Andelen af svar på 4 eller 5 blandt svar fra 1 til 5 på, hvor tilfreds man er.",
        "csat_customers",
        lambda of: ratio(of["csat_satisfied"], of["csat_answers"]),
    ),
    Figure(
        "csat_answers",
        "answers on satisfaction",
        "svar om tilfredshed",
        "count",
        "Answers in the period to how satisfied one is; a customer may give several.",
        "Svar i perioden på, hvor tilfreds man er; en kunde kan give flere.",
        "csat_customers",
        itemgetter("csat_answers"),
    ),
    Figure(
        "csat_unusable",
        "unusable answers on satisfaction",
        "ubrugelige svar om tilfredshed",
        "count",
        "Values in the period that are not whole numbers from 1 to 5, and so are not counted.",
        "Værdier i perioden, der ikke er hele tal fra 1 til 5 og derfor ikke tælles med.",
        "csat_misread",
        itemgetter("csat_unusable"),
    ),
)
