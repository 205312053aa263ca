"""What came of a run: its bundle written, logged in MLflow, and registered as a version."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import pandas as pd
from matplotlib.figure import Figure

from configs.load import dump
from configs.schema import Config
from training import bundle as bundles
from training import card_tables, examples
from training.bundle import Bundle
from training.card import card
from training.facts import Origin
from training.gate import Verdict
from training.model import Model, Task
from training.scores import distribution
from training.segmenters.segmenter import Worth
from training.track import Tracker, Trial, Version
from training.tune import over


@dataclass(frozen=True)
class Trained:
    """What a run made.

    Parameters
    ----------
    task : str
    bundle : Bundle
        As it lies under ``var/runs``.
    version : Version
        As it was registered.
    verdict : Verdict
    facts : dict
        What the card says.
    figures : dict of str to Figure
        What the card shows.
    child : Trained, optional
        The same fitted on all that is known by now, where the config asks for it.
    """

    task: Task
    bundle: Bundle
    version: Version
    verdict: Verdict
    facts: dict[str, Any]
    figures: dict[str, Figure]
    child: Trained | None = None


@dataclass(frozen=True)
class Result:
    """A model that stands for its run, with what is said and shown of it.

    Parameters
    ----------
    model : Model
    verdict : Verdict
    facts : dict
        What the card says.
    figures : dict of str to Figure
        What the card shows.
    matrix : ndarray, shape (rows, features)
        What it was fitted on.
    metrics : dict of str to float
        By contender and metric.
    settings : dict
    study : optuna.Study, optional
        None where nothing was searched.
    metric : str
        The deciding metric's figure, in words.
    predictions : DataFrame
        Of each customer reported on.
    cutoffs : dict
        Of what it was fitted on and is reported on, for the manifest.
    served : ndarray, shape (rows,), optional
        What it serves the rows that are reported on; None of segments.
    learned_from : sequence of str
        The customers it was fitted on; some come several times.
    """

    model: Model
    verdict: Verdict
    facts: dict[str, Any]
    figures: dict[str, Figure]
    matrix: np.ndarray
    metrics: dict[str, float]
    settings: dict[str, Any]
    study: optuna.Study | None
    metric: str
    predictions: pd.DataFrame
    cutoffs: dict[str, Any]
    served: np.ndarray | None = None
    learned_from: Sequence[str] = ()


def registered(
    config: Config, result: Result, origin: Origin, parent: Trained | None = None
) -> Trained:
    """Write a run's bundle, log it in MLflow and register it; return what came of it.

    Parameters
    ----------
    config : Config
    result : Result
    origin : Origin
    parent : Trained, optional
        What was refitted: its trials and plots are its own run's, and are not logged again.

    Raises
    ------
    BundleError
        If the bundle does not predict what the model does.
    """
    made = _bundle(config, result, origin, parent)
    study = result.study
    trials = [] if parent or not study else [Trial.of(trial) for trial in over(study)]
    version = Tracker(config).log(
        made,
        params=result.settings,
        metrics=result.metrics,
        lineage={**origin.lineage, **result.verdict.tags},
        figures={} if parent else result.figures,
        study=study.study_name if study else None,
        trials=trials,
        metric=result.metric,
        texts=_texts(result.facts),
        parent=parent.version if parent else None,
    )
    return Trained(made.model.task, made, version, result.verdict, result.facts, result.figures)


def _bundle(config: Config, result: Result, origin: Origin, parent: Trained | None) -> Bundle:
    """Write the bundle under ``var/runs``, and see that it predicts what was measured."""
    kin = {"bundle": parent.bundle.digest, "figures": "estimate"} if parent else None
    written, page = card(result.facts, result.figures)
    reference = bundles.reference(result.model, result.matrix)
    scores = {} if result.served is None else {"scores.json": distribution(result.served)}
    stamp = origin.now.strftime("%Y%m%dT%H%M%S")
    run = f"{result.model.task}-{stamp}{'-refit' if parent else ''}"
    folder = config.var / "runs" / run / "bundle"
    shutil.rmtree(folder, ignore_errors=True)
    made = bundles.save(
        folder,
        result.model,
        {
            **origin.papers,
            **({"refit_of": kin} if kin else {}),
            "config": dump(config),
            "settings": result.settings,
            "metrics": result.metrics,
            "verdict": {
                "passed": result.verdict.passed,
                "reasons": list(result.verdict.reasons),
                "checks": result.facts["gate"],
            },
            "cutoffs": result.cutoffs,
        },
        {
            "reference.json": bundles.to_json(reference),
            **{name: bundles.to_json(held) for name, held in scores.items()},
            "card.json": written,
            "card.html": page,
        },
    )
    if not _alike(made.model, result.model, result.matrix[:1000]):
        raise bundles.BundleError(f"{folder}: does not predict what was measured; please report it")
    return made


def _alike(read: Model, meant: Model, rows: np.ndarray) -> bool:
    """Say whether a model that was read back answers as the one that was written."""
    if meant.task != "segments":
        return np.array_equal(read.margin(rows), meant.margin(rows))
    worth = Worth(np.zeros(len(rows)), (0.0,) * 9)
    pairs = zip(read.segmenters, meant.segmenters, strict=True)
    return all(np.array_equal(a.assign(rows, worth), b.assign(rows, worth)) for a, b in pairs)


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    """Return what MLflow keeps in words: reasons, of nobody in particular."""
    held = told.get("examples")
    return {"reasons.md": examples.markdown(held, card_tables.sayer(told))} if held else {}
