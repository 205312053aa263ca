"""What a user may say to several commands, with the one help text that each shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from configs.errors import StamkundeError

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
AsOfIfGiven = Annotated[datetime | None, _DATE]
RejectsFile = Annotated[
    Path | None,
    typer.Option(
        "--rejects",
        dir_okay=False,
        help="set bad rows aside in this CSV file, not refuse the first",
    ),
]


class CallError(StamkundeError, ValueError):
    """A command that asks for what is not there."""
