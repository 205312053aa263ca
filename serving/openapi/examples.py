"""Examples of what is asked and answered; each is held to its schema by the tests."""

from __future__ import annotations

from typing import Any

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_REASON = {
    "idea": "recency",
    "feature": "days_since_purchase",
    "label": "days since the last purchase",
    "value": 74.0,
    "unit": "days",
    "contribution": 0.18,
    "actionable": True,
    "text": "days since the last purchase: 74 days (usually every 21 days)",
}
REQUESTS: dict[str, Any] = {
    "by id": {"customers": [{"customer_id": "1"}, {"customer_id": "2"}], "reasons": 3},
    "by features": {
        "customers": [
            {
                "customer_id": "1",
                "features": {"days_since_purchase": 74, "income": None},
                "as_of": "2017-12-04",
            }
        ],
        "language": "da",
    },
    "by rows": {
        "customers": [
            {
                "customer_id": "1",
                "as_of": "2017-12-04",
                "rows": {
                    "transactions": [
                        {"occurred_at": "2017-11-30T17:05:00Z", "amount": 24.5, "order_id": "81"},
                        {"occurred_at": "2017-12-01T09:30:00Z", "amount": -3.2, "order_id": "82"},
                    ],
                    "customer": {"income": "50-74K"},
                },
            }
        ],
    },
}
ANSWERS: dict[str, Any] = {
    "a score, an unknown customer and a bad row": {
        "results": [
            {
                "id": "0a4d55a8d778e5022fab701977c5d840",
                "customer_id": "1",
                "as_of": "2017-12-04",
                "churn": {
                    "probability": 0.41,
                    "band": "middle",
                    "no_purchase_within": {"30": 0.39, "60": 0.24, "90": 0.18},
                    "cancelled_within": None,
                    "next_purchase": {
                        "days": 21,
                        "date": "2017-12-24",
                        "text": "as likely as not to buy by 2017-12-24",
                    },
                    "base": 0.23,
                    "margin": -0.36,
                    "reasons": {"raises": [_REASON], "lowers": []},
                },
                "clv": None,
                "value_at_risk": None,
                "segments": {
                    "behaviour": {
                        "id": 2,
                        "name": "Long silent, rare",
                        "potential": None,
                        "reasons": {"apart": [_REASON]},
                    }
                },
                "codes": {"clv": "inactive"},
                "flags": ["unseen_category:income"],
                "bundles": {"churn": DIGEST, "clv": DIGEST, "segments": DIGEST},
            },
            {
                "customer_id": "2",
                "error": {
                    "code": "unknown_customer",
                    "message": "no features are stored for this customer; fill the store, or give "
                    "the features",
                    "feature": None,
                    "row": None,
                },
            },
            {
                "customer_id": "3",
                "error": {
                    "code": "invalid_rows",
                    "message": "transactions, row 2, amount: expected an amount below ten billion, "
                    "with a point before its decimals, found '24,50'",
                    "feature": None,
                    "row": {
                        "table": "transactions",
                        "row": 2,
                        "column": "amount",
                        "expected": "an amount below ten billion, with a point before its decimals",
                        "found": "'24,50'",
                    },
                },
            },
        ]
    }
}
CHAMPIONS: dict[str, Any] = {
    "one model": {
        "base": "complete_journey",
        "release": DIGEST,
        "waiting": None,
        "models": {
            "churn": {
                "digest": DIGEST,
                "model": "xgboost",
                "features": ["days_since_purchase", "income"],
                "papers": {"version": 3, "made_at": "2018-01-01T00:00:00Z"},
                "card": {
                    "question": "Who buys nothing in the 90 days to come?",
                    "metrics": {"roc_auc": {"value": 0.81, "low": 0.79, "high": 0.83}},
                    "verdict": {"passed": True, "served": "xgboost", "why": []},
                    "cautions": ["Says nothing of customers who never bought."],
                },
                "card_at": "/v1/models/churn/card",
            }
        },
    }
}
JOB = "5b1c0a3de0f84d5f9c0c9c1a8d1e7a42"
RECORDED: dict[str, Any] = {
    "a score": {
        **ANSWERS["a score, an unknown customer and a bad row"]["results"][0],
        "customer_id": None,
        "at": "2017-12-04T08:00:00.000000Z",
        "customer": "c0a1d2e3f4a5b6c7d8e9f0a1b2c3d4e5",
        "replayed": True,
        "why": None,
    }
}
AT_RISK: dict[str, Any] = {
    "the first of many": {
        "as_of": "2017-12-04",
        "batch": JOB,
        "release": DIGEST,
        "total": 812,
        "items": [
            {
                "customer_id": "1",
                "score_id": f"{JOB}/17",
                "churn_probability": 0.71,
                "band": "high",
                "value_at_risk": 341.5,
                "segments": {"behaviour": 2},
            }
        ],
        "next": "NWIxYzoxMDA",
        "currency": "USD",
    }
}
BATCHES: dict[str, Any] = {"with two reasons each way": {"reasons": 2, "format": "csv"}}
STARTED: dict[str, Any] = {
    "a job that waits": {
        "job": JOB,
        "state": "queued",
        "done": 0,
        "total": None,
        "as_of": None,
        "batch": None,
        "format": "csv",
        "asked_at": "2017-12-04T08:00:00Z",
        "began_at": None,
        "ended_at": None,
        "why": None,
        "result": None,
    }
}
DONE: dict[str, Any] = {
    "a job that is done": {
        **STARTED["a job that waits"],
        "state": "done",
        "done": 2500,
        "total": 2500,
        "as_of": "2017-12-04",
        "batch": JOB,
        "began_at": "2017-12-04T08:00:01Z",
        "ended_at": "2017-12-04T08:00:09Z",
        "result": f"/v1/score/batch/{JOB}/result",
    }
}
