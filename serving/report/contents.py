"""What a report of retention holds, before anybody says how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from features.figures.definition import Figure, Period


@dataclass(frozen=True)
class Origin:
    """What a report was made from, so that it can be made again.

    Parameters
    ----------
    files : mapping of str to (str, int)
        Of each table the file it came from and how many rows that had.
    fingerprint : str
        SHA-256 of what the files hold.
    config : str
        SHA-256 of the config.
    days : (date, date), optional
        The first and the last local day that the data tell of; a snapshot tells of none.
    release : str, optional
        The digest of what was promoted, if anything was.
    bundles : mapping of task to str
        The digest of each of its bundles.
    """

    files: Mapping[str, tuple[str, int]]
    fingerprint: str
    config: str
    days: tuple[date, date] | None = None
    release: str | None = None
    bundles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All that a report tells. What a base has no data or no model for is None or empty.

    Parameters
    ----------
    base, currency, zone : str
        The customer base, the currency of its money (ISO 4217), the zone of its days (IANA).
    as_of : date
        The day whose first instant ends the period, and is excluded.
    period : Period, optional
        What the figures are of; a snapshot has no time.
    active_within : int
        For how many days after a purchase somebody is a customer.
    unit : {"month", "quarter", "year"}
        The calendar unit of a cohort.
    least : int
        What fewer customers than this would show is withheld.
    definitions : mapping of str to Figure
        By figure, in the order of the page.
    figures : DataFrame
        A row a ``dimension``, ``group`` and ``figure``: ``value`` (NaN if withheld or there is
        none), ``customers`` (how many it is about; NA if withheld) and ``withheld``.
    names : mapping of str to (str, str)
        What dimensions are called in English and in Danish.
    origin : Origin
    trend : DataFrame, optional
        The same columns, of the whole base, with ``start`` and ``end`` of successive periods.
    retention : DataFrame, optional
        ``cohort``, ``size``, ``offset``, ``customers``, ``share``, ``withheld``.
    revenue : DataFrame, optional
        ``cohort``, ``start``, ``revenue``, ``customers``, ``withheld``.
    survival : DataFrame, optional
        ``dimension``, ``group``, ``days``, ``surviving``, ``low``, ``high``, ``at_risk``,
        ``withheld``: Kaplan and Meier's estimate.
    values : ndarray, optional
        The customers' lifetime values, in no order; only their distribution is told.
    risk : DataFrame, optional
        A row a ``dimension`` and ``group``, the most money at stake first.
    calls : DataFrame, optional
        Whom to call first, a row a customer. Personal data.
    calls_entry : str
        The entry of the record that holds their scores; empty if there are none.
    personas : mapping of way to sequence of mapping
        Each segment in words and numbers.
    migration : mapping of way to mapping
        ``from``, ``to`` (names), ``customers``, ``shares`` (rows of each from), ``before``,
        ``after``, ``stayed``, ``both``, ``stay_share``, None where withheld: who moved between
        the period's start and its end.
    track_record : mapping of task to mapping
        How the last predictions whose time has come stand against what happened.
    horizons : mapping of task to int
        How many days ahead each of the models promoted looks.
    cautions : sequence of (str, mapping)
        What a reader must know first: phrases by name, and what they name.
    """

    base: str
    currency: str
    zone: str
    as_of: date
    period: Period | None
    active_within: int
    unit: Literal["month", "quarter", "year"]
    least: int
    definitions: Mapping[str, Figure]
    figures: pd.DataFrame
    names: Mapping[str, tuple[str, str]]
    origin: Origin
    trend: pd.DataFrame | None = None
    retention: pd.DataFrame | None = None
    revenue: pd.DataFrame | None = None
    survival: pd.DataFrame | None = None
    values: np.ndarray | None = None
    risk: pd.DataFrame | None = None
    calls: pd.DataFrame | None = None
    calls_entry: str = ""
    personas: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    migration: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    track_record: Mapping[str, Any] = field(default_factory=dict)
    horizons: Mapping[str, int] = field(default_factory=dict)
    cautions: Sequence[tuple[str, Mapping[str, Any]]] = ()

    @property
    def whole(self) -> pd.DataFrame:
        """The figures of the whole base, by figure."""
        held = self.figures[self.figures["dimension"] == "all"]
        return held.set_index("figure")

    @property
    def bought(self) -> bool:
        """Whether customers are told by what they bought, rather than by subscriptions."""
        return "transactions" in self.origin.files

    @property
    def lapses_from(self) -> date | None:
        """The first day by which a buyer can have lapsed; None where nobody buys, or all is known.

        Until the data have told of as many days as make a customer active, nobody can be lost.
        """
        if self.origin.days is None or "retention_rate" not in self.definitions:
            return None
        return self.origin.days[0] + timedelta(days=self.active_within)

    @property
    def before(self) -> pd.DataFrame | None:
        """The whole base's figures of the period before, by figure, where history reaches."""
        if self.trend is None or self.period is None:
            return None
        held = self.trend[pd.to_datetime(self.trend["end"]) == pd.Timestamp(self.period.start)]
        return held.set_index("figure") if len(held) else None
