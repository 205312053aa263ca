"""The models of the interface by name, as operations and references name them."""

from __future__ import annotations

from pydantic import BaseModel

from serving.api import answers, asked, at_risk, jobs, models, problems, recorded, scores

MODELS: dict[str, type[BaseModel]] = {
    name: held
    for module in (answers, asked, at_risk, jobs, models, problems, recorded, scores)
    for name, held in vars(module).items()
    if isinstance(held, type) and issubclass(held, BaseModel)
}
