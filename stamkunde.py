"""The command line: every command is one call into a folder, and one way to show what came of it.

Exit codes: 0 done; 1 the work failed (a gate refused, a check found something); 2 the call, the
config or the data were wrong.
"""

from __future__ import annotations

import gc
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn
from zoneinfo import ZoneInfo

import typer

from configs.errors import StamkundeError
from configs.load import load
from configs.schema import Config, json_schema
from serving import console

if TYPE_CHECKING:
    from features.catalogue import Described
    from features.findings.finding import Finding
    from features.source import Tables
    from serving.record.ledger import Ledger
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
audit = typer.Typer(help="The record of every score given.", no_args_is_help=True)
app.add_typer(audit, name="audit")
keys = typer.Typer(help="Who may call the service, and for what.", no_args_is_help=True)
app.add_typer(keys, name="keys")

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="the customer base's YAML file", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="replace a value, such as churn.horizon=60d"),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
_DATE = typer.Option(
    formats=["%Y-%m-%d"], metavar="DATE", help="its first instant, local time, is excluded"
)
AsOf = Annotated[datetime, _DATE]
RejectsFile = Annotated[
    Path | None,
    typer.Option(
        "--rejects",
        dir_okay=False,
        help="set bad rows aside in this CSV file, not refuse the first",
    ),
]
ScoresPlace = Annotated[
    str,
    typer.Option(
        "--out",
        metavar="PLACE",
        help="a .parquet, .csv or .csv.gz file, replaced at once when all is scored; or a "
        "database, sqlite:///FILE or postgresql://USER@HOST/NAME, in whose table each customer "
        "has one row",
    ),
]
ScoresTable = Annotated[
    str | None, typer.Option("--table", help="the database's table; scores if none")
]
ChangedOnly = Annotated[
    bool,
    typer.Option(
        "--changed-only",
        help="write only rows whose answer is not as the place has it, or whose time "
        "(serving.valid_for) is half gone",
    ),
]
Since = Annotated[
    Path | None,
    typer.Option(
        "--since",
        dir_okay=False,
        help="the file of scores to compare with; what was written to PLACE before if none",
    ),
]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="remove the table's rows of customers no longer scored; else they stay, to be used "
        "until their valid_until",
    ),
]
FeaturesFile = Annotated[
    Path | None,
    typer.Option(
        "--features",
        dir_okay=False,
        exists=True,
        help="a file that stamkunde features --out wrote as of the same day; else they are built",
    ),
]
SOON = "a running service takes it up within seconds"

TaskName = Annotated[str, typer.Argument(metavar="TASK", help="churn, clv or segments")]


class CallError(StamkundeError, ValueError):
    """A command that asks for what is not there."""


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

    told = load(config, set_ or [])
    found = _examined(told, _loaded(told, rejects, count_duplicates=True))
    console.findings(found, as_json)
    if unfit(found):
        raise typer.Exit(2)


@app.command()
def features(
    config: ConfigFile,
    as_of: Annotated[datetime | None, _DATE] = None,
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

    if describe:
        console.described(_described(load(config, set_ or [])), as_json)
        return
    if as_of is None:
        raise CallError("features: say as of when: --as-of DATE, or --describe to list them")
    if out_ is None and not store:
        raise CallError("features: say where they go: --out FILE.parquet, --store, or both")
    told = load(config, set_ or [])
    tables = _loaded(told, rejects)
    rows = write(told, tables, as_of.date(), out_) if out_ else None
    if store:
        rows = _fill_store(told, tables, as_of.date())
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
    console.version(chosen, f"is the champion; {SOON}", as_json)


@app.command()
def rollback(
    task: TaskName, config: ConfigFile, set_: Overrides = None, as_json: AsJson = False
) -> None:
    """Make the champion before this one the champion again."""
    from serving.releases.promotion import rollback as back

    told = load(config, set_ or [])
    chosen = back(told, _tracker(told), _one_task(told, task), at=_now())
    console.version(chosen, f"is the champion again; {SOON}", as_json)


@app.command()
def models(config: ConfigFile, set_: Overrides = None, as_json: AsJson = False) -> None:
    """List every version of every task with its figures, its verdict, and who is champion."""
    from training.versions import listed

    told = load(config, set_ or [])
    tracker = _tracker(told)
    held = [each for task in told.tasks for each in tracker.versions(task)]
    console.versions([listed(tracker, each) for each in held], as_json)


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
    held = set_beside(told, lambda: _loaded(told, rejects), _tracker(told), name, (a, b))
    console.compared(held, as_json)


@app.command()
def package(
    config: ConfigFile,
    out_: Annotated[
        Path | None,
        typer.Option("--out", file_okay=False, help="a new folder, to build an image from"),
    ] = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Build a Bento of the champions and print its tag."""
    from serving.releases.package import export
    from serving.releases.package import package as build

    told = load(config, set_ or [])
    tag = build(told)
    if out_ is not None:
        export(told, tag, out_)
    console.show(
        {"tag": tag, "out": out_ and str(out_)},
        as_json,
        [tag] + ([f"build its image with: docker build {out_}"] if out_ else []),
    )


# Scores


@app.command()
def serve(
    config: ConfigFile,
    bento: Annotated[str | None, typer.Option(help="a Bento's tag; the champions if none")] = None,
    host: Annotated[str, typer.Option(help="loopback unless told otherwise")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 3000,
    set_: Overrides = None,
) -> None:
    """Serve scores over HTTP, until interrupted."""
    from serving.server import serve as become

    become(load(config, set_ or []), host, port, bento)


@app.command("client-example")
def client_example(
    config: ConfigFile,
    url: Annotated[str, typer.Option(help="the service's")] = "http://127.0.0.1:3000",
    language: Annotated[Literal["curl", "python"], typer.Option(help="of the program")] = "curl",
    customer: Annotated[str, typer.Option(help="whom to ask about by id")] = "1",
    as_of: Annotated[datetime | None, _DATE] = None,
    set_: Overrides = None,
) -> None:
    """Print a program that calls the service, in the names of the base's features and rows."""
    from serving.client_example.printed import printed

    told = load(config, set_ or [])
    day = datetime.now(UTC).date() if as_of is None else as_of.date()
    sys.stdout.write(printed(told, url.rstrip("/"), language, customer, day))


@app.command()
def score(
    config: ConfigFile,
    as_of: AsOf,
    out_: ScoresPlace,
    table: ScoresTable = None,
    changed_only: ChangedOnly = False,
    since: Since = None,
    prune: Prune = False,
    features_: FeaturesFile = None,
    rejects: RejectsFile = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Score the whole customer base in a batch, with reasons, on record."""
    from serving.batch.run import score_base
    from serving.destinations.place import destination_of
    from serving.destinations.stamp import Stamp
    from serving.releases.release import current

    told = load(config, set_ or [])
    release = current(told.var)
    stamp = Stamp(told.name, release.digest, as_of.date(), told.serving.valid_for)
    place = destination_of(out_, stamp, table, changed_only, since, prune)
    made = score_base(
        told,
        _loaded(told, rejects),
        release,
        as_of.date(),
        place,
        _now(),
        told.serving.reasons,
        told.serving.language,
        features_,
    )
    console.show(
        vars(made) | {"written": vars(made.written)},
        as_json,
        [
            f"{made.customers:,} customers as of {made.as_of} → {made.out}",
            *(f"  {line}" for line in made.written.lines(prune)),
            *(f"  {task}: {count:,} scored" for task, count in made.scored.items()),
            *(f"  {code}: {count:,}" for code, count in made.coded.items()),
            f"on record as batch {made.batch_id}",
        ],
    )


@app.command()
def report(
    config: ConfigFile,
    as_of: AsOf,
    out_: Annotated[
        Path | None,
        typer.Option("--out", dir_okay=False, help="the page; var/NAME/retention.html if none"),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="of the page: en or da; serving.language if none")
    ] = None,
    rejects: RejectsFile = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Write the figures of retention as a page, with JSON and Parquet of the same beside it."""
    from serving.report.job import write_report
    from training.progress import Reporter

    asked = [f"serving.language={language}"] if language else []
    told = load(config, [*(set_ or []), *asked])
    made = write_report(
        told,
        _loaded(told, rejects),
        as_of.date(),
        out_ or _retention_file(told),
        _now(),
        Reporter(),
    )
    console.reported(made, as_json)


@audit.command("show")
def audit_show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="of a score, BATCH/ROW or entry")],
    config: ConfigFile,
    set_: Overrides = None,
) -> None:
    """Print an entry of the record."""
    told = load(config, set_ or [])
    console.as_json(_ledger(told).get(entry_id).content)


@audit.command("verify")
def audit_verify(config: ConfigFile, set_: Overrides = None, as_json: AsJson = False) -> None:
    """Check the whole record, entry by entry; exit 1 if it is not whole."""
    found = _ledger(load(config, set_ or [])).verify()
    console.show(
        vars(found) | {"whole": found.whole},
        as_json,
        [
            f"{found.entries:,} entries and {found.batches_rows:,} rows of batches: "
            + ("whole" if found.whole else "NOT whole"),
            *found.faults,
        ],
    )
    if not found.whole:
        raise typer.Exit(1)


@audit.command("replay")
def audit_replay(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="of a score, or BATCH/ROW")],
    config: ConfigFile,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Compute a score again from the record and the bundles it names; exit 1 if it differs."""
    from serving.record.audit import replays_alike

    same = replays_alike(load(config, set_ or []), entry_id)
    said = "the same bytes" if same else "NOT the same: see the libraries the bundle was made with"
    console.show({"id": entry_id, "same": same}, as_json, [f"{entry_id}: {said}"])
    if not same:
        raise typer.Exit(1)


KeyId = Annotated[str, typer.Argument(metavar="ID", help="of a key; see: stamkunde keys list")]
Expires = Annotated[
    str | None, typer.Option(metavar="90d|DATE", help="when the key ends; never unless told")
]


@keys.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="who or what will call")],
    config: ConfigFile,
    scope: Annotated[
        list[str], typer.Option(help="score, read, audit or admin (all); may be given again")
    ],
    expires: Expires = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from serving.guard.key_changes import add

    told, now = load(config, set_ or []), _now()
    made, text = add(told, name, scope, now, _expiry(told, expires, now))
    console.key(made, text, as_json)


@keys.command("list")
def keys_list(config: ConfigFile, set_: Overrides = None, as_json: AsJson = False) -> None:
    """List the keys there are, and what became of each."""
    from serving.guard.keys import FILE, KeyStore

    now = _now()
    found = KeyStore(load(config, set_ or []).var / FILE).keys(now).values()
    console.keys(list(found), now, as_json)


@keys.command("rotate")
def keys_rotate(
    key_id: KeyId,
    config: ConfigFile,
    overlap: Annotated[
        str | None, typer.Option(metavar="7d", help="how long the old secret is still taken")
    ] = None,
    expires: Expires = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and print it, once; the old one ends now, or after --overlap."""
    from serving.guard.key_changes import rotate

    told, now = load(config, set_ or []), _now()
    lasts = timedelta(0) if overlap is None else _lasting(overlap)
    made, text = rotate(told, key_id, now, lasts, _expiry(told, expires, now))
    console.key(made, text, as_json)


@keys.command("revoke")
def keys_revoke(
    key_id: KeyId, config: ConfigFile, set_: Overrides = None, as_json: AsJson = False
) -> None:
    """End a key now, also in a service that runs."""
    from serving.guard.key_changes import revoke
    from serving.guard.keys import told as said

    ended = revoke(load(config, set_ or []), key_id, _now())
    console.show(said(ended), as_json, [f"{ended.id} ({ended.name}) is revoked"])


@app.command()
def schema() -> None:
    """Print the JSON Schema of a config, for editors."""
    console.as_json(json_schema())


@app.command()
def demo(config: ConfigFile, set_: Overrides = None) -> None:
    """Run the whole path on a customer base after a short search; say where to look next."""
    from features.check import unfit
    from features.source import first_and_last_day
    from serving.demo import TRIALS, serve_and_ask
    from serving.releases.package import package as build
    from serving.report.job import write_report
    from training.progress import Reporter

    told = load(config, [f"tuning.trials={TRIALS}", *(set_ or [])])
    say = Reporter(sys.stdout).say
    say(f"\n1 · Is the data of {told.name} fit for the job?")
    tables = _loaded(told, count_duplicates=True)
    found = _examined(told, tables)
    console.findings(found, False)
    if unfit(found):
        raise typer.Exit(2)
    searched = f"a short search of at most {told.tuning.trials} trials a task"
    say(f"\n2 · Train, after {searched}, and test on the later period")
    passed = [made.task for made in _train(told, "all", False, tables) if made.verdict.passed]
    say("\n3 · Promote what passed the gate")
    for task in passed:
        console.version(_promote(told, task), "is the champion", False)
    if not passed:
        raise typer.Exit(1)
    timeless = tables.snapshot is not None
    as_of = _now().date() if timeless else first_and_last_day(tables)[1] + timedelta(days=1)
    say(f"\n4 · Features of everybody as of {as_of}, and the champions as a Bento")
    say(f"{_fill_store(told, tables, as_of):,} customers in the store")
    tag = build(told)
    say(tag)
    say("\n5 · Score the base in a batch; ask the service for some of the same customers")
    serve_and_ask(told, tables, as_of, tag, _now(), say)
    say("\n6 · Report who stays, who leaves, and whom to call first")
    made = write_report(told, tables, as_of, _retention_file(told), _now(), Reporter(sys.stdout))
    console.reported(made, False)
    say("\nWhere to look next")
    for what, where in (
        ("the customers", str(_retention_file(told))),
        ("the models", str(_report_file(told))),
        ("MLflow's page", "make mlflow"),
        ("search longer", f".venv/bin/stamkunde train all --config {config}"),
        ("serve", f".venv/bin/stamkunde serve --config {config} --bento {tag}"),
        ("a key to call", f".venv/bin/stamkunde keys add ME --scope score --config {config}"),
        ("score", f".venv/bin/stamkunde score --config {config} --as-of {as_of} --out F.parquet"),
        ("audit", f".venv/bin/stamkunde audit verify --config {config}"),
    ):
        say(f"  {what:14} {where}")


# What commands have in common


def _now() -> datetime:
    return datetime.now(UTC)


def _lasting(text: str) -> timedelta:
    """Read a duration such as 90d."""
    from pydantic import TypeAdapter, ValidationError

    from configs.values import PositiveDuration

    try:
        return timedelta(days=TypeAdapter(PositiveDuration).validate_python(text))
    except ValidationError:
        raise CallError(f"{text!r}: must be a duration such as 90d or 13w") from None


def _expiry(config: Config, text: str | None, now: datetime) -> datetime | None:
    """Read when a key ends: so long from now, or at a day's first instant, local time."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return now + _lasting(text)
    return datetime.combine(day, time(), ZoneInfo(config.timezone))


def _tracker(config: Config) -> Tracker:
    from training.track import Tracker

    return Tracker(config)


def _ledger(config: Config) -> Ledger:
    from serving.settings import open_ledger

    return open_ledger(config.name, config.var)


def _one_task(config: Config, task: str) -> Task:
    if task not in config.tasks:
        raise CallError(
            f"{task}: no task of {config.name}; it has {', '.join(config.tasks)}"
            + ("" if task != "all" else "; name one at a time")
        )
    return task  # type: ignore[return-value]


def _loaded(config: Config, rejects: Path | None = None, count_duplicates: bool = False) -> Tables:
    """Load the base's tables, and say how many bad rows were set aside."""
    from features.source import load_tables

    tables = load_tables(config, rejects, count_duplicates)
    if rejects is not None:
        aside = sum(intake.rejects for intake in tables.intake.values())
        typer.echo(f"{aside:,} bad rows set aside → {rejects}", err=True)
    return tables


def _examined(config: Config, tables: Tables) -> list[Finding]:
    """Look at the tables, and whether a snapshot's attributes know the answer."""
    from features.check import check as examine
    from features.check import unfit

    found = examine(config, tables)
    if tables.snapshot is None or unfit(found):
        return found
    from training.leakage import findings  # it takes seconds that other bases spare

    return found + findings(config, tables)


def _described(config: Config) -> list[Described]:
    """Return the features of a base, then the columns that models learn."""
    from features.catalogue import Described, describe
    from training.learned import HISTORY, columns

    told = describe(config)
    if set(HISTORY) <= {each.column.name for each in told}:
        horizons = {getattr(task, "horizon", 0) for task in (config.churn, config.clv)}
        for horizon in sorted(horizons - {0}):
            told += [Described(column, "learned") for column in columns(horizon)]
    return told


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
    tables = tables or _loaded(config, rejects)
    if len(tasks) > 1:
        require_all(config, tables, tasks)  # before the first of them takes its minutes
    made = []
    for name in tasks:
        trained = run(config, name, now=_now(), tables=tables, reporter=Reporter())  # type: ignore[arg-type]
        made.append(trained)
        if not as_json:
            console.trained(trained.facts, trained.version.number, trained.bundle.digest)
            if child := trained.child:
                told = (child.facts["refit"]["said"], child.version.number, child.bundle.digest)
                console.refitted(*told, parent=trained.version.number)
    page = _report_file(config, task)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(report([(trained.facts, trained.figures) for trained in made]))
    if as_json:
        console.as_json([_told_of(trained) for trained in made])
    else:
        console.say(f"report: {page}")
    return made


def _told_of(trained: Trained) -> dict[str, Any]:
    """Return what JSON says of a training; a child's figures are those already said."""
    held = {**trained.facts, "version": trained.version.number}
    if child := trained.child:
        held["child"] = {**child.facts["refit"], "version": child.version.number}
    return held


def _report_file(config: Config, task: str = "all") -> Path:
    return config.var / ("report.html" if task == "all" else f"report-{task}.html")


def _retention_file(config: Config) -> Path:
    return config.var / "retention.html"


def _promote(
    config: Config, task: Task, version: int | None = None, force: str | None = None
) -> Version:
    from serving.releases.promotion import promote as move

    return move(config, _tracker(config), task, at=_now(), number=version, force=force)


def _fill_store(config: Config, tables: Tables, as_of: date) -> int:
    """Fill the feature store for the champions, or for the present schema if there are none."""
    from serving.batch.fill import fill_store
    from serving.releases.release import current, is_promoted
    from serving.settings import open_store

    release = current(config.var) if is_promoted(config.var) else None
    return fill_store(config, tables, release, as_of, open_store(config.var))


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
