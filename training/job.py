"""A training run: split, tune, fit, compare, judge, explain, bundle, log."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from configs.load import dump
from configs.schema import Config
from features.schema import FeatureSchema
from features.source import Tables, fingerprint, load_tables
from training import bundle as bundles
from training import (
    card_tables,
    churn,
    clv,
    examples,
    fact_plots,
    facts,
    figures,
    learned,
    probability,
    segments,
    trees,
    tune,
)
from training.bundle import Bundle
from training.card import card
from training.evaluate import Evaluation, compare
from training.gate import Verdict, judge, judge_segments
from training.model import Model, Task
from training.progress import Reporter
from training.split import Split
from training.track import Tracker, Trial, Version
from training.trees import DEFAULTS

SUPERVISED: dict[str, ModuleType] = {"churn": churn, "clv": clv}


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
    """

    task: Task
    bundle: Bundle
    version: Version
    verdict: Verdict
    facts: dict[str, Any]
    figures: dict[str, Figure]


@dataclass(frozen=True)
class Result:
    """A model that stands for its run, with what is said and shown of it."""

    model: Model
    verdict: Verdict
    facts: dict[str, Any]
    figures: dict[str, Figure]
    matrix: np.ndarray
    metrics: dict[str, float]
    settings: dict[str, Any]
    trials: list[Trial]
    metric: str
    predictions: pd.DataFrame


def train(
    config: Config,
    task: Task,
    *,
    now: datetime,
    tables: Tables | None = None,
    reporter: Reporter | None = None,
) -> Trained:
    """Train one task of a customer base, and register what came of it.

    Parameters
    ----------
    config : Config
    task : {"churn", "clv", "segments"}
    now : datetime
        When it is, for the papers.
    tables : Tables, optional
        The base's tables, where they are loaded already.
    reporter : Reporter, optional
        Where progress is told.

    Raises
    ------
    StamkundeError
        If the data do not allow the task.
    """
    reporter = reporter or Reporter()
    tables = tables or load_tables(config)
    origin = facts.Origin.of(config, tables, fingerprint(config), now)
    learn = _segment if task == "segments" else _supervise
    result = learn(config, tables, task, origin, reporter)
    reporter.say(f"{task}: explaining, bundling, logging")
    made = _bundle(config, result, origin)
    version = Tracker(config).log(
        made,
        params=result.settings,
        metrics=result.metrics,
        lineage=origin.lineage,
        figures=result.figures,
        trials=result.trials,
        metric=result.metric,
        texts=_texts(result.facts),
    )
    _keep_predictions(made.path.parent, result.predictions)
    return Trained(task, made, version, result.verdict, result.facts, result.figures)


def _supervise(
    config: Config, tables: Tables, task: Task, origin: facts.Origin, reporter: Reporter
) -> Result:
    """Tune, fit, compare and judge churn or CLV."""
    kind = SUPERVISED[task]
    reporter.say(f"{task}: building features at the cut-offs")
    data = kind.split(config, tables)
    for warning in data.warnings:
        reporter.say(f"{task}: {warning}")
    study = _study(config, task, origin, data.schema, kind)
    tune.tune(
        study,
        kind.objective(data, config.seed),
        trials=config.tuning.trials,
        minutes=config.tuning.minutes,
        seed=config.seed,
        first={**DEFAULTS, **kind.DEFAULTS},
        reporter=reporter,
        label=f"{task}: tuning",
    )
    best = study.best_trial
    candidate = kind.fit(data, best.params, best.user_attrs["rounds"], config.seed)
    evaluation = compare(
        kind.contenders(config, data, candidate),
        data.test,
        kind.METRICS,
        kind.DECIDING,
        repeats=config.gate.repeats,
        seed=config.seed,
    )
    verdict = judge(
        evaluation,
        data.test,
        margin=config.gate.churn_margin if task == "churn" else config.gate.clv_margin,
        repeats=config.gate.repeats,
        seed=config.seed,
    )
    return _supervised_result(config, task, data, study, evaluation, verdict, origin)


def _supervised_result(
    config: Config,
    task: Task,
    data: Split,
    study: optuna.Study,
    evaluation: Evaluation,
    verdict: Verdict,
    origin: facts.Origin,
) -> Result:
    model = evaluation.named(verdict.served).model
    explanation = model.explain(data.test.matrix)
    drawn = figures.supervised(task, data, evaluation, explanation, study, origin, verdict.served)
    told = facts.supervised(config, task, data, evaluation, verdict, explanation, study, origin)
    told["examples"] = examples.examples(
        model, data.test.matrix, bundles.reference(model, data.fit.matrix), dump(config)
    )
    drawn |= fact_plots.of_facts(told)
    served = evaluation.values[verdict.served]
    deciding = evaluation.metrics[evaluation.deciding]
    return Result(
        model=model,
        verdict=verdict,
        facts=told,
        figures=drawn,
        matrix=data.fit.matrix,
        metrics=_flat(evaluation.values),
        settings={**study.best_params, **study.best_trial.user_attrs},
        trials=_trials(study),
        metric=f"{deciding.label} {served[evaluation.deciding]:.4f}",
        predictions=_predictions(data, evaluation, explanation.contributions),
    )


def _segment(
    config: Config, tables: Tables, task: Task, origin: facts.Origin, reporter: Reporter
) -> Result:
    """Choose, fit, name and judge segments."""
    data = segments.data_at(config, tables)
    study = _study(config, task, origin, data.schema, segments)
    options = segments.choices(config, data)
    tune.search_all(
        study,
        segments.objective(config, data),
        options=options,
        most=config.tuning.trials,
        minutes=config.tuning.minutes,
        seed=config.seed,
        reporter=reporter,
        label="segments: tuning",
    )
    chosen = study.best_params
    model = segments.fit(config, data, chosen["columns"], chosen["k"])
    quality = segments.quality_of(study.best_trial)
    verdict = judge_segments(quality, segments.asked(config))
    assigned = model.centres.assign(data.matrix)
    return Result(
        model=model,
        verdict=verdict,
        facts=facts.segments(config, data, model, quality, verdict, study, origin),
        figures=figures.segments(data, model, study),
        matrix=data.matrix,
        metrics=asdict(quality),
        settings=chosen,
        trials=_trials(study),
        metric=f"stability {quality.stability:.2f}, {chosen['k']} segments",
        predictions=pd.DataFrame({"customer_id": data.customers, "segment": assigned}),
    )


def _study(
    config: Config, task: Task, origin: facts.Origin, schema: FeatureSchema, kind: ModuleType
) -> optuna.Study:
    code = [inspect.getsource(module) for module in (kind, trees, learned, probability)]
    depends = repr((schema.digest, sorted(origin.papers["libraries"].items()), code))
    name = tune.study_name(config, task, origin.fingerprint, depends)
    return tune.study_at(Path(config.paths.mlruns) / "studies", name)


def _trials(study: optuna.Study) -> list[Trial]:
    return [
        Trial(
            trial.number,
            trial.params,
            {"objective": float(trial.value or 0.0), **_numbers(trial.user_attrs)},
        )
        for trial in tune.finished(study)
    ]


def _numbers(held: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in held.items() if isinstance(value, int | float)}


def _flat(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {
        f"{contender}.{metric}": value
        for contender, held in values.items()
        for metric, value in held.items()
        if np.isfinite(value)
    }


def _bundle(config: Config, result: Result, origin: facts.Origin) -> Bundle:
    """Write the bundle under ``var/runs``, and see that it predicts what was measured."""
    written, page = card(result.facts, result.figures)
    reference = bundles.reference(result.model, result.matrix)
    stamp = origin.now.strftime("%Y%m%dT%H%M%S")
    folder = config.var / "runs" / f"{result.model.task}-{stamp}" / "bundle"
    shutil.rmtree(folder, ignore_errors=True)
    made = bundles.save(
        folder,
        result.model,
        {
            **origin.papers,
            "config": dump(config),
            "settings": result.settings,
            "metrics": result.metrics,
            "verdict": {"passed": result.verdict.passed, "reasons": list(result.verdict.reasons)},
            "cutoffs": result.facts["cutoffs"],
        },
        {
            "reference.json": bundles.to_json(reference),
            "card.json": written,
            "card.html": page,
        },
    )
    rows = result.matrix[:1000]
    if not np.array_equal(made.model.margin(rows), result.model.margin(rows)):
        raise bundles.BundleError(f"{folder}: does not predict what was measured; please report it")
    return made


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    """Return what MLflow keeps in words: reasons, of nobody in particular."""
    held = told.get("examples")
    return {"reasons.md": examples.markdown(held, card_tables.sayer(told))} if held else {}


def _predictions(data: Split, evaluation: Evaluation, contributions: np.ndarray) -> pd.DataFrame:
    """Return the test's rows with each contender's value, and what every feature added."""
    columns: dict[str, Any] = {
        "customer_id": data.test.customers,
        "as_of": data.test.as_of,
        "actual": data.test.target,
        **evaluation.predictions,
    }
    names: Sequence[str] = data.schema.names
    columns |= {f"contribution.{name}": contributions[:, i] for i, name in enumerate(names)}
    return pd.DataFrame(columns)


def _keep_predictions(folder: Path, predictions: pd.DataFrame) -> None:
    """Keep rows of persons under ``var``, where an erasure reaches them, not in MLflow."""
    table = pa.Table.from_pandas(predictions, preserve_index=False)
    pq.write_table(table, folder / "predictions.parquet", compression="zstd")
