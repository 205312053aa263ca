"""The user's tables as canonical ones, behind Ibis. Below it, nothing names a backend."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import duckdb
import ibis
import ibis.expr.types as ir

from configs.schema import Config, DuckDbEngine
from configs.sources import Located
from features import posted
from features.contract import DataError
from features.door import VIEWED, Door, Intake, unreadable
from features.engine import on_engine
from features.location import files_at, is_database
from features.marks import Marks, without_marked
from features.query import content_of
from features.reader import Reader
from features.rejects import Reject, Rejects, write_rejects

_SETTINGS = "SET TimeZone = 'UTC'; SET enable_progress_bar = false"


@dataclass(frozen=True)
class Tables:
    """The canonical tables of one customer base, with what was met while loading them."""

    backend: ibis.BaseBackend
    intake: Mapping[str, Intake]
    transactions: ir.Table | None = None
    events: ir.Table | None = None
    subscriptions: ir.Table | None = None
    customers: ir.Table | None = None
    snapshot: ir.Table | None = None

    def need(self, name: str) -> ir.Table:
        """Return a table that the caller cannot do without."""
        table = getattr(self, name)
        if table is None:
            raise ValueError(f"this customer base has no {name}")
        return table


def load_tables(
    config: Config, rejects: Path | None = None, count_duplicates: bool = False
) -> Tables:
    """Load and check every table that the config names.

    Parameters
    ----------
    config : Config
        What to load.
    rejects : Path, optional
        A CSV file that bad rows are written to, as many as ``max_rejects`` of their source lets
        pass; the first one is refused unless given.
    count_duplicates : bool
        Whether to count the rows that repeat another, which takes a while.

    Raises
    ------
    DataError
        At the first rule that a file breaks, with its line and column.
    """
    aside: list[Rejects] = []

    def take(door: Door) -> Intake:
        set_aside = Rejects(door.source) if rejects is not None else None
        aside.extend([set_aside] if set_aside else [])
        intake = door.read(reader, set_aside, count_duplicates)
        if intake.rows > VIEWED:
            _make_room(config)
        return intake

    connection = _connected(config)
    with TemporaryDirectory(prefix="stamkunde-") as folder:
        reader = Reader(connection, Path(folder))
        try:
            tables = _through_doors(connection, config, take)
            # Who asked to be forgotten stays so, whatever the user's files still say of them.
            return on_engine(config, without_marked(tables, Marks(config.var, config.name)))
        finally:
            if rejects is not None:
                write_rejects(rejects, aside)


def load_rows(
    config: Config,
    rows: Mapping[str, Sequence[Mapping[str, object]]],
    rejects: list[Reject] | None = None,
) -> Tables:
    """Check a few customers' own rows and cast them, as those of a file would be.

    Parameters
    ----------
    config : Config
        What the rows are held to.
    rows : mapping of str to sequence of mapping
        Of each canonical table, rows of its columns, each with its ``customer_id``; values are as
        JSON has them. Stamps are in ISO 8601, in the source's zone unless they name one; an
        event's kind is one of the declared, and its source the first that declares it and maps
        the columns that it gives. A table or a column that is not given is empty.
    rejects : list of Reject, optional
        Where rows of bad values are put, however many; the first is refused unless given.

    Raises
    ------
    DataError
        At the first rule that a row breaks, with its table, number and column.
    """
    given, most = config.sources.given, sum(map(len, rows.values()))
    posted.refuse_unknown(rows, given)
    connection = _shared().cursor()
    connection.execute(_SETTINGS)
    shares = {
        table: posted.shares(table, rows.get(table, ()), sources)
        for table, sources in given.items()
    }

    def take(door: Door) -> Intake:
        source = posted.canonical(door.source).model_copy(update={"max_rejects": most})
        door = replace(door, source=source)
        set_aside = None if rejects is None else Rejects(source, rejects)
        try:
            return door.admit(posted.raw_of(door, next(shares[door.table])), set_aside)
        except duckdb.Error as error:
            raise unreadable(door.table, error) from error

    return _through_doors(connection, config, take, scope="TEMP")


def _connected(config: Config) -> duckdb.DuckDBPyConnection:
    """Return a fresh database in memory, with the engine's settings."""
    engine = config.engine if isinstance(config.engine, DuckDbEngine) else DuckDbEngine()
    if engine.memory is not None:
        _make_room(config)
    settings: dict[str, object] = {"temp_directory": str(_spill(config))}
    if engine.threads is not None:
        settings["threads"] = engine.threads
    if engine.memory is not None:
        settings["memory_limit"] = engine.memory
    connection = duckdb.connect(config=settings)
    connection.execute(_SETTINGS)
    return connection


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    """Return one database in memory for all posted rows, which its cursors hold each for itself.

    A database of their own would take ten times as long to make as rows to check.
    """
    return duckdb.connect(config={"temp_directory": ""})


def _spill(config: Config) -> Path:
    """Return the folder for what finds no room in memory."""
    return Path(config.paths.var) / "spill"


def _make_room(config: Config) -> None:
    """Make the folders above that which DuckDB spills to: it makes no more than one."""
    with suppress(OSError):  # where nothing can be written, what needs no room may still be done
        _spill(config).parent.mkdir(parents=True, exist_ok=True)


def _through_doors(
    connection: duckdb.DuckDBPyConnection,
    config: Config,
    take: Callable[[Door], Intake],
    scope: Literal["", "TEMP"] = "",
) -> Tables:
    """Take every table that the config names through its door, or the doors of its sources."""
    given, intake = config.sources.given, {}
    for table, sources in given.items():
        names = [table] if len(sources) == 1 else [f"{table}_{n}" for n in range(len(sources))]
        doors = [
            Door(connection, table, source, config.timezone, name, scope)
            for source, name in zip(sources, names, strict=True)
        ]
        intake[table] = reduce(Intake.and_of, map(take, doors))
        if len(doors) > 1:
            _unite(table, doors)
    backend = ibis.duckdb.from_connection(connection)
    return Tables(backend, intake, **{table: backend.table(table) for table in given})


def _unite(table: str, doors: Sequence[Door]) -> None:
    """Lay the parts of a table together, as a view of them."""
    first, *_ = doors
    rows = " UNION ALL BY NAME ".join(f"FROM {door.name}" for door in doors)
    known = any(dict(door.source.columns)["known_at"] for door in doors)  # type: ignore[attr-defined]
    filled = "* REPLACE (coalesce(known_at, occurred_at) AS known_at)" if known else "*"
    first.connection.execute(f"CREATE {first.scope} VIEW {table} AS SELECT {filled} FROM ({rows})")


def first_and_last_day(tables: Tables) -> tuple[date, date]:
    """Return the first and the last local day that the tables tell of.

    A start or an end of a subscription tells of its day unless it was known before it: it may have
    been agreed on for years ahead. Of an end, only ``ended_known_at`` says when it was known.

    Raises
    ------
    DataError
        If they tell of none.
    """
    found = []
    for day in _days_told_of(tables):
        span = day.as_table().aggregate(first=day.min(), last=day.max())
        found.append(tables.backend.to_pyarrow(span).to_pylist()[0])
    held = [span for span in found if span["first"] is not None]
    if not held:
        files = ", ".join(intake.file for intake in tables.intake.values())
        raise DataError(files, expected="a row of what has happened", found="none")
    return min(span["first"] for span in held), max(span["last"] for span in held)


def _days_told_of(tables: Tables) -> Iterator[ir.DateColumn]:
    for rows in (tables.transactions, tables.events):
        if rows is not None:
            yield rows.local_day
    rows = tables.subscriptions
    if rows is None:
        return
    if "known_at" in rows.columns:
        yield rows.filter(rows.known_at >= rows.started_at).start_day
    else:
        yield rows.start_day
    if "ended_known_at" in rows.columns:
        yield rows.filter(rows.ended_known_at >= rows.ended_at).end_day


def fingerprint(config: Config) -> str:
    """Return the SHA-256 of what the config's files and databases hold, in hexadecimal.

    Of a database's table or query the rows count, not their order.
    """
    whole = hashlib.sha256()
    for source in (source for held in config.sources.given.values() for source in held):
        for located in (source, *getattr(source, "join", ())):
            for part in _contents(config, located):
                whole.update(part)
    return whole.hexdigest()


def _contents(config: Config, located: Located) -> Iterator[bytes]:
    if is_database(located):
        with closing(_connected(config)) as connection, TemporaryDirectory() as folder:
            raw = Reader(connection, Path(folder)).read("held", located)
            yield content_of(connection, raw.relation)
        return
    for file in files_at(located.path):
        with Path(file).open("rb") as content:
            yield hashlib.file_digest(content, "sha256").digest()
