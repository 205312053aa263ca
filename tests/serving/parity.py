"""The service held to the batch: customers posted with their own rows against the base's tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from configs.schema import Config
from features.build import build
from features.source import Tables
from serving.problem import read_request
from serving.record.merkle import canonical
from serving.releases.release import publish
from serving.scoring.online import Online
from serving.scoring.score import answer, assess, record
from serving.settings import open_ledger, open_secret, open_store
from tests.factories import make_bundles, make_posted
from training.reasons import Options

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)


def opened(folder: Path, config: Config, **more: Any) -> Online:
    """Publish seeded bundles of a base, and open what the service scores with."""
    release = publish(config.var, config.name, make_bundles(folder / "made", config, **more))
    ledger, key = open_ledger(config.name, config.var), open_secret(config.var)
    return Online(release, open_store(config.var), ledger, key, config)


def asked(online: Online, customers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the service answers to a body of JSON."""
    body = json.dumps({"customers": customers}).encode()
    return online.score(read_request(body, len(customers)), AT)["results"]


def recorded(online: Online, result: Mapping[str, Any]) -> dict[str, Any]:
    """The features that a score was made of, as they stand in the record."""
    return body_of(online, result)["features"]


def body_of(online: Online, result: Mapping[str, Any]) -> dict[str, Any]:
    """What is on record of a score."""
    return online.ledger.get(result["id"]).body


def assert_parity(online: Online, tables: Tables, day: date, at_once: int, every: int = 1) -> int:
    """Hold each customer, or every so manyth, to the batch, posted so many at once; count them."""
    posted = dict(list(make_posted(tables).items())[::every])
    batch = assess(online.release, build(online.config, tables, [day]))
    known = {name: row for row, name in enumerate(batch.customer_ids) if name in posted}
    scored = len(known)
    options = Options(3, "en", online.config.serving.bands)
    customers = [
        {"customer_id": customer, "as_of": str(day), "rows": rows}
        for customer, rows in posted.items()
    ]
    for start in range(0, len(customers), at_once):
        sent = customers[start : start + at_once]
        for customer, result in zip(sent, asked(online, sent), strict=True):
            row = known.pop(customer["customer_id"], None)
            if row is None:
                assert result["error"]["code"] == "unknown_customer"
                continue
            body = body_of(online, result)
            features = {digest: rows[row] for digest, rows in batch.features.items()}
            assert canonical(body["features"]) == canonical(features)
            scores = record(batch, row, "", options)["scores"]
            assert canonical(body["scores"]) == canonical(scores)
            told = {"id": result["id"], **answer(batch, row, options)}
            assert json.dumps(result) == json.dumps(told)
    assert not known
    return scored
