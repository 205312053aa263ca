"""What was learned."""

from typing import Any


def __getattr__(name: str) -> Any:
    # The service reads bundles from this package, and needs nothing of what makes them.
    if name == "train":
        from training.job import train

        return train
    raise AttributeError(f"module 'training' has no attribute {name!r}")
