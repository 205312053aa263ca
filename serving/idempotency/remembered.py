"""Answers to calls that bear an Idempotency-Key: the same call again has the same answer.

A call is noted before its work begins, and its answer once it is there (the HTTP Idempotency-Key
header field, draft-ietf-httpapi-idempotency-key-header). What a call makes, it names by its note:
a process that dies between the two leaves scores that the call, made again, finds on record.
"""

from __future__ import annotations

import hmac
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from configs.errors import StamkundeError
from features.database import Database
from serving.record.merkle import canonical

LONGEST_KEY = 255
_SOME = {"yield_per": 100}  # rows of a look through all answers
_SWEPT_EVERY = timedelta(minutes=1)

REMEMBERED = sa.Table(
    "remembered",
    sa.MetaData(),
    *(sa.Column(name, sa.String, primary_key=True) for name in ("base", "caller", "key")),
    sa.Column("request", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("until", sa.String, nullable=False),
    sa.Column("expires", sa.String, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("headers", sa.String),
    sa.Column("body", sa.LargeBinary),
    # What has expired is found by it, without a look at every answer there is.
    sa.UniqueConstraint("expires", "base", "caller", "key"),
)


class OtherRequestError(StamkundeError):
    """A key that was given with another request before."""


class UnderWayError(StamkundeError):
    """A call whose first try has not been answered yet."""


@dataclass(frozen=True)
class Call:
    """A call as it is told from others.

    Parameters
    ----------
    caller : str
        The id of the caller's key; empty without.
    key : str
        Digest of the caller and the Idempotency-Key; what a caller sends as one may say anything.
    request : str
        Digest of all that the answer depends on.
    """

    caller: str
    key: str
    request: str

    @classmethod
    def of(cls, caller: str, key: str, *parts: bytes) -> Call:
        """Return the call of a key, and of the parts of a request."""
        whole = b"".join(sha256(part).digest() for part in parts)
        return cls(caller, sha256(canonical([caller, key])).hexdigest(), sha256(whole).hexdigest())


@dataclass(frozen=True)
class Answer:
    """What was answered, byte by byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Note:
    """That a call is under way.

    Parameters
    ----------
    call : Call
    at : str
        When it was first made: calls that use a key anew once it has expired make other things.
    tries : bool
        Whether it was tried before, and may have left something.
    """

    call: Call
    at: str
    again: bool

    def name(self, secret: bytes, base: str, position: int) -> str:
        """Name what the call makes in a place: the same name in every try, and no other call's."""
        told = canonical(["idempotency", base, self.call.caller, self.call.key, self.at, position])
        return hmac.digest(secret, told, "sha256").hex()[:32]


class Remembered:
    """The answers of one base's service that are kept.

    Parameters
    ----------
    place : str or Path
        A file's path (SQLite), or a database's URL: the ledger's.
    base : str
    kept : timedelta
        How long an answer is kept.
    patience : timedelta
        How long a call may be under way; after it, it is taken for lost, and may be tried again.
    """

    def __init__(self, place: str | Path, base: str, kept: timedelta, patience: timedelta) -> None:
        self._database = Database(place, REMEMBERED)
        self._base, self._kept, self._patience = base, kept, patience
        self._swept: datetime | None = None

    def begin(self, call: Call, at: datetime) -> Note | Answer:
        """Note that a call is made, or give the answer it had.

        Raises
        ------
        OtherRequestError
            If the key was given with another request.
        UnderWayError
            If the call is being answered at this moment.
        DatabaseError
            If it cannot be noted.
        """
        now = _instant(at)
        with self._database.writing() as connection:
            self._sweep(connection, at)
            held = connection.execute(sa.select(REMEMBERED).where(*self._of(call))).mappings()
            found = held.first()
            if found is not None and found["expires"] <= now:
                connection.execute(sa.delete(REMEMBERED).where(*self._of(call)))
                found = None
            if found is None:
                connection.execute(sa.insert(REMEMBERED), [self._row(call, at)])
                return Note(call, now, again=False)
            if found["request"] != call.request:
                raise OtherRequestError("the key was given with another request before")
            if found["status"] is not None:
                body = zlib.decompress(found["body"])
                return Answer(found["status"], json.loads(found["headers"]), body)
            if found["until"] > now:
                raise UnderWayError("the call that bears the key is still under way")
            until = {"until": _instant(at + self._patience)}
            connection.execute(sa.update(REMEMBERED).where(*self._of(call)).values(until))
            return Note(call, found["at"], again=True)

    def keep(self, note: Note, answer: Answer) -> Answer:
        """Keep the answer of a call, and return what is kept: another try may have been first."""
        said = {
            "status": answer.status,
            "headers": json.dumps(dict(answer.headers), sort_keys=True),
            "body": zlib.compress(answer.body, 1),
        }
        mine = (*self._of(note.call), REMEMBERED.c.at == note.at)
        with self._database.writing() as connection:
            held = connection.execute(sa.select(REMEMBERED).where(*mine)).mappings().first()
            if held is not None and held["status"] is not None:
                body = zlib.decompress(held["body"])
                return Answer(held["status"], json.loads(held["headers"]), body)
            connection.execute(sa.update(REMEMBERED).where(*mine).values(said))
        return answer

    def forget(self, note: Note) -> None:
        """Drop a call that has no answer to keep, so that it can be made again at once."""
        mine = (*self._of(note.call), REMEMBERED.c.at == note.at, REMEMBERED.c.status.is_(None))
        with self._database.writing() as connection:
            connection.execute(sa.delete(REMEMBERED).where(*mine))

    def release(self, note: Note) -> None:
        """Let a call that failed, and may have made something, be tried again at once."""
        mine = (*self._of(note.call), REMEMBERED.c.at == note.at, REMEMBERED.c.status.is_(None))
        with self._database.writing() as connection:
            connection.execute(sa.update(REMEMBERED).where(*mine).values(until=note.at))

    def about(self, customer_id: str) -> list[dict[str, Any]]:
        """Return the results in answers that are about a customer."""
        with self._database.reading() as connection:
            return [
                result for _, results in self._naming(connection, customer_id) for result in results
            ]

    def forget_about(self, customer_id: str) -> None:
        """Drop the answers that are about a customer; no byte of them is left in SQLite's files."""
        with self._database.writing() as connection:
            for call, _ in list(self._naming(connection, customer_id)):
                connection.execute(sa.delete(REMEMBERED).where(*self._of(call)))
        self._database.scrub()

    def _naming(
        self, connection: sa.Connection, customer_id: str
    ) -> Iterator[tuple[Call, list[dict[str, Any]]]]:
        """Give each call whose answer is about a customer, with the results that are."""
        answered = sa.select(REMEMBERED).where(
            REMEMBERED.c.base == self._base, REMEMBERED.c.body.is_not(None)
        )
        for row in connection.execute(answered, execution_options=_SOME).mappings():
            told = json.loads(zlib.decompress(row["body"]))
            results = [
                held for held in told.get("results", ()) if held.get("customer_id") == customer_id
            ]
            if results:
                yield Call(row["caller"], row["key"], row["request"]), results

    def count(self) -> int:
        """Return how many calls are kept."""
        counted = sa.select(sa.func.count()).select_from(REMEMBERED)
        with self._database.reading() as connection:
            held = connection.execute(counted.where(REMEMBERED.c.base == self._base))
            return int(held.scalar_one())

    def close(self) -> None:
        """Give the database's connections back."""
        self._database.close()

    def _sweep(self, connection: sa.Connection, at: datetime) -> None:
        if self._swept is None or not timedelta(0) <= at - self._swept < _SWEPT_EVERY:
            connection.execute(sa.delete(REMEMBERED).where(REMEMBERED.c.expires <= _instant(at)))
            self._swept = at

    def _row(self, call: Call, at: datetime) -> dict[str, str | None]:
        return {
            "base": self._base,
            "caller": call.caller,
            "key": call.key,
            "request": call.request,
            "at": _instant(at),
            "until": _instant(at + self._patience),
            "expires": _instant(at + self._kept),
        }

    def _of(self, call: Call) -> tuple[sa.ColumnElement[bool], ...]:
        columns = REMEMBERED.c
        return (
            columns.base == self._base,
            columns.caller == call.caller,
            columns.key == call.key,
        )


def _instant(at: datetime) -> str:
    # Of one width, so that text is ordered as the time is.
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
