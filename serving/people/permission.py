"""Of whom a score may be given: not of who asked to be forgotten, nor without consent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from configs.errors import StamkundeError
from features.consent import PREFIX
from features.marks import Marks
from serving.api.asked import Asked
from serving.api.regular import ids_of
from serving.scoring.known import CustomerError

ERASED, NO_CONSENT = "erased", "no_consent"


class NobodyError(StamkundeError):
    """A batch of customers of whom none may be scored."""


Consenting = Callable[[Sequence[str]], frozenset[str]]
"""From customers to those of them who consent to what scores are for."""


@dataclass(frozen=True)
class Permission:
    """Who may be scored.

    Parameters
    ----------
    marks : Marks
        Of those who asked to be forgotten.
    purpose : str, optional
        What scores are for, to which who is scored must consent: ``serving.purpose``.
    consenting : callable
        Who is known to consent to it.
    left_out : Counter
        How many customers `allowed` left out of a batch, by code.
    """

    marks: Marks
    purpose: str | None
    consenting: Consenting
    left_out: Counter[str] = field(default_factory=Counter)

    def refusals(self, asked: Sequence[Asked]) -> dict[int, CustomerError]:
        """Return why customers of a call may not be scored, by their places in it."""
        ids = ids_of(asked)
        marked = self.marks.among(ids)
        refused = {
            place: erased()
            for place, customer in enumerate(ids if marked else ())
            if customer in marked
        }
        if self.purpose is None:
            return refused
        told = {place: self._told(each) for place, each in enumerate(asked)}
        unknown = [asked[place].customer_id for place, said in told.items() if said is None]
        consenting = self.consenting(unknown) if unknown else frozenset()
        for place, said in told.items():
            if place not in refused and not (
                asked[place].customer_id in consenting if said is None else said
            ):
                refused[place] = CustomerError(
                    NO_CONSENT, f"this customer is not known to consent to {self.purpose}"
                )
        return refused

    def allowed(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Give tables of customers without those who may not be scored, and count these."""
        anybody = False
        for table in tables:
            ids = table.column("customer_id").to_pylist()
            marked = self.marks.among(ids)
            consenting = frozenset(ids) if self.purpose is None else self.consenting(ids)
            keep = [held in consenting and held not in marked for held in ids]
            there = sum(keep)
            without = Counter({ERASED: len(marked), NO_CONSENT: len(ids) - len(marked) - there})
            self.left_out.update(+without)
            if there:
                anybody = True
                yield table if all(keep) else table.filter(pa.array(keep, pa.bool_()))
        if not anybody and self.left_out:
            raise NobodyError(
                f"nobody is left to score: all asked to be forgotten or are not known to consent "
                f"to {self.purpose}"
            )

    def _told(self, asked: Asked) -> bool | None:
        """Return what a customer's own rows say of consent; None where they say nothing."""
        rows = asked.rows.tables.get("customers", ()) if asked.rows else ()
        name = f"{PREFIX}{self.purpose}"
        said = [row[name] for row in rows if name in row]
        # Of several rows that do not agree, none is taken for a yes.
        return all(map(_is_yes, said)) if said else None


def erased() -> CustomerError:
    """Return why a customer has no score who asked to be forgotten."""
    return CustomerError(ERASED, "this customer asked to be forgotten; do not ask again")


def _is_yes(value: Any) -> bool:
    return str(value).strip().lower() in ("yes", "true", "1")
