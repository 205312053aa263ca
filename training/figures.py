"""What a run's card shows, as figures by name."""

from __future__ import annotations

import numpy as np
import optuna
from matplotlib.figure import Figure

from training import plots, shap_plots
from training.evaluate import Evaluation
from training.facts import Origin
from training.model import Explanation, Model
from training.split import Split
from training.tune import finished

_IN_DETAIL = 10  # features whose plot MLflow keeps
_MOST_DOTS = 1500  # customers in a beeswarm: more only darken it


def supervised(
    task: str,
    data: Split,
    evaluation: Evaluation,
    explanation: Explanation,
    study: optuna.Study,
    origin: Origin,
    served: str,
) -> dict[str, Figure]:
    """Draw a churn or CLV run: how good, why, and how it was tested."""
    y, p = data.test.target, evaluation.predictions[served]
    name = evaluation.named(served).label
    others = {
        held.label: evaluation.predictions[held.name]
        for held in evaluation.contenders
        if held.name != served
    }
    drawn: dict[str, Figure] = {}
    if task == "churn":
        drawn["reliability"] = plots.reliability(y, p)
        drawn["lift"] = plots.lift(y, p, others, name)
        drawn["gain"] = plots.gain(y, p, others, name)
    else:
        drawn["value_deciles"] = plots.value_deciles(y, p, origin.config.currency)
        drawn["gain"] = plots.gain(np.maximum(y, 0.0), p, others, name, what="value")
    drawn |= explained(task, evaluation.named(served).model, data.test.matrix, explanation)
    values = np.array([float(trial.value or 0.0) for trial in finished(study)])
    drawn["tuning_history"] = plots.tuning_history(
        values.tolist(), np.minimum.accumulate(values).tolist(), _OBJECTIVES[task]
    )
    return drawn


_OBJECTIVES = {
    "churn": "log loss at the later cut-offs",
    "clv": "deviance left unexplained at the later cut-offs",
}


def explained(
    task: str, model: Model, matrix: np.ndarray, explanation: Explanation
) -> dict[str, Figure]:
    """Draw SHAP values of customers, in the margin: beeswarm, bar, the strongest in detail."""
    unit = {"sigmoid": "log-odds", "exponential": "log-money"}.get(
        model.calibration.kind, _served_unit(task)
    )
    values, schema = explanation.contributions, model.schema
    if not np.abs(values).sum():
        return {}
    rows = slice(None, _MOST_DOTS)
    drawn = {
        "beeswarm": shap_plots.beeswarm(
            values[rows], matrix[rows], schema, explanation.base_margin, unit=unit
        ),
        "importance_bar": shap_plots.importance_bar(values, schema, unit=unit),
    }
    strongest = np.argsort(-np.abs(values).mean(axis=0), kind="stable")[:_IN_DETAIL]
    for rank, index in enumerate(strongest, start=1):
        drawn[f"dependence_{rank}"] = shap_plots.dependence(
            schema.names[index], values[rows], matrix[rows], schema, unit=unit
        )
    return drawn


def _served_unit(task: str) -> str:
    return "money" if task == "clv" else "margin"
