"""A segmenter as its file holds it: JSON, in which nothing can run."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from training.population import Population
from training.segmenters.segmenter import Segment

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def write(segmenter: DataclassInstance) -> bytes:
    """Return a segmenter's fields as its file's content."""
    held = json.dumps(asdict(segmenter), indent=1, sort_keys=True, allow_nan=False)
    return (held + "\n").encode()


def read(content: bytes) -> dict[str, Any]:
    """Return the fields that `write` wrote: segments and population as such, the rest as JSON."""
    held = json.loads(content)
    held["segments"] = tuple(Segment.from_dict(each) for each in held["segments"])
    held["population"] = held["population"] and Population(**held["population"])
    return held
