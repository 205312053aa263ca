"""The command line: every command is one call into a folder, and one way to show what came of it.

Exit codes: 0 done; 1 the work failed (a gate refused, a check found something); 2 the call, the
config or the data were wrong.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from configs.errors import StamkundeError
from configs.load import load
from configs.options import AsJson, AsOf, AsOfIfGiven, CallError, ConfigFile, Overrides, RejectsFile
from configs.schema import Config, json_schema
from serving.commands import (
    audit,
    console,
    keys,
    people,
    scores,
    service,
    upkeep,
    versions,
    watching,
)
from serving.commands.base import loaded, stored

if TYPE_CHECKING:
    from features.source import Tables
    from training.model import Task
    from training.registration import Trained
    from training.track import Tracker, Version

app = typer.Typer(
    help="Churn, customer lifetime value and segments: tuned, tested on the future, explained, "
    "served and on record.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
audit.app.add_typer(upkeep.app)
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")

SOON = "a running service takes it up within seconds"

TaskName = Annotated[str, typer.Argument(metavar="TASK", help="churn, clv or segments")]


class PlaceError(StamkundeError):
    """A place on disk that cannot be read or written."""

    @classmethod
    def of(cls, error: OSError) -> PlaceError:
        """Say what the system said of a place."""
        said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return cls(f"{said}; check that the place is right, writable and not full")


# Data


@app.command()
def check(
    config: ConfigFile,
    rejects: RejectsFile = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Say whether the data is fit for the job; exit 2 where training cannot be meant."""
    from features.check import unfit
    from training.check import check as examine

    told = load(config, set_ or [])
    found = examine(told, loaded(told, rejects, count_duplicates=True))
    console.findings(found, as_json)
    if unfit(found):
        raise typer.Exit(2)


@app.command()
def features(
    config: ConfigFile,
    as_of: AsOfIfGiven = None,
    out_: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="the Parquet file to write")
    ] = None,
    store: Annotated[bool, typer.Option(help="fill the store that the service reads")] = False,
    describe: Annotated[
        bool, typer.Option("--describe", help="list the features instead; no data is read")
    ] = False,
    rejects: RejectsFile = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Build every customer's features as of a date: one row a customer."""
    from features.build import write
    from serving.people import places
    from training.catalogue import describe as described

    if describe:
        console.described(described(load(config, set_ or [])), as_json)
        return
    if as_of is None:
        raise CallError("features: say as of when: --as-of DATE, or --describe to list them")
    if out_ is None and not store:
        raise CallError("features: say where they go: --out FILE.parquet, --store, or both")
    told = load(config, set_ or [])
    tables = loaded(told, rejects)
    if out_:
        places.note(told.var, "features", str(out_))
    rows = write(told, tables, as_of.date(), out_) if out_ else None
    if store:
        rows = stored(told, tables, as_of.date())
    console.show(
        {"customers": rows, "as_of": str(as_of.date()), "out": out_ and str(out_), "store": store},
        as_json,
        [f"{rows:,} customers as of {as_of.date()}" + (f" → {out_}" if out_ else "")]
        + (["the store holds them"] if store else []),
    )


# Models


@app.command()
def train(
    task: Annotated[str, typer.Argument(metavar="TASK", help="churn, clv, segments or all")],
    config: ConfigFile,
    trials: Annotated[int | None, typer.Option(min=1, help="trials of the study, in all")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="begin no trial after so many minutes")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes that tune side by side")
    ] = None,
    rejects: RejectsFile = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Tune, evaluate on the later period, explain, log and judge; exit 1 if the gate refuses."""
    asked = {"trials": trials, "minutes": minutes, "workers": workers}
    given = [f"tuning.{key}={value}" for key, value in asked.items() if value is not None]
    overrides = [*(set_ or []), *given]
    made = _train(load(config, overrides), task, as_json, rejects=rejects)
    if not all(trained.verdict.passed for trained in made):
        raise typer.Exit(1)


@app.command()
def promote(
    task: TaskName,
    config: ConfigFile,
    version: Annotated[int | None, typer.Option(help="the latest that passed unless given")] = None,
    force: Annotated[
        str | None, typer.Option(metavar="WHY", help="against the verdict; the reason is recorded")
    ] = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Make a version the champion; only a passed verdict allows it, or --force."""
    told = load(config, set_ or [])
    chosen = _promote(told, _one_task(told, task), version, force)
    versions.version(chosen, f"is the champion; {SOON}", as_json)


@app.command()
def rollback(
    task: TaskName, config: ConfigFile, set_: Overrides = None, as_json: AsJson = False
) -> None:
    """Make the champion before this one the champion again."""
    from serving.releases.promotion import rollback as back

    told = load(config, set_ or [])
    chosen = back(told, _tracker(told), _one_task(told, task), at=_now())
    versions.version(chosen, f"is the champion again; {SOON}", as_json)


@app.command()
def models(config: ConfigFile, set_: Overrides = None, as_json: AsJson = False) -> None:
    """List every version of every task with its figures, its verdict, and who is champion."""
    from training.versions import listed

    told = load(config, set_ or [])
    tracker = _tracker(told)
    held = [each for task in told.tasks for each in tracker.versions(task)]
    versions.versions([listed(tracker, each) for each in held], as_json)


@app.command()
def compare(
    task: TaskName,
    a: Annotated[int, typer.Argument(metavar="A", help="a version's number")],
    b: Annotated[int, typer.Argument(metavar="B", help="another's")],
    config: ConfigFile,
    rejects: RejectsFile = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Set two versions side by side on the same later rows: figures, and who changes band."""
    from training.side_by_side import compare as set_beside

    told = load(config, set_ or [])
    name = _one_task(told, task)
    held = set_beside(told, lambda: loaded(told, rejects), _tracker(told), name, (a, b))
    versions.compared(held, as_json)


# Scores

app.command()(service.package)
app.command()(service.serve)
app.command("client-example")(service.client_example)
app.command()(scores.score)
app.command()(scores.report)

# Persons

app.command()(people.subject)
app.command()(people.erase)


# Watching

LogToMlflow = Annotated[bool, typer.Option(help="log it to MLflow, a run a week and bundle")]


@app.command()
def drift(
    config: ConfigFile,
    weeks: Annotated[int, typer.Option(min=1, max=520, help="how many, this one too")] = 8,
    mlflow: LogToMlflow = True,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Say how far the customers scored lie from those the models learned from, week by week."""
    told, at = load(config, set_ or []), _now()
    found = watching.drift(told, weeks, at)
    watching.show_drift(found, as_json)
    if mlflow:
        runs = [
            (each.task, each.bundle, week, metrics)
            for each in found
            for week, metrics in watching.drift_metrics(each)
        ]
        _log_watched(told, "drift", runs, at)


@app.command()
def outcomes(
    config: ConfigFile,
    as_of: AsOf,
    mlflow: LogToMlflow = True,
    rejects: RejectsFile = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Hold what was predicted against what then happened, by week and bundle."""
    told, at = load(config, set_ or []), _now()
    found = watching.outcomes(told, loaded(told, rejects), as_of.date(), at)
    watching.show_outcomes(found, as_json)
    if mlflow:
        runs = [
            (each.task, each.bundle, each.week, watching.outcome_metrics(each)) for each in found
        ]
        _log_watched(told, "outcomes", runs, at)


# What helps


@app.command()
def schema() -> None:
    """Print the JSON Schema of a config, for editors."""
    console.as_json(json_schema())


@app.command()
def demo(config: ConfigFile, set_: Overrides = None) -> None:
    """Run the whole path on a customer base after a short search; say where to look next."""
    from features.check import unfit
    from features.source import first_and_last_day
    from serving.demo import TRIALS, serve_and_ask, tell_where_next
    from serving.people import places
    from serving.releases.package import package as build
    from serving.report.job import write_report
    from training.check import check as examine
    from training.progress import Reporter

    told = load(config, [f"tuning.trials={TRIALS}", *(set_ or [])])
    say = Reporter(sys.stdout).say
    say(f"\n1 · Is the data of {told.name} fit for the job?")
    tables = loaded(told, count_duplicates=True)
    found = examine(told, tables)
    console.findings(found, False)
    if unfit(found):
        raise typer.Exit(2)
    searched = f"a short search of at most {told.tuning.trials} trials a task"
    say(f"\n2 · Train, after {searched}, and test on the later period")
    passed = [made.task for made in _train(told, "all", False, tables) if made.verdict.passed]
    say("\n3 · Promote what passed the gate")
    for task in passed:
        versions.version(_promote(told, task), "is the champion", False)
    if not passed:
        raise typer.Exit(1)
    timeless = tables.snapshot is not None
    as_of = _now().date() if timeless else first_and_last_day(tables)[1] + timedelta(days=1)
    say(f"\n4 · Features of everybody as of {as_of}, and the champions as a Bento")
    say(f"{stored(told, tables, as_of):,} customers in the store")
    tag = build(told)
    say(tag)
    say("\n5 · Score the base in a batch; ask the service for some of the same customers")
    serve_and_ask(told, tables, as_of, tag, _now(), say)
    say("\n6 · Report who stays, who leaves, and whom to call first")
    places.note(told.var, "report", str(scores.retention_file(told)))
    made = write_report(
        told, tables, as_of, scores.retention_file(told), _now(), Reporter(sys.stdout)
    )
    scores.show_report(made, False)
    pages = (scores.retention_file(told), _report_file(told))
    tell_where_next(config, pages, as_of, tag, say)


# What commands have in common


def _now() -> datetime:
    return datetime.now(UTC)


def _tracker(config: Config) -> Tracker:
    from training.track import Tracker

    return Tracker(config)


def _one_task(config: Config, task: str) -> Task:
    if task not in config.tasks:
        raise CallError(
            f"{task}: no task of {config.name}; it has {', '.join(config.tasks)}"
            + ("" if task != "all" else "; name one at a time")
        )
    return task  # type: ignore[return-value]


def _train(
    config: Config,
    task: str,
    as_json: bool,
    tables: Tables | None = None,
    rejects: Path | None = None,
) -> list[Trained]:
    """Train one task or all, show what came of each, and write the report."""
    from features.enough import require_all
    from training.card import report
    from training.job import train as run
    from training.progress import Reporter

    tasks = config.tasks if task == "all" else (_one_task(config, task),)
    tables = tables or loaded(config, rejects)
    if len(tasks) > 1:
        require_all(config, tables, tasks)  # before the first of them takes its minutes
    made = []
    for name in tasks:
        trained = run(config, name, now=_now(), tables=tables, reporter=Reporter())  # type: ignore[arg-type]
        made.append(trained)
        if not as_json:
            versions.trained(trained)
    page = _report_file(config, task)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(report([(trained.facts, trained.figures) for trained in made]))
    if as_json:
        console.as_json([versions.told(trained) for trained in made])
    else:
        console.say(f"report: {page}")
    return made


def _log_watched(
    config: Config,
    kind: str,
    runs: Sequence[tuple[str, str, date, Mapping[str, float]]],
    at: datetime,
) -> None:
    """Log what was watched: of a task and a bundle, in a week, by name."""
    from training.watched import Watched, log_watched

    if runs:
        held = [Watched(kind, task, bundle, week, made) for task, bundle, week, made in runs]
        log_watched(_tracker(config), held, at)


def _report_file(config: Config, task: str = "all") -> Path:
    return config.var / ("report.html" if task == "all" else f"report-{task}.html")


def _promote(
    config: Config, task: Task, version: int | None = None, force: str | None = None
) -> Version:
    from serving.releases.promotion import promote as move

    return move(config, _tracker(config), task, at=_now(), number=version, force=force)


def main() -> NoReturn:
    """Run the command line; what a user did wrong is told in a line, without a traceback."""
    # Expressions are many small objects that live on: looking through them took a quarter of a run.
    gc.set_threshold(50_000, 20, 20)
    try:
        app()
    except StamkundeError as error:
        from serving.releases.promotion import (
            RefusedError,  # it takes seconds that other commands spare
        )

        sys.exit(_told(error, 1 if isinstance(error, RefusedError) else 2))
    except OSError as error:
        sys.exit(_told(PlaceError.of(error), 2))
    sys.exit(0)


def _told(error: StamkundeError, code: int) -> int:
    typer.echo(str(error), err=True)
    return code
