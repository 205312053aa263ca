"""A segment's card as the page shows it: what sets it apart, and its figures by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.figures.definition import Unit
from serving.report.layout import Persona
from serving.report.persona_words import stands_out
from serving.report.words import Words, known

_OF_PERSONA: Mapping[str, Unit] = {
    "customers": "count",
    "share": "share",
    "revenue_share": "share",
    "clv_share": "share",
    "churn": "share",
    "usual_gap": "count",
    "order_value": "money",
    "potential": "money",
    "unrealised": "money",
}
_STRONGEST = 3  # of what sets a segment apart, what is told


def card(held: Mapping[str, Any], words: Words) -> Persona:
    """Return a segment's card: what sets it apart in words, and its figures by name."""
    danish = "_da" if words.language == "da" else ""
    pairs = [
        (words(f"persona_{name}"), words.value(held[name], unit))
        for name, unit in _OF_PERSONA.items()
        if known(held.get(name))
    ]
    if channel := held.get("channel"):
        pairs.append((words("persona_channel"), str(channel)))
    named = {name: str(held.get(f"{name}{danish}") or "") for name in ("name", "said", "sure")}
    sure = any(known(held.get(name)) for name in ("stability", "faithfulness"))
    told = [named["said"]] if len(pairs) < 2 else _apart(held, danish, words)
    return Persona(named["name"], told, pairs, named["sure"] if sure else "")


def _apart(held: Mapping[str, Any], danish: str, words: Words) -> list[str]:
    """Return what sets a segment apart, and which attributes stand out in it."""
    apart = [str(each[f"said{danish}"]) for each in held.get("apart") or ()][:_STRONGEST]
    said = [words("persona_apart", said="; ".join(apart))] if apart else []
    standing = stands_out(held, words.language)
    return [*said, standing] if standing else said
