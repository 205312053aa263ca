"""Whether the champion can be measured on a run's test rows, and as which contender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from configs.errors import StamkundeError
from configs.load import dump
from configs.schema import Config
from training.baselines import Contender
from training.bundle import Bundle, load
from training.model import Model, Task
from training.split import Split
from training.track import Tracker, Version

NAME = "champion"
NONE_YET = "There is no champion yet."
_ASKED = ("kind", "horizon", "value", "test_share", "fold")
"""What of a task's section says which question is asked, and of whom by chance."""


def sitting(
    config: Config, task: Task, data: Split, candidate: Model, fingerprint: str
) -> Contender | str:
    """Return the champion of a task as a contender, or why it is none, in a sentence.

    For a champion that was refitted on outcomes of the test, its parent stands.
    """
    tracker = Tracker(config)
    version = next((held for held in tracker.versions(task) if held.champion), None)
    if version is None:
        return NONE_YET
    found = _as_contender(tracker, version, config, task, data, candidate, fingerprint)
    if isinstance(found, str) and version.parent is not None:
        version = tracker.choose(task, version.parent)
        found = _as_contender(tracker, version, config, task, data, candidate, fingerprint)
    if isinstance(found, str):
        return f"The champion, version {version.number}, could not be compared: {found}."
    return replace(found, label=f"{found.label}, version {version.number}")


def _as_contender(
    tracker: Tracker,
    version: Version,
    config: Config,
    task: Task,
    data: Split,
    candidate: Model,
    fingerprint: str,
) -> Contender | str:
    try:
        held = load(tracker.bundle_folder(version))
    except StamkundeError as error:
        return str(error)
    return contender(held, config, task, data, candidate, fingerprint)


def before(config: Config) -> Bundle | None:
    """Return the segments before these: the champion's, or else the latest that passed.

    None where there are none, or they can no longer be read.
    """
    tracker = Tracker(config)
    passed = [version for version in tracker.versions("segments") if version.passed]
    for version in sorted(passed, key=lambda held: (held.champion, held.number), reverse=True)[:1]:
        try:
            return load(tracker.bundle_folder(version))
        except StamkundeError:
            return None
    return None


def contender(
    bundle: Bundle, config: Config, task: Task, data: Split, candidate: Model, fingerprint: str
) -> Contender | str:
    """Return the champion as a contender on the same test rows, or why it cannot be one.

    It must take the same inputs, answer the same question, and have learned from nothing that it
    is now tested on.

    Parameters
    ----------
    bundle : Bundle
        The champion's.
    config : Config
    task : {"churn", "clv"}
    data : Split
        Whose test rows it is to predict.
    candidate : Model
        What it is to stand beside.
    fingerprint : str
        Of the data.
    """
    told = bundle.manifest
    if bundle.model.inputs.digest != candidate.inputs.digest:
        return "its inputs are others than those built now"
    if _question(told["config"], task) != _question(dump(config), task):
        return "it answers another question: the task's section of the config differs"
    if data.cutoffs is None:
        known = (told["data"]["fingerprint"], told["config"]["seed"])
        if told.get("refit_of"):
            return "it was refitted on all rows, those that are tested on among them"
        if known != (fingerprint, config.seed):
            return "it may have learned from these rows: it was split by other data or seed"
    elif _last_outcome(told["cutoffs"]) > data.cutoffs.test:
        return f"it learned from outcomes after {data.cutoffs.test}, which it would be tested on"
    return Contender(bundle.model, "champion", "The champion", alias=NAME)


def _question(config: Mapping[str, Any], task: Task) -> dict[str, Any]:
    asked = {key: (config.get(task) or {}).get(key) for key in _ASKED}
    return {**asked, "gap": config["timeline"]["gap"]}


def _last_outcome(cutoffs: Mapping[str, Any]) -> date:
    """Return the day after the last that a bundle's outcomes for learning lie on."""
    last = max(date.fromisoformat(day) for day in cutoffs["fit"])
    ahead = cutoffs.get("learns_days", cutoffs["horizon_days"])
    return last + timedelta(days=cutoffs["gap_days"] + ahead)
