"""The commands of a whole base: its scores in a batch, and its retention as a page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from configs.load import load
from configs.options import AsJson, AsOf, ConfigFile, Overrides, RejectsFile
from configs.schema import Config
from serving.commands import console
from serving.commands.base import loaded

if TYPE_CHECKING:
    from serving.report.job import Written

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
    from serving.people import places
    from serving.releases.release import current

    told = load(config, set_ or [])
    release = current(told.var)
    stamp = Stamp(told.name, release.digest, as_of.date(), told.serving.valid_for)
    place = destination_of(out_, stamp, table, changed_only, since, prune)
    places.note(told.var, "scores", place.told)
    made = score_base(
        told,
        loaded(told, rejects),
        release,
        as_of.date(),
        place,
        datetime.now(UTC),
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
            *(f"  {count:,} left out: {code}" for code, count in made.left_out.items()),
            f"on record as batch {made.batch_id}",
        ],
    )


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
    from serving.people import places
    from serving.report.job import write_report
    from training.progress import Reporter

    asked = [f"serving.language={language}"] if language else []
    told = load(config, [*(set_ or []), *asked])
    page = out_ or retention_file(told)
    places.note(told.var, "report", str(page))
    made = write_report(
        told,
        loaded(told, rejects),
        as_of.date(),
        page,
        datetime.now(UTC),
        Reporter(),
    )
    show_report(made, as_json)


def retention_file(config: Config) -> Path:
    """Return where the report of retention lies unless told otherwise."""
    return config.var / "retention.html"


def show_report(held: Written, json_wanted: bool) -> None:
    """Print where a report was put, and what it says first."""
    from serving.report.headline import first  # it takes time that other commands spare
    from serving.report.words import Words

    report, english = held.report, Words("en", held.report.currency)
    places = {"page": str(held.page), "json": str(held.json), "parquet": str(held.parquet)}
    told = first(report, english)
    said = {"base": report.base, "as_of": str(report.as_of)}
    console.show(
        {**said, **places, **told, "tiles": [vars(tile) for tile in told["tiles"]]},
        json_wanted,
        [
            *told["sentences"],
            *(f"note: {caution}" for caution in told["cautions"]),
            *(f"  {name}: {place}" for name, place in places.items()),
        ],
    )
