import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from serving.report import phrases, pictures
from serving.report.contents import Report
from serving.report.page import page
from serving.report.track_figures import OF_CHURN, OF_VALUE
from serving.report.words import Words
from tests.serving.report.contents import (
    BEFORE,
    FIGURES,
    PERIOD,
    WHOLE,
    make_figure,
    make_modelled,
    make_report,
    make_rows,
    make_table,
)
from training.metrics import CHURN_METRICS, VALUE_METRICS

HOSTILE = (
    "<script>alert('x')</script>\"><img src=http://evil.example/a.png>",
    "=cmd|' /C calc'!A0",
    "\N{RIGHT-TO-LEFT OVERRIDE}מחיר",
    "{{ 7 * 7 }}",
    "a" * 5000,
)


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.within: list[str] = []
        self.drawn: list[str] = []
        self.feed(html.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("svg", "style"):
            self.within.append(tag)

    def handle_endtag(self, tag):
        if tag in ("svg", "style"):
            self.within.pop()

    def handle_data(self, data):
        (self.drawn if self.within else self.texts).append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def test_the_headline_says_what_matters_in_sentences():
    # 1,150 of 1,000 before is 15 % more; 95 % after 90 % is 5 points; 3,456 of 120,000 is 2.9 %.
    text = Seen(page(make_modelled(), "en")).text
    assert (
        "1,150 customers at the end of 31 May 2024 (+15 % compared with the 30 days before)."
        in text
    )
    stayed = "95 % of the customers there were at the start stayed (+5 points compared with the "
    assert f"{stayed}30 days before); 50 left." in text
    assert "Customers brought DKK 123,456 (+2.9 %" in text
    assert "DKK 30,000 is at risk: 100 customers are expected to leave." in text
    assert "7.5 % of lifetime value" in text  # 30,000 of 400,000


def test_a_figure_stands_with_its_definition_and_the_period_before():
    text = Seen(page(make_report(), "en")).text
    assert re.search(r"Lost 50 99 −49.5 % What lost is\.", text)
    assert re.search(r"Nps −12 – – What nps is\.", text)


def test_what_is_withheld_is_said_and_explained():
    text = Seen(page(make_report(), "en")).text
    assert re.search(r"high 1,100 96.0 % low withheld withheld", text)
    assert "A figure of fewer than 5 customers is withheld" in text


def test_the_page_is_told_in_danish():
    html = page(make_modelled(), "da")
    seen = Seen(html)
    assert seen.named("html")[0]["lang"] == "da"
    assert "1.150 kunder ved udgangen af den 31. maj 2024 (+15 % mod de 30 dage før)." in seen.text
    assert "Hvad lost er." in seen.text
    assert "bedste" in seen.text
    assert not re.search(r"\b(best|everybody|withheld|customers)\b", seen.text)
    assert "bedste" in "".join(seen.drawn)


@pytest.mark.parametrize("make", [make_report, make_modelled])
def test_headings_fall_by_one_and_every_place_is_there(make):
    seen = Seen(page(make(), "en"))
    levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for attrs in seen.named("a")} <= set(ids)


def test_tables_and_pictures_can_be_read_aloud():
    seen = Seen(page(make_modelled(), "en"))
    tags = [tag for tag, _ in seen.tags]
    assert tags.count("caption") == tags.count("table") > 5
    assert all(attrs.get("scope") in ("col", "row") for attrs in seen.named("th"))
    pictures = [attrs for attrs in seen.named("svg") if attrs.get("role") == "img"]
    assert len(pictures) >= 4
    assert all(attrs["aria-label"] for attrs in pictures)


def test_the_page_runs_nothing_and_asks_nobody():
    html = page(make_modelled(), "en")
    tags = {tag for tag, _ in Seen(html).tags}
    assert not tags & {"script", "iframe", "form", "object", "link"}
    assert b"default-src 'none'" in html
    assert b" style=" not in html.split(b"<body>")[1]


@pytest.mark.parametrize("text", HOSTILE, ids=["script", "formula", "rtl", "template", "long"])
def test_hostile_names_are_text_and_nothing_else(text):
    plain, hostile = Seen(page(_named("word"), "en")), Seen(page(_named(text), "en"))
    assert [tag for tag, _ in hostile.tags if tag != "tspan"].count("script") == 0
    assert text in "".join(hostile.texts)
    html_tags = [tag for tag, _ in plain.tags if tag in ("td", "th", "img", "bdi", "a")]
    assert [tag for tag, _ in hostile.tags if tag in ("td", "th", "img", "bdi", "a")] == html_tags


def _named(text: str) -> Report:
    """A report in which all that the data can name is called so."""
    rows = [*make_rows("all", "all", WHOLE), *make_rows("attribute:income", text, {"end": 1100.0})]
    modelled = make_modelled()
    card = {**modelled.personas["value"][0], "name": text, "said": text}
    return replace(
        modelled,
        figures=make_table(rows),
        names={"attribute:income": (text, text), "segment:value": (text, text)},
        definitions={**FIGURES, "end": make_figure("end", "count", text)},
        calls=modelled.calls.assign(customer_id=text, reasons=[[text], [text]]),
        personas={"value": [card]},
        migration={},
        trend=None,
        values=None,
    )


def test_a_base_of_nobody_has_a_page():
    empty = make_table(make_rows("all", "all", dict.fromkeys(FIGURES, float("nan"))))
    report = make_report(
        figures=empty,
        trend=None,
        values=np.array([]),
        risk=make_modelled().risk.iloc[:0],
        calls=make_modelled().calls.iloc[:0],
        retention=pd.DataFrame(
            columns=["cohort", "size", "offset", "customers", "share", "withheld"]
        ),
        revenue=pd.DataFrame(columns=["cohort", "start", "revenue", "customers", "withheld"]),
    )
    assert "What this report is made from" in Seen(page(report, "en")).text


def test_the_same_report_is_the_same_bytes():
    assert page(make_modelled(), "en") == page(make_modelled(), "en")


def test_every_phrase_is_said_in_both_languages_with_the_same_names():
    for name, (english, danish) in phrases.PHRASES.items():
        assert english, name
        assert danish, name
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", danish)), name


def test_the_measures_of_the_track_record_are_told_in_danish():
    measured = [(CHURN_METRICS, OF_CHURN), (VALUE_METRICS, OF_VALUE)]
    for known, names in measured:
        for name in names:
            english, danish = phrases.PHRASES[f"metric_{name}"]
            assert english == known[name].label
            assert danish != english


def test_pictures_are_told_in_danish():
    drawn = " ".join(Seen(page(make_modelled(), "da")).drawn)
    assert "halvdelen er mindre værd end" in drawn
    assert not re.search(r"\b(half|customers|withheld|days|period|went)\b", drawn)


def test_shares_of_who_moved_are_told_where_the_row_is_known():
    # Of 1,000, 900 stayed, whoever else is withheld: 90 %.
    moved = dict(make_modelled().migration["value"])
    moved["customers"] = [[120, 20, 0], [None, 900, None], [None, None, None]]
    drawn = Seen(page(make_modelled(migration={"value": moved}), "en")).drawn
    assert "90\N{NO-BREAK SPACE}%" in drawn


def test_a_column_of_money_names_its_currency_once():
    text = Seen(page(make_modelled(), "en")).text
    assert re.search(r"At stake, DKK .* best 20,000", text)


def test_where_files_lie_is_not_told():
    origin = replace(make_report().origin, files={"events": ("/home/me/a.csv, /home/me/a.csv", 7)})
    text = Seen(page(make_report(origin=origin), "en")).text
    assert "Events a.csv (7 rows)" in text
    assert "/home/me" not in text


def test_periods_in_which_nobody_can_have_lapsed_tell_of_no_retention():
    first = BEFORE.start - timedelta(days=30)  # a customer is one for 60 days
    whole = make_report()  # of which it is not known when the data begin
    young = replace(whole, origin=replace(whole.origin, days=(first, PERIOD.end)))
    assert (whole.lapses_from, young.lapses_from) == (None, PERIOD.start)
    (of_whole,), (of_young,) = (pictures.trend(each, Words("en", "DKK")) for each in (whole, young))
    assert "90\N{NO-BREAK SPACE}%" in of_whole.svg
    assert "90\N{NO-BREAK SPACE}%" not in of_young.svg
