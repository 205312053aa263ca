"""Features of a few customers from their own rows: the batch's expression, compiled once a day."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from threading import Lock

import duckdb
import ibis.expr.operations as ops
import pandas as pd
import pyarrow as pa

from configs.schema import Config
from features import posted
from features.build import expression, schema_of, to_pandas
from features.contract import DataError
from features.rejects import Reject
from features.schema import FeatureSchema
from features.source import Tables, load_rows

Rows = Mapping[str, Sequence[Mapping[str, object]]]
"""One customer's rows of each canonical table, in its columns, without the ``customer_id``."""

_MOST_COMPILED = 64  # days whose statements are kept


@dataclass(frozen=True)
class _Statement:
    """An expression as parsed SQL, the tables that come with it, and what it gives."""

    sql: duckdb.Statement
    tables: Mapping[str, pa.Table]
    columns: pa.Schema

    def run(self, connection: duckdb.DuckDBPyConnection) -> pa.Table:
        for name, table in self.tables.items():
            connection.register(name, table)
        rows = connection.execute(self.sql).fetchall()
        values = zip(*rows, strict=True) if rows else ([] for _ in self.columns)
        arrays = [
            pa.array(held, field.type) for held, field in zip(values, self.columns, strict=True)
        ]
        return pa.table(arrays, schema=self.columns)


class OwnRows:
    """Builds what `build` does of customers whose rows are given; threads may share it.

    Parameters
    ----------
    config : Config
        The customer base's. Where its tables lie does not matter.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._statements: OrderedDict[date, _Statement] = OrderedDict()
        self._compiling = Lock()

    @cached_property
    def schema(self) -> FeatureSchema:
        """The schema of what is built, no category in it: nobody's rows are known."""
        return schema_of(self._config, load_rows(self._config, {}))

    def build(
        self, customers: Sequence[Rows], as_of: date
    ) -> tuple[pd.DataFrame, dict[int, DataError]]:
        """Build the features of customers as of a day.

        Parameters
        ----------
        customers : sequence of mapping
            Each one's rows.
        as_of : date
            The first instant of this day is excluded.

        Returns
        -------
        DataFrame
            As `features.build.build` has it; ``customer_id`` is the customer's number in the
            sequence, as text. Who was not known as of the day, or is refused, is not in it.
        dict of int to DataError
            The first rule that a refused customer's rows break: table, row from 1, and column.
        """
        refused: dict[int, DataError] = {}
        try:
            tables = load_rows(self._config, _together(customers))
        except DataError:
            refused = self._refused(customers)
            tables = load_rows(self._config, _together(customers, refused))
        return to_pandas(self._statement(tables, as_of).run(tables.backend.con)), refused

    def _refused(self, customers: Sequence[Rows]) -> dict[int, DataError]:
        """Return why each customer is refused whose rows break a rule."""
        refused = {}
        for number, rows in enumerate(customers):
            try:
                posted.refuse_unknown(rows, self._config.sources.given)
            except DataError as error:
                refused[number] = error
        rejects: list[Reject] = []
        load_rows(self._config, _together(customers, refused), rejects)
        tables = _tables(customers, refused)
        places = {table: list(_places(customers, table, refused)) for table in tables}
        for reject in rejects:
            number, line = places[reject.file][(reject.line or 1) - 1]
            refused.setdefault(number, _error(reject, line))
        return refused

    def _statement(self, tables: Tables, as_of: date) -> _Statement:
        # Compiling takes tenths of a second, which threads would only spend one after another.
        with self._compiling:
            held = self._statements.pop(as_of, None) or _compiled(self._config, tables, as_of)
            self._statements[as_of] = held
            if len(self._statements) > _MOST_COMPILED:
                self._statements.popitem(last=False)
            return held


def _compiled(config: Config, tables: Tables, as_of: date) -> _Statement:
    found = expression(config, tables, as_of)
    (sql,) = duckdb.extract_statements(tables.backend.compile(found))
    return _Statement(
        sql,
        {
            table.name: table.data.to_pyarrow(table.schema)
            for table in found.op().find(ops.InMemoryTable)
        },
        found.schema().to_pyarrow(),
    )


def _tables(customers: Sequence[Rows], without: Container[int]) -> list[str]:
    kept = (rows for number, rows in enumerate(customers) if number not in without)
    return list(dict.fromkeys(table for rows in kept for table in rows))


def _together(
    customers: Sequence[Rows], without: Container[int] = ()
) -> dict[str, list[dict[str, object]]]:
    """Return the rows of all but some customers, each with its customer's number as id."""
    return {
        table: [
            {**customers[number][table][line - 1], "customer_id": str(number)}
            for number, line in _places(customers, table, without)
        ]
        for table in _tables(customers, without)
    }


def _places(
    customers: Sequence[Rows], table: str, without: Container[int]
) -> Iterator[tuple[int, int]]:
    """Give each row's customer, and its number among their rows, from 1."""
    for number, rows in enumerate(customers):
        if number not in without:
            yield from ((number, line) for line in range(1, len(rows.get(table, ())) + 1))


def _error(reject: Reject, line: int) -> DataError:
    return DataError(
        reject.file, line=line, column=reject.column, expected=reject.expected, found=reject.found
    )
