"""What is served in the benchmark: models trained once, and customers nobody has asked about.

The models are those that the default config makes of the Complete Journey in a minute of tuning
each, with fewer windows, so that a customer has about 60 features. They are kept under
``var/bench/serving``, as a training takes minutes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from configs.load import load
from configs.schema import Config
from features.build import build_known
from features.schema import FeatureSchema
from features.source import first_and_last_day, load_tables
from serving.releases.release import Release, current, is_promoted, publish
from serving.scoring.score import schemas
from serving.settings import open_store
from tests.benchmarks.measure import FOLDER
from training import train
from training.bundle import Bundle
from training.model import TASKS, Task
from training.quantities import Value
from training.track import Tracker

HELD = FOLDER / "serving"
FILE = "configs/complete_journey.yaml"
WINDOWS = "features.windows=[7d, 28d, 90d]"
UNLIMITED = "serving.calls_per_minute=10000000"
CUSTOMERS = 200_000
SEED = 20171231

Row = dict[str, Value]


@dataclass(frozen=True)
class Base:
    """A release to be served, and customers to be asked for.

    Parameters
    ----------
    config : Config
    overrides : sequence of str
        What its config says otherwise than the file, as for ``--set``.
    release : Release
    as_of : str
        Of the customers' features.
    customer_ids : sequence of str
    rows : mapping of str to list
        By schema digest, the customers' features as plain values in the schema's order.
    """

    config: Config
    overrides: Sequence[str]
    release: Release
    as_of: str
    customer_ids: Sequence[str]
    rows: Mapping[str, list[list[Value]]]

    @property
    def churn(self) -> Bundle:
        """The bundle that the peers serve too."""
        return self.release.bundles["churn"]

    @property
    def features(self) -> int:
        """How many features the models together take."""
        return len({name for held in schemas(self.release).values() for name in held.names})

    def given(self, number: int) -> Row:
        """Return a customer's features by name."""
        held = schemas(self.release)
        return {
            name: value
            for digest, schema in held.items()
            for name, value in zip(schema.names, self.rows[digest][number], strict=True)
        }

    def by_features(self, first: int, last: int, **more: object) -> bytes:
        """Return a call for these customers by their features."""
        asked = [
            {
                "customer_id": self.customer_ids[number],
                "as_of": self.as_of,
                "features": self.given(number),
            }
            for number in range(first, last)
        ]
        return _json({"customers": asked, **more})

    def by_id(self, first: int, last: int, **more: object) -> bytes:
        """Return a call for these customers by id."""
        asked = [{"customer_id": self.customer_ids[number]} for number in range(first, last)]
        return _json({"customers": asked, **more})


def base(*tasks: Task) -> Base:
    """Return a base that serves these tasks, from what is kept or trained anew."""
    trained = load(FILE, [*_told("trained", "mlruns"), "tuning.minutes=1"])
    versions = {task: _trained(trained, task) for task in TASKS}
    overrides = _told("-".join(tasks), "none")  # a service has no need of MLflow
    config = load(FILE, overrides)
    if not is_promoted(config.var):
        publish(config.var, config.name, {task: versions[task] for task in tasks})
    release = current(config.var)
    tables = load_tables(config)
    as_of = first_and_last_day(tables)[1] + timedelta(days=1)
    table = build_known(config, tables, as_of)
    # Others are not asked about: the answer would be that they are inactive.
    real = table[table["days_since_purchase"] < config.churn.active_within]
    chosen = np.random.default_rng(SEED).integers(len(real), size=CUSTOMERS)
    ids = [f"{number:07d}" for number in range(CUSTOMERS)]
    held = {}
    for digest, schema in schemas(release).items():
        plain = schema.plain(real)
        held[digest] = _varied(schema, [plain[row] for row in chosen])
    made = Base(config, overrides, release, str(as_of), ids, held)
    _fill_store(made)
    return made


def fresh(made: Base, name: str) -> Base:
    """Return a base in a run-time folder made anew: nothing is on record, and nothing promoted
    but what it serves.
    """
    overrides = _told(name, "none")
    config = load(FILE, overrides)
    shutil.rmtree(config.var, ignore_errors=True)
    held = {task: bundle.path for task, bundle in made.release.bundles.items()}
    publish(config.var, config.name, held)
    moved = replace(made, config=config, overrides=overrides, release=current(config.var))
    _fill_store(moved)
    return moved


def mlflow_model(digest: str) -> Path:
    """Return the folder of the model that training logged to MLflow with this bundle."""
    trained = load(FILE, _told("trained", "mlruns"))
    tracker = Tracker(trained)
    folder = tracker.bundle_folder(tracker.by_digest("churn", digest))
    return next(held for held in folder.parents if (held / "MLmodel").exists())


def _told(name: str, mlruns: str) -> list[str]:
    return [WINDOWS, UNLIMITED, f"paths.var={HELD}/{name}", f"paths.mlruns={HELD}/{mlruns}"]


def _trained(config: Config, task: Task) -> Path:
    """Return the folder of the task's last bundle."""
    tracker = Tracker(config)
    if not tracker.versions(task):
        train(config, task, now=datetime.now(UTC))
    return tracker.bundle_folder(max(tracker.versions(task), key=lambda held: held.number))


def _varied(schema: FeatureSchema, rows: list[list[Value]]) -> list[list[Value]]:
    """Return rows whose amounts of money are up to a twentieth more or less."""
    money = [index for index, column in enumerate(schema.columns) if column.unit == "money"]
    factors = np.random.default_rng(SEED).uniform(0.95, 1.05, (len(rows), len(money)))
    varied = [list(row) for row in rows]
    for row, moved in zip(varied, factors.tolist(), strict=True):
        for index, factor in zip(money, moved, strict=True):
            if isinstance(row[index], float):
                row[index] = round(row[index] * factor, 6)
    return varied


def _fill_store(made: Base) -> None:
    store = open_store(made.config.var)
    held = {(digest, as_of, count) for digest, as_of, count in store.status(made.config.name)}
    for digest, rows in made.rows.items():
        if (digest, made.as_of, len(rows)) not in held:
            store.replace(made.config.name, digest, made.as_of, made.customer_ids, rows)
    store.close()


def _json(held: object) -> bytes:
    return json.dumps(held, separators=(",", ":")).encode()
