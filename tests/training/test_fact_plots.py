import re

import numpy as np
from matplotlib.figure import Figure

from training import canvas, fact_plots, plots

COVERAGE = [
    {"level": 80, "who": "all customers", "customers": 2000, "covered": 0.81, "width": 112.3},
    {"level": 95, "who": "one-order customers", "customers": 90, "covered": 0.7, "width": 61.0},
]
METRIC = {"name": "roc_auc", "label": "ROC AUC", "unit": "", "values": {"trees": {"value": 0.8}}}
SLICES = {
    "by": "tenure",
    "label": "time as a customer",
    "groups": [
        {"name": "new", "customers": 12, "positives": 1, "values": {}},
        {
            "name": "old",
            "customers": 1200,
            "values": {"roc_auc": {"value": 0.7, "low": 0.6, "high": 0.75}},
        },
    ],
}


def texts(figure: Figure) -> str:
    return " ".join(re.findall(r"<text[^>]*>([^<]*)", canvas.svg(figure)))


def colours(figure: Figure) -> list[str]:
    return [line.get_color() for line in figure.axes[0].lines if line.get_marker() == "o"]


def test_coverage_names_level_customers_and_width():
    said = texts(fact_plots.coverage(COVERAGE, "USD"))
    for part in ("80 %: all customers", "81\xa0%, USD\xa0112 wide", "70\xa0%, USD\xa061.0 wide"):
        assert part in said


def test_coverage_beyond_doubt_below_its_promise_is_marked():
    assert colours(fact_plots.coverage(COVERAGE)) == [canvas.BLUE, canvas.ORANGE]
    few = [{**COVERAGE[1], "customers": 10, "covered": 0.9}]
    assert colours(fact_plots.coverage(few)) == [canvas.BLUE]


def test_slices_draw_each_group_and_leave_the_small_ones_empty():
    figure = fact_plots.slices(SLICES, METRIC, 0.8)
    said = texts(figure)
    for part in ("new (12)", "too few", "old (1,200)", "ROC AUC", "line: all"):
        assert part in said
    assert len(colours(figure)) == 1


def test_facts_give_their_plots_and_no_others():
    facts = {
        "model": "trees",
        "metrics": [METRIC],
        "slices": [SLICES, {"by": "age", "groups": [{"name": "a", "customers": 1, "values": {}}]}],
        "coverage": COVERAGE,
    }
    assert sorted(fact_plots.of_facts(facts)) == ["coverage", "slices_tenure"]
    assert fact_plots.of_facts({}) == {}
    assert fact_plots.overall(facts, METRIC) == 0.8


def outside(figure: Figure) -> int:
    """How many dots lie outside their bars."""
    held = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    return sum(len(line.get_xdata()) for line in held if line.get_color() == canvas.ORANGE)


def test_dots_of_a_calibrated_model_lie_within_their_bars_but_one_in_twenty():
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.8, 4000)
    drawn = [plots.reliability(rng.random(4000) < p, p) for _ in range(8)]
    assert 0 < sum(map(outside, drawn)) < 12  # of 80, four are expected
    shifted = plots.reliability(rng.random(4000) < p + 0.15, p)
    assert outside(shifted) == 10
    assert "outside its grey bar" in texts(shifted)
    assert "a perfect model: " in texts(shifted)
