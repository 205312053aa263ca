"""All that is held of a person, for them to see."""

from __future__ import annotations

from typing import Any

from configs.schema import Config
from features.marks import Marks
from serving.people import inventory, models
from serving.people.erasure import person_of


def subject(config: Config, customer_id: str) -> dict[str, Any]:
    """Return all that is held of a customer.

    Parameters
    ----------
    config : Config
    customer_id : str

    Returns
    -------
    dict
        ``customer_id``, ``forgotten`` (whether they asked to be), ``held`` by place, and the
        ``models`` that learned from them.

    Raises
    ------
    StamkundeError
        If a place cannot be read.
    """
    marks, person = Marks(config.var, config.name), person_of(config, customer_id)
    (mark,) = marks.of([customer_id])
    with inventory.opened(config) as places:
        held = {place.name: place.held(person) for place in places.holdings}
    return {
        "customer_id": customer_id,
        "base": config.name,
        "forgotten": customer_id in marks.among([customer_id]),
        "held": {name: found for name, found in held.items() if found},
        "models": [model.to_dict() for model in models.learned_from(config.var, mark)],
    }
