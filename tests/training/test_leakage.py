import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from configs.load import load
from configs.schema import Config, Leakage
from features.schema import FeatureSchema
from features.source import load_tables
from tests.training.bases import (
    make_regulars,
    make_regulars_config,
    make_schema,
    make_snapshot_config,
    make_subscribers,
)
from training import leakage
from training.leakage import Leak, LeakageError, inspect, readings, require_none
from training.split import split_by_strata, split_by_time

BOUNDS = Leakage(alone_auc=0.9, alone_gini=0.9, removal=0.1, too_good=0.95, fall=0.1)
TELCO = Path(__file__).parents[2] / "configs" / "telco.yaml"
V11 = "telco_ibm_v11/telco_ibm_v11.csv"


def made(rows: int = 600, seed: int = 1, share: float = 0.3):
    """A label, and three columns that tell a little of it."""
    rng = np.random.default_rng(seed)
    target = (rng.random(rows) < share).astype(float)
    return rng, target, rng.normal(0, 1, (rows, 3)) + 0.5 * target[:, None]


def leaks_of(
    columns: dict[str, np.ndarray], target, task="churn", bounds=BOUNDS, **categories
) -> dict[str, Leak]:
    schema = make_schema(*(name for name in columns if name not in categories), **categories)
    matrix = np.column_stack([columns[name] for name in schema.names])
    found = look(schema, matrix, target, task, bounds)
    return {leak.column: leak for leak in found}


def look(schema: FeatureSchema, matrix, target, task="churn", bounds=BOUNDS, suspects=None):
    columns = range(len(schema.columns)) if suspects is None else suspects
    customers = np.arange(len(target)).astype(str)
    return inspect(schema, matrix, target, customers, columns, task=task, bounds=bounds, seed=1)


def dressed(others) -> dict[str, np.ndarray]:
    return {f"x{index}": column for index, column in enumerate(others.T)}


def test_what_a_column_says_alone_is_worked_by_hand():
    # 30 of the 100 have no value, and 20 of them churned; so did 10 of the other 70. Of the pairs
    # of a churner and a stayer, 20·60 lie right, 20·10 and 10·60 are ties: 1,600 of 2,100.
    target = np.array([1.0] * 20 + [0.0] * 10 + [1.0] * 10 + [0.0] * 60)
    column = np.array([np.nan] * 30 + [7.0] * 70)
    found = readings(
        make_schema("x"),
        column[:, None],
        target,
        np.arange(100),
        [0],
        task="churn",
        bounds=BOUNDS,
        seed=1,
    )
    missing = next(reading for reading in found if reading.way == "missing")
    assert missing.value == pytest.approx(1600 / 2100)
    assert not missing.is_leak


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), noise=st.floats(0, 0.35), falls=st.booleans())
def test_the_label_with_some_noise_is_always_a_leak(seed, noise, falls):
    rng, target, others = made(seed=seed)
    told = target + rng.normal(0, noise, len(target))
    found = leaks_of({**dressed(others), "told": -told if falls else told}, target)
    assert {name: leak.way for name, leak in found.items()} == {"told": "value"}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 0.9), levels=st.integers(2, 600))
def test_a_column_that_knows_nothing_never_is(seed, share, levels):
    rng, target, others = made(seed=seed, share=share)
    named = {"shop": tuple(map(str, range(levels)))}
    columns = {
        **dressed(others),
        "noise": rng.normal(size=len(target)),
        "sparse": np.where(rng.random(len(target)) < 0.5, np.nan, 1.0),
        "shop": rng.integers(0, levels, len(target)).astype(float),
    }
    assert leaks_of(columns, target, **named) == {}


def test_an_id_that_nobody_else_has_is_no_leak_as_category_or_number():
    _, target, others = made()
    rows = np.arange(len(target), dtype=float)
    columns = {**dressed(others), "number": rows, "name": rows}
    names = {"name": tuple(map(str, range(len(target))))}
    mixed = np.random.default_rng(2).permutation(len(target))
    shuffled = {
        name: column[mixed] if len(name) > 2 else column for name, column in columns.items()
    }
    assert leaks_of(shuffled, target, **names) == {}


def test_codes_of_which_some_mean_the_answer_are_a_leak_though_no_order_is():
    rng, target, others = made(2000)
    codes = np.where(target == 1, rng.choice([3, 11, 17], 2000), rng.choice([1, 7, 14, 20], 2000))
    assert leaks_of({**dressed(others), "code": codes.astype(float)}, target)["code"]
    named = {"code": tuple(map(str, range(21)))}
    assert leaks_of({**dressed(others), "code": codes.astype(float)}, target, **named)


def test_what_is_filled_in_only_of_one_kind_is_a_leak_by_being_missing():
    rng, target, others = made()
    why = np.where(target == 1, rng.integers(0, 4, len(target)), np.nan)
    named = {"why": ("moved", "dear", "died", "other")}
    leak = leaks_of({**dressed(others), "why": why}, target, **named)["why"]
    assert (leak.way, leak.value, leak.bound) == ("missing", 1.0, 0.9)


def locked_away(rng, target) -> dict[str, np.ndarray]:
    """Two columns whose difference is the answer, and neither of which gives it alone."""
    key = rng.normal(0, 1, len(target))
    return {"key": key, "locked": key + 1.2 * target}


def test_two_columns_that_give_the_answer_only_together_are_each_named():
    rng, target, others = made(2000)
    columns = {**dressed(others), **locked_away(rng, target)}
    found = leaks_of(columns, target)
    assert {name: leak.way for name, leak in found.items()} == dict.fromkeys(
        ["key", "locked"], "removal"
    )
    assert min(leak.value for leak in found.values()) > 0.1


def test_leaks_that_stand_in_for_each_other_do_not_hide():
    rng, target, others = made(2000)
    columns = {**dressed(others), **locked_away(rng, target)}
    found = leaks_of({**columns, "again": columns["locked"].copy()}, target)
    assert set(found) == {"key", "locked", "again"}


def test_a_column_that_an_honest_model_rests_on_is_no_leak():
    rng, target, others = made(2000)
    weak = target + rng.normal(0, 0.9, 2000)  # all that is known, and far from the answer
    assert leaks_of({**dressed(0 * others), "weak": weak}, target) == {}


def test_neither_order_nor_names_change_what_is_found():
    rng, target, others = made(1500)
    columns = {
        **dressed(others),
        **locked_away(rng, target),
        "told": target + rng.normal(0, 0.2, 1500),
    }
    names = list(columns)
    first = leaks_of(columns, target)
    assert set(first) == {"told", "key", "locked"}
    for seed in range(3):
        mixed = np.random.default_rng(seed).permutation(len(names))
        renamed = {f"c{i}": columns[names[i]] for i in mixed}
        found = leaks_of(renamed, target)
        assert {names[int(name[1:])]: (leak.way, leak.value) for name, leak in found.items()} == {
            name: (leak.way, leak.value) for name, leak in first.items()
        }


def test_only_suspects_are_looked_at():
    _, target, others = made()
    schema = make_schema("x0", "x1", "x2", "told")
    matrix = np.column_stack([others, target])
    assert look(schema, matrix, target, suspects=[0, 1, 2]) == ()
    assert [leak.column for leak in look(schema, matrix, target, suspects=[3])] == ["told"]


def test_a_customer_is_not_known_again_at_another_cut_off():
    # Each of 100 customers stands at ten cut-offs with the same outcome and a number of their own.
    rng = np.random.default_rng(4)
    customers = np.repeat(np.arange(100), 10)
    target = np.repeat(rng.random(100) < 0.4, 10).astype(float)
    name = {"name": tuple(map(str, range(100)))}
    matrix = rng.permutation(100).astype(float)[customers][:, None]
    asked = {"task": "churn", "bounds": BOUNDS, "seed": 1}
    assert inspect(make_schema(**name), matrix, target, customers, [0], **asked) == ()


def test_a_value_is_given_away_by_how_much_and_by_whether_any():
    rng = np.random.default_rng(3)
    money = np.where(rng.random(3000) < 0.5, 0.0, rng.gamma(1.0, 50.0, 3000))
    columns = {
        "x": rng.normal(size=3000) + money / 100,
        "spent": money + rng.normal(0, 3, 3000),
        "active": (money > 0).astype(float),
    }
    found = leaks_of(columns, money, task="clv")
    assert {name: leak.measure for name, leak in found.items()} == {
        "spent": "normalised Gini",
        "active": "ROC-AUC of any value at all",
    }


def test_rare_churners_are_still_seen_in_a_large_base():
    rng = np.random.default_rng(5)
    target = np.zeros(100_000)
    target[rng.choice(100_000, 60, replace=False)] = 1.0
    matrix = rng.normal(size=(100_000, 3))
    matrix[:, 1] = target + rng.normal(0, 0.2, 100_000)
    assert [leak.column for leak in look(make_schema("a", "b", "c"), matrix, target)] == ["b"]


# In a run


def told(folder: Path, **columns) -> Config:
    rows = make_subscribers().assign(**columns)
    config = make_snapshot_config(folder, rows)
    held = config.model_dump(mode="json")
    held["sources"]["snapshot"]["attributes"] |= {"score": {"kind": "number", "column": "Score"}}
    return Config.model_validate(held)


def scored(folder: Path) -> Config:
    left = make_subscribers()["left"] == "Yes"
    return told(folder, Score=left * 50 + np.arange(len(left)) % 40)


def data_of(config: Config):
    return split_by_strata(config, load_tables(config), config.churn)


def test_a_run_is_refused_with_the_column_as_it_was_written_and_both_ways_out(tmp_path):
    config = scored(tmp_path)
    with pytest.raises(LeakageError) as refused:
        require_none(config, "churn", data_of(config))
    (line,) = str(refused.value).splitlines()
    assert line.startswith(
        "churn: score (column 'Score') alone nearly gives the answer by its value: ROC-AUC 1.000"
    )
    assert "less than 0.9 is believed" in line
    assert "take sources.snapshot.attributes.score out" in line
    assert "set leakage.waived: {score: WHY}" in line


def test_a_waived_leak_passes_with_its_reason_on_the_papers(tmp_path):
    config = scored(tmp_path)
    held = {**config.model_dump(mode="json")}
    held["leakage"]["waived"] = {"score": "scored the month before"}
    config = Config.model_validate(held)
    (leak,) = require_none(config, "churn", data_of(config))
    assert leak.waived == "scored the month before"
    assert leakage.facts([leak])[0]["waived"] == "scored the month before"
    (warning,) = leakage.warnings(config, [leak])
    assert warning.startswith("Leakage: score (column 'Score') alone")
    assert warning.endswith("waives it: scored the month before.")
    (finding,) = leakage.findings(config, load_tables(config))
    assert finding.level == "look"


def test_a_snapshot_is_checked_before_anything_is_trained(tmp_path):
    config = scored(tmp_path / "one")
    (finding,) = leakage.findings(config, load_tables(config))
    assert (finding.level, finding.what) == ("stop", "leakage")
    honest = make_snapshot_config(tmp_path / "other")
    (finding,) = leakage.findings(honest, load_tables(honest))
    assert finding.level == "fine"


def test_only_an_attribute_that_models_see_can_be_waived(tmp_path):
    held = scored(tmp_path).model_dump(mode="json")
    held["leakage"]["waived"] = {"scores": "it is no attribute"}
    with pytest.raises(ValidationError, match=r"leakage\.waived\.scores must be an attribute"):
        Config.model_validate(held)


def test_an_attribute_of_today_is_a_leak_where_it_tells_only_of_the_last_period(tmp_path):
    config = make_regulars_config(tmp_path, make_regulars())
    data = split_by_time(config, load_tables(config), config.churn)
    assert require_none(config, "churn", data) == ()
    matrix = data.test.matrix.copy()
    matrix[:, data.schema.names.index("newsletter")] = 1 - data.test.target
    data = replace(data, test=replace(data.test, matrix=matrix))
    with pytest.raises(
        LeakageError, match=r"newsletter alone .* or say says: churned of it, or map"
    ):
        require_none(config, "churn", data)


# The published bases


def published(name: str) -> Path:
    held = Path(os.environ.get("STAMKUNDE_DATA", "nowhere"), name)
    if not held.exists():
        pytest.skip(f"set STAMKUNDE_DATA to the folder that holds {name}")
    return held


def test_telco_raises_no_alarm():
    published("telco_ibm/Telco-Customer-Churn.csv")
    config = load(TELCO)
    assert require_none(config, "churn", data_of(config)) == ()


def test_telco_with_what_was_written_afterwards_is_refused_for_that_alone():
    path = published(V11)
    rows = pd.read_csv(path)
    columns = rows.columns.drop(["CustomerID", "Churn Label", "Churn Value"])
    numbers = set(rows.select_dtypes("number").columns) | {"Total Charges"}
    attributes = {
        f"c{number}": {"kind": "number" if name in numbers else "category", "column": name}
        for number, name in enumerate(columns, 1)
    }
    snapshot = {
        "path": str(path),
        "columns": {"customer_id": "CustomerID", "label": "Churn Label"},
        "positive": "Yes",
        "attributes": attributes,
    }
    held = load(TELCO).model_dump(mode="json")
    held |= {"sources": {"snapshot": snapshot}, "segments": None}
    config = Config.model_validate(held)
    found = leakage.inspect_split(config, "churn", data_of(config))
    assert [(attributes[leak.column]["column"], leak.way) for leak in found] == [
        ("Churn Reason", "missing"),
        ("Churn Score", "value"),
    ]
