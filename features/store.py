"""A customer's latest features by id, for scoring named customers."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from features.contract import StamkundeError
from features.database import Database, Prepared

CHUNK = 5_000  # rows a statement writes
ASKED = 500  # customers a statement looks up; SQLite of old allows 999 parameters

Value = float | str | None

FEATURES = Table(
    "features",
    MetaData(),
    Column("base", String, primary_key=True),
    Column("schema_hash", String, primary_key=True),
    Column("customer_id", String, primary_key=True),
    Column("as_of", String, nullable=False),
    Column("values", Text, nullable=False),
)

CONSENTS = Table(
    "consents",
    MetaData(),
    *(Column(name, String, primary_key=True) for name in ("base", "purpose", "customer_id")),
)
"""Who consents to what: a row says yes."""


class StoreError(StamkundeError, ValueError):
    """Features that cannot be stored as they are."""


_ONE = Prepared(
    select(FEATURES.c.as_of, FEATURES.c["values"]).where(
        *(FEATURES.c[name] == bindparam(name) for name in ("base", "schema_hash", "customer_id"))
    )
)


@dataclass(frozen=True)
class StoredFeatures:
    """What was known about a customer at `as_of`, in the order of the feature schema."""

    as_of: str
    values: list[Value]


class FeatureStore:
    """The latest features of customer bases, each base and feature schema a set of its own.

    Parameters
    ----------
    place
        A file's path (SQLite), or a database's URL.
    """

    def __init__(self, place: str | Path) -> None:
        self._database = Database(place, FEATURES, CONSENTS)

    def replace(
        self,
        base: str,
        schema_hash: str,
        as_of: str,
        customer_ids: Sequence[str],
        rows: Iterable[Sequence[Value]],
    ) -> None:
        """Put these customers in the place of all those of the base and schema, at one instant.

        As `replace_sets`, of one set.
        """
        self.replace_sets(base, as_of, customer_ids, {schema_hash: rows})

    def replace_sets(
        self,
        base: str,
        as_of: str,
        customer_ids: Sequence[str],
        sets: Mapping[str, Iterable[Sequence[Value]]],
        dropped: Iterable[str] = (),
        consents: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """Put these customers in the place of all those of several schemas, at one instant.

        Who reads meanwhile sees the old sets or the new, never a mix; a crash leaves the old.

        Parameters
        ----------
        base, as_of
        customer_ids : sequence of str
        sets : mapping of str to rows
            Each schema's features of every customer, by the schema's hash.
        dropped : iterable of str
            The schemas whose sets are taken away.
        consents : mapping of str to customers, optional
            Who consents to each purpose, in the place of what was known; as it was unless given.

        Raises
        ------
        StoreError
            If a customer comes twice, ids and rows differ in number, or a value is no number
            or text.
        """
        try:
            with self._database.writing() as connection:
                for schema_hash in (*dropped, *sets):
                    connection.execute(delete(FEATURES).where(*_of(base, schema_hash)))
                for schema_hash, rows in sets.items():
                    key = {"base": base, "schema_hash": schema_hash, "as_of": as_of}
                    stored = ({**key, **row} for row in _texts(customer_ids, rows))
                    while chunk := list(islice(stored, CHUNK)):
                        connection.execute(insert(FEATURES), chunk)
                if consents is not None:
                    _put_consents(connection, base, consents)
        except IntegrityError as error:
            raise StoreError(
                f"nothing was stored for {base}: a customer has one row of features, and "
                f"{_repeated(customer_ids)!r} comes more than once; give each once"
            ) from error

    def schemas(self, base: str) -> list[str]:
        """Give the hash of each schema that a base has a set of."""
        held = select(FEATURES.c.schema_hash).where(FEATURES.c.base == base)
        found: list[str] = []
        with self._database.reading() as connection:
            # From one hash to the next: quick however large the sets are.
            while after := connection.scalar(
                held.where(FEATURES.c.schema_hash > (found[-1] if found else ""))
                .order_by(FEATURES.c.schema_hash)
                .limit(1)
            ):
                found.append(after)
        return found

    def get(
        self, base: str, schema_hash: str, customer_ids: Iterable[str]
    ) -> dict[str, StoredFeatures]:
        """Look customers up; one that is not in the store is not in the answer."""
        names = list(dict.fromkeys(customer_ids))
        if len(names) == 1:
            return self._one(base, schema_hash, names[0])
        asked = iter(names)
        sought = select(FEATURES.c.customer_id, FEATURES.c.as_of, FEATURES.c["values"])
        sought = sought.where(*_of(base, schema_hash))
        found: dict[str, StoredFeatures] = {}
        with self._database.reading() as connection:
            while chunk := list(islice(asked, ASKED)):
                for customer, as_of, text in connection.execute(
                    sought.where(FEATURES.c.customer_id.in_(chunk))
                ):
                    found[customer] = StoredFeatures(as_of, orjson.loads(text))
        return found

    def _one(self, base: str, schema_hash: str, customer_id: str) -> dict[str, StoredFeatures]:
        sought = {"base": base, "schema_hash": schema_hash, "customer_id": customer_id}
        found = self._database.first(_ONE, sought)
        return {customer_id: StoredFeatures(found[0], orjson.loads(found[1]))} if found else {}

    def consenting(self, base: str, purpose: str, customer_ids: Iterable[str]) -> frozenset[str]:
        """Say who of some customers consents to a purpose."""
        asked = iter(dict.fromkeys(customer_ids))
        sought = select(CONSENTS.c.customer_id).where(
            CONSENTS.c.base == base, CONSENTS.c.purpose == purpose
        )
        found: set[str] = set()
        with self._database.reading() as connection:
            while chunk := list(islice(asked, ASKED)):
                found.update(connection.scalars(sought.where(CONSENTS.c.customer_id.in_(chunk))))
        return frozenset(found)

    def held(self, base: str, customer_id: str) -> list[dict[str, Any]]:
        """Give all that is stored of a customer: each set's features, and each consent."""
        features = select(FEATURES.c.schema_hash, FEATURES.c.as_of, FEATURES.c["values"])
        consents = select(CONSENTS.c.purpose)
        with self._database.reading() as connection:
            sets = connection.execute(features.where(*_person(FEATURES, base, customer_id)))
            said = connection.scalars(consents.where(*_person(CONSENTS, base, customer_id)))
            return [
                *(
                    {"schema": digest, "as_of": as_of, "values": orjson.loads(text)}
                    for digest, as_of, text in sorted(sets.tuples())
                ),
                *({"consents_to": purpose} for purpose in sorted(said)),
            ]

    def forget(self, base: str, customer_id: str) -> None:
        """Remove all that is stored of a customer; no byte of it is left in an SQLite file."""
        with self._database.writing() as connection:
            for table in (FEATURES, CONSENTS):
                connection.execute(delete(table).where(*_person(table, base, customer_id)))
        self._database.scrub()

    def first(self, base: str, schema_hash: str, count: int) -> list[tuple[str, str]]:
        """Give the first customers of a set by id, each with the day its features are of.

        Quick however large the set is; none of a set that is not there.
        """
        sought = select(FEATURES.c.customer_id, FEATURES.c.as_of).where(*_of(base, schema_hash))
        with self._database.reading() as connection:
            rows = connection.execute(sought.order_by(FEATURES.c.customer_id).limit(count))
            return [(customer, as_of) for customer, as_of in rows]

    def status(self, base: str) -> list[tuple[str, str, int]]:
        """Give each stored set of a base: schema hash, as of when, how many customers."""
        parts = (FEATURES.c.schema_hash, FEATURES.c.as_of)
        counted = select(*parts, func.count()).where(FEATURES.c.base == base)
        with self._database.reading() as connection:
            sets = connection.execute(counted.group_by(*parts).order_by(*parts))
            return [(schema_hash, as_of, count) for schema_hash, as_of, count in sets]

    def rows(self, base: str, schema_hash: str) -> Iterator[tuple[str, StoredFeatures]]:
        """Give all customers of a base and schema by id, as they are at one instant."""
        sought = select(FEATURES.c.customer_id, FEATURES.c.as_of, FEATURES.c["values"])
        sought = sought.where(*_of(base, schema_hash)).order_by(FEATURES.c.customer_id)
        with self._database.reading() as connection:
            streamed = connection.execution_options(yield_per=CHUNK).execute(sought)
            for customer, as_of, text in streamed:
                yield customer, StoredFeatures(as_of, orjson.loads(text))

    def close(self) -> None:
        """Give the database's connections back."""
        self._database.close()


def _person(table: Table, base: str, customer_id: str) -> tuple[Any, Any]:
    return table.c.base == base, table.c.customer_id == customer_id


def _put_consents(connection: Connection, base: str, consents: Mapping[str, Iterable[str]]) -> None:
    connection.execute(delete(CONSENTS).where(CONSENTS.c.base == base))
    for purpose, customers in consents.items():
        rows = iter({"base": base, "purpose": purpose, "customer_id": each} for each in customers)
        while chunk := list(islice(rows, CHUNK)):
            connection.execute(insert(CONSENTS), chunk)


def _of(base: str, schema_hash: str) -> tuple[Any, Any]:
    return FEATURES.c.base == base, FEATURES.c.schema_hash == schema_hash


def _texts(
    customer_ids: Sequence[str], rows: Iterable[Sequence[Value]]
) -> Iterator[dict[str, str]]:
    remaining = iter(rows)
    for customer in customer_ids:
        row = next(remaining, None)
        if row is None:
            raise StoreError(f"{len(customer_ids)} customers, but no features for {customer!r}")
        yield {"customer_id": customer, "values": _text(customer, row)}
    if next(remaining, None) is not None:
        raise StoreError(f"{len(customer_ids)} customers, but features for more; give an id each")


def _text(customer: str, row: Sequence[Value]) -> str:
    try:
        return json.dumps(list(row), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"customer {customer!r}: a feature is a finite number, a text or None for missing: "
            f"{error}"
        ) from error


def _repeated(customer_ids: Sequence[str]) -> str:
    return Counter(customer_ids).most_common(1)[0][0]
