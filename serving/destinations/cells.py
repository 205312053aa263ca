"""Scores in places that hold one value a cell: a list of texts is a JSON array there."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_CONTROLS = r"[\x00-\x1f]"  # characters that JSON does not take as they are, as it does not " and \


def flat_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema with text in the place of each list of texts, and values for dictionaries."""
    return pa.schema([field.with_type(_type(field.type)) for field in schema])


def flat(table: pa.Table) -> pa.Table:
    """Return a table with JSON arrays in the place of its lists of texts."""
    held = [
        _arrays(column) if pa.types.is_list(column.type) else column.cast(_type(column.type))
        for column in table.columns
    ]
    return pa.table(held, schema=flat_schema(table.schema))


def mapped(texts: pa.Array, pattern: str, change: Any) -> pa.Array:
    """Return texts, those in which a pattern is found being changed by a function.

    Few are, so that only these are taken out of their columns.
    """
    found = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    if not pc.any(found).as_py():
        return texts
    changed = [change(text) for text in texts.filter(found).to_pylist()]
    return pc.replace_with_mask(texts, found, pa.array(changed, pa.string()))


def _type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.string() if pa.types.is_list(kind) else kind


def _arrays(column: pa.ChunkedArray) -> pa.Array:
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):  # of no chunk at all
        lists = pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], column.type)
    texts = pc.replace_substring(lists.flatten(), "\\", r"\\")
    texts = pc.replace_substring(texts, '"', r"\"")
    texts = mapped(texts, _CONTROLS, lambda text: re.sub(_CONTROLS, _escape, text))
    quoted = pc.binary_join_element_wise('"', texts, '"', "", null_handling="emit_null")
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(lengths).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, quoted), ",")
    arrays = pc.binary_join_element_wise("[", joined, "]", "")
    return pc.if_else(lists.is_valid(), arrays, pa.scalar(None, pa.string()))


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
