"""The service's log: a line of JSON a call, with nothing of what the caller sent."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

import orjson
import structlog


def _spelt(event: Any, **more: Any) -> str:
    return orjson.dumps(event, **more).decode()


# Bound once: finding the processors anew for each line costs more than writing it.
log = structlog.wrap_logger(
    structlog.WriteLogger(sys.stdout),
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.JSONRenderer(_spelt),
    ],
    wrapper_class=structlog.make_filtering_bound_logger("info"),
).bind()


def failed(error: BaseException, request_id: str) -> None:
    """Log an error that nobody foresaw by its kind and place: its text may quote the caller."""
    log.error("failed", error=type(error).__name__, at=_place(error), id=request_id)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown"
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
