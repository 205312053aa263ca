"""Apache Spark as an engine: canonical tables lie as Parquet files, and features are its SQL."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.pyspark import Backend
from ibis.formats.pyarrow import PyArrowData
from py4j.protocol import Py4JJavaError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from configs.schema import SparkEngine
from features.engine import EngineError
from features.sql import identifier, literal

EXACT = {
    "spark.sql.ansi.enabled": "true",  # what overflows is an error, not a null
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # nor is it rounded
    "spark.sql.session.timeZone": "UTC",
}
"""What makes Spark's arithmetic and time those of the canonical tables."""

_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
_PARTITIONS = "spark.sql.shuffle.partitions"
_LOOPBACK = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


class Spark(Backend):
    """Ibis's backend of Spark, to which tables come and from which they go as Arrow."""

    def to_pyarrow(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Mapping[ir.Scalar, Any] | None = None,
        limit: int | str | None = None,
        **kwargs: Any,
    ) -> pa.Table:
        """Return what an expression gives."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        query = self.compile(table, params=params, limit=limit, **kwargs)
        found = PyArrowData.convert_table(self.raw_sql(query).toArrow(), table.schema())
        return expr.__pyarrow_result__(found)

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        held = op.data.to_pyarrow(op.schema)
        self._session.createDataFrame(held).createOrReplaceTempView(op.name)

    def _create_cached_table(self, name: str, expr: ir.Table) -> ir.Table:
        self._run_pre_execute_hooks(expr)
        return super()._create_cached_table(name, expr)


def handed_over(
    connection: duckdb.DuckDBPyConnection, names: list[str], engine: SparkEngine, var: Path
) -> tuple[Spark, dict[str, ir.Table]]:
    """Return tables of a DuckDB database as Spark's, by name; their files go when it does."""
    folder = var.absolute() / "spark"
    folder.mkdir(parents=True, exist_ok=True)
    Spark.register_options()
    backend = Spark().connect(_session(engine, folder), **EXACT)
    files = Path(mkdtemp(prefix="tables-", dir=folder))
    weakref.finalize(backend, shutil.rmtree, files, ignore_errors=True)
    for name in names:
        target = literal(str(files / f"{name}.parquet"))
        connection.execute(f"COPY {identifier(name)} TO {target} (FORMAT parquet)")
    return backend, {name: backend.read_parquet(files / f"{name}.parquet") for name in names}


def _session(engine: SparkEngine, folder: Path) -> SparkSession:
    """Return a session of its own on this process's Spark, which is started if need be."""
    local = engine.master.startswith("local")
    conf = SparkConf().setAppName("stamkunde").setMaster(engine.master)
    conf.setAll([*_QUIET.items(), ("spark.sql.warehouse.dir", str(folder / "warehouse"))])
    if local:
        conf.setAll([*_LOOPBACK.items(), ("spark.local.dir", str(folder / "spill"))])
    log = folder / "spark.log"
    try:
        if SparkContext._gateway is None:  # else it would write its log to the terminal
            with log.open("ab") as written:
                gateway = launch_gateway(conf, {"stderr": written})
            SparkContext._ensure_initialized(gateway=gateway)
        context = SparkContext.getOrCreate(conf)
    except PySparkRuntimeError as error:
        raise EngineError(
            "engine.kind is spark, which needs Java 17 or later: install it (Debian's "
            f"default-jre-headless) or set JAVA_HOME; Spark's own words are in {log}"
        ) from error
    except Py4JJavaError as error:
        raise EngineError(
            f"engine.master: Spark does not start on {engine.master}; its own words are in {log}"
        ) from error
    session = SparkSession(context).newSession()
    if local and context.getConf().get(_PARTITIONS) is None:
        # Spark's own 200 cost more than the work.
        session.conf.set(_PARTITIONS, str(context.defaultParallelism))
    return session
