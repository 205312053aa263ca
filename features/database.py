"""Tables in SQLite, or in PostgreSQL by URL, with one writer at a time.

When bytes reach the disk: with each commit, before it returns. SQLite keeps a log of changes and
syncs it at each commit (``synchronous=FULL``); PostgreSQL is asked for ``synchronous_commit=on``. A
process that is killed, or a machine that loses power, loses what was not committed and no more.
"""

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property, partial
from pathlib import Path
from threading import local
from typing import Any

from sqlalchemy import ClauseElement, Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from features.contract import StamkundeError

PATIENCE = 30.0  # seconds to wait for another process's write
_WRITE = "BEGIN IMMEDIATE"


class DatabaseError(StamkundeError):
    """A database that cannot be opened, read or written."""


class BusyError(DatabaseError):
    """A database that cannot be written to without waiting."""


class Prepared:
    """A statement that is compiled once a dialect: asking then costs a third.

    Parameters
    ----------
    statement
        With `bindparam` for what each use gives; its rows come as the driver has them.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any], list[str] | None]] = {}

    def __call__(self, connection: Connection, *given: Mapping[str, Any]) -> Any:
        """Execute it with parameters by name, or once for each of several.

        It goes straight to the driver: SQLAlchemy takes ten times as long about one row as SQLite.

        Returns
        -------
        cursor
            The driver's own (PEP 249).

        Raises
        ------
        DBAPIError
            As SQLAlchemy has it; an IntegrityError where a row is there already.
        """
        spelt = [self.spelt(connection.dialect, each) for each in given]
        text, driver = spelt[0][0], connection.dialect.loaded_dbapi
        cursor: Any = connection.connection.cursor()
        try:
            if len(spelt) > 1:
                cursor.executemany(text, [parameters for _, parameters in spelt])
            else:
                cursor.execute(text, spelt[0][1])
        except driver.IntegrityError as error:
            raise IntegrityError(text, None, error) from error
        except driver.Error as error:
            raise DBAPIError(text, None, error) from error
        return cursor

    def spelt(self, dialect: Dialect, given: Mapping[str, Any]) -> tuple[str, Any]:
        """Return the statement's text and its parameters, as a dialect's driver takes them."""
        text, defaults, order = self._of(dialect)
        whole = {**defaults, **given}
        return text, tuple([whole[name] for name in order]) if order else whole

    def _of(self, dialect: Dialect) -> tuple[str, dict[str, Any], list[str] | None]:
        name = f"{dialect.name}+{dialect.driver}"  # each driver marks parameters in its own way
        if name not in self._compiled:
            held: Any = self._statement.compile(dialect=dialect)
            order = list(held.positiontup) if held.positional else None
            self._compiled[name] = str(held), dict(held.params), order
        return self._compiled[name]


class Database:
    """Tables at a path (SQLite) or a URL, opened and made at the first use.

    Parameters
    ----------
    place
        A file's path, or an SQLAlchemy URL such as ``postgresql+psycopg://host/name``.
    table
        The table kept there; who writes to it writes alone.
    beside
        More tables, which are written to together with it.
    prepare
        What is done with them before the first use, as their only writer.
    derived
        Whether what is kept can be made again: then SQLite need not wait for the disk, and the last
        that was written may be gone after a power cut.
    """

    def __init__(
        self,
        place: str | Path,
        table: Table,
        *beside: Table,
        prepare: Callable[[Connection], None] = lambda _: None,
        derived: bool = False,
    ) -> None:
        self.url = _url(place)
        self.table = table
        self._tables, self._prepare, self._derived = (table, *beside), prepare, derived
        self._kept = local()  # each thread's connections for single rows, and for single writes

    @cached_property
    def path(self) -> Path | None:
        """The SQLite file; None where a server holds the table."""
        if self.url.get_backend_name() != "sqlite":
            return None
        return Path(self.url.database or "")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the table, whoever writes meanwhile."""
        with self._errors_named(), self._engine.connect() as connection, connection.begin():
            yield connection

    def first(self, statement: Prepared, given: Mapping[str, Any]) -> Any:
        """Return the first row of one statement, None without any.

        One statement sees one state of the table by itself. SQLite is asked over a connection that
        this thread keeps: to take one, begin and end would cost five times the answer.
        """
        if self.path is None:
            with self.reading() as connection:
                return statement(connection, given).fetchone()
        with self._errors_named():
            kept = getattr(self._kept, "connection", None)
            if kept is None:
                kept = self._kept.connection = self._engine.raw_connection()
            text, parameters = statement.spelt(self._engine.dialect, given)
            driver: Any = kept.driver_connection
            return driver.execute(text, parameters).fetchone()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is the table's only writer; on disk once it is left."""
        with self._errors_named(), _only_writer(self._engine) as connection:
            yield connection

    @contextmanager
    def writing_at_once(self) -> Iterator[Connection]:
        """Give what `writing` does, over a connection that this thread keeps, without waiting.

        Raises
        ------
        BusyError
            If somebody else is writing, or the table lies on a server, whose answer is waited for.
        """
        if self.path is None:
            raise BusyError(f"{self.table.name}: what lies on a server is waited for")
        with self._errors_named():
            kept = getattr(self._kept, "writing", None)
            if kept is None:
                kept = self._kept.writing = _impatient(self._engine)
            with _begun(kept):
                yield kept

    def scrub(self) -> None:
        """Leave no byte of deleted rows in an SQLite file, or in the log of changes beside it.

        Deleted rows are overwritten as they go (`secure_delete`); this empties the log. A server
        does so in its own time (PostgreSQL's VACUUM, and its archive of changes).
        """
        if self.path is None:
            return
        deadline = time.monotonic() + PATIENCE
        with self._errors_named(), closing(self._engine.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            # It waits for those who read an older state, which is in the log alone.
            while driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > deadline:
                    raise sqlite3.OperationalError("its log could not be emptied: it is being read")
                time.sleep(0.01)

    def close(self) -> None:
        """Give the connections back; the next use opens new ones."""
        engine = self.__dict__.pop("_engine", None)
        self._kept = local()
        if engine is not None:
            engine.dispose()

    @cached_property
    def _engine(self) -> Engine:
        try:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # It is about customers: its owner's alone, as SQLite makes the files beside it.
                if not self.path.exists():
                    self.path.touch(0o600)
            engine = _engine(self.url, lock=self.table.name, synced=not self._derived)
            with _only_writer(engine) as connection:
                for table in self._tables:
                    connection.execute(CreateTable(table, if_not_exists=True))
                    for index in sorted(table.indexes, key=lambda held: str(held.name)):
                        connection.execute(CreateIndex(index, if_not_exists=True))
                self._prepare(connection)
        except (ImportError, OSError) as error:
            raise self._refusal(error) from error
        return engine

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # what was to be written is at fault, and its writer has the words for that
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> DatabaseError:
        told = BusyError if _is_busy(error) else DatabaseError
        return told(
            f"{self.url.render_as_string(hide_password=True)}: the database cannot be used: "
            f"{_first_line(getattr(error, 'orig', None) or error)}; "
            "check that the place is right, writable and not full"
        )


def _is_busy(error: Exception) -> bool:
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


def _first_line(error: Any) -> str:
    """Return what a database says; below the first line it may quote what it was given."""
    return (str(error).splitlines() or ["no reason"])[0]


def _url(place: str | Path) -> URL:
    if isinstance(place, Path) or "://" not in place:
        return URL.create("sqlite", database=str(place))
    try:
        url = make_url(place)
        # SQLAlchemy takes the plain name for a driver of old.
        plain = url.drivername in ("postgresql", "postgres")
        return url.set(drivername="postgresql+psycopg") if plain else url
    except ArgumentError as error:
        raise DatabaseError(f"give a path or a URL such as sqlite:///a.db: {error}") from error


@contextmanager
def _only_writer(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def _begun(connection: Connection) -> Iterator[None]:
    """Write to SQLite straight by its driver: SQLAlchemy takes half as long again to begin."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute(_WRITE)
    try:
        yield
        driver.commit()
    finally:
        driver.rollback()  # of what failed
        connection.rollback()  # which SQLAlchemy's own statements begin


def _impatient(engine: Engine) -> Connection:
    """Return a connection to SQLite that writes at once or not at all; no pool has it back."""
    connection = engine.connect().execution_options(writes=True)
    connection.detach()
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA busy_timeout=0")
    return connection


def _engine(url: URL, lock: str, synced: bool) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": PATIENCE})
        event.listen(engine, "connect", partial(_write_ahead, synced=synced))
        event.listen(engine, "begin", _begin_sqlite)
    else:
        # What is committed is on the server's disk, whatever the server is set to otherwise.
        told = {} if "options" in url.query else {"options": "-c synchronous_commit=on"}
        engine = create_engine(url, pool_pre_ping=True, connect_args=told)
        event.listen(engine, "begin", partial(_begin_postgresql, zlib.crc32(lock.encode())))
    return engine


def _write_ahead(connection: sqlite3.Connection, _: Any, synced: bool) -> None:
    # Left to itself the driver begins its transactions late, at the first write.
    connection.isolation_level = None
    # Of a new file: an entry of two kilobytes leaves half of SQLite's usual page empty.
    connection.execute("PRAGMA page_size=16384")
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            # Two processes that make one new file: SQLite does not wait here by itself.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
    # Who commits when the log has so many pages moves them all, while others wait: of 1,000, as is
    # usual, every hundredth call would.
    connection.execute("PRAGMA wal_autocheckpoint=4000")
    connection.execute("PRAGMA secure_delete=ON")


def _begin_sqlite(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        connection.exec_driver_sql(_WRITE if _writes(connection) else "BEGIN")


def _begin_postgresql(lock: int, connection: Connection) -> None:
    if _writes(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes"))
