"""What differs from one engine to another, beyond the expressions that all of them run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.util import gen_name

from configs.errors import StamkundeError
from configs.schema import Config

if TYPE_CHECKING:
    from features.source import Tables


class EngineError(StamkundeError, RuntimeError):
    """The engine that the config asks for cannot be had, or cannot do what it is asked."""


def on_engine(config: Config, tables: Tables) -> Tables:
    """Return a base's tables, as DuckDB holds them, on the engine that the config asks for.

    Raises
    ------
    EngineError
        If it is not installed, or does not start.
    """
    if config.engine.kind == "duckdb":
        return tables
    if find_spec("pyspark") is None:
        raise EngineError(
            "engine.kind is spark, which needs PySpark: install stamkunde with its extra, spark"
        )
    from features.spark import handed_over

    names = list(config.sources.given)
    var = Path(config.paths.var)
    backend, held = handed_over(tables.backend.con, names, config.engine, var)
    return replace(tables, backend=backend, **held)


def computed(backend: ibis.BaseBackend, table: ir.Table) -> pa.Table:
    """Compute a table.

    Raises
    ------
    EngineError
        If there is no room for it in memory or on disk, or a sum outgrows its type.
    """
    try:
        return backend.to_pyarrow(table)
    except duckdb.Error as error:
        raise _refusal(error) from error


def _refusal(error: duckdb.Error) -> EngineError:
    said = str(error).splitlines()[0]
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(f"{said}; raise engine.memory, or make room under paths.var to spill to")
    return EngineError(f"{said}; look for amounts that cannot be meant")


@contextmanager
def kept(backend: ibis.BaseBackend, table: ir.Table) -> Iterator[ir.Table]:
    """Compute a table once, and keep it while it is read."""
    if backend.name != "duckdb":
        with table.cache() as held:
            yield held
        return
    name = gen_name("kept")
    try:
        held = backend.create_table(name, table, temp=True)
    except duckdb.Error as error:
        raise _refusal(error) from error
    try:
        yield held
    finally:  # Ibis's own drop_table writes a statement that DuckDB 2 refuses
        backend.con.execute(f'DROP TABLE IF EXISTS "{name}"')
