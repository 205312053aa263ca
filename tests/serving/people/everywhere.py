"""A base in which one customer lies in every place that there is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import Config
from features.marks import Marks, spelt
from features.source import load_tables
from serving import settings
from serving.api.regular import MANY
from serving.batch.run import score_base
from serving.destinations.place import destination_of
from serving.destinations.stamp import Stamp
from serving.people import places
from serving.record.ledger import Ledger
from tests.factories import AS_OF
from tests.serving.people.persons import ANNA, make_base
from tests.serving.shop import opened

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)
OTHER = "008"
SOURCES = ("transactions.csv", "customers.csv")
"""The user's own tables, which are theirs to mend: the mark keeps out what they say."""


class Held:
    """A base in which the person lies in every place that there is."""

    def __init__(self, folder: Path, made: Mapping[Any, Path]) -> None:
        self.config = make_base(folder)
        self.folder, self.var = folder, self.config.var
        with opened(self.config, made) as shop:
            asked = {"customers": [{"customer_id": held} for held in (ANNA, OTHER)]}
            self.scores = [
                held["id"]
                for more in ({}, {"headers": {"Idempotency-Key": "k1"}})
                for held in shop.client.post("/v1/score", json=asked, **more).json()["results"]
            ]
            alone = {"customers": [{"customer_id": OTHER}]}
            shop.client.post("/v1/score", json=alone, headers={"Idempotency-Key": "k2"})
            names = [*(f"{number:03}" for number in range(20, 20 + MANY)), ANNA, OTHER]
            many = {"customers": [{"customer_id": held} for held in names]}
            told = shop.client.post("/v1/score", json=many).json()["results"]
            self.call = told[0]["id"].partition("/")[0]
            self.release = shop.release
        self.outs = [folder / name for name in ("s.parquet", "s.csv.gz")]
        self.table = f"sqlite:///{folder / 'crm.db'}"
        stamp = Stamp(self.config.name, self.release.digest, AS_OF, 7)
        targets = [
            *(destination_of(str(out), stamp, changed_only=True) for out in self.outs),
            destination_of(self.table, stamp),
        ]
        self.batches = []
        for place in targets:
            places.note(self.var, "scores", place.told)
            told = score_base(
                self.config, load_tables(self.config), self.release, AS_OF, place, AT, 3, "en"
            )
            self.batches.append(told.batch_id)
        self._trained()

    def _trained(self) -> None:
        """Leave what two training runs do: predictions, and whom they learned from."""
        marks = Marks(self.var, self.config.name)
        for run, learned in (("churn-1", [ANNA, OTHER]), ("clv-1", [OTHER]), ("old-1", None)):
            folder = self.var / "runs" / run
            (folder / "bundle").mkdir(parents=True)
            (folder / "bundle" / "manifest.json").write_text(json.dumps({"run": run}))
            rows = pa.table({"customer_id": [ANNA, OTHER], "actual": [1.0, 0.0]})
            pq.write_table(rows, folder / "predictions.parquet")
            if learned:
                (folder / "learned_from.marks").write_bytes(spelt(marks.of(learned)))

    def copied(self, folder: Path) -> Held:
        """The same base in another folder, for a test that changes it."""
        held = copy(self)
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        moved = self.config.model_dump_json().replace(str(self.folder), str(folder))
        held.config = Config.model_validate_json(moved)
        held.folder, held.var = folder, held.config.var
        held.outs = [folder / out.name for out in self.outs]
        noted = held.var / places.FILE
        noted.write_text(noted.read_text().replace(str(self.folder), str(folder)))
        return held

    def ledger(self) -> Ledger:
        return settings.open_ledger(self.config.name, self.var)
