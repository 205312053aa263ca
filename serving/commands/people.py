"""The commands of one person: all that is held of them, and how they are forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from configs.load import load
from configs.options import AsJson, CallError, ConfigFile, Overrides
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
    _require_id(customer)
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

    told = load(config, set_ or [])
    _require_id(customer)
    held = held_of(told, customer)
    if out is None:
        console.as_json(held)
    else:
        console.write_json(out, held)
        console.say(f"all that is held → {out}")


def _require_id(customer: str) -> None:
    """Refuse what nobody is called; an unset variable of a script must forget nobody."""
    if not customer.strip():
        raise CallError("CUSTOMER: is empty; give the customer's id")
    if not customer.isprintable():  # the id itself is not repeated: it may be a person's
        raise CallError(
            "CUSTOMER: holds characters that cannot be printed; give the customer's id alone"
        )
