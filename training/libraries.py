"""The libraries that a bundle's numbers depend on; finding their versions loads none of them."""

from __future__ import annotations

import importlib.metadata

LIBRARIES = ("duckdb", "ibis-framework", "numpy", "pandas", "scikit-learn", "scipy")


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that a bundle's numbers depend on."""
    held = {name: importlib.metadata.version(name) for name in LIBRARIES}
    boosting = {"xgboost-cpu", "xgboost"} & {
        str(found.metadata["Name"]) for found in importlib.metadata.distributions()
    }
    return held | {name: importlib.metadata.version(name) for name in sorted(boosting)}
