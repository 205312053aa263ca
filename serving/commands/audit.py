"""The commands of the record: an entry shown, all of it verified, a score computed again."""

from __future__ import annotations

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
    console.as_json(_ledger(told).get(entry_id).content)


@app.command("verify")
def verify(config: ConfigFile, set_: Overrides = None, as_json: AsJson = False) -> None:
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
