"""What commands show on a terminal, or print as JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from features.findings.finding import Finding

if TYPE_CHECKING:
    from features.catalogue import Described
    from serving.guard.keys import Key

_MARKS = {"fine": "ok", "look": "look", "stop": "STOP"}


def say(text: str) -> None:
    """Print a line."""
    Console(highlight=False).print(text, markup=False, soft_wrap=True)


def as_json(held: Any) -> None:
    """Print data as JSON."""
    sys.stdout.write(json.dumps(held, indent=1, default=str, ensure_ascii=False) + "\n")


def show(held: Mapping[str, Any], json_wanted: bool, lines: Iterable[str]) -> None:
    """Print data as JSON, or what is said of it in lines."""
    if json_wanted:
        as_json(dict(held))
    else:
        for line in lines:
            say(line)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, as wide as it needs where it is not read on a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=240)
    drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn, markup=False)


def findings(found: Sequence[Finding], json_wanted: bool) -> None:
    """Print what was found in the data."""
    if json_wanted:
        as_json([vars(finding) for finding in found])
    else:
        table(
            ("", "", "found", "what to do"),
            ((_MARKS[each.level], each.what, each.found, each.step) for each in found),
        )


def described(features: Sequence[Described], json_wanted: bool) -> None:
    """Print what is said of each feature."""
    if json_wanted:
        said = ("name", "unit", "label", "label_da", "actionable", "idea", "as_of_today")
        as_json(
            [
                {name: getattr(each.column, name) for name in said}
                | {"window": each.window, "table": each.table}
                for each in features
            ]
        )
        return
    table(
        ("name", "unit", "window", "idea", "from", "act", "in English", "in Danish"),
        (
            (
                each.column.name,
                each.column.unit,
                f"{each.window}d" if each.window else "",
                each.column.idea,
                each.table,
                "yes" if each.column.actionable else "",
                each.column.label,
                each.column.label_da,
            )
            for each in features
        ),
    )
    say(f"{len(features)} features")


def key(made: Key, text: str, json_wanted: bool) -> None:
    """Print a key, which nobody can print again."""
    from serving.guard.keys import told

    show(
        {**told(made), "key": text},
        json_wanted,
        [
            text,
            f"{made.id} ({made.name}; {', '.join(made.scopes)}; {_ending(made)}); keep it now, "
            "for it is not shown again",
        ],
    )


def keys(held: Sequence[Key], now: datetime, json_wanted: bool) -> None:
    """Print the keys there are, without what they are known by."""
    from serving.guard.keys import told

    if json_wanted:
        as_json([{**told(each), "valid": each.is_valid(now)} for each in held])
    elif not held:
        say("no keys: the service answers its own machine alone; make one: stamkunde keys add")
    else:
        table(
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


def version(held: Any, said: str, json_wanted: bool) -> None:
    """Print one version of a model."""
    line = f"{held.task}: version {held.number} ({held.model}; {held.metric}) {said}"
    if held.parent is not None:
        line += f"; it is version {held.parent} refitted on all that was known"
    show(vars(held), json_wanted, [line])


def versions(held: Sequence[Any], json_wanted: bool) -> None:
    """Print every version of a base's models, with its figure beside the best baseline's."""
    if json_wanted:
        as_json([each.to_dict() for each in held])
    elif not held:
        say("no versions yet; run: stamkunde train all")
    else:
        columns = (
            "task",
            "version",
            "model",
            "verdict",
            "figure",
            "",
            "best of the others",
            "made",
        )
        table((*columns, "bundle", ""), (_listed(each) for each in held))


def _listed(held: Any) -> tuple[str, ...]:
    version = held.version
    figure = {"value": held.value, "low": held.low, "high": held.high}
    other = f"{held.baseline} {held.baseline_value:.4g}" if held.baseline_value is not None else ""
    return (
        version.task,
        str(version.number),
        version.model,
        "passed" if version.passed else "refused",
        held.metric,
        _figure(figure),
        other,
        version.made_at[:16].replace("T", " "),
        version.digest[:12],
        _standing(version),
    )


def _standing(version: Any) -> str:
    told = ["champion"] if version.champion else []
    if version.parent is not None:
        told.append(f"refit of {version.parent}, figures an estimate")
    return "; ".join(told)


def compared(held: Any, json_wanted: bool) -> None:
    """Print two versions side by side, and how many customers would change band."""
    if json_wanted:
        as_json(held.to_dict())
        return
    one, other = f"version {held.a.number}", f"version {held.b.number}"
    say(f"{held.task}, {held.customers:,} customers at {held.at}")
    table(
        ("", one, other, f"{other} less {one} (95 % interval)", f"{other} is"),
        (
            (
                each.metric.label,
                f"{each.a:.4g}",
                f"{each.b:.4g}",
                _signed(each.difference),
                each.said,
            )
            for each in held.measured
        ),
    )
    low, high = held.edges
    say(
        f"\n{held.changed:,} of {held.customers:,} customers would change band "
        f"(middle from {low:.4g}, high from {high:.4g})"
    )
    names = ("low", "middle", "high")
    table(
        (f"{one} ↓  {other} →", *names),
        (
            (name, *(f"{count:,}" for count in row))
            for name, row in zip(names, held.moves, strict=True)
        ),
    )
    for warning in held.warnings:
        say(f"note: {warning}")


def _signed(held: Any) -> str:
    return f"{held.estimate:+.4f} ({held.low:+.4f} to {held.high:+.4f})"


def reported(held: Any, json_wanted: bool) -> None:
    """Print where a report was put, and what it says first."""
    from serving.report.headline import first  # it takes time that other commands spare
    from serving.report.words import Words

    report, english = held.report, Words("en", held.report.currency)
    places = {"page": str(held.page), "json": str(held.json), "parquet": str(held.parquet)}
    told = first(report, english)
    said = {"base": report.base, "as_of": str(report.as_of)}
    show(
        {**said, **places, **told, "tiles": [vars(tile) for tile in told["tiles"]]},
        json_wanted,
        [
            *told["sentences"],
            *(f"note: {caution}" for caution in told["cautions"]),
            *(f"  {name}: {place}" for name, place in places.items()),
        ],
    )


def trained(facts: Mapping[str, Any], number: int, digest: str) -> None:
    """Print the comparison with the baselines, the verdict, and the version it became."""
    say(f"\n{facts['question']}")
    names = [model["name"] for model in facts["models"]]
    table(
        ("", *(f"{model['label']} ({model['role']})" for model in facts["models"])),
        (
            [row["label"], *(_figure(row["values"][name]) for name in names)]
            for row in facts["metrics"]
        ),
    )
    for way in facts.get("ways", []):
        say(f"{way['label']} ({way['way']}):")
        for segment in way["segments"]:
            say(f"  {segment['customers']:,} customers ({segment['share']:.0%}): {segment['name']}")
        for change in way["changes"]:
            say(f"  since the version before: {change}")
    verdict = facts["verdict"]
    say(f"{'passed' if verdict['passed'] else 'REFUSED'}: {' '.join(verdict['reasons'])}")
    for warning in facts["warnings"]:
        say(f"note: {warning}")
    say(f"version {number}, bundle {digest[:12]}…\n")


def refitted(said: str, number: int, digest: str, parent: int) -> None:
    """Print what a version was refitted on, and the version it became."""
    say(said)
    say(f"version {number}, refit of version {parent}, bundle {digest[:12]}…\n")


def _figure(held: Mapping[str, float | None]) -> str:
    value, low, high = held["value"], held.get("low"), held.get("high")
    if value is None:
        return "–"
    return f"{value:.4g}" + (f" ({low:.4g} to {high:.4g})" if low is not None else "")
