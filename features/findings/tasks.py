"""Does the history bear the tasks: enough of it, and enough customers of each outcome."""

from __future__ import annotations

from collections.abc import Iterator

from configs.schema import Config
from configs.segmentation import BehaviourSegments
from configs.tasks import Cancel, Clv, Lapse
from features.contract import DataError
from features.enough import (
    MORE,
    clustered,
    customers_to_segment,
    cuts_of,
    parts_in_time,
    rough,
    too_few,
    too_few_to_segment,
)
from features.findings.finding import Finding
from features.source import Tables, first_and_last_day
from features.timeline import CutOffs, HistoryError


def of_tasks(config: Config, tables: Tables) -> Iterator[Finding]:
    """Yield, of each task, whether training on these tables can be meant."""
    for name in ("churn", "clv"):
        task = getattr(config, name)
        if task is not None:
            yield _of_task(config, tables, name, task)
    for name, way in clustered(config).items():
        yield _of_segments(config, tables, name, way)


def _of_task(config: Config, tables: Tables, name: str, task: Lapse | Cancel | Clv) -> Finding:
    """Say whether a task's horizon fits the history, and enough customers are there to ask."""
    first, last = first_and_last_day(tables)
    try:
        cuts = cuts_of(config, tables, task)
    except HistoryError as error:
        return Finding("stop", f"{name}: history", f"{first} to {last}", str(error))
    try:
        return _of_customers(config, tables, name, task, cuts)
    except DataError as error:
        return Finding("stop", f"{name}: outcomes", "they cannot be told", str(error))


def _of_customers(
    config: Config, tables: Tables, name: str, task: Lapse | Cancel | Clv, cuts: CutOffs
) -> Finding:
    parts = parts_in_time(config, tables, task, cuts)
    what, test = f"{name}: customers", parts[-1]
    if short := too_few(parts):
        found, _, needed = short.partition("; ")
        return Finding("stop", what, f"{found}{test.revenue}", f"{needed}: {MORE}")
    told = (
        f"{len(cuts.fit)} training cut-offs from {cuts.fit[0]}, reported on {cuts.test}; there, "
        f"{test.did:,} of {test.asked:,} {test.said} within {task.horizon} days{test.revenue}"
    )
    if doubt := rough(parts):
        return Finding("look", what, told, doubt)
    return Finding("fine", what, told)


def _of_segments(config: Config, tables: Tables, name: str, asked: BehaviourSegments) -> Finding:
    what = f"segments.{name}: customers"
    count, where = customers_to_segment(config, tables, asked)
    if short := too_few_to_segment(asked, count):
        return Finding("stop", what, f"{count:,} {where}", short)
    return Finding("fine", what, f"{count:,} {where}")
