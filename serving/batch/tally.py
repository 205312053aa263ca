"""How many of a batch's customers have a score, a code, a flag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc


@dataclass
class Tally:
    """How many customers have what."""

    customers: int = 0
    flagged: int = 0
    scored: dict[str, int] = field(default_factory=dict)
    coded: dict[str, int] = field(default_factory=dict)

    def add(self, scores: pa.Table) -> None:
        """Count those of a table of scores."""
        self.customers += scores.num_rows
        self.flagged += pc.sum(pc.greater(pc.list_value_length(scores["flags"]), 0)).as_py()
        for told in pc.value_counts(pc.list_flatten(scores["codes"])).to_pylist():
            name, count = told["values"], told["counts"]
            self.coded[name] = self.coded.get(name, 0) + count

    def finish(self, asked: Iterable[str]) -> None:
        """Count who has a score, of each of the names asked."""
        for name in asked:
            without = sum(n for code, n in self.coded.items() if code.rpartition(":")[0] == name)
            self.scored[name] = self.customers - without
