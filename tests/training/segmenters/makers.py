"""Segmenters of every kind, and the rows they are asked about."""

from __future__ import annotations

import numpy as np

from configs.segmentation import AttributeSegments, LifecycleSegments
from features.schema import FeatureSchema
from tests.training.bases import make_schema
from training.baselines import terms_of
from training.population import Population
from training.segmentation import mixtures
from training.segmenters import attributes, lifecycle, rfm
from training.segmenters.attributes import Attributes
from training.segmenters.centres import Centres
from training.segmenters.lifecycle import Lifecycle
from training.segmenters.mixture import Mixture
from training.segmenters.points import standardised
from training.segmenters.rfm import RfmGrid
from training.segmenters.segmenter import Segment

NUMBERS = (
    "tenure",
    "days_since_purchase",
    "last_gap",
    "spend_trend_90d",
    "purchases_in_90d",
    "spend_in_90d",
    "employees",
    "newsletter",
)
RECENCY, FREQUENCY, MONEY = (NUMBERS.index(n) for n in ("days_since_purchase", *NUMBERS[4:6]))
EVERYBODY = Population("days_since_purchase", at_least=0.0)
THREE = tuple(Segment(number, f"Segment {number}", f"Segment {number}") for number in (1, 2, 3))


def make_rows_schema() -> FeatureSchema:
    return make_schema(*NUMBERS, income=("high", "low", "middle"))


def make_rows(rows: int = 300, seed: int = 0) -> np.ndarray:
    """Customers' features in the schema's order; a twentieth of all values is missing."""
    rng = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            rng.integers(1, 900, rows),
            rng.integers(1, 500, rows),
            rng.integers(1, 300, rows),
            rng.gamma(1.0, 1.0, rows),
            rng.poisson(2.0, rows),
            rng.gamma(1.0, 100.0, rows).round(2),
            rng.integers(1, 400, rows),
            rng.integers(0, 2, rows),
            rng.integers(0, 3, rows),
        ]
    ).astype(float)
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    return matrix


def make_centres() -> Centres:
    schema, matrix = make_rows_schema(), make_rows()
    terms = [
        term
        for name in ("days_since_purchase", "purchases_in_90d", "spend_in_90d")
        for term in terms_of(schema, matrix, name, "log1p")
    ]
    centres = np.array([[-1.0, 1.0, 1.0], [0.5, -0.5, -1.0], [1.0, -1.0, 0.5]])
    return Centres.of("behaviour", terms, centres, THREE, len(schema.columns), EVERYBODY)


def make_mixture() -> Mixture:
    schema, matrix, terms = make_rows_schema(), make_rows(), make_centres().columns
    fitted = mixtures.fit(np.column_stack(standardised(terms, matrix)), 3, seed=1)
    held = fitted.weights_, fitted.means_, fitted.covariances_
    return Mixture.of("behaviour", terms, *held, THREE, len(schema.columns), None)


def make_rfm() -> RfmGrid:
    names = "days_since_purchase", "purchases_in_90d", "spend_in_90d"
    return rfm.fit("rfm", make_rows_schema(), make_rows(), *names, EVERYBODY)


def make_lifecycle() -> Lifecycle:
    asked = LifecycleSegments.model_validate({"kind": "lifecycle"})
    return lifecycle.fit("lifecycle", make_rows_schema(), asked, (30, 90, 365))


def make_attributes() -> Attributes:
    asked = AttributeSegments.model_validate(
        {
            "kind": "attributes",
            "of": ["income", "newsletter", "employees"],
            "bands": {"employees": [50.0, 250.0]},
        }
    )
    return attributes.fit("attributes", make_rows_schema(), make_rows(), asked)
