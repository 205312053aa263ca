"""Protected attributes are read to see whom a model serves worse, and are no features for it."""

from datetime import date

import pandas as pd

from features.build import build
from features.protected import protected, protected_attributes
from features.source import load_tables
from tests.factories import AS_OF, make_config, make_customers
from tests.training.bases import make_snapshot_config


def with_protected(config, name):
    """The config with one attribute protected, as its file would say."""
    told = config.model_dump(mode="json")
    held = told["sources"]["snapshot"] or told["sources"]["customers"]
    held["attributes"][name]["protected"] = True
    return type(config).model_validate(told)


def test_they_are_those_of_the_file_though_no_feature_is(tmp_path):
    config = with_protected(make_config(tmp_path), "income")
    tables = load_tables(config)
    assert "income" not in build(config, tables, [AS_OF]).columns
    assert list(protected_attributes(config)) == ["income"]
    found = protected(config, tables, [AS_OF])
    assert list(found.columns) == ["as_of", "customer_id", "income"]
    expected = make_customers().sort_values("customer")
    assert found["customer_id"].tolist() == expected["customer"].tolist()
    assert found["income"].tolist() == expected["income"].tolist()


def test_flags_are_nothing_or_one_as_features_have_them(tmp_path):
    config = with_protected(make_config(tmp_path), "newsletter")
    found = protected(config, load_tables(config), [AS_OF])
    expected = make_customers().sort_values("customer")["newsletter"] == "yes"
    assert found["newsletter"].tolist() == expected.astype(float).tolist()


def test_a_snapshots_rows_bear_each_cut_off(tmp_path):
    config = with_protected(make_snapshot_config(tmp_path), "plan")
    days = [date(1970, 1, 1), date(1970, 1, 2)]
    found = protected(config, load_tables(config), days)
    assert sorted(set(found["as_of"])) == days
    assert len(found) == 2 * found["customer_id"].nunique() == 800


def test_where_nothing_is_protected_nothing_is_read(tmp_path):
    config = make_config(tmp_path)
    found = protected(config, load_tables(config), [AS_OF])
    assert found.empty
    assert list(found.columns) == ["as_of", "customer_id"]


def test_they_are_those_that_held_at_the_cut_off(tmp_path):
    config = with_protected(make_config(tmp_path), "income")
    rows = pd.DataFrame(
        {
            "customer": ["001", "001", "002"],
            "since": ["2024-01-01", "2024-05-01", "2024-05-01"],
            "income": ["low", "high", "middle"],
            "newsletter": ["yes", "yes", "no"],
        }
    )
    rows.to_csv(tmp_path / "customers.csv", index=False)
    told = config.model_dump(mode="json")
    told["sources"]["customers"]["columns"]["valid_from"] = "since"
    config = type(config).model_validate(told)
    found = protected(config, load_tables(config), [date(2024, 4, 1), date(2024, 6, 1)])
    assert found[["as_of", "customer_id", "income"]].to_numpy().tolist() == [
        [date(2024, 4, 1), "001", "low"],
        [date(2024, 6, 1), "001", "high"],
        [date(2024, 6, 1), "002", "middle"],
    ]
