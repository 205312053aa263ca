"""The schema is closed and strict, holds its sections together, and is printed for editors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from configs.schema import Config, json_schema
from configs.sources import Attribute, Column, Product, Sum
from configs.tasks import asks_subscribers
from configs.values import Duration, Section

PRINTED = Path(__file__).parents[2] / "configs" / "schema.json"
REFRESH = (
    "python -c 'import json; from configs.schema import json_schema; "
    "print(json.dumps(json_schema(), indent=2, ensure_ascii=False))' > configs/schema.json"
)


BOUGHT = {
    "path": "shop.csv",
    "columns": {"customer_id": "who", "occurred_at": "when", "amount": "paid"},
}


def make_config(**changes) -> Config:
    content = {
        "name": "shop",
        "timezone": "UTC",
        "currency": "EUR",
        "seed": 0,
        "sources": {"transactions": BOUGHT},
        "features": {"windows": ["7d"]},
        "timeline": {"every": "28d", "cutoffs": 2, "history": "9d", "gap": "0d"},
        "clv": {"horizon": "28d"},
        "tuning": {"trials": 1, "minutes": 1},
        "gate": GATE,
        "leakage": {
            "alone_auc": 0.9,
            "alone_gini": 0.9,
            "removal": 0.1,
            "too_good": 0.95,
            "fall": 0.1,
        },
        "report": REPORT,
        "serving": {"reasons": 0, "language": "da", "max_customers": 1, "max_body_mb": 1},
        "paths": {"var": "var", "mlruns": "mlruns"},
    }
    return Config.model_validate({**content, **changes})


SNAPSHOT = {
    "path": "s.csv",
    "columns": {"customer_id": "who", "label": "left"},
    "positive": "Yes",
    "attributes": {"age": {"kind": "number"}},
}
SUBSCRIPTIONS = {
    "path": "s.csv",
    "columns": {"customer_id": "who", "started_at": "from", "ended_at": "to"},
}
PAID = {**SUBSCRIPTIONS, "columns": {**SUBSCRIPTIONS["columns"], "mrr": "monthly"}}
LEFT = {"kind": "flag", "says": "churned"}
CANCEL = {"kind": "cancel", "horizon": "9d"}
GATE = {
    "churn_margin": 0,
    "clv_margin": 0,
    "repeats": 100,
    "calibration": 0.05,
    "bias": 0.25,
    "slice_calibration": 0.1,
    "slice_bias": 0.5,
    "slice_customers": 30,
    "slice_outcomes": 5,
}
REPORT = {
    "period": "30d",
    "periods": 3,
    "active_within": "90d",
    "cohorts": "month",
    "least": 5,
    "calls": 10,
}
AGED = {
    "customers": {
        "path": "c",
        "columns": {"customer_id": "who"},
        "attributes": {
            "age": {"kind": "category", "protected": True},
            "town": {"kind": "category"},
            "staff": {"kind": "number"},
        },
    },
    "transactions": BOUGHT,
}


def way(**asked):
    return {"segments": {"behaviour": asked}}


def by(**asked):
    return {"sources": AGED, "segments": {"who": {"kind": "attributes", **asked}}}


def test_the_printed_schema_is_fresh():
    assert json.loads(PRINTED.read_text()) == json_schema(), f"print it anew: {REFRESH}"


def test_the_printed_schema_lets_a_file_extend_another():
    schema = json_schema()
    assert "extends" in schema["properties"]
    assert not any("required" in part for part in (schema, *schema["$defs"].values()))


def unions(schema):
    if isinstance(schema, dict):
        yield from [schema["anyOf"]] if "anyOf" in schema else []
    if isinstance(schema, dict | list):
        for part in schema.values() if isinstance(schema, dict) else schema:
            yield from unions(part)


def test_every_union_is_told_apart_by_a_tag():
    # Untagged, one wrong value would be refused once for each type that it might have had.
    untagged = [union for union in unions(json_schema()) if {"type": "null"} not in union]
    wide = [union for union in unions(json_schema()) if len(union) > 2]
    assert (untagged, wide) == ([], [])


def test_every_section_is_closed_frozen_and_strict():
    sections = [Section, *Section.__subclasses__()]
    wanted = {"frozen": True, "extra": "forbid", "strict": True}
    assert all(wanted.items() <= section.model_config.items() for section in sections)


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        make_config().seed = 2


@pytest.mark.parametrize(("text", "days"), [("90d", 90), ("13w", 91), ("0d", 0), (" 7d ", 7)])
def test_a_duration_is_days(text, days):
    assert TypeAdapter(Duration).validate_python(text) == days


@pytest.mark.parametrize("value", [90, "90", "d", "-1d", "1.5w", "3m", "123456d", True, None, []])
def test_what_is_no_duration(value):
    with pytest.raises(ValidationError, match="must be a duration"):
        TypeAdapter(Duration).validate_python(value)


@pytest.mark.parametrize(
    ("value", "column"),
    [
        ("paid", "paid"),
        ({"product": ["n", "price"]}, Product(product=("n", "price"))),
        ({"sum": ["net", "tax"]}, Sum(sum=("net", "tax"))),
        (Sum(sum=("net", "tax")), Sum(sum=("net", "tax"))),
    ],
)
def test_a_column_is_a_name_a_product_or_a_sum(value, column):
    assert TypeAdapter(Column).validate_python(value) == column


@pytest.mark.parametrize("value", [5, None, {}, {"ratio": ["a", "b"]}, ["a", "b"]])
def test_what_is_no_column_is_refused_once(value):
    with pytest.raises(ValidationError, match="must be a column's name") as caught:
        TypeAdapter(Column).validate_python(value)
    assert caught.value.error_count() == 1


@pytest.mark.parametrize("zone", ["Europe/Copenhagen", "UTC"])
def test_a_zone(zone):
    assert make_config(timezone=zone).timezone == zone


NO_ZONES = ("Mars/Base", "", "../etc/passwd", ".", "a\0b", "localtime", "posix/UTC", "right/UTC")


@pytest.mark.parametrize("zone", [*NO_ZONES, 5, ["UTC"]])
def test_what_is_no_zone(zone):
    with pytest.raises(ValidationError, match="timezone"):
        make_config(timezone=zone)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"clv": None}, "asks for nothing"),
        ({"sources": {}}, "needs transactions, subscriptions or events"),
        ({"sources": {"snapshot": SNAPSHOT}}, "clv needs transactions"),
        ({"clv": {"horizon": "9d", "value": "margin"}}, "maps no margin"),
        ({"churn": {"kind": "label", "test_share": 0.5}}, "which needs a snapshot"),
        ({"churn": CANCEL}, "churn is of kind cancel, which needs subscriptions"),
        (
            {
                "sources": {
                    "subscriptions": {
                        "path": "s.csv",
                        "columns": {"customer_id": "who", "started_at": "from"},
                    }
                },
                "clv": None,
                "churn": CANCEL,
            },
            "which needs subscriptions with an ended_at",
        ),
        (
            {
                "sources": {"subscriptions": SUBSCRIPTIONS},
                "clv": None,
                "churn": {"kind": "lapse", "horizon": "9d"},
            },
            "churn is of kind lapse, which needs transactions",
        ),
        ({"sources": {"subscriptions": SUBSCRIPTIONS}, "churn": CANCEL}, "clv needs transactions"),
        ({"clv": {"horizon": "9d", "value": "mrr"}}, "needs subscriptions with mrr and ended_at"),
        (
            {
                "sources": {"subscriptions": SUBSCRIPTIONS},
                "churn": CANCEL,
                "clv": {"horizon": "9d", "value": "mrr"},
            },
            "needs subscriptions with mrr and ended_at",
        ),
        (
            {
                "sources": {"subscriptions": PAID},
                "churn": CANCEL,
                "clv": {"horizon": "9d", "value": "mrr", "active_within": "9d"},
            },
            "clv.active_within is of purchases",
        ),
        (
            {
                "sources": {"subscriptions": SUBSCRIPTIONS},
                "clv": None,
                "churn": CANCEL,
                **way(),
            },
            "segments.behaviour needs transactions",
        ),
        (
            {
                "sources": {"snapshot": {**SNAPSHOT, "attributes": {"age": LEFT}}},
                "clv": None,
                "churn": {"kind": "label", "test_share": 0.5},
            },
            "no input is left",
        ),
        (
            {
                "sources": {
                    "snapshot": {
                        **SNAPSHOT,
                        "attributes": {"age": {"kind": "number", "says": "churned"}},
                    }
                }
            },
            "says must be left out",
        ),
        (
            {
                "sources": {"snapshot": SNAPSHOT},
                "clv": None,
                "churn": {"kind": "lapse", "horizon": "9d"},
            },
            "churn must be of kind label",
        ),
        (
            {
                "sources": {"snapshot": SNAPSHOT},
                "clv": None,
                **way(active_within="9d"),
            },
            "segments.behaviour.active_within needs transactions",
        ),
        (
            {
                "sources": {
                    "snapshot": SNAPSHOT,
                    "customers": {"path": "c", "columns": {"customer_id": "who"}},
                }
            },
            "leave the other tables out",
        ),
        (way(min_segments=9), "must not exceed"),
        (way(min_share=0.6), "min_share is too large"),
        ({"segments": {"max_segments": 8}}, "must name the ways to tell customers apart"),
        ({"segments": {}}, "at least 1 item"),
        ({"segments": {"a": {"kind": "rfm"}, "b": {"kind": "rfm"}}}, "one way of kind rfm"),
        ({"segments": {"lifecycle": {"lost_after": "100d"}}}, "must rise"),
        ({"segments": {"value": {}}, "clv": None}, "segments.value needs a clv section"),
        (by(of=["shoe"]), "must name declared attributes that are no dates, got shoe"),
        (by(of=["age"]), "must not name age, which is protected"),
        (by(of=["staff"]), "bands must cut the numbers among of"),
        (by(of=["town"], bands={"staff": [10.0]}), "bands.staff must be one of the attributes"),
        (by(of=["staff"], bands={"staff": [50.0, 10.0]}), "bands.staff must rise"),
        ({"report": {**REPORT, "by": ["town"]}}, "must name attributes of kind category or flag"),
        (
            {"report": {**REPORT, "costs_to_serve": {"visit": 3.0}}},
            "costs_to_serve.visit must be one of purchase, return",
        ),
        ({"report": {**REPORT, "channel_costs": {"web": 3.0}}}, "transactions with a channel"),
        ({"features": {"windows": ["7d", "1w"]}}, "must rise"),
        ({"gate": {**GATE, "churn_margin": float("nan")}}, "finite"),
    ],
)
def test_sections_that_do_not_fit_together(changes, rule):
    with pytest.raises(ValidationError, match=rule):
        make_config(**changes)


def test_subscriptions_are_valued_by_their_mrr_with_purchases_or_without():
    for others in ({}, {"transactions": BOUGHT}):
        asked = {"horizon": "90d", "value": "mrr"}
        config = make_config(sources={"subscriptions": PAID, **others}, clv=asked)
        assert config.clv.of_subscriptions
        assert asks_subscribers(config.clv)
    assert not asks_subscribers(make_config(clv={"horizon": "90d"}).clv)


def test_what_a_config_tells_of_itself():
    config = make_config(churn={"kind": "lapse", "horizon": "9d"}, **way())
    assert config.tasks == ("churn", "clv", "segments")
    assert config.var == Path("var/shop")
    assert config.attributes == {}
    snapshot = make_config(
        sources={"snapshot": SNAPSHOT}, clv=None, churn={"kind": "label", "test_share": 0.2}
    )
    assert snapshot.attributes == snapshot.inputs == {"age": Attribute(kind="number")}


@pytest.mark.parametrize(
    "name",
    [
        "customer_id",
        "signed_up_at",
        "valid_from",
        "as_of",
        "instant",
        "valid_until",
        "profile_id",
        "signed_up",
        "signed_up_day",
        "consent_mail",
    ],
)
def test_an_attribute_is_not_named_as_another_column_of_the_customers(name):
    people = {
        "path": "p.csv",
        "columns": {"customer_id": "who"},
        "attributes": {name: {"kind": "category"}},
        "consents": {"mail": "mail"},
    }
    told = f"attributes.{name} must not be named so.*say column: {name}"
    with pytest.raises(ValidationError, match=told):
        make_config(sources={"transactions": BOUGHT, "customers": people})


@pytest.mark.parametrize("name", ["customer_id", "label", "as_of", "instant"])
def test_an_attribute_is_not_named_as_another_column_of_a_snapshot(name):
    attributes = {"age": {"kind": "number"}, name: {"kind": "number", "column": "held"}}
    with pytest.raises(ValidationError, match=f"attributes.{name} must not .*say column: held"):
        make_config(sources={"snapshot": {**SNAPSHOT, "attributes": attributes}})


def test_a_password_is_shown_neither_by_a_config_nor_by_its_refusal():
    layout = {"kind": "postgres", "table": "sales"}
    bought = {**BOUGHT, "path": "postgresql://joe:s3cr3t@host/shop", "format": layout}
    config = make_config(sources={"transactions": bought})
    shown = repr(config) + str(config.sources.transactions)
    assert shown.count("postgresql://joe:…@host/shop") == 2
    with pytest.raises(ValidationError) as caught:
        make_config(sources={"transactions": {**bought, "path": "mysql://joe:s3cr3t@host"}})
    assert "s3cr3t" not in shown + str(caught.value)
    assert config.sources.transactions.path == bought["path"]
    assert Config.model_validate(config.model_dump(mode="json"))  # as a bundle holds it


@pytest.mark.parametrize(("asked", "seen"), [(False, ["age"]), (True, ["age", "sex"])])
def test_models_see_no_attribute_that_claims_churn_and_unasked_none_that_is_protected(asked, seen):
    attributes = {
        "age": {"kind": "number"},
        "sex": {"kind": "category", "protected": True},
        "left": {**LEFT, "protected": True},
    }
    config = make_config(
        sources={"snapshot": {**SNAPSHOT, "attributes": attributes}},
        clv=None,
        churn={"kind": "label", "test_share": 0.2},
        features={"windows": ["7d"], "use_protected": asked},
    )
    assert list(config.inputs) == seen
