"""The commands that keep the record: a backup, what is restored of it, what time lets go."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from configs.load import load
from configs.options import AsJson, ConfigFile, Overrides
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
