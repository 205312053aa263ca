"""A BentoML service that parses a list of customers and predicts."""

from __future__ import annotations

from typing import Any

import bentoml

from tests.benchmarks.serving.plain import Plain


@bentoml.service(name="bulk", logging={"access": {"enabled": False}})
class Bulk:
    def __init__(self) -> None:
        self._plain = Plain()

    @bentoml.api
    async def score(self, customers: list[dict[str, Any]]) -> list[float]:
        return self._plain.probabilities(customers)
