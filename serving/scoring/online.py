"""Scores of customers while they wait: looked up or given, assessed, recorded, answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from functools import cached_property
from operator import itemgetter
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from configs.schema import Config
from features.schema import FeatureColumn, FeatureError, FeatureSchema, check_value
from features.store import FeatureStore, StoredFeatures
from serving.api.asked import Asked, ScoreRequest
from serving.people.permission import Permission
from serving.record.ledger import Ledger
from serving.record.tokens import customer_token
from serving.releases.release import Release
from serving.scoring.customers import Customers
from serving.scoring.known import LONGEST_TEXT, CustomerError, Known
from serving.scoring.oddities import OLD
from serving.scoring.rows import FromRows
from serving.scoring.score import Asking, Assessments, answer, assess, record, schemas
from training.quantities import Language, Value
from training.reasons import Options

KIND = "score"
_SHOWN = 80  # characters of a name that is not known

Name = Callable[[int], str]
"""From a customer's place in the call to the score's id."""


Given = Callable[[Assessments | None, datetime], None]
"""Takes the scores that have been given, and when; None where nobody had any."""


def _any_name(_: int) -> str:
    return uuid4().hex


def _not_told(_: Assessments | None, __: datetime) -> None:
    return None


@dataclass(frozen=True)
class Prepared:
    """A call's answer, which may leave once its records are on disk.

    Parameters
    ----------
    records : list of (id, kind, body)
        Of the customers who have a score, in their order.
    customers : sequence of Asked
    found : sequence of Known or CustomerError
        What is known of each.
    assessed : Assessments, optional
        Of those known, in their order.
    options : Options
    askings : list of Asking
        How each of those known came to be asked about.
    """

    records: list[tuple[str, str, dict[str, Any]]]
    customers: Sequence[Asked]
    found: Sequence[Known | CustomerError]
    assessed: Assessments | None
    options: Options
    askings: list[Asking]

    @cached_property
    def answer(self) -> dict[str, Any]:
        """The results; worked out when asked for, as the record can be written meanwhile."""
        scored = iter(range(len(self.records)))
        return {
            "results": [
                {"customer_id": asked.customer_id, "error": held.error}
                if isinstance(held, CustomerError)
                else self._scored(next(scored))
                for asked, held in zip(self.customers, self.found, strict=True)
            ]
        }

    def _scored(self, row: int) -> dict[str, Any]:
        assert self.assessed is not None  # who is known was assessed
        held = answer(self.assessed, row, self.options, self.askings[row])
        return {"id": self.records[row][0], **held}


@dataclass(frozen=True)
class Online:
    """The service's one task.

    Parameters
    ----------
    release : Release
        What is served.
    store : FeatureStore
        Where customers named by id are looked up.
    ledger : Ledger
        Where every score is recorded before it is answered.
    secret : bytes
        The key under which the record names customers.
    config : Config
        The customer base's: how rows become features, and what a call that does not say gets.
    permission : Permission, optional
        Of whom a score may be given; of everybody without.
    """

    release: Release
    store: FeatureStore
    ledger: Ledger
    secret: bytes
    config: Config
    permission: Permission | None = None

    @cached_property
    def schemas(self) -> dict[str, FeatureSchema]:
        """The feature schemas of what is served, by digest."""
        return schemas(self.release)

    @cached_property
    def columns(self) -> dict[str, FeatureColumn]:
        """The features to give when scoring by features, by name."""
        return {column.name: column for held in self.schemas.values() for column in held.columns}

    @cached_property
    def from_rows(self) -> FromRows:
        """What builds features from customers' own rows."""
        return FromRows(self.config, self.schemas)

    def score(
        self,
        request: ScoreRequest,
        at: datetime,
        key: str | None = None,
        language: Language | None = None,
        name: Name = _any_name,
        given: Given = _not_told,
    ) -> dict[str, Any]:
        """Return one result a customer asked, in the order asked; scores are on record by then.

        Parameters
        ----------
        request, at, key, language, name
            As `prepare` has them.
        given : Given
            Told of what is on record.

        Raises
        ------
        StamkundeError
            If features cannot be looked up or scores not recorded: then none is given.
        """
        prepared = self.prepare(request, at, key, language, name)
        self.ledger.append(prepared.records, at)
        given(prepared.assessed, at)
        return prepared.answer

    def prepare(
        self,
        request: ScoreRequest,
        at: datetime,
        key: str | None = None,
        language: Language | None = None,
        name: Name = _any_name,
    ) -> Prepared:
        """Return the answer to a call, and what must be on record before it may leave.

        Parameters
        ----------
        request : ScoreRequest
        at : datetime
            When this is asked.
        key : str, optional
            The id of the key that asks.
        language : {"en", "da"}, optional
            What the caller reads, unless the request itself says.
        name : Name

        Raises
        ------
        DatabaseError
            If features cannot be looked up.
        """
        defaults = self.config.serving
        options = Options(
            defaults.reasons if request.reasons is None else request.reasons,
            request.language or language or defaults.language,
            defaults.bands,
        )
        found = self._permitted(request.customers, self._features(request.customers, at))
        known = {place: held for place, held in enumerate(found) if isinstance(held, Known)}
        askings = [Asking(held.rows, held.flags, key) for held in known.values()]
        records, assessed = [], None
        if known:
            ids = [request.customers[place].customer_id for place in known]
            customers = self._customers(ids, list(known.values()))
            # What nobody asks for is not worked out: a replay can, from what is on record.
            assessed = assess(self.release, customers, explained=options.reasons > 0)
            for row, place in enumerate(known):
                token = customer_token(self.secret, self.release.base, ids[row])
                body = record(assessed, row, token, options, askings[row])
                records.append((name(place), KIND, body))
        return Prepared(records, request.customers, found, assessed, options, askings)

    def _permitted(
        self, customers: Sequence[Asked], found: list[Known | CustomerError]
    ) -> list[Known | CustomerError]:
        """Return what is known, but for those of whom no score may be given."""
        if self.permission is None:
            return found
        refused = self.permission.refusals(customers)
        return [refused.get(place, held) for place, held in enumerate(found)] if refused else found

    def _customers(self, ids: Sequence[str], known: Sequence[Known]) -> Customers:
        return Customers.of_rows(
            self.schemas, [held.values for held in known], ids, [held.as_of for held in known]
        )

    def _features(self, customers: Sequence[Asked], at: datetime) -> list[Known | CustomerError]:
        by_id = [asked.customer_id for asked in customers if _is_by_id(asked)]
        stored = {
            digest: self.store.get(self.release.base, digest, by_id) if by_id else {}
            for digest in self.schemas
        }
        given = [
            (asked.as_of, asked.rows)
            for asked in customers
            if asked.rows is not None and asked.as_of is not None
        ]
        built = iter(self.from_rows.known(given)) if given else iter(())
        today = at.astimezone(self._zone).date()
        return [
            self._known(asked, stored, today) if asked.rows is None else next(built)
            for asked in customers
        ]

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.timezone)

    def _known(
        self, asked: Asked, stored: Mapping[str, Mapping[str, StoredFeatures]], today: date
    ) -> Known | CustomerError:
        try:
            if asked.features is None:
                return self._of_age(_looked_up(asked.customer_id, stored), today)
            return self._given(asked.features, asked.as_of)
        except CustomerError as refusal:
            return refusal

    def _of_age(self, known: Known, today: date) -> Known:
        """Flag features that are old; refuse those that are too old to be scored by."""
        assert known.as_of is not None
        age = (today - date.fromisoformat(known.as_of)).days
        stale, old = self.config.serving.stale_after, self.config.serving.old_after
        if stale is not None and age > stale:
            raise CustomerError(
                "stale_features",
                f"the stored features are of {known.as_of}, {age} days ago; they may be {stale} "
                "days old (serving.stale_after): fill the store again, or give the features",
            )
        return replace(known, flags=(OLD,)) if age > old else known

    def _given(self, features: Mapping[str, Any], as_of: str | None) -> Known:
        if features.keys() != self.columns.keys():
            self._refuse(features)
        return Known(
            as_of,
            {
                # What JSON has as a finite number is one already: the rest is looked at.
                digest: [
                    value
                    if value is None or (type(value) is float and column.kind == "number")
                    else _checked(column, value)
                    for column, value in zip(schema.columns, ask(features), strict=True)
                ]
                for digest, (schema, ask) in self._askers.items()
            },
        )

    @cached_property
    def _askers(self) -> dict[str, tuple[FeatureSchema, Callable[[Any], tuple[Any, ...]]]]:
        """The schemas, each with what takes its features out of all that are given."""
        return {digest: (schema, _taker(schema.names)) for digest, schema in self.schemas.items()}

    def _refuse(self, features: Mapping[str, Any]) -> None:
        """Say which of the features given is not one, or which is not given."""
        for name in features:
            if name not in self.columns:
                # Of a long name it takes as long as the name, for nothing.
                near = get_close_matches(name, self.columns, n=1) if len(name) <= _SHOWN else []
                advice = f"did you mean {near[0]}?" if near else "see /v1/models for the names"
                raise _invalid(name, f"is not a feature of the models; {advice}")
        for name in self.columns:
            if name not in features:
                raise _invalid(name, "is not given; give null if it is missing")


def _taker(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) == 1:
        return lambda features: (features[names[0]],)
    return itemgetter(*names)


def _is_by_id(asked: Asked) -> bool:
    return asked.features is None and asked.rows is None


def _looked_up(customer_id: str, stored: Mapping[str, Mapping[str, StoredFeatures]]) -> Known:
    held = {digest: rows[customer_id] for digest, rows in stored.items() if customer_id in rows}
    if not held:
        raise CustomerError(
            "unknown_customer",
            "no features are stored for this customer; fill the store, or give the features",
        )
    days = {found.as_of for found in held.values()}
    if len(held) < len(stored) or len(days) > 1:
        raise CustomerError(
            "features_changing",
            "the models' stored features are not of one day; ask again once the store is filled",
        )
    return Known(days.pop(), {digest: found.values for digest, found in held.items()})


def _checked(column: FeatureColumn, value: Any) -> Value:
    if isinstance(value, list | dict):
        raise _invalid(column.name, "must be one value or null, not a list or an object")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise _invalid(column.name, f"must be text of at most {LONGEST_TEXT} characters")
    try:
        return check_value(column, value)
    except FeatureError as error:
        rule = str(error).removeprefix(column.name).strip()
        raise _invalid(column.name, rule) from None


def _invalid(name: str, rule: str) -> CustomerError:
    shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "…"
    return CustomerError("invalid_features", f"{shown} {rule}", shown)
