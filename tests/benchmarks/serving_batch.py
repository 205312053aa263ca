"""A million customers in a batch, on record: beside a bare script, and beside bare contributions.

The bundles are those that the service's benchmark trains, or those that a config's base serves; the
customers are drawn from what these say of their training rows.
``python -m tests.benchmarks.serving_batch [CUSTOMERS] [CONFIG]``
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost as xgb

from configs.load import load
from configs.schema import Config
from features.schema import FeatureColumn, FeatureSchema
from features.source import Tables
from serving.batch import run as batch
from serving.batch.features import columns
from serving.releases.release import Release, current, publish
from serving.scoring.customers import Customers
from serving.scoring.score import schemas
from tests.benchmarks.measure import in_a_process, report
from tests.benchmarks.serving.base import base
from training.blend import Weighted
from training.predictors import Trees

CUSTOMERS, REASONS = 1_000_000, 3
AS_OF, AT = date(2018, 1, 1), datetime(2018, 1, 1, 2, tzinfo=UTC)
AGAINST_BARE, AGAINST_CONTRIBUTIONS = 1.3, 1.2
EXPLAINED = 20_000
"""Customers whose contributions XGBoost finds: a million would take minutes."""


def make_column(column: FeatureColumn, held: dict[str, list[float]], rows: int) -> pa.Array:
    """Draw a feature: each tenth of the training rows as often as any, rounded as data are."""
    rng = np.random.default_rng(sum(map(ord, column.name)))
    if column.kind == "category":
        places = pa.array(rng.integers(0, len(column.categories), rows).astype(np.int32))
        return pa.array(column.categories).take(places)
    edges = np.array(held.get("edges") or [0.0, 1.0])
    cell = rng.integers(0, max(len(edges) - 1, 1), rows)
    ends = np.append(edges, edges[-1])
    drawn = ends[cell] + (ends[cell + 1] - ends[cell]) * rng.random(rows)
    places = 0 if column.unit in ("days", "count") else 2
    return pa.array(np.clip(np.round(drawn, places), edges[0], edges[-1]))


def make_features(release: Release, path: Path, rows: int) -> FeatureSchema:
    """Write a file as ``stamkunde features --out`` does; return its schema."""
    (schema,) = schemas(release).values()
    reference = next(iter(release.bundles.values())).reference
    held = {
        "as_of": pa.repeat(pa.scalar(AS_OF, pa.date32()), rows),
        "customer_id": pa.array([f"{number:08}" for number in range(rows)]),
        **{
            each.name: make_column(each, reference.get(each.name, {}), rows)
            for each in schema.columns
        },
    }
    told = {"stamkunde.schema": schema.digest, "stamkunde.as_of": str(AS_OF)}
    pq.write_table(pa.table(held).replace_schema_metadata(told), path, compression="zstd")
    return schema


def matrix_of(schema: FeatureSchema, rows: pa.Table) -> np.ndarray:
    """What a script would do: categories by their number, all features in one matrix."""
    held = {schema.digest: schema}
    unknown = [""] * rows.num_rows
    asked = Customers.of_columns(held, columns(held, rows), unknown, unknown)
    return asked.matrices[schema.digest]


def bare(var: Path, features: Path) -> int:
    """Read, predict, write."""
    release, rows = current(var), pq.read_table(features)
    (schema,) = schemas(release).values()
    numbers = [each.name for each in schema.columns if each.kind == "number"]
    held = rows.select(numbers).to_pandas().to_numpy()
    matrix = np.full((len(held), len(schema.columns)), np.nan)
    matrix[:, [schema.names.index(name) for name in numbers]] = held
    for place, column in enumerate(schema.columns):
        if column.kind == "category":
            kinds = rows.column(column.name).combine_chunks().dictionary_encode()
            codes = np.array(
                [column.categories.index(name) for name in kinds.dictionary.to_pylist()]
            )
            matrix[:, place] = codes[np.asarray(kinds.indices)]
    scores = {"customer_id": rows.column("customer_id")}
    for task, bundle in release.bundles.items():
        if task != "segments":
            model = bundle.model
            scores[task] = model.predict(model.complete(matrix))
    pq.write_table(pa.table(scores), features.with_name("bare.parquet"), compression="zstd")
    return rows.num_rows


def contributions(var: Path, features: Path) -> int:
    """Find the contributions of the trees by XGBoost itself, and do nothing with them."""
    release = current(var)
    (schema,) = schemas(release).values()
    rows = pq.read_table(features).slice(0, EXPLAINED)
    matrix = matrix_of(schema, rows)
    for task, bundle in release.bundles.items():
        for part in bundle.model.predictors if task != "segments" else ():
            trees = part.predictor if isinstance(part, Weighted) else part
            if isinstance(trees, Trees):
                whole = bundle.model.complete(matrix)
                data = xgb.DMatrix(
                    whole, feature_types=trees.booster.feature_types, enable_categorical=True
                )
                trees.booster.predict(data, pred_contribs=True)
    return EXPLAINED


def score(config: Config, var: Path, features: Path, reasons: int) -> int:
    """Score the file, on record, into another."""
    release = current(var)
    (schema,) = schemas(release).values()
    # The customers are made: there are no tables whose schema could be asked for.
    batch.schema_of = lambda *_: schema  # type: ignore[assignment]
    tables = Tables(backend=ibis.duckdb.connect(), intake={})
    out = features.with_name("scores.parquet")
    done = batch.score_base(
        config, tables, release, AS_OF, out, AT, reasons, "en", features=features
    )
    return done.customers


def main() -> None:
    """Measure, and write ``var/bench/serving_batch.json``."""
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else CUSTOMERS
    config = load(sys.argv[2]) if len(sys.argv) > 2 else base("churn", "clv").config
    with TemporaryDirectory(prefix="stamkunde-") as folder:
        moved = config.model_copy(update={"paths": config.paths.model_copy(update={"var": folder})})
        promoted = current(config.var).bundles
        held = {task: each.path for task, each in promoted.items() if task != "segments"}
        var, features = moved.var, Path(folder) / "features.parquet"
        make_features(publish(var, config.name, held), features, asked)
        works = {
            "read, predict, write": partial(bare, var, features),
            "the batch": partial(score, moved, var, features, 0),
            "contributions by XGBoost": partial(contributions, var, features),
            f"the batch with {REASONS} reasons each way": partial(
                score, moved, var, features, REASONS
            ),
        }
        rows = [{"what": what, **in_a_process(work, 1)} for what, work in works.items()]
    each = [row["median_s"] / row["rows"] for row in rows]
    for row, seconds in zip(rows, each, strict=True):
        row["a_second"] = 1 / seconds
    ratios = ((each[1] / each[0], AGAINST_BARE), (each[3] / each[2], AGAINST_CONTRIBUTIONS))
    bars = [
        {"bar": f"{row['what']} ÷ {against['what']}", "value": value, "bound": bound}
        | {"met": value <= bound}
        for (value, bound), row, against in zip(ratios, rows[1::2], rows[::2], strict=True)
    ]
    report("serving_batch", rows, bars)


if __name__ == "__main__":
    main()
