"""What of a person lies in databases: features, remembered answers, tables of scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from features.store import FeatureStore
from serving.idempotency.remembered import Remembered
from serving.people.holding import Person, PersonError


@dataclass(frozen=True)
class StoredFeatures:
    """The feature store: the latest features, and consents."""

    store: FeatureStore
    base: str
    name: str = "feature store"

    def held(self, person: Person) -> list[Any]:
        """Return the person's features under each schema, and each consent."""
        return self.store.held(self.base, person.id)

    def remove(self, person: Person) -> None:
        """Remove the person from every set."""
        self.store.forget(self.base, person.id)


@dataclass(frozen=True)
class RememberedAnswers:
    """Answers to calls with an Idempotency-Key."""

    remembered: Remembered
    name: str = "remembered answers"

    def held(self, person: Person) -> list[Any]:
        """Return the results about the person in answers that are kept."""
        return self.remembered.about(person.id)

    def remove(self, person: Person) -> None:
        """Drop the answers that name the person; such a call, made again, is a new one."""
        self.remembered.forget_about(person.id)


@dataclass(frozen=True)
class ScoresTable:
    """A database's table that a batch wrote scores to."""

    name: str
    url: str
    table: str
    base: str

    def held(self, person: Person) -> list[Any]:
        """Return the person's row."""
        with self._connected() as connection:
            if not sa.inspect(connection).has_table(*self._named):
                return []
            schema = self._named[1]
            table = sa.Table(self._named[0], sa.MetaData(), schema=schema, autoload_with=connection)
            mine = (table.c.base == self.base, table.c.customer_id == person.id)
            return [
                dict(row) for row in connection.execute(sa.select(table).where(*mine)).mappings()
            ]

    def remove(self, person: Person) -> None:
        """Delete the person's row."""
        with self._connected() as connection:
            if not sa.inspect(connection).has_table(*self._named):
                return
            columns: tuple[Any, ...] = (sa.column("base"), sa.column("customer_id"))
            table = sa.table(self._named[0], *columns, schema=self._named[1])
            mine = (table.c.base == self.base, table.c.customer_id == person.id)
            connection.execute(sa.delete(table).where(*mine))
            connection.commit()

    @property
    def _named(self) -> tuple[str, str | None]:
        schema, _, name = self.table.rpartition(".")
        return name, schema or None

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        try:
            engine = sa.create_engine(self.url)
            try:
                with engine.connect() as connection:
                    if engine.dialect.name == "sqlite":
                        connection.exec_driver_sql("PRAGMA secure_delete=ON")
                    yield connection
            finally:
                engine.dispose()
        except (SQLAlchemyError, ImportError) as error:
            raise PersonError(
                f"{self.name}: cannot be reached ({type(error).__name__}), and may hold the person"
            ) from None
