"""Model cards as training writes them, small enough to check by eye."""

from __future__ import annotations

from typing import Any


def make_card(said: str = "better", group: str = "new", **changes: Any) -> dict[str, Any]:
    """A churn model's card; what `said` and `group` name is free text of training's."""
    held = {"value": 0.8, "low": 0.75, "high": 0.85}
    worse = {"value": 0.7, "low": 0.65, "high": 0.75}
    return {
        "task": "churn",
        "question": f"Who will leave? {said}",
        "currency": "DKK",
        "verdict": {"passed": True, "served": "ensemble", "reasons": [said]},
        "warnings": [said],
        "limits": [said],
        "unsuited": [{"who": said, "what": said, "why": said}],
        "protected": said,
        "models": [
            {"name": "ensemble", "label": "Ensemble", "role": "served"},
            {"name": "recency", "label": "Recency rule", "role": "naive rule"},
            {"name": "odd", "label": said, "role": "baseline"},
        ],
        "metrics": [
            {
                "name": "roc_auc",
                "label": "ROC AUC",
                "unit": "",
                "higher_is_better": True,
                "values": {"ensemble": held, "recency": worse},
            },
            {
                "name": "ece",
                "label": "ECE",
                "unit": "probability",
                "higher_is_better": False,
                "values": {"ensemble": {"value": 0.02}, "recency": {"value": 0.01}},
            },
        ],
        "gate": [
            {"check": "naive_rule", "passed": True, "value": 0.07, "bound": 0.0, "said": said},
            {"check": "champion", "passed": False, "value": None, "bound": -0.005, "said": said},
        ],
        "features": [
            {"name": "days_since_purchase", "label": "days", "importance": 0.3},
            {"name": "income", "label": said, "importance": 0.1, "actionable": True},
        ],
        "slices": [
            {
                "by": "tenure",
                "label": said,
                "groups": [
                    {"name": group, "customers": 12, "values": {}},
                    {"name": "old", "customers": 1200, "values": {"roc_auc": held}},
                ],
            }
        ],
        "tenths": [
            {"customers": 10, "predicted": 0.1, "actual": 0.2, "low": 0.0, "high": 0.3},
            {"customers": 10, "predicted": 0.6, "actual": 0.9, "low": 0.4, "high": 0.8},
        ],
        "calibration": {"ece": 0.02, "perfect": 0.013},
        **changes,
    }
