"""Who has left of customers of whom nothing else is told."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from configs.schema import Config
from features.figures import snapshot
from features.figures.definition import Period
from features.labels import snapshot_labels
from features.source import load_rows, load_tables
from tests.factories import make_base, make_snapshot
from tests.features.figures.adding import MAY, by_customer, figures

# Two of five have left: "yes" is not how the config says that one has.
LEFT = {"5": "Yes", "1": "No", "3": "yes", "2": "Yes", "4": "No"}


@pytest.fixture
def config(tmp_path) -> Config:
    rows = pd.DataFrame({"customer": LEFT.keys(), "left": LEFT.values(), "tenure": range(5)})
    return make_snapshot(tmp_path, rows, {"tenure": {"kind": "number"}})


def test_the_figures_are_as_worked_out_by_hand(config):
    assert figures(snapshot, by_customer(snapshot, config, load_tables(config))) == {
        "snapshot_customers": 5,
        "snapshot_churned": 2,
        "snapshot_retention_rate": 3 / 5,
        "snapshot_churn_rate": 2 / 5,
    }


def test_who_has_left_is_who_the_label_says_of_any_period(config):
    tables = load_tables(config)
    found = by_customer(snapshot, config, tables)
    labels = snapshot_labels(config, tables).set_index("customer_id")["churned"]
    assert found["snapshot_churned"].to_dict() == labels.to_dict()
    long_ago = Period(date(1990, 1, 1), date(1990, 2, 1))
    assert by_customer(snapshot, config, tables, long_ago).equals(found)


def test_there_is_nothing_to_tell_without_a_snapshot():
    shop = make_base()
    assert snapshot.measures(shop, load_rows(shop, {}), MAY) is None
