"""What is told to have changed an answer does, by the served path, and nothing nearer would."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from features.build import schema_of
from features.schema import FeatureColumn, FeatureSchema
from features.source import load_tables
from serving.releases.release import Release, publish
from serving.scoring.change_grid import levers
from serving.scoring.change_ties import follow, followers
from serving.scoring.changes import Alternative, changes
from serving.scoring.customers import Customers
from serving.scoring.score import assess, record, schemas
from tests.factories import (
    make_bundle,
    make_config,
    make_customers,
    make_features,
    make_transactions,
)
from training.calibrate import Sigmoid
from training.model import Model
from training.predictors import Trees, feature_types
from training.reasons import BANDS, Options

BANDS_TRIED = ((0.2, 0.4), (0.3, 0.6), (0.35, 0.7))


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> tuple[Release, pd.DataFrame]:
    """A release whose churn follows what a company can act on, and its customers' features."""
    folder: Path = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    make_transactions(150).to_csv(folder / "transactions.csv", index=False)
    make_customers(150).to_csv(folder / "customers.csv", index=False)
    features = make_features(config)
    schema = schema_of(config, load_tables(config))
    matrix = schema.encode(features)
    names = ("days_since_purchase", "categories_in_30d", "categories_in_90d", "newsletter")
    risk = np.nan_to_num(matrix[:, [schema.names.index(name) for name in names]])
    risk = (risk - risk.mean(0)) / risk.std(0) @ [1.0, -1.0, -0.5, -0.7]
    label = (risk + np.random.default_rng(1).normal(0, 0.5, len(risk)) > 0).astype(float)
    data = xgb.DMatrix(
        matrix,
        label=label,
        feature_types=feature_types([column.kind == "category" for column in schema.columns]),
        enable_categorical=True,
    )
    told = {"objective": "binary:logistic", "max_depth": 3, "seed": 1, "nthread": 1}
    trees = Trees(xgb.train(told, data, num_boost_round=12))
    model = Model("churn", "xgboost", schema, (trees,), Sigmoid(1.0, 0.0))
    made = make_bundle(folder / "churn", config, model, matrix).path
    return publish(config.var, config.name, {"churn": made}), features


@pytest.fixture(scope="module")
def release(base) -> Release:
    return base[0]


@pytest.fixture(scope="module")
def bodies(base) -> list[dict[str, Any]]:
    """What is on record of a base's customers."""
    assessed = assess(*base)
    return [record(assessed, row, "t", Options(0, "en")) for row in range(len(assessed))]


def digest(release: Release) -> str:
    return release.bundles["churn"].model.inputs.digest


def chance(release: Release, features: list[Any]) -> float | None:
    """Return what the served path says of features; None where it gives no score."""
    row = dict.fromkeys(schemas(release), features)
    assessed = assess(release, Customers.of_rows(schemas(release), [row], [""], ["2024-06-03"]))
    held = record(assessed, 0, "t", Options(0, "en"))["scores"]["churn"]
    return held.get("served")


def applied(release: Release, body: Mapping[str, Any], told: Alternative) -> list[Any]:
    """Return a record's features with changes made."""
    names = release.bundles["churn"].model.inputs.names
    features = list(body["features"][digest(release)])
    for change in (*told.changes, *told.follows):
        place = names.index(change.feature)
        assert features[place] == change.before != change.after
        features[place] = change.after
    return features


@pytest.mark.parametrize("bands", BANDS_TRIED)
def test_each_change_told_brings_the_served_chance_under_the_band(release, bodies, bands):
    bundle = release.bundles["churn"]
    count = 0
    for body in bodies:
        for told in changes(bundle, body, bands):
            served = body["scores"]["churn"]["served"]
            edge = bands[bisect_right(bands, served) - 1]
            assert (
                chance(release, applied(release, body, told)) == told.probability < edge <= served
            )
            assert told.band == BANDS[bisect_right(bands, told.probability)]
            for change in told.changes:
                column = bundle.model.inputs[change.feature]
                edges = bundle.reference[change.feature]["edges"]
                assert column.actionable
                assert edges[0] <= change.after <= edges[-1]
            count += 1
    assert count > 20


@pytest.mark.parametrize("bands", BANDS_TRIED)
def test_nothing_nearer_on_the_grid_would_have_done(release, bodies, bands):
    """Every value and every pair, one by one, by the served path."""
    bundle, inputs = release.bundles["churn"], release.bundles["churn"].model.inputs
    for body in bodies[::10]:
        features = body["features"][digest(release)]
        row = inputs.encode_rows([features])[0][0]
        served = body["scores"]["churn"].get("served")
        place = 0 if served is None else bisect_right(bands, served)
        held = levers(bundle, row) if place else []

        def nearest(*moved, row=row, features=features, place=place) -> float | None:
            found = []
            for chosen in product(*(range(len(lever.values)) for lever in moved)):
                after = np.array([row])
                far = 0.0
                for lever, at in zip(moved, chosen, strict=True):
                    after[0, lever.index] = lever.values[at]
                    far += lever.far[at]
                if not follow(inputs, after, row, [lever.index for lever in moved])[0]:
                    continue
                plain = [
                    value if now == was or now != now else now
                    for value, was, now in zip(features, row, after[0].tolist(), strict=True)
                ]
                said = chance(release, plain)
                if said is not None and said < bands[place - 1]:
                    found.append(far)
            return min(found, default=None)

        told = changes(bundle, body, bands, most=100)
        due = {inputs.names[each.index]: nearest(each) for each in held}
        alone = {held.changes[0].feature: held for held in told if len(held.changes) == 1}
        assert {name: each.distance for name, each in alone.items()} == {
            name: far for name, far in due.items() if far is not None
        }
        pairs = [each for each in told if len(each.changes) == 2]
        for each in pairs:
            names = [change.feature for change in each.changes]
            assert not {*names} & alone.keys()
            coarse = [lever.coarse for lever in held if inputs.names[lever.index] in names]
            assert each.distance == pytest.approx(nearest(*coarse), abs=1e-12)
        assert [*told] == sorted(told, key=lambda each: (len(each.changes), each.distance))


def test_there_are_none_without_a_band_to_leave(release, bodies):
    bundle = release.bundles["churn"]
    body = next(body for body in bodies if "served" in body["scores"]["churn"])
    assert changes(bundle, body, None) == ()
    assert changes(bundle, body, (0.999, 0.9999)) == ()
    assert changes(bundle, {**body, "scores": {"churn": {"code": "inactive"}}}, (0.1, 0.2)) == ()
    assert changes(bundle, {**body, "scores": {}}, (0.1, 0.2)) == ()
    assert changes(bundle, body, (0.0, 0.9)) == ()  # no chance is under nought


def make_schema(**units: str) -> FeatureSchema:
    return FeatureSchema(
        tuple(
            FeatureColumn(name, "number", (), unit, "", name, name, True, None, False, "")
            for name, unit in units.items()
        )
    )


def test_what_is_tied_to_the_pause_follows_it():
    schema = make_schema(
        days_since_purchase="days",
        days_since_order="days",
        pause_ratio="ratio",
        pause_score="",
        gap_deviation="days",
        active_span="days",
        tenure="days",
        purchase_days="count",
    )
    row = np.array([30.0, 30.0, 3.0, 4.0, 5.0, 70.0, 100.0, 8.0])
    rows = np.array([row, row])
    rows[:, 0] = 20, 40
    assert follow(schema, rows, row, [0]).all()
    assert rows[:, 1:6].tolist() == [[20, 2, 2, 5, 80], [40, 4, 6, 5, 60]]
    assert followers(schema.names) == {"days_since_order", "pause_ratio", "pause_score"}
    once = np.array([100.0, 100, np.nan, np.nan, np.nan, 0, 100, 1])
    rows = np.array([once])
    rows[:, 0] = 90  # of one purchase, that is the first and the last
    assert not follow(schema, rows, once, [0]).any()


def test_counts_of_a_window_stay_within_those_of_longer_ones_and_after_the_last():
    schema = make_schema(
        days_since_contact="days",
        contacts_in_7d="count",
        contacts_in_30d="count",
        contacts_in_90d="count",
    )
    row = np.array([20.0, 0, 2, 3])
    rows = np.tile(row, (4, 1))
    rows[:, 2] = 0, 1, 4, 9
    assert follow(schema, rows, row, [2]).tolist() == [False, True, True, True]
    assert rows[1:].tolist() == [[20, 0, 1, 3], [20, 0, 4, 4], [20, 0, 9, 9]]
    rows = np.tile(row, (2, 1))
    rows[:, 0] = 3, 25  # who was contacted three days ago was so within seven
    assert follow(schema, rows, row, [0]).tolist() == [False, True]
    rows = np.tile(row, (1, 1))
    rows[:, 2:] = 5, 4
    assert not follow(schema, rows, row, [2, 3]).any()
