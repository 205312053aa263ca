"""What commands show of models: trained, listed, set side by side, made champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from serving.commands import console

if TYPE_CHECKING:
    from training.registration import Trained


def version(held: Any, said: str, json_wanted: bool) -> None:
    """Print one version of a model."""
    line = f"{held.task}: version {held.number} ({held.model}; {held.metric}) {said}"
    if held.parent is not None:
        line += f"; it is version {held.parent} refitted on all that was known"
    console.show(vars(held), json_wanted, [line])


def versions(held: Sequence[Any], json_wanted: bool) -> None:
    """Print every version of a base's models, with its figure beside the best baseline's."""
    if json_wanted:
        console.as_json([each.to_dict() for each in held])
    elif not held:
        console.say("no versions yet; run: stamkunde train all")
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
        console.table((*columns, "bundle", ""), (_listed(each) for each in held))


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
        console.as_json(held.to_dict())
        return
    one, other = f"version {held.a.number}", f"version {held.b.number}"
    console.say(f"{held.task}, {held.customers:,} customers at {held.at}")
    console.table(
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
    console.say(
        f"\n{held.changed:,} of {held.customers:,} customers would change band "
        f"(middle from {low:.4g}, high from {high:.4g})"
    )
    names = ("low", "middle", "high")
    console.table(
        (f"{one} ↓  {other} →", *names),
        (
            (name, *(f"{count:,}" for count in row))
            for name, row in zip(names, held.moves, strict=True)
        ),
    )
    for warning in held.warnings:
        console.say(f"note: {warning}")


def _signed(held: Any) -> str:
    return f"{held.estimate:+.4f} ({held.low:+.4f} to {held.high:+.4f})"


def trained(held: Trained) -> None:
    """Print a training's comparison, verdict and version; and what it was refitted on, if so."""
    _judged(held.facts)
    console.say(f"version {held.version.number}, bundle {held.bundle.digest[:12]}…\n")
    if child := held.child:
        console.say(child.facts["refit"]["said"])
        console.say(
            f"version {child.version.number}, refit of version {held.version.number}, "
            f"bundle {child.bundle.digest[:12]}…\n"
        )


def told(held: Trained) -> dict[str, Any]:
    """Return what JSON says of a training; a child's figures are those already said."""
    said = {**held.facts, "version": held.version.number}
    if child := held.child:
        said["child"] = {**child.facts["refit"], "version": child.version.number}
    return said


def _judged(facts: Mapping[str, Any]) -> None:
    """Print the comparison with the baselines, and the verdict."""
    console.say(f"\n{facts['question']}")
    names = [model["name"] for model in facts["models"]]
    console.table(
        ("", *(f"{model['label']} ({model['role']})" for model in facts["models"])),
        (
            [row["label"], *(_figure(row["values"][name]) for name in names)]
            for row in facts["metrics"]
        ),
    )
    for way in facts.get("ways", []):
        console.say(f"{way['label']} ({way['way']}):")
        for segment in way["segments"]:
            console.say(
                f"  {segment['customers']:,} customers ({segment['share']:.0%}): {segment['name']}"
            )
        for change in way["changes"]:
            console.say(f"  since the version before: {change}")
    verdict = facts["verdict"]
    console.say(f"{'passed' if verdict['passed'] else 'REFUSED'}: {' '.join(verdict['reasons'])}")
    for warning in facts["warnings"]:
        console.say(f"note: {warning}")


def _figure(held: Mapping[str, float | None]) -> str:
    value, low, high = held["value"], held.get("low"), held.get("high")
    if value is None:
        return "–"
    return f"{value:.4g}" + (f" ({low:.4g} to {high:.4g})" if low is not None else "")
