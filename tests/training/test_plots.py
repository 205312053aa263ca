import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from features.schema import FeatureColumn, FeatureSchema
from training import canvas, metrics, plots, shap_plots
from training.segmentation import plots as segment_plots

ROWS = 60


def make_column(name: str, categories: tuple[str, ...] = (), label: str = "") -> FeatureColumn:
    kind = "category" if categories else "number"
    return FeatureColumn(
        name, kind, categories, "days", "idea", label or name, name, False, None, False, "d"
    )


def make_explained(*columns: FeatureColumn) -> tuple[np.ndarray, np.ndarray, FeatureSchema]:
    """Return contributions, features and schema; codes of categories for those that have them."""
    rng = np.random.default_rng(1)
    matrix = np.column_stack(
        [rng.integers(0, len(c.categories) or 50, ROWS).astype(float) for c in columns]
    )
    return rng.normal(size=matrix.shape), matrix, FeatureSchema(columns)


def texts(figure: Figure) -> str:
    return " ".join(re.findall(r"<text[^>]*>([^<]*)", canvas.svg(figure)))


AGE = make_column("age", ("young", "old"), "age group")
PAUSE = make_column("pause", label="days since the last purchase")


@pytest.mark.parametrize("y", [np.zeros(ROWS), np.ones(ROWS), np.arange(ROWS) % 2])
@pytest.mark.parametrize("p", [np.full(ROWS, 0.3), np.linspace(0, 1, ROWS), np.zeros(ROWS)])
def test_plots_of_churn_stand_one_class_and_constant_predictions(y, p):
    for figure in (plots.reliability(y, p), plots.lift(y, p, {"a": p}), plots.gain(y, p, {"a": p})):
        assert canvas.svg(figure).startswith("<svg")


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_plots_stand_few_rows(rows):
    y, p = np.ones(rows), np.full(rows, 0.5)
    contributions = np.ones((rows, 1))
    schema = FeatureSchema((PAUSE,))
    for figure in (
        plots.reliability(y, p),
        plots.lift(y, p, {}),
        plots.gain(y, p, {}),
        plots.value_deciles(y, p),
        shap_plots.beeswarm(contributions, contributions, schema, 0.0),
        shap_plots.importance_bar(contributions, schema),
        shap_plots.dependence("pause", contributions, contributions, schema),
    ):
        assert canvas.png(figure).startswith(b"\x89PNG")


def test_gain_and_lift_of_the_perfect_order_and_of_a_constant():
    y = np.r_[np.ones(10), np.zeros(90)]
    said = texts(plots.gain(y, y, {"constant": np.ones(100)}, "perfect"))
    assert "perfect: 100\xa0%" in said
    assert "constant: 10\xa0%" in said
    assert "perfect: 10.00 times" in texts(plots.lift(y, y, {}, "perfect"))


def test_the_caught_share_is_the_metric():
    rng = np.random.default_rng(2)
    y, p = rng.gamma(1, 50, 500), rng.integers(0, 7, 500)
    caught = plots._caught(y, p, np.array([0.1]))[0]
    assert caught == pytest.approx(metrics.top_tenth_share(y, p))


def test_reliability_states_the_ece():
    assert "off by 20 points on average (ECE)" in texts(
        plots.reliability(np.zeros(50), np.full(50, 0.2))
    )


def test_value_deciles_stand_negative_and_constant_values():
    y = np.linspace(-50, 10, ROWS)
    assert "USD a customer" in texts(plots.value_deciles(y, y, "USD"))
    canvas.svg(plots.value_deciles(y, np.zeros(ROWS)))


def test_labels_and_categories_are_told_by_name():
    contributions, matrix, schema = make_explained(PAUSE, AGE)
    swarm = texts(shap_plots.beeswarm(contributions, matrix, schema, -1.5))
    assert "age group" in swarm
    assert "starting from −1.50" in swarm
    assert "age group" in texts(shap_plots.importance_bar(contributions, schema))
    strips = texts(shap_plots.dependence("age", contributions, matrix, schema))
    assert "young (" in strips
    assert "old (" in strips


def test_features_past_the_most_are_summed_in_one_row():
    contributions, matrix, schema = make_explained(*(make_column(f"f{i}") for i in range(6)))
    assert "4 other features together" in texts(
        shap_plots.beeswarm(contributions, matrix, schema, 0.0, most=3)
    )


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_feature_without_any_value_is_drawn():
    contributions, matrix, schema = make_explained(PAUSE, AGE)
    matrix[:] = np.nan
    canvas.svg(shap_plots.beeswarm(contributions, matrix, schema, 0.0))
    assert "no customer has a value" in texts(
        shap_plots.dependence("pause", contributions, matrix, schema)
    )
    assert "missing (100\xa0%)" in texts(
        shap_plots.dependence("age", contributions, matrix, schema)
    )


def test_one_feature_and_constant_values_are_drawn():
    contributions, matrix, schema = make_explained(PAUSE)
    matrix[:], contributions[:] = 3.0, 0.0
    canvas.svg(shap_plots.beeswarm(contributions, matrix, schema, 0.0))
    canvas.svg(shap_plots.importance_bar(contributions, schema))
    canvas.svg(shap_plots.dependence("pause", contributions, matrix, schema))


def test_rare_categories_are_drawn_together():
    many = make_column("city", tuple(f"city {i}" for i in range(14)))
    contributions, matrix, schema = make_explained(many)
    matrix[:14, 0] = np.arange(14)
    assert "4 others (" in texts(shap_plots.dependence("city", contributions, matrix, schema))


def test_two_segments_and_a_missing_mean():
    profile = pd.DataFrame({"spend": [1.2, np.nan], "returns": [0.01, -0.5]})
    said = texts(segment_plots.segment_profile(["A", "B"], [30, 10], profile))
    assert all(part in said for part in ("spend", "+1.2", "–", "0.0", "−0.5", "75\xa0%", "25\xa0%"))


def make_tried(k, way, silhouette=0.3):
    held = {"k": k, "way": way, "silhouette": silhouette, "stability": 0.9}
    return {**held, "weighed": silhouette + 0.9, "smallest_share": 0.1}


@pytest.mark.parametrize("rows", [[make_tried(2, "a")], [make_tried(3, "b", -0.1)] * 3])
def test_tradeoff_stands_one_row_and_one_below_nothing(rows):
    chosen = {"k": rows[0]["k"], "way": rows[0]["way"]}
    said = texts(segment_plots.segment_tradeoff(rows, chosen, most=2))
    assert f"{chosen['k']} chosen" in said


def test_history_stands_failed_trials():
    nan = float("nan")
    canvas.svg(plots.tuning_history([nan, 0.7], [nan, 0.7]))
    assert "no trial" in texts(plots.tuning_history([nan], [nan]))
    assert "no trial" in texts(plots.tuning_history([], []))


def test_timeline_names_every_cut_off():
    said = texts(
        plots.timeline(
            {"fit": ["2017-05-01"], "test": "2017-08-01", "horizon_days": 28}, "2017-01-01"
        )
    )
    assert "fit 2017-05-01" in said
    assert "test 2017-08-01" in said
    canvas.svg(plots.timeline({}))


def test_of_many_cut_offs_the_first_and_the_last_are_drawn():
    fit = [f"2017-{month:02}-{day:02}" for month in range(1, 13) for day in (1, 15)]
    said = texts(plots.timeline({"fit": fit, "test": "2018-01-15", "horizon_days": 7}))
    assert "12 of the 24 fit cut-offs" in said
    assert all(f"fit {day}" in said for day in (fit[0], fit[-1]))


def test_hostile_and_odd_labels_stay_words():
    odd = make_column("x", label="<script>alert(1)</script> $\\frac & id=\"a\" 'b'")
    contributions, _, schema = make_explained(odd)
    drawn = canvas.svg(shap_plots.importance_bar(contributions, schema))
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
    assert "$\\frac" in drawn


def test_the_same_data_gives_the_same_bytes_each_time():
    contributions, matrix, schema = make_explained(PAUSE, AGE)

    def draw() -> Figure:
        return shap_plots.beeswarm(contributions, matrix, schema, 0.0)

    figure = draw()
    assert canvas.svg(figure) == canvas.svg(figure) == canvas.svg(draw())
    assert canvas.png(figure) == canvas.png(draw())


def test_drawing_leaves_pyplot_settings_and_the_random_state_alone():
    contributions, matrix, schema = make_explained(PAUSE)
    np.random.seed(5)
    before, settings = np.random.get_state()[1].copy(), dict(plt.rcParams)
    canvas.svg(shap_plots.beeswarm(contributions, matrix, schema, 0.0))
    canvas.svg(shap_plots.dependence("pause", contributions, matrix, schema))
    assert (np.random.get_state()[1] == before).all()
    assert dict(plt.rcParams) == settings
    assert plt.get_fignums() == []


def test_ids_of_two_plots_do_not_clash_and_refer_within():
    contributions, matrix, schema = make_explained(PAUSE, AGE)
    figure = shap_plots.beeswarm(contributions, matrix, schema, 0.0)
    one, other = canvas.svg(figure, "one"), canvas.svg(figure, "other")
    held = [set(re.findall(r' id="([^"]*)"', drawn)) for drawn in (one, other)]
    assert held[0]
    assert held[0].isdisjoint(held[1])
    named = set(re.findall(r'href="#([^"]*)"', one)) | set(re.findall(r"url\(#([^)]*)\)", one))
    assert named <= held[0]


def test_svg_brings_no_style_of_its_own_and_asks_for_nothing():
    drawn = canvas.svg(plots.gain(np.arange(9) % 2, np.arange(9), {}))
    assert "style" not in drawn
    assert not re.search(r'(?:src|href)="(?!#|data:)', drawn)


def test_single_customers_are_pixels():
    contributions, matrix, schema = make_explained(PAUSE, AGE)
    for figure in (
        shap_plots.beeswarm(contributions, matrix, schema, 0.0),
        shap_plots.dependence("pause", contributions, matrix, schema),
        shap_plots.dependence("age", contributions, matrix, schema),
    ):
        drawn = canvas.svg(figure)
        assert "data:image/png" in drawn
        assert drawn.count("<use") < ROWS
