"""Every picture of the report: each is a function from plain frames to a figure."""

from serving.report.cohort_plots import cohort_retention, cohort_revenue
from serving.report.period_plots import flow, trend
from serving.report.segment_plots import migration, stakes
from serving.report.survival_plots import survival
from serving.report.value_plots import clv_distribution, track_record

__all__ = [
    "clv_distribution",
    "cohort_retention",
    "cohort_revenue",
    "flow",
    "migration",
    "stakes",
    "survival",
    "track_record",
    "trend",
]
