"""What was answered of a customer, as tiles: a number each, with what it means in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.guard.keys import Key
from serving.pages.told_score import ToldScore
from serving.pages.words import Words
from serving.scoring.value import horizon_of


@dataclass(frozen=True)
class Answer:
    """One number that was answered.

    Parameters
    ----------
    name : str
        The phrase that names it.
    value : str
        Empty where there was no answer.
    band : str, optional
    said : tuple of str
        What it means.
    """

    name: str
    value: str
    band: str | None
    said: tuple[str, ...]


def answers(score: ToldScore, words: Words, currency: str) -> list[Answer]:
    """Return what was answered: the risk, the value, and the value at risk."""
    scores = score.body["scores"]
    found = []
    if "churn" in scores:
        found.append(_risk(score, scores["churn"], words))
    if "clv" in scores:
        found.append(_value(score, scores["clv"], words, currency))
    if held := scores.get("value_at_risk"):
        stays = words.money(held["if_stays"], currency)
        said = words("at_risk_said", stays=stays)
        found.append(Answer("at_risk", words.money(held["amount"], currency), None, (said,)))
    return found


def _risk(score: ToldScore, held: Mapping[str, Any], words: Words) -> Answer:
    if "code" in held:
        return Answer("risk", "", None, (words(f"code_{held['code']}"),))
    said = tuple(_risk_said(score, held, words))
    return Answer("risk", words.share(held["served"]), held.get("band"), said)


def _risk_said(score: ToldScore, held: Mapping[str, Any], words: Words) -> Iterator[str]:
    if "churn" in score.tasks:
        bundle = score.tasks["churn"].bundle
        kind = bundle.manifest["config"]["churn"]["kind"]
        many, day = round(100 * held["served"]), score.body["as_of"]
        yield words(
            f"risk_{kind}",
            many=words("about", many=many) if many or not held["served"] else words("under_one"),
            days=horizon_of(bundle),
            day=words("then") if day is None else date.fromisoformat(day),
        )
    if band := held.get("band"):
        middle, high = (words.share(bound) for bound in score.body["options"]["bands"])
        yield words("risk_band", band=words(f"band_{band}"))
        yield words("risk_bands", middle=middle, high=high)
    if due := held.get("next_purchase"):
        if due["date"]:
            yield words("next_purchase", day=date.fromisoformat(due["date"]))
        elif due["days"] is None:
            yield words("no_next_purchase")


def _value(score: ToldScore, held: Mapping[str, Any], words: Words, currency: str) -> Answer:
    if "code" in held:
        return Answer("value", "", None, (words(f"code_{held['code']}"),))
    said = []
    if "clv" in score.tasks:
        days = horizon_of(score.tasks["clv"].bundle)
        said.append(words("value_said", days=days) if days else words("value_said_ever"))
    for level, (low, high) in sorted(held.get("intervals", {}).items()):
        ends = {"low": words.money(low, currency), "high": words.money(high, currency)}
        said.append(words("interval", level=level, **ends))
    return Answer("value", words.money(held["served"], currency), None, tuple(said))


def chances(score: ToldScore, words: Words) -> list[tuple[str, str]]:
    """Return the chances of churning by days: what, and how likely."""
    held = score.body["scores"].get("churn", {})
    return [
        (words(kind, days=int(days)), words.share(chance))
        for kind in ("no_purchase_within", "cancelled_within")
        for days, chance in sorted((held.get(kind) or {}).items(), key=lambda pair: int(pair[0]))
    ]


def flags(score: ToldScore, words: Words) -> list[str]:
    """Return what was odd about what was known, in words."""
    known = {held.column.name: held for held in score.features(words.language)}
    said = []
    for flag in score.body["flags"]:
        kind, _, name = flag.partition(":")
        held = known.get(name)
        if (name and held is None) or not words.knows(f"flag_{kind}"):
            said.append(words("flag_other", flag=flag))
            continue
        label = "" if held is None else _label(held.column, words)
        value = "" if held is None else held.value if kind == "unseen_category" else held.told
        said.append(words(f"flag_{kind}", label=label, value=value))
    return said


def asked_by(score: ToldScore, key: Key | None, is_call: bool, words: Words) -> str:
    """Return who asked: a key, this machine, or the batch."""
    call, row, number = score.entry.id.partition("/")
    if row and not is_call:
        return words("by_batch", batch=call, row=int(number))
    named = score.body.get("key")
    who = words("by_here")
    if key is not None:
        who = words("by_key", name=key.name, id=key.id)
    elif named:
        who = words("by_unknown_key", id=named)
    return words("by_call", who=who, call=call, row=int(number)) if row else who


def _label(column: Any, words: Words) -> str:
    label = column.label_da if words.language == "da" else column.label
    return str(label[:1].upper() + label[1:])
