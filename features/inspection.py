"""A raw table held to its rules.

One scan shows whether a row breaks one, and which columns need not be looked at again; only where
one does are the rows looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from features.contract import DataError, Kind, quote_value
from features.mapping import Translation
from features.reader import ROW, Raw
from features.rejects import Reject, Rejects, as_line
from features.rules import Rule, rules
from features.sql import identifier
from features.zones import Span

_BROKEN = "the rule that the row breaks"


@dataclass(frozen=True)
class Findings:
    """What a scan showed.

    Parameters
    ----------
    rules : sequence of Rule
        What was looked at.
    counts : sequence of int
        How many rows break each.
    plain : frozenset of (Kind, str)
        The columns that hold nothing but right values of a kind, just as they are.
    nobody : int
        How many rows have nothing at all for a customer's id; more may be blank unless it is plain.
    span : Span, optional
        That of the stamps in plain columns, give or take a day, if there are any.
    """

    rules: Sequence[Rule]
    counts: Sequence[int]
    plain: frozenset[tuple[Kind, str]]
    nobody: int
    span: Span | None

    @property
    def broken(self) -> list[tuple[Rule, int]]:
        """The rules that rows break, each with how many rows do."""
        return [each for each in zip(self.rules, self.counts, strict=True) if each[1]]


def scan(connection: duckdb.DuckDBPyConnection, raw: Raw, table: Translation) -> Findings:
    """Count the rows that break each rule, in one scan; in a second where it proved too little."""
    held = rules(table)
    spans = list(_spans(table))
    first = [rule.proof or rule.count for rule in held]
    nobody = f"count(*) - count({identifier(table.part_of_customer)})"
    answers = _one(connection, raw, [*first, nobody, *spans])
    proved = {rule for rule, answer in zip(held, answers, strict=False) if rule.proof and answer}
    unproved = [rule for rule in held if rule.proof and rule not in proved]
    looked_up = dict(zip(unproved, _one(connection, raw, [r.count for r in unproved]), strict=True))
    counts = [
        0 if rule in proved else looked_up.get(rule, answer)
        for rule, answer in zip(held, answers, strict=False)
    ]
    nobodies, *ends = (answer for answer in answers[len(held) :] if answer is not None)
    return Findings(
        held,
        counts,
        frozenset((rule.kind, rule.column) for rule in proved if rule.kind),
        nobodies,
        Span(min(ends), max(ends)) if ends else None,
    )


def refusal(connection: duckdb.DuckDBPyConnection, raw: Raw, found: Findings) -> DataError:
    """Return the error of the first rule that is broken, at its first row."""
    rule, count = found.broken[0]
    row, _, value, *_ = next(_broken_rows(connection, raw, [rule], 1))
    return _told(rule, raw.place_of(row), value).and_in(count - 1)


def without_bad_rows(
    connection: duckdb.DuckDBPyConnection, raw: Raw, found: Findings, rejects: Rejects
) -> Raw:
    """Set the rows that break a rule aside, and return a table of the others.

    Where rows are wrong by themselves, the rules that look at rows before wait for the next scan:
    a right row does not repeat a wrong one.
    """
    broken = [rule for rule, _ in found.broken if not rule.of_rows]
    broken = broken or [rule for rule, _ in found.broken]
    bad: set[int] = set()
    places, at = raw.places(), -1
    for row, number, value, *values in _broken_rows(connection, raw, broken, rejects.room + 1):
        place = raw.told, at
        while at < row:
            place, at = next(places), at + 1
        rejects.add(Reject.of(_told(broken[number], place, value), as_line(values)))
        bad.add(row)
    relation = f"{raw.relation}_kept"
    connection.execute(
        f"CREATE TEMP TABLE {relation} AS SELECT * EXCLUDE ({identifier(ROW)}) FROM {raw.numbered} "
        f"ANTI JOIN (SELECT unnest(?) AS {identifier(ROW)}) USING ({identifier(ROW)}) "
        f"ORDER BY {identifier(ROW)}",
        [sorted(bad)],
    )
    connection.execute(raw.dropping)
    return raw.without(relation, bad)


def _one(connection: duckdb.DuckDBPyConnection, raw: Raw, asked: Sequence[str]) -> tuple:
    """Return aggregates of a table."""
    if not asked:
        return ()
    return connection.execute(f"SELECT {', '.join(asked)} FROM {raw.relation}").fetchone() or ()


def _spans(table: Translation) -> Iterator[str]:
    """Return SQL for the first and the last of each typed column of stamps that are in range."""
    for column in table.columns:
        if column.kind == "stamp":
            (part,) = column.parts
            raw = identifier(part)
            if proof := table.to.proof("stamp", part, table.types[part]):
                for end in ("min", "max"):
                    stamp = f"try_cast({end}({raw}) AS TIMESTAMP)"
                    yield f"CASE WHEN {proof} THEN epoch_us({stamp}) END"


def _broken_rows(
    connection: duckdb.DuckDBPyConnection, raw: Raw, broken: Sequence[Rule], most: int
) -> Iterator[tuple]:
    """Give the first rows that break a rule: number, which rule, the value, the row's own."""
    which = " ".join(f"WHEN {rule.wrong} THEN {n}" for n, rule in enumerate(broken))
    values = " ".join(
        f"WHEN {n} THEN CAST({rule.value} AS VARCHAR)" for n, rule in enumerate(broken)
    )
    own = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in raw.types)
    yield from connection.execute(
        f"SELECT {identifier(ROW)}, {identifier(_BROKEN)}, "
        f"CASE {identifier(_BROKEN)} {values} END, {own} "
        f"FROM (SELECT *, CASE {which} END AS {identifier(_BROKEN)} FROM {raw.numbered}) "
        f"WHERE {identifier(_BROKEN)} IS NOT NULL ORDER BY {identifier(ROW)} LIMIT {most}"
    ).fetchall()


def _told(rule: Rule, place: tuple[str, int | None], value: str | None) -> DataError:
    file, line = place
    is_blank = not (value or "").strip()
    return DataError(
        file,
        line=line,
        column=rule.column,
        expected=rule.expected,
        found=rule.found.format(quote_value(value)),
        step=rule.blank_step if is_blank and rule.blank_step else rule.step,
    )
