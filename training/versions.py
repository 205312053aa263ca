"""Versions of a model with the figures of their cards."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from configs.errors import StamkundeError
from training import bundle as bundles
from training import churn, clv
from training.track import Tracker, Version

DECIDING = {"churn": churn.DECIDING, "clv": clv.DECIDING, "segments": "stability"}


@dataclass(frozen=True)
class Listed:
    """A version with its figures, as its card has them.

    Parameters
    ----------
    version : Version
    metric : str
        The deciding metric; of segments, the stability.
    value, low, high : float, optional
        Its value and 95 % interval.
    baseline : str
        The best of those it was held against, in that metric.
    baseline_value : float, optional
    """

    version: Version
    metric: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: str = ""
    baseline_value: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; the metric in words is of the version's own."""
        own = asdict(self)
        version = own.pop("version")
        said = version.pop("metric")
        return {**version, **own, "said": said}


def listed(tracker: Tracker, version: Version) -> Listed:
    """Return a version with the figures of its card; without, where its bundle is not whole."""
    try:
        card = bundles.load(tracker.bundle_folder(version)).card
    except (StamkundeError, OSError, StopIteration):
        return Listed(version)
    told_of = {metric["name"]: metric for metric in card.get("metrics") or []}
    if (metric := told_of.get(DECIDING[version.task])) is None:
        return Listed(version)
    served = (card.get("verdict") or {}).get("served") or card.get("model")
    values = metric.get("values") or {}
    held: dict[str, Any] = values.get(served) or next(iter(values.values()), {})
    told = {each["name"]: each["label"] for each in card.get("models") or []}
    others = {name: each["value"] for name, each in values.items() if name != served}
    best = _best(others, metric.get("higher_is_better"))
    return Listed(
        version,
        metric["label"],
        held.get("value"),
        held.get("low"),
        held.get("high"),
        told.get(best, best),
        others.get(best),
    )


def _best(values: dict[str, float | None], higher: bool | None) -> str:
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return ""
    return min(known, key=lambda name: -known[name] if higher else abs(known[name]))
