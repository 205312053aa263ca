"""A card of each segment: who they are, what they bring, and what may become of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from math import fsum
from typing import Any

import numpy as np
import pandas as pd

from configs.schema import Config, Label
from serving.report.persona_words import said, sure
from serving.report.risk import UNKNOWN
from serving.report.scored import SEGMENT, Scored
from serving.report.standing_out import Traits
from serving.report.sums import Sums, by_group
from training.segmenters.segmenter import Segment

Persona = dict[str, Any]
"""A segment's card as plain data; what is not known, or withheld, is None.

``way``, ``id``, ``name``, ``name_da``
``customers`` : how many; ``share`` : of everybody known.
``revenue_share`` : of what all spent in ``revenue_days``; of the present monthly revenue of
subscriptions where that is None.
``clv_share`` : of the sum of lifetime values, over ``clv_days``.
``churn`` : the mean probability of leaving in ``churn_days``, None where there is no time.
``usual_gap`` : the median of the usual number of days between purchases.
``order_value``, ``categories`` : medians of the average order, and of how many categories were
bought from in ``revenue_days``.
``channel``, ``channel_share`` : the main channel of most of them, and of which share of them.
``attributes`` : what stands out, as `standing_out.StandsOut` has it, the largest lift first.
``potential`` : its median; ``unrealised`` : the sum of what those who stay could bring beyond what
is expected.
``apart`` : what sets it apart from the rest, as the bundle's card has it when it was made: ``said``
and ``said_da`` of each feature, the strongest first.
``stability`` : how alike the segment was in bootstrap refits (Jaccard); ``faithfulness`` : how
well what is said to set it apart tells who is in it (ROC AUC): as that card has them.
``said``, ``said_da`` : the card in sentences; ``sure``, ``sure_da`` : how sure it is.
``withheld`` : whether it is of so few customers that nothing is told of it.
"""


def personas(config: Config, scored: Scored, channels: pd.Series | None = None) -> list[Persona]:
    """Return a card of each segment of each way, in the order of the model.

    Parameters
    ----------
    config : Config
    scored : Scored
    channels : Series, optional
        Each customer's main channel, by their ids; missing where there is none.
    """
    bundle = scored.release.bundles.get("segments")
    if bundle is None:
        return []
    base, told = _Base(config, scored, channels), _of_card(bundle.card)
    return [
        base.persona(sums, held.way, segment, told.get((held.way, segment.id), _sureness({})))
        for held in bundle.model.segmenters
        for sums in (base.sums(held.way),)
        for segment in held.segments
    ]


def _of_card(card: Mapping[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    """Return what the card of a bundle says of each segment, by its way and id."""
    return {
        (way["way"], segment["id"]): _sureness(segment)
        for way in card.get("ways") or ()
        for segment in way["segments"]
    }


def _sureness(segment: Mapping[str, Any]) -> dict[str, Any]:
    description = segment.get("description") or {}
    return {
        "apart": [
            {"said": held["said"], "said_da": held["said_da"]}
            for held in description.get("apart") or ()
        ],
        "stability": segment.get("stability"),
        "faithfulness": description.get("roc_auc"),
    }


_BROUGHT = ("customers", "share", "revenue_share", "clv_share", "churn", "unrealised")


@dataclass(frozen=True)
class _Base:
    """Everybody, of whom segments are parts."""

    config: Config
    scored: Scored
    channels: pd.Series | None

    def sums(self, way: str) -> Sums:
        """Return what the customers of each segment of a way add up to."""
        groups = self.scored.frame[f"{SEGMENT}{way}"].fillna(UNKNOWN).to_numpy(object)
        return by_group(groups, self._columns, self.config.report.least)

    def persona(
        self, sums: Sums, way: str, segment: Segment, sureness: Mapping[str, Any]
    ) -> Persona:
        """Return a segment's card."""
        place = int(np.searchsorted(sums.groups, segment.name))
        held = place < len(sums.groups) and sums.groups[place] == segment.name
        rows = sums.rows[place] if held else np.empty(0, dtype=int)
        told: Persona = {
            "way": way,
            **segment.to_dict(),
            "withheld": bool(held and sums.hidden["customers"][place]),
            **(self._brought(sums, place) if held else {"customers": 0, "share": 0.0}),
        }
        if held and not told["withheld"]:
            told |= self._habits(rows)
        told = {
            **dict.fromkeys(_KNOWN),
            **told,
            "revenue_days": self._window,
            "clv_days": self.config.clv.horizon if self.config.clv else None,
            "churn_days": self._churn_days,
            **sureness,
        }
        currency = self.config.currency
        return {
            **told,
            "said": said(told, currency, "en"),
            "said_da": said(told, currency, "da"),
            "sure": sure(told, "en"),
            "sure_da": sure(told, "da"),
        }

    def _brought(self, sums: Sums, place: int) -> dict[str, Any]:
        """Return what a segment brings, and may lose, of that of everybody."""
        told = {name: _or_none(held[place]) for name, held in sums.totals.items()}
        customers = told["customers"]
        if customers is None:  # then nothing is told of it
            return dict.fromkeys(_BROUGHT)
        if not sums.about["revenue"][place]:
            told["revenue"] = 0.0
        return {
            "customers": int(customers),
            "share": customers / len(self.scored.frame),
            "revenue_share": _part(told["revenue"], self._totals["revenue"]),
            "clv_share": _part(told["clv"], self._totals["clv"]),
            "churn": _or_none(sums.mean("churn")[place]),
            "unrealised": told["unrealised"],
        }

    def _habits(self, rows: np.ndarray) -> dict[str, Any]:
        """Return what is typical of a segment's customers."""
        window = f"categories_in_{self._window}d"
        found = self._traits.standing_out(rows)
        return {
            "usual_gap": self._median("usual_gap", rows),
            "order_value": self._median("average_order_value", rows),
            "categories": self._median(window, rows),
            "potential": self._median_of(self.scored.frame["potential"], rows),
            **self._channel(rows),
            "attributes": [{**asdict(held), "lift": held.lift} for held in found],
        }

    @cached_property
    def _channels(self) -> pd.Series:
        """The main channel of everybody, in the order of the scored rows."""
        assert self.channels is not None
        return self.channels.reindex(self.scored.frame["customer_id"])

    @cached_property
    def _traits(self) -> Traits:
        return Traits.of(self.config, self.scored.features)

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        frame = self.scored.frame
        return {
            "customers": np.ones(len(frame)),
            "revenue": self._revenue,
            **{name: frame[name].to_numpy(float) for name in ("clv", "churn", "unrealised")},
        }

    @cached_property
    def _totals(self) -> dict[str, float]:
        whole = {name: self._columns[name] for name in ("revenue", "clv")}
        return {name: fsum(held[~np.isnan(held)]) for name, held in whole.items()}

    @cached_property
    def _revenue(self) -> np.ndarray:
        name = "mrr" if self._window is None else f"spend_in_{self._window}d"
        features = self.scored.features
        if name not in features:
            return np.full(len(features), np.nan)
        found = features[name].to_numpy(float)
        # What a few spent is theirs, in however large a segment: who spent nothing does not count.
        return np.where(found == 0, np.nan, found)

    @cached_property
    def _window(self) -> int | None:
        """The window of features that is nearest the report's period, where there are purchases."""
        asked = self.config.report.period
        held = [
            days
            for days in self.config.features.windows
            if f"spend_in_{days}d" in self.scored.features
        ]
        return min(held, key=lambda days: (abs(days - asked), -days), default=None)

    @property
    def _churn_days(self) -> int | None:
        asked = self.config.churn
        return None if asked is None or isinstance(asked, Label) else asked.horizon

    def _median(self, name: str, rows: np.ndarray) -> float | None:
        features = self.scored.features
        return self._median_of(features[name], rows) if name in features else None

    def _median_of(self, values: pd.Series, rows: np.ndarray) -> float | None:
        found = values.to_numpy(float)[rows]
        known = found[~np.isnan(found)]
        return float(np.median(known)) if len(known) >= self.config.report.least else None

    def _channel(self, rows: np.ndarray) -> dict[str, Any]:
        if self.channels is None:
            return {}
        counts = self._channels.iloc[rows].value_counts()
        least = self.config.report.least
        if counts.empty or counts.iloc[0] < least or 0 < counts.iloc[1:].sum() < least:
            return {}
        most = min(counts.index[counts == counts.iloc[0]])
        return {"channel": str(most), "channel_share": float(counts.iloc[0] / counts.sum())}


_KNOWN = (
    *("customers", "share", "revenue_share", "clv_share", "churn", "usual_gap", "order_value"),
    *("categories", "channel", "channel_share", "attributes", "potential", "unrealised"),
)


def _part(part: float | None, whole: float) -> float | None:
    """Return the part that one sum is of all, where that is money to speak of parts of."""
    return None if part is None or whole <= 0 else part / whole


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
