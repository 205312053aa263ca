"""A call's answer, which may leave once its records are on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import orjson
import pyarrow as pa

from serving.api.asked import Asked
from serving.record.draft import Draft
from serving.record.ledger import Ledger
from serving.scoring.answer_json import Answers
from serving.scoring.assessment import Assessments
from serving.scoring.call_record import CallRecord
from serving.scoring.gathered import Gathered
from serving.scoring.known import CustomerError, Known
from serving.scoring.score import Asking, answer
from training.reasons import Options


class Prepared(Protocol):
    """The answer to a call, and what must be on record before it may leave."""

    @property
    def assessed(self) -> Assessments | None:
        """What the models say of those who are known."""
        ...

    @property
    def count(self) -> int:
        """How many customers have a score."""
        ...

    def drafts(self, ledger: Ledger, at: datetime) -> list[Draft]:
        """Spell out what must be on record."""
        ...

    @property
    def answer(self) -> dict[str, Any]:
        """The results; worked out when asked for, as the record can be written meanwhile."""
        ...

    @property
    def content(self) -> bytes:
        """The answer in JSON."""
        ...


@dataclass(frozen=True)
class PreparedScores:
    """The answer to a call of a few customers, each with an entry of their own.

    Parameters
    ----------
    records : list of (id, kind, body)
        Of the customers who have a score, in their order.
    customers : sequence of Asked
    found : sequence of Known or CustomerError
        What is known of each.
    assessed : Assessments, optional
        Of those known, in their order; maybe of other calls' customers too.
    options : Options
    askings : list of Asking
        How each of those known came to be asked about.
    first : int
        The row of the first of them among the assessed.
    """

    records: list[tuple[str, str, dict[str, Any]]]
    customers: Sequence[Asked]
    found: Sequence[Known | CustomerError]
    assessed: Assessments | None
    options: Options
    askings: list[Asking]
    first: int = 0

    @property
    def count(self) -> int:
        """How many customers have a score."""
        return len(self.records)

    def drafts(self, ledger: Ledger, at: datetime) -> list[Draft]:
        """Spell out an entry a score."""
        return ledger.drafts(self.records, at)

    @cached_property
    def answer(self) -> dict[str, Any]:
        """The results."""
        scored = iter(range(len(self.records)))
        return {
            "results": [
                {"customer_id": asked.customer_id, "error": held.error}
                if isinstance(held, CustomerError)
                else self._scored(next(scored))
                for asked, held in zip(self.customers, self.found, strict=True)
            ]
        }

    @property
    def content(self) -> bytes:
        """The answer in JSON, every number to its last bit."""
        return orjson.dumps(self.answer)

    def _scored(self, row: int) -> dict[str, Any]:
        assert self.assessed is not None  # who is known was assessed
        held = answer(self.assessed, self.first + row, self.options, self.askings[row])
        return {"id": self.records[row][0], **held}


@dataclass(frozen=True)
class PreparedCall:
    """The answer to a call of many customers, which is one entry.

    Parameters
    ----------
    call_id : str
        The scores' ids are ``CALL/1`` and on.
    key : str or None
        The id of the key that asked.
    gathered : Gathered
        What is known of whom.
    assessed : Assessments
        Of those known.
    rows : Table
        What goes on record of them.
    record : CallRecord
    answers : Answers
    customer_ids : mapping of int to str
        Whom nothing is told of, by their places in the call.
    """

    call_id: str
    key: str | None
    gathered: Gathered
    assessed: Assessments
    rows: pa.Table
    record: CallRecord
    answers: Answers
    customer_ids: Mapping[int, str]

    @property
    def count(self) -> int:
        """How many customers have a score."""
        return len(self.assessed)

    def drafts(self, ledger: Ledger, at: datetime) -> list[Draft]:
        """Spell out the call's entry."""
        body = self.record.body(self.key)
        return [ledger.call(self.call_id, self.record.layout, self.rows, body, at)]

    @property
    def answer(self) -> dict[str, Any]:
        """The results."""
        held: dict[str, Any] = orjson.loads(self.content)
        return held

    @cached_property
    def content(self) -> bytes:
        """The answer in JSON, every number to its last bit."""
        gathered, call = self.gathered, self.call_id.encode()
        ids = [b"%b/%d" % (call, number) for number in range(1, self.count + 1)]
        told = self.answers.told(self.assessed, gathered.columns, ids, gathered.flags)
        if gathered.refused:
            said = dict(zip(gathered.places, told, strict=True))
            for place, refusal in gathered.refused.items():
                error = {"customer_id": self.customer_ids[place], "error": refusal.error}
                said[place] = orjson.dumps(error)
            told = [said[place] for place in sorted(said)]
        return b'{"results":[%b]}' % b",".join(told)
