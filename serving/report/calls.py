"""Whom to call first: the customers with most at risk, each with the reasons.

The list names people: it is personal data, and no verdict on anybody. Their scores go on record as
those of a batch do, before the list is given to anyone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from configs.schema import Config
from features import consent
from features.engine import computed
from features.source import Tables
from serving.batch.record import entry_body
from serving.record.draft import LedgerError
from serving.record.ledger import Ledger
from serving.record.merkle import canonical
from serving.record.tokens import customer_token
from serving.report.scored import SEGMENT, Scored
from serving.scoring.score import Assessments, answer, assess, record
from serving.settings import open_ledger, open_secret
from training.quantities import Language
from training.reasons import Options

_SCORES = ["value_at_risk", "churn", "clv", "value_if_stays"]
_LAST = {"last_purchase": "days_since_purchase", "last_contact": "days_since_contact"}
_CONSENT = "consent_"


@dataclass(frozen=True)
class Calls:
    """Whom to call first.

    Parameters
    ----------
    frame : DataFrame
        ``rank`` from 1, ``customer_id``, ``score_id`` under which the score is on record,
        ``value_at_risk``, ``churn``, ``clv`` and ``value_if_stays`` as in `Scored.frame`, each
        ``segment:WAY``; ``last_purchase`` and ``last_contact``, local days, None where there was
        none, the columns absent where the base knows of none; ``consent_PURPOSE``, True or False
        as of that date, None if not known; ``reasons``, a list of texts: what raises the risk, the
        strongest first, as the service gives them.
    batch_id : str
        Of the entry in the record. It is named for what it holds, so that the same list is one
        entry however often it is made.
    records : tuple of dict
        What goes on record of each customer.
    body : dict
        What the entry says of all.
    """

    frame: pd.DataFrame
    batch_id: str
    records: tuple[Mapping[str, Any], ...]
    body: Mapping[str, Any]

    def put_on_record(self, config: Config, at: datetime) -> None:
        """Put the scores on record, unless there are none or they are there already.

        Raises
        ------
        LedgerError, DatabaseError
            If they cannot be recorded.
        """
        if not self.records:
            return
        ledger = open_ledger(config.name, config.var)
        try:
            if not ledger.holds(self.batch_id):
                self._append(ledger, at)
        finally:
            ledger.close()

    def _append(self, ledger: Ledger, at: datetime) -> None:
        try:
            ledger.append_batch(self.batch_id, self.records, self.body, at)
        except LedgerError:
            if not ledger.holds(self.batch_id):  # else another has just recorded the same list
                raise


def to_call(
    config: Config, tables: Tables, scored: Scored, language: Language | None = None
) -> Calls:
    """Return the customers with the highest value at risk, ``report.calls`` of them at the most.

    Where no lifetime value is known, those most likely to leave.

    Parameters
    ----------
    config, tables
        The customer base.
    scored : Scored
    language : {"en", "da"}, optional
        Of the reasons; ``serving.language`` unless given.
    """
    chosen = _chosen(scored, config.report.calls, _who_may_be(config, tables, scored))
    ways = [f"{SEGMENT}{way}" for way in scored.ways]
    found = scored.frame.iloc[chosen][["customer_id", *_SCORES, *ways]].reset_index(drop=True)
    found.insert(0, "rank", range(1, len(found) + 1))
    features = scored.features.iloc[chosen].reset_index(drop=True)
    for name, feature in _LAST.items():
        if feature in features:
            found[name] = [_before(scored.as_of, days) for days in features[feature]]
    consents = _consents(config, tables, scored.as_of, found)
    found = found.merge(consents, how="left", on="customer_id")
    for name in consents.columns[1:]:
        found[name] = found[name].astype(object).where(found[name].notna(), None)
    told = config.serving
    options = Options(told.reasons, language or told.language, told.bands)
    assessed = assess(scored.release, features) if len(features) else None
    found["reasons"] = pd.Series(_reasons(assessed, options), dtype=object)
    on_record = (
        tuple(_records(assessed, open_secret(config.var), config.name, options)) if assessed else ()
    )
    body = entry_body(scored.release, scored.as_of, options)
    held = hashlib.sha256(b"".join(map(canonical, [body, *on_record]))).hexdigest()
    batch_id = f"calls-{scored.as_of:%Y%m%d}-{held[:16]}"
    places = [f"{batch_id}/{rank}" for rank in found["rank"]]
    found.insert(2, "score_id", pd.Series(places, dtype=object))
    return Calls(found, batch_id, on_record, body)


def _who_may_be(config: Config, tables: Tables, scored: Scored) -> pd.Series:
    """Say of each customer whether scores may be given, by ``serving.purpose``."""
    customers, purpose = scored.frame["customer_id"], config.serving.purpose
    if purpose is None:
        return pd.Series(True, index=customers.index)
    return customers.isin(consent.given(config, tables, scored.as_of)[purpose])


def _chosen(scored: Scored, most: int, may_be: pd.Series) -> pd.Index:
    """Return the places of those to call, the highest at risk first; equal ones by their ids."""
    frame = scored.frame[may_be]
    of_money = frame["value_at_risk"].notna().any()
    first = frame["value_at_risk"] if of_money else frame["churn"]
    ordered = frame.assign(first=first)[first > 0].sort_values(
        ["first", "churn", "customer_id"], ascending=[False, False, True]
    )
    return ordered.index[:most]


def _before(as_of: date, days: float) -> date | None:
    return None if pd.isna(days) else as_of - timedelta(days=int(days))


def _reasons(assessed: Assessments | None, options: Options) -> list[list[str]]:
    if assessed is None:
        return []
    told = (answer(assessed, row, options)["churn"] for row in range(len(assessed)))
    return [
        [reason["text"] for reason in churn["reasons"]["raises"]] if churn else [] for churn in told
    ]


def _consents(config: Config, tables: Tables, as_of: date, asked: pd.DataFrame) -> pd.DataFrame:
    """Return what each customer has consented to, as it held at the date."""
    purposes = consent.purposes(tables)
    if not purposes:
        return asked[["customer_id"]]
    held = consent.at(config, tables, as_of)
    mine = held.filter(held.customer_id.isin(asked["customer_id"].tolist()))
    return computed(tables.backend, mine).to_pandas()


def _records(
    assessed: Assessments, key: bytes, base: str, options: Options
) -> Iterator[dict[str, Any]]:
    """Yield what goes on record of each customer, under a name that is not their id."""
    for row, customer in enumerate(assessed.customer_ids):
        yield record(assessed, row, customer_token(key, base, customer), options)
