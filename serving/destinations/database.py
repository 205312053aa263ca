"""Scores in a database's table, one row a customer of a base, which a batch brings up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateColumn, CreateTable

from configs.values import passwords
from serving.destinations.backends import Backend
from serving.destinations.destination import DestinationError, Written
from serving.destinations.stamp import Stamp, answer_columns

_KEY = ("base", "customer_id")
_STAGING = "stamkunde_staging"
_TYPES: dict[pa.DataType, Any] = {
    pa.string(): sa.Text(),
    pa.float64(): sa.Double(),
    pa.int32(): sa.Integer(),
    pa.int64(): sa.BigInteger(),
    pa.bool_(): sa.Boolean(),
    pa.date32(): sa.Date(),
}


class DatabaseDestination:
    """A table into which a batch's scores go in one transaction.

    A row there of a customer whom the batch has is replaced. One whom it has not keeps the row,
    to be used until its ``valid_until``, unless asked to prune. The table, and columns that it
    lacks, are made; a column that the batch has not is refused, as its values would grow old
    beside new ones.

    Parameters
    ----------
    url : sqlalchemy.URL
        The database.
    backend : Backend
        Its kind.
    table : str
        The table's name, as ``scores`` or ``marketing.scores``.
    stamp : Stamp
        The batch's.
    changed_only : bool
        Whether a row whose answer is as it was is left as it is.
    prune : bool
        Whether rows of the base's customers whom the batch has not are removed.
    """

    def __init__(
        self,
        url: URL,
        backend: Backend,
        table: str,
        stamp: Stamp,
        changed_only: bool = False,
        prune: bool = False,
    ) -> None:
        self._url, self._backend, self._stamp = url, backend, stamp
        self._schema, _, self._name = table.rpartition(".")
        self._changed_only, self._prune = changed_only, prune
        self._begun = ExitStack()

    @property
    def told(self) -> str:
        """The database and the table, without a password."""
        table = f"{self._schema}.{self._name}" if self._schema else self._name
        return f"{self._url.render_as_string(hide_password=True)} ({table})"

    def begin(self, schema: pa.Schema) -> None:
        """Try with no rows whether the table takes scores; then make room for them beside it."""
        stamped = self._stamp.schema(schema)
        target, staging = sa.MetaData(), sa.MetaData()
        self._table = sa.Table(
            self._name, target, *self._columns(stamped), schema=self._schema or None
        )
        self._staging = sa.Table(_STAGING, staging, *self._columns(stamped), prefixes=["TEMPORARY"])
        with self._errors_told():
            engine = self._backend.engine(self._url)
            self._begun.callback(engine.dispose)
            self._connection = self._begun.enter_context(engine.connect())
            self._make()
            self._connection.execute(CreateTable(self._staging))
            self._connection.execute(self._upsert())
            self._connection.rollback()
            self._connection.execute(CreateTable(self._staging))

    def write(self, table: pa.Table) -> None:
        """Put rows into a table that only this process sees."""
        with self._errors_told():
            self._backend.fill(self._connection, self._staging, self._stamp.table(table))

    def commit(self) -> Written:
        """Bring the table up to date in one transaction."""
        with self._errors_told():
            self._connection.exec_driver_sql(f"ANALYZE {_STAGING}")  # which nothing else does
            self._backend.alone(self._connection)
            self._make()
            written = self._compared()
            self._connection.execute(self._upsert())
            if self._prune:
                self._connection.execute(self._pruning())
            self._connection.commit()
        self.abort()
        return written

    def abort(self) -> None:
        """Give the connection back; what was not committed is gone."""
        self._begun.close()

    def _columns(self, schema: pa.Schema) -> list[sa.Column[Any]]:
        return [
            sa.Column(
                field.name,
                self._type(field.type),
                primary_key=field.name in _KEY,
                nullable=field.nullable,
            )
            for field in schema
        ]

    def _type(self, kind: pa.DataType) -> Any:
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        return self._backend.lists if pa.types.is_list(kind) else _TYPES[kind]

    def _make(self) -> None:
        """Make the table, or the columns that it lacks."""
        inspected = sa.inspect(self._connection)
        if not inspected.has_table(self._name, schema=self._table.schema):
            self._connection.execute(CreateTable(self._table))
            return
        there = [held["name"] for held in inspected.get_columns(self._name, self._table.schema)]
        if odd := sorted(set(there) - set(self._table.columns.keys())):
            raise DestinationError(
                f"{self.told}: has columns that these scores have not: {', '.join(odd)}; drop "
                "them, or name another table by --table and join with it"
            )
        dialect = self._connection.dialect
        table = dialect.identifier_preparer.format_table(self._table)
        for column in self._table.columns:
            if column.name not in there:
                spelt = CreateColumn(column).compile(dialect=dialect)
                self._connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {spelt}")

    def _same_customer(self) -> sa.ColumnElement[bool]:
        return sa.and_(*(self._table.c[name] == self._staging.c[name] for name in _KEY))

    def _same_answer(self) -> sa.ColumnElement[bool]:
        names = answer_columns(self._table.columns.keys())
        return sa.and_(
            *(self._table.c[name].is_not_distinct_from(self._staging.c[name]) for name in names)
        )

    def _runs_out(self) -> sa.ColumnElement[bool]:
        return self._table.c.valid_until <= self._stamp.renewed_until

    def _upsert(self) -> Any:
        staged = sa.select(self._staging)
        if self._changed_only:
            # A row met by ON CONFLICT is locked even where it is left as it is: they are not met.
            kept = sa.and_(self._same_answer(), sa.not_(self._runs_out()))
            there = sa.exists().where(self._same_customer(), kept)
            staged = staged.where(sa.not_(there))
        else:
            staged = staged.where(sa.true())  # or SQLite takes ON CONFLICT for a join's
        names = self._table.columns.keys()
        insert = self._backend.insert(self._table).from_select(names, staged)
        given = {name: insert.excluded[name] for name in names if name not in _KEY}
        return insert.on_conflict_do_update(index_elements=_KEY, set_=given)

    def _pruning(self) -> Any:
        staged = sa.exists().where(self._same_customer())
        return sa.delete(self._table).where(self._of_base(), sa.not_(staged))

    def _of_base(self) -> sa.ColumnElement[bool]:
        return self._table.c.base == self._stamp.base

    def _compared(self) -> Written:
        """Count what the batch does to the table."""
        staged = self._counted(sa.select(sa.func.count()).select_from(self._staging))
        there = self._counted(
            sa.select(sa.func.count()).select_from(self._table).where(self._of_base())
        )
        both = sa.select(sa.func.count()).select_from(
            self._staging.join(self._table, self._same_customer())
        )
        met = self._counted(both)
        if not self._changed_only:
            return Written(staged, new=staged - met, gone=there - met)
        same = both.where(self._same_answer())
        renewed = self._counted(same.where(self._runs_out()))
        unchanged = self._counted(same) - renewed
        return Written(staged - unchanged, staged - met, there - met, renewed, unchanged)

    def _counted(self, counting: sa.Select[int]) -> int:
        return int(self._connection.execute(counting).scalar_one())

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, ImportError, OSError) as error:
            # The first line alone: below it, databases quote the row that they choke on.
            said = (str(getattr(error, "orig", None) or error).splitlines() or ["no reason"])[0]
            for spelling in passwords(self._url.render_as_string(hide_password=False)):
                said = said.replace(spelling, "…")
            raise DestinationError(
                f"{self.told}: cannot take scores: {said}; check the place, who may write there, "
                "and that a table that is there is one of scores"
            ) from None
