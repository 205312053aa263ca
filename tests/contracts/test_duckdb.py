"""DuckDB as an engine."""

from typing import Any, ClassVar

from tests.contracts.engines import EngineContract


class TestDuckDB(EngineContract):
    settings: ClassVar[dict[str, Any]] = {"kind": "duckdb", "threads": 2}
    other_threads = "SET threads = 1"
