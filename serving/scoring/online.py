"""Scores of customers while they wait: looked up or given, assessed, recorded, answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, lru_cache
from typing import Any
from uuid import uuid4

from configs.schema import Config
from features.schema import FeatureColumn, FeatureSchema
from features.store import FeatureStore
from serving.api.asked import Asked, ScoreRequest
from serving.api.regular import MANY
from serving.people.permission import Permission
from serving.record.ledger import Ledger
from serving.record.merkle import SCORE
from serving.record.tokens import customer_token
from serving.releases.release import Release
from serving.scoring.answer_json import Answers
from serving.scoring.assessment import Assessments
from serving.scoring.call_record import CallRecord
from serving.scoring.customers import Customers
from serving.scoring.gathered import gather
from serving.scoring.known import CustomerError, Known
from serving.scoring.lookup import Lookup
from serving.scoring.prepared import Prepared, PreparedCall, PreparedScores
from serving.scoring.reason_json import ReasonsInJson
from serving.scoring.score import Asking, assess, record, schemas
from training.model import Task
from training.quantities import Language
from training.reason_columns import Phrasebook
from training.reasons import Options

_KEPT = 16  # ways of telling that are laid out for the record

WHOLE = -1
"""The place that stands for the call itself: its own id, where all of its scores are one entry."""

Name = Callable[[int], str]
"""From a customer's place in the call to the score's id, and from `WHOLE` to the call's."""


Given = Callable[[Assessments | None, datetime], None]
"""Takes the scores that have been given, and when; None where nobody had any."""


def _any_name(_: int) -> str:
    return uuid4().hex


def _not_told(_: Assessments | None, __: datetime) -> None:
    return None


@dataclass(frozen=True)
class Call:
    """A call for scores.

    Parameters
    ----------
    request : ScoreRequest
    at : datetime
        When it came.
    key : str, optional
        The id of the key that asks.
    language : {"en", "da"}, optional
        What the caller reads, unless the request itself says.
    name : Name
    """

    request: ScoreRequest
    at: datetime
    key: str | None = None
    language: Language | None = None
    name: Name = _any_name


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
    def lookup(self) -> Lookup:
        """What finds customers' features."""
        return Lookup(self.release.base, self.config, self.store, self.schemas)

    @property
    def columns(self) -> dict[str, FeatureColumn]:
        """The features to give when scoring by features, by name."""
        return self.lookup.columns

    def score(
        self,
        request: ScoreRequest,
        at: datetime,
        key: str | None = None,
        language: Language | None = None,
        name: Name = _any_name,
        many: int = MANY,
        given: Given = _not_told,
    ) -> dict[str, Any]:
        """Return one result a customer asked, in the order asked; scores are on record by then.

        Parameters
        ----------
        request, at, key, language, name, many
            As `prepare` has them.
        given : Given
            Told of what is on record.

        Raises
        ------
        StamkundeError
            If features cannot be looked up or scores not recorded: then none is given.
        """
        prepared = self.prepare(request, at, key, language, name, many)
        self.ledger.write(prepared.drafts(self.ledger, at))
        given(prepared.assessed, at)
        return prepared.answer

    def prepare(
        self,
        request: ScoreRequest,
        at: datetime,
        key: str | None = None,
        language: Language | None = None,
        name: Name = _any_name,
        many: int = MANY,
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
        many : int
            Customers from which a call is worked off in columns, and is one entry.

        Raises
        ------
        DatabaseError
            If features cannot be looked up.
        """
        call = Call(request, at, key, language, name)
        return (
            self._in_columns(call) if len(request.customers) >= many else self.together([call])[0]
        )

    def together(self, calls: Sequence[Call]) -> list[PreparedScores]:
        """Return the answers to calls of a few customers, whom the models are asked of together.

        That costs hardly more than one of the calls does, and nobody's numbers depend on the
        others': each answer is that of `prepare`.

        Raises
        ------
        DatabaseError
            If features cannot be looked up.
        """
        options = [self.options(call) for call in calls]
        prepared: dict[int, PreparedScores] = {}
        for explained in (True, False):
            alike = [n for n, each in enumerate(options) if (each.reasons > 0) is explained]
            told = self._alike([(calls[n], options[n]) for n in alike], explained)
            prepared.update(zip(alike, told, strict=True))
        return [prepared[number] for number in range(len(calls))]

    def options(self, call: Call) -> Options:
        """Return how a call is to be told its scores."""
        defaults, asked = self.config.serving, call.request
        return Options(
            defaults.reasons if asked.reasons is None else asked.reasons,
            asked.language or call.language or defaults.language,
            defaults.bands,
        )

    def _found(self, call: Call) -> list[Known | CustomerError]:
        customers = call.request.customers
        refused = self._refused(customers)
        found = self.lookup.found(customers, call.at)
        return [refused.get(place, held) for place, held in enumerate(found)] if refused else found

    def _alike(
        self, calls: Sequence[tuple[Call, Options]], explained: bool
    ) -> Iterator[PreparedScores]:
        """Yield the answers to calls that all want reasons, or none."""
        found = [self._found(call) for call, _ in calls]
        assessed, first = self._assessed(calls, found, explained), 0
        for (call, options), theirs in zip(calls, found, strict=True):
            prepared = self._prepared(call, theirs, options, assessed, first)
            first += prepared.count
            yield prepared

    def _assessed(
        self,
        calls: Sequence[tuple[Call, Options]],
        found: Sequence[Sequence[Known | CustomerError]],
        explained: bool,
    ) -> Assessments | None:
        ids, days, values = [], [], []
        for (call, _), theirs in zip(calls, found, strict=True):
            for asked, held in zip(call.request.customers, theirs, strict=True):
                if isinstance(held, Known):
                    ids.append(asked.customer_id)
                    days.append(held.as_of)
                    values.append(held.values)
        if not ids:
            return None
        # What nobody asks for is not worked out: a replay can, from what is on record.
        customers = Customers.of_rows(self.schemas, values, ids, days)
        return assess(self.release, customers, explained=explained)

    def _prepared(
        self,
        call: Call,
        found: Sequence[Known | CustomerError],
        options: Options,
        assessed: Assessments | None,
        first: int,
    ) -> PreparedScores:
        """Return a call's answer, whose customers are from a first row on."""
        customers, askings = call.request.customers, []
        records: list[tuple[str, str, dict[str, Any]]] = []
        for place, held in enumerate(found):
            if isinstance(held, Known):
                assert assessed is not None  # who is known was assessed
                asking = Asking(held.rows, held.flags, call.key)
                token = customer_token(self.secret, self.release.base, customers[place].customer_id)
                body = record(assessed, first + len(records), token, options, asking)
                records.append((call.name(place), SCORE, body))
                askings.append(asking)
        theirs = assessed if records else None
        return PreparedScores(records, customers, found, theirs, options, askings, first)

    def _in_columns(self, call: Call) -> Prepared:
        request, options = call.request, self.options(call)
        gathered = gather(self.lookup, request.customers, call.at, self._refused(request.customers))
        if not gathered.places:
            nobody = [gathered.refused[place] for place in range(len(request.customers))]
            return PreparedScores([], request.customers, nobody, None, options, [])
        assessed = assess(self.release, gathered.customers, explained=options.reasons > 0)
        laid = self._call_record(options)
        rows = laid.rows(assessed, gathered, self.secret)
        answers = Answers(options, self._reasons(options.language))
        others = {place: request.customers[place].customer_id for place in gathered.refused}
        return PreparedCall(
            call.name(WHOLE), call.key, gathered, assessed, rows, laid, answers, others
        )

    def _refused(self, customers: Sequence[Asked]) -> dict[int, CustomerError]:
        """Return why no score may be given of customers, by their places in the call."""
        return self.permission.refusals(customers) if self.permission else {}

    @cached_property
    def _call_record(self) -> Callable[[Options], CallRecord]:
        return lru_cache(maxsize=_KEPT)(lambda options: CallRecord(self.release, options))

    @cached_property
    def _reasons(self) -> Callable[[Language], dict[Task, ReasonsInJson]]:
        words = self.release.vocabularies

        @cache
        def of(language: Language) -> dict[Task, ReasonsInJson]:
            return {task: ReasonsInJson(Phrasebook(words[task], language)) for task in words}

        return of
