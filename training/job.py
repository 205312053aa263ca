"""A training run: split, tune, fit, compare, judge, explain, bundle, log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from configs.load import dump
from configs.schema import Config
from features.marks import Marks, spelt
from features.source import Tables, fingerprint, load_tables
from training import bundle as bundles
from training import (
    champion,
    churn,
    clv,
    examples,
    fact_plots,
    facts,
    figures,
    leakage,
    refit,
    slices,
    tune,
)
from training.baselines import Contender
from training.claims import claims, notebook
from training.evaluate import Evaluation, compare
from training.gate import Verdict, judge
from training.model import Task
from training.progress import Reporter
from training.registration import Result, Trained, registered
from training.search import study_place
from training.segmentation.run import segment
from training.space import beginning, require_known
from training.split import Split
from training.timeliness import measure
from training.timing import Timing

LEARNED_FROM = "learned_from.marks"
"""The file of a run that holds the marks of the customers its model was fitted on."""

SUPERVISED: dict[str, ModuleType] = {"churn": churn, "clv": clv}


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
    learn = segment if task == "segments" else _supervise
    result = learn(config, tables, task, origin, reporter)
    reporter.say(f"{task}: explaining, bundling, logging")
    trained = registered(config, result, origin)
    _keep_predictions(trained.bundle.path.parent, result.predictions)
    _keep_marks(config, trained, result)
    if config.refit == "never" or task == "segments" or not result.verdict.passed:
        return trained
    reporter.say(f"{task}: fitting again, on all that is known by now")
    return replace(trained, child=_refit(config, tables, result, trained, origin))


def _refit(
    config: Config, tables: Tables, result: Result, parent: Trained, origin: facts.Origin
) -> Trained:
    """Fit what passed on all that is known by now; bundle and register it beside its parent."""
    kind = SUPERVISED[parent.task]
    assert result.study is not None  # segments are not refitted
    best = result.study.best_trial
    data = kind.known_by_now(config, tables)
    settings = {**kind.DEFAULTS, **best.params}
    model = refit.child(config, kind, data, result.model, settings, best.user_attrs["rounds"])
    child = replace(
        result,
        model=model,
        matrix=data.fit.matrix,
        # Of those who would be asked now; of a snapshot, which has no later rows, its parent's.
        served=model.predict(data.test.matrix) if len(data.test) else result.served,
        facts=refit.facts(result.facts, data, parent.bundle.digest),
        cutoffs=refit.cutoffs(result.cutoffs, data),
        learned_from=data.fit.customers.tolist(),
        metric=f"{result.metric} of its parent, an estimate",
    )
    made = registered(config, child, origin, parent)
    _keep_marks(config, made, child)
    return made


def _supervise(
    config: Config, tables: Tables, task: Task, origin: facts.Origin, reporter: Reporter
) -> Result:
    """Tune, fit, compare and judge churn or CLV."""
    kind = SUPERVISED[task]
    usual = kind.DEFAULTS
    space = getattr(config.tuning.space, task)
    require_known(space, kind.SETTINGS, task)
    reporter.say(f"{task}: building features at the cut-offs")
    data = kind.split(config, tables)
    leaks = leakage.require_none(config, task, data)
    data = replace(data, warnings=(*leakage.warnings(config, leaks), *data.warnings))
    for warning in data.warnings:
        reporter.say(f"{task}: {warning}")
    study = tune.tune(
        study_place(config, task, origin, data.schema, kind),
        kind.objective(data, space, config.seed),
        budget=tune.Budget.of(config.tuning, space),
        seed=config.seed,
        first=beginning(space, usual),
        prune=config.tuning.prune,
        workers=config.tuning.workers,
        reporter=reporter,
        label=f"{task}: tuning",
    )
    best = study.best_trial
    settings = {**usual, **best.params}
    candidate = kind.fit(data, settings, best.user_attrs["rounds"], config.seed)
    rivals = kind.contenders(config, data, candidate)
    rival = champion.sitting(config, task, data, candidate, origin.fingerprint)
    evaluation = compare(
        [*rivals, *([rival] if isinstance(rival, Contender) else [])],
        data.test,
        kind.METRICS,
        kind.DECIDING,
        repeats=config.gate.repeats,
        seed=config.seed,
    )
    verdict = judge(
        evaluation,
        data.test,
        task=task,
        bounds=config.gate,
        seed=config.seed,
        groupings=slices.groupings(config, tables, data),
        champion=rival if isinstance(rival, str) else "",
    )
    claimed = claims(
        config,
        data,
        kind.METRICS[kind.DECIDING],
        notebook(kind.PLAN.recipe(data.schema, settings, config.seed), best.user_attrs["rounds"]),
        tuning=float(best.user_attrs[kind.DECIDING]),
        later=evaluation.values[evaluation.candidate.name][kind.DECIDING],
    )
    reporter.say(f"{task}: {claimed}")
    data = replace(data, warnings=(*claimed.warnings(), *data.warnings))
    result = _supervised_result(config, tables, task, data, study, evaluation, verdict, origin)
    honest = {"leakage": leakage.facts(leaks), "claims": claimed.to_dict()}
    return replace(result, facts={**result.facts, **honest})


def _supervised_result(
    config: Config,
    tables: Tables,
    task: Task,
    data: Split,
    study: optuna.Study,
    evaluation: Evaluation,
    verdict: Verdict,
    origin: facts.Origin,
) -> Result:
    model = evaluation.named(verdict.served).model
    if task == "churn":
        model = replace(model, timing=Timing.of(config))
    explanation = model.explain(data.test.matrix)
    drawn = figures.supervised(task, data, evaluation, explanation, study, origin, verdict.served)
    told = facts.supervised(config, task, data, evaluation, verdict, explanation, study, origin)
    if timing := measure(config, tables, model, data.test):
        told["timing"] = timing
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
        metrics=_flat(evaluation.values) | verdict.figures,
        settings={**study.best_params, **study.best_trial.user_attrs},
        study=study,
        metric=f"{deciding.label} {served[evaluation.deciding]:.4f}",
        predictions=_predictions(data, evaluation, explanation.contributions),
        cutoffs=told["cutoffs"],
        served=evaluation.predictions[verdict.served],
        learned_from=data.fit.customers.tolist(),
    )


def _flat(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {
        f"{contender}.{metric}": value
        for contender, held in values.items()
        for metric, value in held.items()
        if np.isfinite(value)
    }


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


def _keep_marks(config: Config, trained: Trained, result: Result) -> None:
    """Keep the marks of whom a model learned from, so that an erasure can name the model."""
    marks = Marks(config.var, config.name).of(set(result.learned_from))
    (trained.bundle.path.parent / LEARNED_FROM).write_bytes(spelt(marks))
