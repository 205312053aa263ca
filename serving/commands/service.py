"""The commands of the service: packaged, run, and called by an example."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from configs.load import load
from configs.options import AsJson, AsOfIfGiven, ConfigFile, Overrides
from serving.commands import console


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


def client_example(
    config: ConfigFile,
    url: Annotated[str, typer.Option(help="the service's")] = "http://127.0.0.1:3000",
    language: Annotated[Literal["curl", "python"], typer.Option(help="of the program")] = "curl",
    customer: Annotated[str, typer.Option(help="whom to ask about by id")] = "1",
    as_of: AsOfIfGiven = None,
    set_: Overrides = None,
) -> None:
    """Print a program that calls the service, in the names of the base's features and rows."""
    from serving.client_example.printed import printed

    told = load(config, set_ or [])
    day = datetime.now(UTC).date() if as_of is None else as_of.date()
    sys.stdout.write(printed(told, url.rstrip("/"), language, customer, day))
