"""A release tried on the latest calls before it answers any: nothing of it is recorded or told."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, get_args

from configs.errors import StamkundeError
from features.marks import Marks
from serving.api.answers import ScoreAnswer
from serving.api.asked import Asked, ScoreRequest
from serving.scoring.online import Online
from serving.scoring.segmented import OUT_OF_RANGE
from training.quantities import Language

CALLS = 64
"""How many of the latest calls are kept."""

_EACH = 2  # customers that are kept of a call
_NAMES, _ROWS, _TEXT = 1_000, 100, 200  # of a customer that is kept: what memory holds is bounded
_TOGETHER = 32  # customers of a call in the shadow: the calls that go on get their turn between
_STORED = 8  # customers of the store that are tried besides


class TrialError(StamkundeError):
    """A release that does not answer as it must."""


class Recent:
    """The latest calls; they are kept in memory alone."""

    def __init__(self) -> None:
        self._calls: deque[ScoreRequest] = deque(maxlen=CALLS)
        self._lock = Lock()

    def note(self, call: ScoreRequest, small: bool = False) -> None:
        """Keep a call, or the first customers of a large one; a small one needs no closer look."""
        asked = [each for each in call.customers[:_EACH] if small or _is_small(each)]
        if not asked:
            return
        if len(asked) < len(call.customers):
            call = call.model_copy(update={"customers": asked})
        with self._lock:
            self._calls.append(call)

    def forget(self, marks: Marks) -> None:
        """Drop the customers who asked to be forgotten since their calls came."""
        with self._lock:
            marked = marks.among(
                each.customer_id for call in self._calls for each in call.customers
            )
            if not marked:
                return
            kept = list(self._calls)
            self._calls.clear()
            for call in kept:
                left = [each for each in call.customers if each.customer_id not in marked]
                if left:
                    self._calls.append(call.model_copy(update={"customers": left}))

    def calls(self) -> list[ScoreRequest]:
        """Return the customers of the calls that are kept, those asked alike in one call."""
        with self._lock:
            kept = list(self._calls)
        alike: dict[tuple[int | None, Language | None], list[Asked]] = {}
        for call in kept:
            alike.setdefault((call.reasons, call.language), []).extend(call.customers)
        # Together they cost a tenth of the time, which the calls that go on would wait for.
        return [
            ScoreRequest.model_construct(
                customers=asked[start : start + _TOGETHER], reasons=reasons, language=language
            )
            for (reasons, language), asked in alike.items()
            for start in range(0, len(asked), _TOGETHER)
        ]


@dataclass(frozen=True)
class Trial:
    """What a release said in the shadow.

    Parameters
    ----------
    customers : int
        How many it scored.
    compared : int
        How many of them have a probability of leaving by it and by the release that serves.
    mean_change, largest_change : float
        By how much the two probabilities differ, of those compared.
    """

    customers: int
    compared: int
    mean_change: float
    largest_change: float


def try_out(
    candidate: Online, serving: Online, calls: Sequence[ScoreRequest], at: datetime
) -> Trial:
    """Score calls, and some customers of the store, with a release that does not serve yet.

    All that a score passes on its way is passed, so that the first call after the swap is no
    slower than the next: compiled code, first predictions, words in every language.

    Raises
    ------
    StamkundeError
        If an answer is not as the interface has it, contributions do not add up, or a customer
        has no finite score whom the release that serves has one for.
    """
    customers, changes = 0, []
    for call in (*_of_store(candidate), *calls):
        told, standing = _answered(candidate, call, at), _standing(serving, call, at)
        for asked, result, before in zip(call.customers, told, standing, strict=True):
            if "error" in result:
                continue  # asked by features that it does not take, or not in the store
            _require_finite(asked, result, before)
            customers += 1
            changes += _change(result, before)
    mean = sum(changes) / len(changes) if changes else 0.0
    return Trial(customers, len(changes), mean, max(changes, default=0.0))


def warm(online: Online, at: datetime) -> None:
    """Score some customers of the store, or a typical one, so that no caller waits for it.

    Raises
    ------
    StamkundeError
        If they cannot be scored.
    """
    for call in (*_of_store(online), _typical(online)):
        _score(online, call, at)


def _is_small(asked: Asked) -> bool:
    rows = asked.rows.tables.values() if asked.rows else ()
    if sum(len(held) for held in rows) > _ROWS:
        return False
    parts = [asked.features or {}, *(row for held in rows for row in held)]
    return all(
        len(part) <= _NAMES and all(map(_is_short, part)) and all(map(_is_short, part.values()))
        for part in parts
    )


def _is_short(value: Any) -> bool:
    return len(value) <= _TEXT if isinstance(value, str) else not isinstance(value, list | dict)


def _score(online: Online, call: ScoreRequest, at: datetime) -> dict[str, Any]:
    """Score as a call does, but for putting it on record."""
    prepared = online.prepare(call, at)
    prepared.drafts(online.ledger, at)
    return prepared.answer


def _of_store(online: Online) -> Iterator[ScoreRequest]:
    """Yield calls for the first customers of the store, by id and by features."""
    sets = online.schemas
    held = {digest: online.store.first(online.release.base, digest, _STORED) for digest in sets}
    ids = [customer for customer, _ in next(iter(held.values()), [])]
    if not ids:
        return
    for language in get_args(Language):
        yield _call([{"customer_id": customer} for customer in ids], language)
    rows = {
        digest: online.store.get(online.release.base, digest, ids[:1]).get(ids[0])
        for digest in sets
    }
    features = {
        name: value
        for digest, row in rows.items()
        if row is not None
        for name, value in zip(sets[digest].names, row.values, strict=True)
    }
    yield _call([{"customer_id": ids[0], "features": features}], "en")


def _typical(online: Online) -> ScoreRequest:
    """Return a call of the typical customer in training, by features."""
    features: dict[str, Any] = {}
    for vocabulary in online.release.vocabularies.values():
        features |= zip(vocabulary.schema.names, vocabulary.typical, strict=True)
    asked = {name: features[name] for name in online.columns}
    return _call([{"customer_id": "typical", "features": asked}], "en")


def _call(customers: list[dict[str, Any]], language: str) -> ScoreRequest:
    return ScoreRequest.model_validate({"customers": customers, "language": language})


def _answered(online: Online, call: ScoreRequest, at: datetime) -> list[Mapping[str, Any]]:
    answer = _score(online, call, at)
    try:
        ScoreAnswer.model_validate_json(json.dumps(answer, allow_nan=False))
    except ValueError as error:
        # The values are a customer's: only the error's kind may be told.
        raise TrialError(
            f"a score is not as the interface has it ({type(error).__name__}); "
            "train again, or promote another version"
        ) from None
    return list(answer["results"])


def _standing(online: Online, call: ScoreRequest, at: datetime) -> list[Mapping[str, Any]]:
    """Return what the release that serves says; nothing of whom it cannot answer."""
    try:
        return list(_score(online, call, at)["results"])
    except StamkundeError:
        return [{} for _ in call.customers]  # what ails it is no fault of the one to come


def _change(result: Mapping[str, Any], before: Mapping[str, Any]) -> list[float]:
    """Return by how much a probability of leaving differs, where both releases have one."""
    if not (result["churn"] and before.get("churn")):
        return []
    return [abs(result["churn"]["probability"] - before["churn"]["probability"])]


def _require_finite(asked: Asked, result: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Refuse a release that has no number where the one that serves has, or where any must."""
    for name, code in result["codes"].items():
        if code != OUT_OF_RANGE or before.get("codes", {}).get(name) == OUT_OF_RANGE:
            continue
        if "codes" in before or asked.features is None:
            raise TrialError(
                f"{name}: the model has no finite answer for a customer of the recent calls or "
                "the store; train again, or promote another version"
            )
