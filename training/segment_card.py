"""What the card of a segments run says and shows: each way to tell customers apart, and why so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import optuna
import pandas as pd
from matplotlib.figure import Figure

from configs.schema import Config
from features.schema import FeatureSchema
from training import behaviour, facts as told_of, segment_plots
from training.behaviour import Method, Quality, quality_of
from training.gate import Verdict
from training.predictors import Term
from training.segment_stability import jaccards, said as stability_said
from training.segmenters.lifecycle import Lifecycle
from training.segmenters.segmenter import NOBODY, Segmenter, Worth
from training.segmenters.value import ValueTenths
from training.segments import Clusters, Found, SegmentData
from training.surrogate import Apart, Surrogate, surrogates
from training.tune import finished

NAMES = {
    "behaviour": "By how they buy",
    "rfm": "By recency, frequency and monetary value",
    "lifecycle": "By where they stand as customers",
    "value": "By what they are worth",
    "attributes": "By who they are",
}
"""What each kind of way is called."""

_LABELS = {
    "silhouette": "Silhouette: how far apart the segments are",
    "stability": "Stability: adjusted Rand on bootstrap samples",
    "smallest": "Share of the smallest segment",
}
