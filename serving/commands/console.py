"""What commands show on a terminal, or print as JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from features.catalogue import Described
    from features.findings.finding import Finding

_MARKS = {"fine": "ok", "look": "look", "stop": "STOP"}


def say(text: str) -> None:
    """Print a line."""
    Console(highlight=False).print(text, markup=False, soft_wrap=True)


def as_json(held: Any) -> None:
    """Print data as JSON."""
    sys.stdout.write(json.dumps(held, indent=1, default=str, ensure_ascii=False) + "\n")


def write_json(file: Path, held: Any) -> None:
    """Write data as JSON to a file that its owner alone may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    file.write_text(json.dumps(held, indent=1, default=str, ensure_ascii=False) + "\n")


def show(held: Mapping[str, Any], json_wanted: bool, lines: Iterable[str]) -> None:
    """Print data as JSON, or what is said of it in lines."""
    if json_wanted:
        as_json(dict(held))
    else:
        for line in lines:
            say(line)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how much is done, of how much, on a terminal; nothing is shown elsewhere."""
    shown = Console(stderr=True)
    with Progress(
        *Progress.get_default_columns(),
        TextColumn("{task.completed:,} of {task.total:,} " + what),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    ) as drawn:
        task = drawn.add_task("", total=1)
        yield lambda done, whole: drawn.update(task, completed=done, total=whole)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, as wide as it needs where it is not read on a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=240)
    drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn, markup=False)


def findings(found: Sequence[Finding], json_wanted: bool) -> None:
    """Print what was found in the data."""
    if json_wanted:
        as_json([vars(finding) for finding in found])
    else:
        table(
            ("", "", "found", "what to do"),
            ((_MARKS[each.level], each.what, each.found, each.step) for each in found),
        )


def described(features: Sequence[Described], json_wanted: bool) -> None:
    """Print what is said of each feature."""
    if json_wanted:
        said = ("name", "unit", "label", "label_da", "actionable", "idea", "as_of_today")
        as_json(
            [
                {name: getattr(each.column, name) for name in said}
                | {"window": each.window, "table": each.table}
                for each in features
            ]
        )
        return
    table(
        ("name", "unit", "window", "idea", "from", "act", "in English", "in Danish"),
        (
            (
                each.column.name,
                each.column.unit,
                f"{each.window}d" if each.window else "",
                each.column.idea,
                each.table,
                "yes" if each.column.actionable else "",
                each.column.label,
                each.column.label_da,
            )
            for each in features
        ),
    )
    say(f"{len(features)} features")
