import math
from dataclasses import replace

import pytest

from features.schema import FeatureColumn, FeatureSchema
from training.quantities import amount, number, quantity
from training.reasons import Options, Row, Vocabulary, ranked


def make_column(name, unit="count", idea=None, **said):
    said = {"label": name.replace("_", " "), "label_da": f"{name} på dansk", **said}
    column = FeatureColumn(name, "number", (), unit, idea or name, "", "", False, None, False, "d")
    return replace(column, **said)


RECENCY = make_column(
    "days_since_purchase",
    "days",
    "recency",
    label="days since the last purchase",
    label_da="dage siden sidste køb",
    against="usual_gap",
    actionable=True,
)
PAUSE = make_column("pause_ratio", "ratio", "recency")
GAP = make_column("usual_gap", "days", "rhythm", label="usual days between purchases")
SPEND = make_column("spend", "money", "money", label="net spend", label_da="nettoforbrug")
SHARE = make_column("discount_share", "share", "discounts", label_da="rabatandel")
INCOME = replace(make_column("income", ""), kind="category", categories=("high", "low"))
FLAG = make_column("newsletter", "")
COLUMNS = (RECENCY, PAUSE, GAP, SPEND, SHARE, INCOME, FLAG)
VALUES = (74.0, 3.5, 21.4, 1234.5, 0.125, "low", 1.0)


def make_vocabulary(**changes):
    ideas = {}
    for index, column in enumerate(COLUMNS):
        ideas[column.idea] = (*ideas.get(column.idea, ()), index)
    held = Vocabulary(
        schema=FeatureSchema(COLUMNS),
        ideas=ideas,
        against=(2, None, None, None, None, None, None),
        typical=(12.0, 1.0, 14.0, 200.0, 0.125, "high", 0.0),
        flags=frozenset({"newsletter"}),
        currency="DKK",
    )
    return replace(held, **changes)


def told(contributions, towards=1, language="en", values=VALUES, most=5, **changes):
    row = Row(values, contributions, [part / 10 for part in contributions])
    return ranked(make_vocabulary(**changes), row, towards, Options(most, language))


def test_a_negative_zero_is_told_as_zero():
    moved = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    found, zero = (
        told(moved, values=(*VALUES[:3], value, *VALUES[4:]))[0] for value in (-0.0, 0.0)
    )
    assert (str(found["value"]), found["text"]) == ("0.0", zero["text"])


def text(index, language="en", values=VALUES, **changes):
    contributions = [float(place == index) for place in range(len(COLUMNS))]
    return told(contributions, 1, language, values, **changes)[0]["text"]


@pytest.mark.parametrize(
    ("index", "english", "danish"),
    [
        (
            0,
            "days since the last purchase: 74 days (usually every 21 days)",
            "dage siden sidste køb: 74 dage (normalt med 21 dages mellemrum)",
        ),
        (
            1,
            "pause ratio: 3.5× (typically 1×)",
            "pause_ratio på dansk: 3,5× (typisk 1×)",
        ),
        (
            3,
            "net spend: DKK 1,234 (typically DKK 200)",
            "nettoforbrug: 1.234 kr. (typisk 200 kr.)",
        ),
        (
            4,
            "discount share: 12% (which is typical)",
            "rabatandel: 12 % (hvilket er typisk)",
        ),
        (5, "income: low (most often high)", "income på dansk: low (oftest high)"),
        (6, "newsletter: yes (typically no)", "newsletter på dansk: ja (typisk nej)"),
    ],
)
def test_reads_well_in_both_languages(index, english, danish):
    assert text(index, "en") == english
    assert text(index, "da") == danish


def test_missing_is_said_and_has_nothing_to_be_usual_against():
    values = (None, *VALUES[1:])
    assert text(0, "en", values) == "days since the last purchase: unknown (typically 12 days)"
    assert text(0, "da", values) == "dage siden sidste køb: ukendt (typisk 12 dage)"
    one_time_buyer = (74.0, 3.5, None, *VALUES[3:])
    assert text(0, "en", one_time_buyer).endswith(": 74 days (typically 12 days)")


def test_without_a_typical_customer_nothing_is_compared():
    assert text(3, typical=(None,) * 7) == "net spend: DKK 1,234"


def test_every_day_is_not_every_1_day():
    daily = (74.0, 3.5, 1.0, *VALUES[3:])
    assert text(0, "en", daily).endswith("(usually every day)")
    assert text(0, "da", daily).endswith("(normalt med 1 dags mellemrum)")


def test_an_idea_is_one_reason_told_by_what_adds_most_in_its_direction():
    contributions = [-3.0, 2.5, 0.0, 1.0, 0.0, 0.0, 0.0]
    (lowers,) = told(contributions, -1)
    assert lowers["idea"] == "recency"
    assert lowers["feature"] == "days_since_purchase"
    assert lowers["contribution"] == pytest.approx(-0.05)
    contributions = [-3.0, 3.5, 0.0, 1.0, 0.0, 0.0, 0.0]
    raises = told(contributions, 1)
    assert [reason["feature"] for reason in raises] == ["spend", "pause_ratio"]
    assert told(contributions, -1) == []


def test_the_strongest_come_first_up_to_the_number_asked():
    contributions = [1.0, 0.0, 2.0, 3.0, -4.0, 0.5, -5.0]
    assert [reason["idea"] for reason in told(contributions, most=2)] == ["money", "rhythm"]
    assert [reason["idea"] for reason in told(contributions, -1)] == ["newsletter", "discounts"]
    assert told(contributions, most=0) == []


def test_what_adds_nothing_is_no_reason():
    assert told([0.0] * 7) == []
    assert told([0.0] * 7, -1) == []
    assert told([1.0, -1.0, 0, 0, 0, 0, 0]) == []


def test_all_reasons_add_up_to_the_whole():
    contributions = [0.1, 0.2, -0.3, 0.7, 1e-9, -2.0, 5.0]
    both = told(contributions, 1, most=50) + told(contributions, -1, most=50)
    assert math.fsum(reason["contribution"] for reason in both) == pytest.approx(
        sum(contributions) / 10
    )


def test_the_raw_value_stays_and_money_names_its_currency():
    (reason,) = told([0, 0, 0, 1.0, 0, 0, 0])
    assert (reason["value"], reason["unit"], reason["actionable"]) == (1234.5, "DKK", False)
    (reason,) = told([1.0, 0, 0, 0, 0, 0, 0])
    assert (reason["unit"], reason["actionable"]) == ("days", True)


@pytest.mark.parametrize(
    ("value", "unit", "english", "danish"),
    [
        (1.0, "days", "1 day", "1 dag"),
        (0.0, "days", "0 days", "0 dage"),
        (1.44, "days", "1.4 days", "1,4 dage"),
        (12345.0, "count", "12,345", "12.345"),
        (2.5, "count", "2.5", "2,5"),
        (0.003, "share", "0.3%", "0,3 %"),
        (0.00001, "share", "less than 0.01%", "under 0,01 %"),
        (1.0, "share", "100%", "100 %"),
        (0.001, "ratio", "less than 0.01×", "under 0,01×"),
        (1.0, "months", "1 month", "1 måned"),
        (72.0, "months", "72 months", "72 måneder"),
        (79.5, "USD", "USD 79.50", "79,50 USD"),
        (3.0, "parcels a week", "3 parcels a week", "3"),
        (3.0, "GB", "3 GB", "3 GB"),
        (0.5, "", "0.5", "0,5"),
        (-2.0, "count", "−2", "−2"),
    ],
)
def test_quantities(value, unit, english, danish):
    assert quantity(value, unit, "en") == english
    assert quantity(value, unit, "da") == danish


def test_money_and_numbers():
    assert amount(-208.4, "DKK", "en") == "DKK −208"
    assert amount(34.5, "DKK", "da") == "34,50 kr."
    assert amount(-0.001, "EUR", "da") == "0 EUR"
    assert number(1_000_000, 0, "da") == "1.000.000"
