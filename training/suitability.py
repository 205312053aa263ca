"""Who should not use a model for what: the warnings on the packet."""

from __future__ import annotations

from configs.schema import Config


def unsuited(config: Config, task: str) -> list[dict[str, str]]:
    """Return uses that a task's model was not made for.

    Returns
    -------
    list of dict
        ``who``, ``what`` for, and ``why`` not.
    """
    told = [_terms(), *_OF_TASK[task]]
    if config.features.use_protected and any(held.protected for held in config.attributes.values()):
        told.append(_protected())
    return told


def _use(who: str, what: str, why: str) -> dict[str, str]:
    return {"who": who, "what": what, "why": why}


def _terms() -> dict[str, str]:
    return _use(
        "Credit, insurance and pricing teams",
        "deciding on one person's credit, cover, price or terms",
        "it was neither made nor tested for decisions that bind a person",
    )


def _protected() -> dict[str, str]:
    return _use(
        "Anybody",
        "treating single customers differently",
        "the config lets it see protected attributes",
    )


_OF_TASK = {
    "churn": [
        _use(
            "Campaign planners",
            "choosing whom a contact would keep",
            "it ranks by who leaves, not by whom a contact moves; test on a random group first",
        ),
        _use(
            "Service staff",
            "serving a customer worse because they seem lost anyway",
            "of those ranked high many stay, and the score would bring about what it says",
        ),
        _use(
            "Analysts",
            "customers outside the population it was tested on",
            "they get no score, and none should be filled in",
        ),
    ],
    "clv": [
        _use(
            "Finance",
            "profit, or the worth of a whole lifetime",
            "it is money within the horizon only, before costs",
        ),
        _use(
            "Service staff",
            "a promise or a refusal to one customer",
            "one customer's value is uncertain, as the width of its interval says",
        ),
        _use(
            "Analysts",
            "what a campaign would add",
            "it tells what customers bring as they are treated now",
        ),
    ],
    "segments": [
        _use(
            "Service staff",
            "a verdict on one person",
            "a segment is what many have in common; who lies at its edge fits two",
        ),
        _use(
            "Planners",
            "a forecast",
            "segments describe the customers at one date and say nothing of what comes",
        ),
    ],
}
