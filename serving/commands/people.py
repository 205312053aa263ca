"""The commands of one person: all that is held of them, and how they are forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from configs.load import load
from configs.options import AsJson, ConfigFile, Overrides
from serving.commands import console

Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="the customer's id")]


def erase(
    customer: Customer,
    config: ConfigFile,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask whether it is meant")] = False,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Forget a customer: remove all that is held, destroy their key, and give a receipt."""
    from serving.people.erasure import erase as forget

    told = load(config, set_ or [])
    if not yes:
        typer.confirm(f"Forget this customer of {told.name} for good?", abort=True, err=True)
    receipt = forget(told, customer, datetime.now(UTC))
    console.show(vars(receipt), as_json, receipt.lines())


def subject(
    customer: Customer,
    config: ConfigFile,
    out: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="the JSON file to write")
    ] = None,
    set_: Overrides = None,
) -> None:
    """Export all that is held of a customer, as JSON."""
    from serving.people.subject import subject as held_of

    held = held_of(load(config, set_ or []), customer)
    if out is None:
        console.as_json(held)
    else:
        console.write_json(out, held)
        console.say(f"all that is held → {out}")
