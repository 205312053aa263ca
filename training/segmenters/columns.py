"""The columns of a schema that a segmenter reads, by their names."""

from __future__ import annotations

from configs.errors import StamkundeError
from features.schema import FeatureSchema


def column_of(way: str, schema: FeatureSchema, name: str) -> int:
    """Return the number of a feature's column.

    Raises
    ------
    StamkundeError
        If the schema lacks it.
    """
    if name not in schema.names:
        raise StamkundeError(
            f"segments.{way}: needs the feature {name}, which the base's tables do not give; "
            f"map the columns it is made of, or leave segments.{way} out"
        )
    return schema.names.index(name)
