"""What no row of a user's table may be, as SQL over its raw columns."""

from __future__ import annotations

from dataclasses import dataclass

from configs.sources import Customers, Product, Snapshot, Subscriptions, Sum
from features.cast import FLOATS, as_text, is_read
from features.contract import EXPECTED, Kind
from features.mapping import Mapped, Translation
from features.reader import ROW
from features.sql import identifier, literal

_LEAVE_GUESTS_OUT = "set guests: drop to leave rows without one out"


@dataclass(frozen=True)
class Rule:
    """One thing that no row may be.

    Parameters
    ----------
    column : str
        As the user knows it.
    value, wrong : str
        SQL of what is shown of a wrong row, and of whether a row is wrong.
    expected, step : str
        What is told; ``blank_step`` instead where nothing stands there.
    found : str
        How the value is told.
    proof : str, optional
        SQL that is true of a table where no row can be wrong, at less cost. It may be false of
        others too.
    of_rows : str, optional
        SQL that counts the wrong rows where `wrong` looks at rows before.
    kind : Kind, optional
        What the column's values must be, where the rule is about them one by one.
    """

    column: str
    value: str
    wrong: str
    expected: str
    step: str
    proof: str | None = None
    of_rows: str | None = None
    found: str = "{}"
    blank_step: str = ""
    kind: Kind | None = None

    @property
    def count(self) -> str:
        """SQL that counts the wrong rows of a table."""
        return self.of_rows or f"count(*) FILTER (WHERE {self.wrong})"


def rules(table: Translation) -> list[Rule]:
    """Return the rules of a table: those of its columns, in their order, then those of its rows."""
    columns = {column.name: column for column in table.columns}
    found = [rule for column in columns.values() for rule in _of_column(table, column)]
    if isinstance(table.source, Customers | Snapshot):
        found.append(_each_key_once(table, columns))
    if isinstance(table.source, Subscriptions) and "ended_at" in columns:
        found.append(_an_end_after_its_start(table, columns))
    return found


def _of_column(table: Translation, column: Mapped) -> list[Rule]:
    """Return the rules of a column's parts, then that of what they make together."""
    parts = [_of_part(table, column, part) for part in column.parts]
    return [*parts, _of_whole(table, column, parts)] if len(parts) > 1 else parts


def _of_part(table: Translation, column: Mapped, part: str) -> Rule:
    raw, held = identifier(part), table.types[part]
    needed = column.required and not isinstance(column.origin, Sum)
    missing = f"({table.part(column, part)}) IS NULL"
    if needed:
        wrong = missing
    elif held == "VARCHAR":
        wrong = f"{as_text(raw, held)} IS NOT NULL AND {missing}"
    else:
        is_number = f" AND NOT isnan({raw})" * (held in FLOATS)
        wrong = f"{raw} IS NOT NULL{is_number} AND {missing}"
    proof = table.to.proof(column.kind, part, held)
    if proof and needed:
        proof = f"count({raw}) = count(*) AND {proof}"
    names_nobody = column.name == "customer_id" and hasattr(table.source, "guests")
    step = _step(column) + f", but its type is {held}" * (not is_read(column.kind, held))
    return Rule(
        column=part,
        value=raw,
        wrong=wrong,
        expected=EXPECTED[column.kind],
        step=step,
        proof=proof,
        blank_step=_LEAVE_GUESTS_OUT if names_nobody else "",
        kind=column.kind,
    )


def _of_whole(table: Translation, column: Mapped, parts: list[Rule]) -> Rule:
    values = [f"CAST({rule.value} AS VARCHAR)" for rule in parts]
    value = f"concat_ws({literal(column.sign)}, {', '.join(values)})"
    wrong = f"({table.value(column)}) IS NULL"
    if isinstance(column.origin, Product):
        given = (f"({table.part(column, part)}) IS NOT NULL" for part in column.parts)
        wrong = " AND ".join([*given, wrong])
    name = column.sign.join(column.parts)
    return Rule(name, value, wrong, EXPECTED[column.kind], _step(column))


def _step(column: Mapped) -> str:
    return f"the config maps it to {column.name}"


def _each_key_once(table: Translation, columns: dict[str, Mapped]) -> Rule:
    key = [columns[name] for name in ("customer_id", "valid_from") if name in columns]
    values = ", ".join(table.value(column) for column in key)
    told = f"concat_ws({literal(' ')}, {', '.join(identifier(c.parts[0]) for c in key)})"
    return Rule(
        column=key[0].parts[0],
        value=told,
        wrong=f"row_number() OVER (PARTITION BY {values} ORDER BY {identifier(ROW)}) > 1",
        expected="each key once",
        step="keep one row a key",
        of_rows=f"count(*) - count(DISTINCT row({values}))",
        found="{} more than once",
    )


def _an_end_after_its_start(table: Translation, columns: dict[str, Mapped]) -> Rule:
    start, end = columns["started_at"], columns["ended_at"]
    raw = identifier(end.parts[0])
    return Rule(
        column=end.parts[0],
        value=raw,
        wrong=f"({table.value(end)}) < ({table.value(start)})",
        expected=f"an end that is not before its start ({start.parts[0]})",
        step="mend it, or leave it empty",
    )
