"""The commands that keep the record: a backup, what is restored of it, what time lets go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from configs.load import load
from configs.options import AsJson, CallError, ConfigFile, Overrides
from configs.schema import Config
from serving.commands import console

app = typer.Typer()


@app.command("backup")
def backup(
    config: ConfigFile,
    to: Annotated[Path, typer.Option("--to", help="an empty folder, made if need be")],
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Copy the record, its bundles and secrets into a folder; the service may run meanwhile."""
    from serving.settings import open_ledger
    from serving.upkeep.backup import back_up

    told = load(config, set_ or [])
    ledger = open_ledger(told.name, told.var)
    made = back_up(ledger.database, told.name, told.var, to, datetime.now(UTC))
    console.show(
        vars(made) | {"files": len(made.files), "bytes": made.bytes},
        as_json,
        [
            f"{to}: {made.rows.get('ledger', 0):,} entries of {told.name} in {len(made.files):,} "
            f"files, {made.bytes / 1e6:,.1f} MB",
            "it holds the record's secrets: keep it as safe as the record",
        ],
    )


@app.command("restore")
def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="of a backup")],
    config: ConfigFile,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Bring a backup to where there is no record, verify it; exit 1 if it is not whole."""
    from serving.settings import open_ledger
    from serving.upkeep.restore import restore as restored_from

    told = load(config, set_ or [])
    made = restored_from(open_ledger(told.name, told.var), folder, told.var, datetime.now(UTC))
    found = made.found
    console.show(
        vars(found) | {"whole": found.whole, "made_at": made.backup.at},
        as_json,
        [
            f"the record of {told.name} as it was on {made.backup.at}: {found.entries:,} entries, "
            + ("whole" if found.whole else "NOT whole"),
            *found.faults,
            "erasures made since that backup are not in it: make them again",
        ],
    )
    if not found.whole:
        raise typer.Exit(1)


@app.command("retire")
def retire(
    config: ConfigFile,
    before: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="a day; by serving.record_for unless given"),
    ] = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Let go of what scores of long ago say; their hashes stay, and the record whole."""
    from serving.settings import open_index, open_ledger
    from serving.upkeep.retention import retire as let_go

    told, now = load(config, set_ or []), datetime.now(UTC)
    limit = _limit(told, before, now)
    found = let_go(open_ledger(told.name, told.var), limit, now)
    if found.is_any:
        open_index(told.name, told.var).clear()  # which is made anew without them
    console.show(
        vars(found),
        as_json,
        [
            f"what {found.scores:,} scores, {len(found.calls):,} calls of many customers and "
            f"{len(found.batches):,} batches from before {found.before[:10]} say is gone for good; "
            "the record stays whole without it"
        ],
    )


def _limit(told: Config, before: datetime | None, now: datetime) -> datetime:
    if before is not None:
        limit = before.replace(tzinfo=ZoneInfo(told.timezone))
        if limit > now:  # a slip of the keys in a year, and nothing of the record would be left
            raise CallError(
                f"--before {before.date()}: has not come yet, and all that is on record would go; "
                "give a day that has passed"
            )
        return limit
    if told.serving.record_for is not None:
        return now - timedelta(days=told.serving.record_for)
    raise CallError(
        "how long the record is kept is not said: set serving.record_for in the config, or give "
        "--before DAY"
    )
