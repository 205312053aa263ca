"""What serving customers cost, by hand."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.schema import Config
from features.figures import service
from features.source import load_rows
from tests.factories import make_base
from tests.features.figures.adding import MAY, by_customer, figures

LINES = ("customer_id", "occurred_at", "order_id", "amount", "known_at")
EVENTS = ("customer_id", "occurred_at", "kind", "value", "known_at")
COSTS = {"purchase": 10.5, "return": 40, "ticket": 75.25, "page": 0.00125}
KINDS = {"ticket": {}, "page": {}, "mail": {"role": "contact"}}

ORDERS = [
    ("a", "2024-05-02", "1", 100),
    ("a", "2024-05-03", "1", -20),  # a purchase of 80 that has a return in it: both
    ("a", "2024-05-04", "2", -30),  # a return alone
    ("a", "2024-04-30T23:59", "3", 50),  # its first line is before the period, and so is it
    ("a", "2024-05-05", "3", 50),
    ("b", "2024-05-01T00:00", "4", 7),
    ("b", "2024-05-31T23:59", "5", 7),
    ("b", "2024-05-20", "6", 0),  # of no net amount: neither
    ("c", "2024-05-20", "7", 9, "2024-06-01T00:00"),  # not known by the end
    ("d", "2024-06-01T00:00", "8", 9),
    ("e", "2024-01-01", "9", 9),
    ("h", "2024-01-01", "10", 9),
    ("h", "2024-05-20", "10", -5),  # two lines of an order of January come back in May
    ("h", "2024-05-20", "10", -2),
    ("i", "2024-01-01", "11", 9),
    ("i", "2024-04-30", "11", -9),  # before the period
]
CONTACTS = [
    ("a", "2024-05-06", "ticket"),
    ("b", "2024-05-06", "mail"),  # has no cost
    ("f", "2024-05-06", "ticket"),
    ("f", "2024-05-07", "ticket"),
    *[("f", f"2024-05-08T10:0{n}", "page") for n in range(3)],
    ("f", "2024-05-09", "ticket", None, "2024-06-01T00:00"),
    ("g", "2024-04-30T23:59", "ticket"),
]

GOLDEN = {
    "a": "165.7500",  # 1 purchase, 2 returns, 1 ticket: 10.50 + 80 + 75.25
    "b": "21.0000",  # 2 purchases
    "e": "0.0000",
    "f": "150.5038",  # 2 tickets and 3 pages: 150.50 + 0.00375, to four decimals
    "g": "0.0000",
    "h": "40.0000",
    "i": "0.0000",
}


def base(*tables: str, costs: dict[str, float] = COSTS, **changes) -> Config:
    config = make_base(*tables, kinds=KINDS if "events" in tables else None, **changes)
    report = config.report.model_copy(update={"costs_to_serve": costs})
    return config.model_copy(update={"report": report})


SHOP = base("events")


def held(orders: list[tuple] = ORDERS, contacts: list[tuple] = CONTACTS) -> dict[str, list[dict]]:
    return {
        "transactions": [dict(zip(LINES, row, strict=False)) for row in orders],
        "events": [dict(zip(EVENTS, row, strict=False)) for row in contacts],
    }


def test_each_customers_cost_is_as_worked_out_by_hand():
    found = by_customer(service, SHOP, held())
    assert found["cost_to_serve"].to_dict() == {name: Decimal(c) for name, c in GOLDEN.items()}
    assert sorted(found.index[found["service_customers"] == 1]) == ["a", "b", "f", "h"]


def test_the_figures_are_of_those_who_were_served():
    # 165.75 + 21 + 150.5038 + 40 = 377.2538, of four customers
    found = figures(service, by_customer(service, SHOP, held()))
    assert found["cost_to_serve"] == 377.2538
    assert found["cost_to_serve_per_customer"] == pytest.approx(377.2538 / 4, rel=1e-15)


def test_without_order_ids_an_order_is_a_day():
    config = base("events", without=["transactions.order_id"])
    lines = [("2024-05-02T09:00", 10), ("2024-05-02T17:00", 10)]
    rows = [{"customer_id": "a", "occurred_at": at, "amount": paid} for at, paid in lines]
    found = by_customer(service, config, {"transactions": rows})
    assert found["cost_to_serve"].to_dict() == {"a": Decimal("10.5000")}


def test_what_has_no_cost_given_is_not_asked_for():
    of_tickets = base("events", costs={"ticket": 75.25})
    found = by_customer(service, of_tickets, held())
    assert found["cost_to_serve"].to_dict() == {
        "a": Decimal("75.2500"),
        "b": 0,
        "f": Decimal("150.5000"),
        "g": 0,
    }
    of_orders = base(costs={"purchase": 1})
    found = by_customer(service, of_orders, {"transactions": held()["transactions"]})
    assert found["cost_to_serve"].to_dict() == {"a": 1, "b": 2, "e": 0, "h": 0, "i": 0}


def test_there_is_nothing_to_tell_without_costs():
    config = base("events", costs={})
    assert service.measures(config, load_rows(config, held()), MAY) is None


def test_nobody_served_cost_nothing_each():
    found = figures(service, by_customer(service, SHOP, held(ORDERS[-2:], [])))
    assert found == {"cost_to_serve": 0, "cost_to_serve_per_customer": None}


@settings(max_examples=3)
@given(st.integers(0, 2**32))
def test_neither_the_order_of_rows_nor_what_comes_later_changes_anything(seed: int):
    random = Random(seed)
    orders, contacts = ORDERS.copy(), CONTACTS.copy()
    for later in range(10):
        known = f"2024-06-0{random.randint(1, 9)}T00:00"
        orders.append((random.choice("abz"), "2024-05-02", f"1{later}", 5, known))
        contacts.append((random.choice("afz"), known, "ticket"))
    random.shuffle(orders)
    random.shuffle(contacts)
    found = by_customer(service, SHOP, held(orders, contacts))
    assert found.equals(by_customer(service, SHOP, held()))
