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
        "models": {
            "churn": {
                "digest": DIGEST,
                "model": "xgboost",
                "features": ["days_since_purchase", "income"],
                "papers": {"version": 3, "made_at": "2018-01-01T00:00:00Z"},
            }
        },
    }
}
RECORDED: dict[str, Any] = {}
AT_RISK: dict[str, Any] = {}
BATCHES: dict[str, Any] = {}
STARTED: dict[str, Any] = {}
DONE: dict[str, Any] = {}
