"""The commands of keys: made, listed, given a new secret, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from configs.load import load
from configs.options import AsJson, CallError, ConfigFile, Overrides
from configs.schema import Config
from serving.commands import console

if TYPE_CHECKING:
    from serving.guard.keys import Key

app = typer.Typer(help="Who may call the service, and for what.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="ID", help="of a key; see: stamkunde keys list")]
Expires = Annotated[
    str | None, typer.Option(metavar="90d|DATE", help="when the key ends; never unless told")
]


@app.command("add")
def add(
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
    from serving.guard import key_changes

    told, now = load(config, set_ or []), datetime.now(UTC)
    made, text = key_changes.add(told, name, scope, now, _expiry(told, expires, now))
    _show(made, text, as_json)


@app.command("list")
def list_(config: ConfigFile, set_: Overrides = None, as_json: AsJson = False) -> None:
    """List the keys there are, and what became of each."""
    from serving.guard.keys import FILE, KeyStore

    now = datetime.now(UTC)
    found = KeyStore(load(config, set_ or []).var / FILE).keys(now).values()
    _list(list(found), now, as_json)


@app.command("rotate")
def rotate(
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
    from serving.guard import key_changes

    told, now = load(config, set_ or []), datetime.now(UTC)
    lasts = timedelta(0) if overlap is None else _lasting(overlap)
    made, text = key_changes.rotate(told, key_id, now, lasts, _expiry(told, expires, now))
    _show(made, text, as_json)


@app.command("revoke")
def revoke(
    key_id: KeyId, config: ConfigFile, set_: Overrides = None, as_json: AsJson = False
) -> None:
    """End a key now, also in a service that runs."""
    from serving.guard import key_changes
    from serving.guard.keys import told as said

    ended = key_changes.revoke(load(config, set_ or []), key_id, datetime.now(UTC))
    console.show(said(ended), as_json, [f"{ended.id} ({ended.name}) is revoked"])


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


def _show(made: Key, text: str, json_wanted: bool) -> None:
    """Print a key, which nobody can print again."""
    from serving.guard.keys import told

    console.show(
        {**told(made), "key": text},
        json_wanted,
        [
            text,
            f"{made.id} ({made.name}; {', '.join(made.scopes)}; {_ending(made)}); keep it now, "
            "for it is not shown again",
        ],
    )


def _list(held: Sequence[Key], now: datetime, json_wanted: bool) -> None:
    """Print the keys there are, without what they are known by."""
    from serving.guard.keys import told

    if json_wanted:
        console.as_json([{**told(each), "valid": each.is_valid(now)} for each in held])
    elif not held:
        console.say(
            "no keys: the service answers its own machine alone; make one: stamkunde keys add"
        )
    else:
        console.table(
            ("id", "name", "scopes", "made (UTC)", "rotated", "", ""),
            (
                (
                    each.id,
                    each.name,
                    ", ".join(each.scopes),
                    _minute(each.made_at),
                    _minute(each.rotated_at) if each.rotated_at else "",
                    _ending(each),
                    "valid" if each.is_valid(now) else "NOT valid",
                )
                for each in held
            ),
        )


def _ending(key: Key) -> str:
    if key.revoked_at is not None:
        return f"revoked {_minute(key.revoked_at)}"
    if key.expires_at is not None:
        return f"expires {_minute(key.expires_at)} UTC"
    return "never expires"


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
