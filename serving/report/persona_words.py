"""A segment's card in sentences that a person who knows the customers recognises."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

from training.quantities import Language, amount, number, quantity

Held = Mapping[str, Any]
"""A card, as `personas.Persona` tells."""

_EXACT = 1e-9  # 0.29 is 28.999… hundredths

_SAID: dict[Language, dict[str, str]] = {
    "en": {
        "few": "So few customers that nothing is told of them.",
        "none": "Nobody at present.",
        "one": "1 customer ({} of all)",
        "many": "{} customers ({} of all)",
        "brings": "{} brings {}",
        "bring": "{} bring {}",
        "revenue": "{} of the revenue of the last {}",
        "monthly": "{} of monthly revenue",
        "clv": "{} of lifetime value",
        "and": " and ",
        "every": "buy every {}",
        "daily": "buy every day",
        "at a time": "about {} at a time",
        "spend": "spend about {} at a time",
        "through": "mostly through {}",
        "they": "They {}",
        "leave": "{} are expected to leave in {}",
        "leave at all": "{} are expected to leave",
        "apart": "More often than others, where it is known: {}.",
        "has": "{}: {} ({}, of all {})",
        "best": "Buying as the best of customers like them do, they would bring {} more in {}.",
        "stability": "{} of it is found again in other samples",
        "faithfulness": "what sets it apart tells one of them from another customer {} times in "
        "100",
        "sure": "How sure: {}.",
        "not known": "not known",
        "yes": "yes",
        "no": "no",
    },
    "da": {
        "few": "Så få kunder, at intet fortælles om dem.",
        "none": "Ingen for tiden.",
        "one": "1 kunde ({} af alle)",
        "many": "{} kunder ({} af alle)",
        "brings": "{} står for {}",
        "bring": "{} står for {}",
        "revenue": "{} af omsætningen de seneste {}",
        "monthly": "{} af den månedlige omsætning",
        "clv": "{} af kundeværdien",
        "and": " og ",
        "every": "køber med {}s mellemrum",
        "daily": "køber hver dag",
        "at a time": "for omkring {} ad gangen",
        "spend": "køber for omkring {} ad gangen",
        "through": "mest gennem {}",
        "they": "De {}",
        "leave": "{} ventes at falde fra inden for {}",
        "leave at all": "{} ventes at falde fra",
        "apart": "Oftere end blandt andre, hvor det vides: {}.",
        "has": "{}: {} ({}, af alle {})",
        "best": "Købte de som de bedste af lignende kunder, ville det give {} mere på {}.",
        "stability": "{} af segmentet genfindes i andre stikprøver",
        "faithfulness": "beskrivelsen skelner en af dem fra andre {} gange ud af 100",
        "sure": "Hvor sikkert: {}.",
        "not known": "ikke kendt",
        "yes": "ja",
        "no": "nej",
    },
}


def said(persona: Held, currency: str, language: Language) -> str:
    """Return what a segment's customers bring, how they buy, who leaves, and what stands out."""
    words = _SAID[language]
    if persona["withheld"]:
        return words["few"]
    if not persona["customers"]:
        return words["none"]
    parts = (
        _brings(persona, language),
        _buy(persona, currency, language),
        stands_out(persona, language),
        _potential(persona, currency, language),
    )
    return " ".join(part for part in parts if part)


def sure(persona: Held, language: Language) -> str:
    """Return how sure the segment is, or that this is not known."""
    words = _SAID[language]
    parts = []
    if persona["stability"] is not None:
        parts.append(words["stability"].format(_share(persona["stability"], language)))
    if persona["faithfulness"] is not None:
        times = number(floor(100 * persona["faithfulness"] + _EXACT), 0, language)
        parts.append(words["faithfulness"].format(times))
    return words["sure"].format("; ".join(parts) or words["not known"])


def _brings(persona: Held, language: Language) -> str:
    words, alone = _SAID[language], persona["customers"] == 1
    count = number(persona["customers"], 0, language)
    share = _share(persona["share"], language)
    who = words["one"].format(share) if alone else words["many"].format(count, share)
    brought = []
    if persona["revenue_share"] is not None:
        revenue, days = _share(persona["revenue_share"], language), persona["revenue_days"]
        past = quantity(days, "days", language) if days else ""
        brought.append(words["revenue" if days else "monthly"].format(revenue, past))
    if persona["clv_share"] is not None:
        brought.append(words["clv"].format(_share(persona["clv_share"], language)))
    if not brought:
        return f"{who}."
    return words["brings" if alone else "bring"].format(who, words["and"].join(brought)) + "."


def _buy(persona: Held, currency: str, language: Language) -> str:
    words, parts = _SAID[language], []
    if (gap := persona["usual_gap"]) is not None:
        told = quantity(gap, "days", language)
        daily = told == quantity(1.0, "days", language)
        parts.append(words["daily"] if daily else words["every"].format(told))
    if (order := persona["order_value"]) is not None:
        told = amount(order, currency, language)
        parts.append(words["at a time" if parts else "spend"].format(told))
    if parts and persona["channel"] is not None:
        parts.append(words["through"].format(persona["channel"]))
    buy = words["they"].format(", ".join(parts)) if parts else ""
    return "; ".join(part for part in (buy, _leave(persona, language)) if part) + "." * bool(
        parts or persona["churn"] is not None
    )


def _leave(persona: Held, language: Language) -> str:
    words = _SAID[language]
    if persona["churn"] is None:
        return ""
    share, days = _share(persona["churn"], language), persona["churn_days"]
    if days is None:
        return words["leave at all"].format(share)
    return words["leave"].format(share, quantity(days, "days", language))


def stands_out(persona: Held, language: Language) -> str:
    """Return which attributes stand out in a segment, nothing if none do."""
    words = _SAID[language]
    told = [
        words["has"].format(
            held["label_da" if language == "da" else "label"],
            words.get(held["value"], held["value"]) if held["flag"] else held["value"],
            _share(held["inside"], language),
            _share(held["everybody"], language),
        )
        for held in persona.get("attributes") or ()
    ]
    return words["apart"].format("; ".join(told)) if told else ""


def _potential(persona: Held, currency: str, language: Language) -> str:
    if not persona["unrealised"] or persona["clv_days"] is None:
        return ""
    more = amount(persona["unrealised"], currency, language)
    return _SAID[language]["best"].format(more, quantity(persona["clv_days"], "days", language))


def _share(value: float, language: Language) -> str:
    return quantity(value, "share", language)
