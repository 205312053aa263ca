"""The report as a page that stands alone: no script, nothing asked of anybody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from serving.report.contents import Report
from serving.report.danish import in_danish
from serving.report.headline import first
from serving.report.sections import sections
from serving.report.words import Words
from training.page import render
from training.quantities import Language
from training.wording import title

_TEMPLATES = Path(__file__).parent / "templates"


def page(report: Report, language: Language) -> bytes:
    """Return the report as HTML; every text of the data's is escaped."""
    words = Words(language, report.currency)
    report = in_danish(report) if language == "da" else report
    return render(
        "retention.html",
        _TEMPLATES,
        style=(_TEMPLATES / "retention.css").read_text(encoding="utf-8"),
        language=language,
        t=words,
        base=title(report.base),
        day=words.day(report.as_of),
        span=_span(report, words),
        sections=sections(report, words),
        **first(report, words),
    )


def _span(report: Report, words: Words) -> str:
    if report.period is None:
        return words.day(report.as_of)
    last = words.day(report.period.end - timedelta(days=1))
    return words("span", days=report.period.days, last=last)
