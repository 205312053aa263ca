"""A bare FastAPI application that calls the model."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from tests.benchmarks.serving.plain import Plain

app = FastAPI()
plain = Plain()


class Asked(BaseModel):
    customers: list[dict[str, Any]]


@app.post("/score")
async def score(asked: Asked) -> dict[str, list[float]]:
    return {"probabilities": plain.probabilities(asked.customers)}
