"""The same customers through every door: the batch, and HTTP singly, in bulk, by id and by rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from configs.schema import Config
from features.build import build_known
from features.source import Tables, load_tables
from serving.batch.fill import fill_store
from serving.batch.run import score_base
from serving.releases.release import Release, publish
from serving.scoring.score import schemas
from serving.settings import open_store
from tests.benchmarks.processes import Service, first_answer, running_stamkunde
from tests.benchmarks.shop import config_of, receipts
from tests.benchmarks.soak.target import PATH
from tests.factories import make_bundles, make_posted

AS_OF = date(2025, 12, 1)
REASONS = 3
_MORE = 2  # as some never buy by then
_TOLD = ("clv.horizon=30d", "serving.old_after=36500d", f"serving.reasons={REASONS}")
Answers = dict[str, Any]
"""What is said of each customer."""


@dataclass(frozen=True)
class Way:
    """A way of asking for customers.

    Parameters
    ----------
    name : str
    asked : mapping of str to dict
        Of each customer, as a call has it.
    at_once : int
        Customers a call.
    """

    name: str
    asked: Mapping[str, Mapping[str, Any]]
    at_once: int


@dataclass(frozen=True)
class Parity:
    """How a way's answers agree with the others'.

    Parameters
    ----------
    way : str
    customers : int
    different : int
    first : str or None
        The first customer of whom something else is said.
    """

    way: str
    customers: int
    different: int
    first: str | None


def parities(folder: Path, customers: int, say: Callable[[str], Any]) -> list[Parity]:
    """Ask for a made shop's customers in every way; hold all answers to the first's, and batch."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = config_of(receipts(folder, _MORE * customers), told=_TOLD)
    tables = load_tables(config)
    made = make_bundles(folder / "parity-bundles", config, as_of=AS_OF, tables=tables)
    release = publish(config.var, config.name, made)
    store = open_store(config.var)
    fill_store(config, tables, release, AS_OF, store)
    store.close()
    say("scoring in a batch")
    batch = _in_a_batch(config, tables, release, folder / "parity.parquet")
    batch = {name: batch[name] for name in sorted(batch)[:customers]}
    found: list[Parity] = []
    first: Answers = {}
    with running_stamkunde(config, folder / "parity.log") as service:
        first_answer(service, PATH, b'{"customers": [{"customer_id": "-"}]}', {})
        for way in _ways(config, tables, release, list(batch)):
            say(way.name)
            told = dict(_told(service, way))
            first = first or told
            found.append(_held(way.name, told, first))
    return [
        _held("the batch", batch, {name: _as_batch(one) for name, one in first.items()}),
        *found,
    ]


def _held(way: str, told: Answers, due: Answers) -> Parity:
    names = sorted(told.keys() | due.keys())
    different = [name for name in names if told.get(name) != due.get(name)]
    return Parity(way, len(names), len(different), different[0] if different else None)


def _ways(
    config: Config, tables: Tables, release: Release, customers: Sequence[str]
) -> Iterator[Way]:
    by_id = {name: {"customer_id": name} for name in customers}
    yield Way("by id, singly", by_id, 1)
    yield Way("by id, in bulk", by_id, 1_000)
    given = _given(config, tables, release)
    by_features = {name: {**by_id[name], **given[name]} for name in customers}
    yield Way("by features, singly", by_features, 1)
    yield Way("by features, in bulk", by_features, 1_000)
    rows = make_posted(tables)
    by_rows = {
        name: {"customer_id": name, "as_of": str(AS_OF), "rows": rows[name]} for name in customers
    }
    yield Way("by their own rows, in bulk", by_rows, 500)


def _given(config: Config, tables: Tables, release: Release) -> dict[str, dict[str, Any]]:
    """Return each customer's features, as a call has them."""
    table = build_known(config, tables, AS_OF)
    found: dict[str, dict[str, Any]] = {name: {} for name in table["customer_id"]}
    for schema in schemas(release).values():
        for name, row in zip(table["customer_id"], schema.plain(table), strict=True):
            found[name] |= dict(zip(schema.names, row, strict=True))
    return {name: {"as_of": str(AS_OF), "features": held} for name, held in found.items()}


def _told(service: Service, way: Way) -> Iterator[tuple[str, Any]]:
    """Ask; return what is said of each customer, as JSON and without the score's id."""
    bodies = [
        json.dumps({"customers": [way.asked[name] for name in some]}).encode()
        for some in _parts(list(way.asked), way.at_once)
    ]
    connection = HTTPConnection("127.0.0.1", service.port, timeout=120)
    for body in bodies:
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        for result in json.loads(connection.getresponse().read())["results"]:
            result.pop("id", None)
            yield result["customer_id"], result
    connection.close()


def _parts(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def _in_a_batch(config: Config, tables: Tables, release: Release, out: Path) -> Answers:
    now = datetime.now(UTC)
    score_base(config, tables, release, AS_OF, out, now, REASONS, config.serving.language)
    rows = pq.read_table(out, columns=["customer_id", *_COLUMNS]).to_pylist()
    return {row.pop("customer_id"): row for row in rows}


def _as_batch(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return of an answer what a batch's row has in columns of its own."""
    churn, clv, risk = (result[name] or {} for name in ("churn", "clv", "value_at_risk"))
    intervals = clv.get("intervals", {})
    ends = [end for level in ("80", "95") for end in intervals.get(level, (None, None))]
    reasons = [
        [reason["text"] for reason in held["reasons"][way]] if held else None
        for held in (churn, clv)
        for way in ("raises", "lowers")
    ]
    values = [churn.get("probability"), churn.get("band"), clv.get("value"), *ends]
    return dict(zip(_COLUMNS, [*values, risk.get("amount"), *reasons], strict=True))


_COLUMNS = (
    "churn_probability",
    "band",
    "clv",
    "clv_low_80",
    "clv_high_80",
    "clv_low_95",
    "clv_high_95",
    "value_at_risk",
    "churn_raises",
    "churn_lowers",
    "clv_raises",
    "clv_lowers",
)
