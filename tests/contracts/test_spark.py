"""Spark as an engine, and beside DuckDB: the same bits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
import yaml
from pyspark import SparkContext

from configs.errors import ConfigError
from configs.load import dump, load
from features import engine
from features.build import write
from features.engine import EngineError
from features.source import load_rows, load_tables
from tests.contracts.bases import AFTER_ALL, CUT_OFF, EARLIER, shop
from tests.contracts.engines import Engine, EngineContract
from tests.features.test_build import bits

FOR_LITTLE = """
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
"""
"""Spark's own settings: no time is spent on making code faster that runs once."""


@pytest.fixture(scope="module", autouse=True)
def _spark(tmp_path_factory) -> Iterator[None]:
    """Spark starts with settings for little data, and ends with its tests."""
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-defaults.conf").write_text(FOR_LITTLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        yield
    java = SparkContext._gateway
    if java is None:
        return
    SparkContext.getOrCreate().stop()
    java.shutdown()
    java.proc.stdin.close()
    java.proc.wait(timeout=60)
    SparkContext._gateway = SparkContext._jvm = None


class TestSpark(EngineContract):
    settings: ClassVar[dict[str, Any]] = {"kind": "spark", "master": "local[2]"}
    other_threads = "SET spark.sql.shuffle.partitions = 7"

    @pytest.fixture(scope="class")
    def duckdb(self, tmp_path_factory) -> Engine:
        return Engine({"kind": "duckdb"}, tmp_path_factory.mktemp("duckdb"))

    @pytest.mark.parametrize(
        ("base", "cutoffs"),
        [
            ("shop", (CUT_OFF,)),
            ("shop", (EARLIER, CUT_OFF)),
            ("late", (EARLIER, CUT_OFF, date(2024, 6, 4))),
            ("long_ago", (AFTER_ALL, date(2027, 3, 1))),
            ("many", (CUT_OFF,)),
            ("club", (EARLIER,)),
            ("club", (EARLIER, CUT_OFF)),
            ("snapshot", (EARLIER, CUT_OFF)),
        ],
    )
    def test_every_column_is_duckdbs_to_the_last_bit(self, engine, duckdb, base, cutoffs):
        ours, theirs = engine.features(base, *cutoffs), duckdb.features(base, *cutoffs)
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
        assert bits(ours) == bits(theirs)


# Asked for by the config

ON_SPARK = ("engine.kind=spark", "engine.master=local[2]")


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """The config file of a base."""
    folder = tmp_path_factory.mktemp("shop")
    written = folder / "shop.yaml"
    written.write_text(yaml.safe_dump(dump(shop(folder))), encoding="utf-8")
    return written


def test_a_file_of_features_is_the_same_bytes_by_either_engine(file):
    by_duckdb, by_spark = load(file), load(file, ON_SPARK)
    tables = load_tables(by_spark)
    assert (load_tables(by_duckdb).backend.name, tables.backend.name) == ("duckdb", "pyspark")
    assert write(by_duckdb, load_tables(by_duckdb), CUT_OFF, file.parent / "duckdb.parquet") == 12
    assert write(by_spark, tables, CUT_OFF, file.parent / "spark.parquet") == 12
    duckdbs, sparks = (file.with_name(f"{each}.parquet") for each in ("duckdb", "spark"))
    assert duckdbs.read_bytes() == sparks.read_bytes()


def test_a_few_customers_own_rows_need_no_spark(file):
    config = load(file, ON_SPARK)
    tables = load_rows(config, {"transactions": []})
    assert tables.backend.name == "duckdb"


def test_without_java_there_is_no_spark(file, monkeypatch):
    monkeypatch.setattr(SparkContext, "_gateway", None)
    monkeypatch.setenv("JAVA_HOME", str(file.parent / "nowhere"))
    with pytest.raises(EngineError, match="spark, which needs Java 17 or later: install it"):
        load_tables(load(file, ON_SPARK))


def test_without_pyspark_there_is_no_spark(file, monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda _: None)
    with pytest.raises(EngineError, match="install stamkunde with its extra, spark"):
        load_tables(load(file, ON_SPARK))


@pytest.mark.parametrize("wrong", ["master=cluster", "master=local[two]", "threads=2"])
def test_a_master_that_spark_does_not_know_is_refused(file, wrong):
    with pytest.raises(ConfigError, match=rf"--set engine\.{re.escape(wrong)}: "):
        load(file, ["engine.kind=spark", f"engine.{wrong}"])
