"""The commands of the record: an entry shown, all of it verified, a score computed again."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from configs.load import load
from configs.options import AsJson, CallError, ConfigFile, Overrides
from configs.schema import Config
from serving.commands import console

if TYPE_CHECKING:
    from serving.record.ledger import Ledger

app = typer.Typer(help="The record of every score given.", no_args_is_help=True)


@app.command("show")
def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="of a score, BATCH/ROW or entry")],
    config: ConfigFile,
    set_: Overrides = None,
) -> None:
    """Print an entry of the record."""
    told = load(config, set_ or [])
    entry = _ledger(told).get(entry_id)
    console.as_json(entry.content if entry.kind == "row" else entry.content | {"body": entry.body})


@app.command("verify")
def verify(
    config: ConfigFile,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="PLACE", help="a checkpoint, or a folder of them, to hold it against"),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="who must have signed it; checkpoint.pub unless given"),
    ] = None,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole record, entry by entry; exit 1 if it is not whole."""
    from serving.record import checkpoint as checkpoints
    from serving.record.note import public_key as read_key
    from serving.settings import checkpoint_key

    told = load(config, set_ or [])
    held: list[checkpoints.Checkpoint] = []
    broken: list[str] = []
    if checkpoint is not None:
        key = read_key(public_key) if public_key else checkpoint_key(told.var)
        held, broken = checkpoints.trusted(checkpoints.read(checkpoint, told.name), told.name, key)
    with console.progress("entries") as done:
        found = _ledger(told).verify(done, held)
    faults = (*broken, *found.faults)
    have = "checkpoint has" if len(held) == 1 else "checkpoints have"
    against = f", and as {len(held):,} {have} it" if held else ""
    console.show(
        vars(found) | {"faults": faults, "checkpoints": len(held), "whole": not faults},
        as_json,
        [
            f"{found.entries:,} entries and {found.batches_rows:,} rows of batches: "
            + ("NOT whole" if faults else f"whole{against}"),
            *faults,
        ],
    )
    if faults:
        raise typer.Exit(1)


@app.command("checkpoint")
def checkpoint(
    config: ConfigFile,
    to: Annotated[Path, typer.Option(metavar="PLACE", help="a file, or a folder of checkpoints")],
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Sign what the record is now; keep it where nobody who can write to the record can."""
    from serving.record import checkpoint as checkpoints
    from serving.settings import open_signer

    told = load(config, set_ or [])
    signer, head = open_signer(told.name, told.var), _ledger(told).head()
    made = checkpoints.made(told.name, head, signer, datetime.now(UTC))
    file = checkpoints.write(made, to)
    console.show(
        {"file": file, "entries": made.size, "root": made.root.hex(), "at": made.at},
        as_json,
        [f"{made.size:,} entries, root {made.root.hex()} → {file}"],
    )


@app.command("prove")
def prove(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="of a score, BATCH/ROW or entry")],
    config: ConfigFile,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="by which checkpoint, or the latest of a folder"),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="where the proof goes")] = None,
    set_: Overrides = None,
) -> None:
    """Prove that an entry is in the record, to whoever holds a checkpoint."""
    from serving.record import checkpoint as checkpoints
    from serving.record.note import NoteError
    from serving.record.proof import proof
    from serving.settings import open_signer

    told = load(config, set_ or [])
    ledger = _ledger(told)
    if checkpoint is not None:
        *_, note = checkpoints.read(checkpoint, told.name).values()  # of a folder, the latest
        try:
            held = checkpoints.parsed(note)
        except NoteError as error:
            raise NoteError(f"{checkpoint}: {error}") from None
    else:
        signer = open_signer(told.name, told.var)
        held = checkpoints.made(told.name, ledger.head(), signer, datetime.now(UTC))
    proven = proof(ledger, entry_id, held)
    if out is None:
        console.as_json(proven)
    else:
        out.write_text(json.dumps(proven, indent=1) + "\n")


@app.command("proof-script")
def proof_script() -> None:
    """Print the script that verifies a proof with nothing but Python."""
    from serving.record.proof import SCRIPT

    sys.stdout.write(SCRIPT.read_text())


@app.command("migrate")
def migrate(config: ConfigFile, set_: Overrides = None, as_json: AsJson = False) -> None:
    """Bring the record to the present version of its schema, as its first use does by itself."""
    ledger = _ledger(load(config, set_ or []))
    before, now = ledger.migrate()
    size = ledger.head().size
    said = f"brought from version {before} to {now}" if before != now else f"in version {now}"
    console.show(
        {"before": before, "version": now, "entries": size}, as_json, [f"{size:,} entries, {said}"]
    )


@app.command("replay")
def replay(
    config: ConfigFile,
    entry_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="of a score, or BATCH/ROW")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="so many scores, drawn by lot, instead")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the lot: the same seed draws the same scores")] = 1,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Compute scores again from the record and the bundles it names; exit 1 if one differs."""
    from serving.commands import replays
    from serving.record.replaying import kept_bundles, replay_sample, replayed
    from training.progress import Reporter

    if (entry_id is None) == (sample is None):
        raise CallError("audit replay: say which score, by its ID, or how many: --sample N")
    told = load(config, set_ or [])
    bundle_of = kept_bundles(told.var)
    if entry_id is not None:
        found = replayed(_ledger(told).get(entry_id), bundle_of)
        replays.show_one(found, as_json)
        same = found.same
    else:
        drawn = replay_sample(_ledger(told), bundle_of, sample or 0, seed, Reporter())
        replays.show_sample(drawn, as_json)
        same = not drawn.others
    if not same:
        raise typer.Exit(1)


@app.command("reindex")
def reindex(config: ConfigFile, set_: Overrides = None, as_json: AsJson = False) -> None:
    """Make the index by which scores are found anew, from the record."""
    from serving.settings import open_index

    told = load(config, set_ or [])
    index = open_index(told.name, told.var)
    index.clear()
    index.catch_up(_ledger(told))
    count = index.count()
    console.show({"scores": count}, as_json, [f"{count:,} scores in the index"])


def _ledger(config: Config) -> Ledger:
    from serving.settings import open_ledger

    return open_ledger(config.name, config.var)
