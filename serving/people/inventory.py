"""All the places that may hold something of a base's customers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from configs.schema import Config
from serving import settings
from serving.batch.at_risk import FILE as LATEST
from serving.destinations.known import beside
from serving.people import files
from serving.people.holding import Holding
from serving.people.on_record import RowsOnRecord, SealedScores
from serving.people.places import Place, noted
from serving.people.tables import RememberedAnswers, ScoresTable, StoredFeatures
from serving.record.ledger import Ledger

_RESULTS = (".parquet", ".csv")


@dataclass(frozen=True)
class Inventory:
    """What an erasure goes through.

    Parameters
    ----------
    ledger : Ledger
    rows : RowsOnRecord
    holdings : tuple of Holding
        All of it, in the order that it is removed in: what shows first, the record last.
    """

    ledger: Ledger
    rows: RowsOnRecord
    holdings: tuple[Holding, ...]


@contextmanager
def opened(config: Config) -> Iterator[Inventory]:
    """Open all places of a base."""
    var, base = config.var, config.name
    with ExitStack() as stack:
        store = settings.open_store(var)
        stack.callback(store.close)
        remembered = settings.open_remembered(config, var)
        stack.callback(remembered.close)
        ledger = settings.open_ledger(base, var)
        stack.callback(ledger.close)
        index = settings.open_index(base, var)
        stack.callback(index.close)
        rows = RowsOnRecord(ledger)
        yield Inventory(
            ledger,
            rows,
            (
                StoredFeatures(store, base),
                RememberedAnswers(remembered),
                *_of_base(var),
                *_elsewhere(var, base),
                rows,
                SealedScores(ledger, index),
            ),
        )


def _of_base(var: Path) -> Iterator[Holding]:
    """Give the files in the base's own folder that have a row a customer."""
    yield files.of("latest batch", var / LATEST)
    for file in sorted((var / "jobs").glob("*")):
        if file.name.endswith(_RESULTS) and not file.name.startswith("."):
            yield files.of(f"result of job {file.stem}", file)
    for file in sorted((var / "runs").glob("*/predictions.parquet")):
        yield files.of(f"predictions of run {file.parent.name}", file)


def _elsewhere(var: Path, base: str) -> Iterator[Holding]:
    """Give the places that were written to on request."""
    # Where the report lies unless told otherwise, and the demonstration's scores.
    usual = [
        Place("report", str(var.absolute() / "retention.html")),
        Place("scores", str(var.absolute() / "scores.parquet")),
    ]
    for place in sorted({*noted(var), *usual}):
        if place.table is not None:
            yield ScoresTable(place.place, *place.table, base)
        else:
            yield from _of_file(place)


def _of_file(place: Place) -> Iterator[Holding]:
    path = Path(place.place)
    name = f"{place.kind} in {path}"
    if place.kind == "report":
        yield files.ReportPages(name, path)
        return
    yield files.of(name, path)
    if beside(path).is_file():
        yield files.ParquetRows(f"what the reader of {path} has", beside(path))
