import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from features.schema import FeatureColumn, FeatureSchema
from training import card, plots, shap_plots, wording

HOSTILE = "<script>alert('x')</script>\"><img src=http://evil.example/a.png>"


def make_facts(**changes: Any) -> dict[str, Any]:
    return {
        "base": "complete_journey",
        "task": "churn",
        "question": "Who will buy nothing in the 28 days after 2017-12-04?",
        "model": "xgboost",
        "chosen_because": "Best log loss on the validation period.",
        "made_at": "2026-03-04T09:12:44+00:00",
        "currency": "USD",
        "data": {"file": "sales.csv", "rows": 1469307, "first": "2017-01-01"},
        "cutoffs": {
            "fit": ["2017-05-01", "2017-06-01"],
            "validation": "2017-10-02",
            "test": "2017-12-04",
            "horizon_days": 28,
            "gap_days": 3,
        },
        "population": "customers with a purchase in the last 90 days",
        "test": {"customers": 2107, "positives": 254, "rate": 0.1206},
        "metrics": [
            make_metric("roc_auc", True, xgboost=0.842, recency=0.781),
            make_metric("log_loss", False, xgboost=0.2712, recency=0.3305),
            make_metric("lift_at_10", True, unit="times", xgboost=4.63, recency=3.6),
        ],
        "models": [
            {"name": "xgboost", "label": "Boosted trees", "role": "candidate"},
            {"name": "recency", "label": "Last purchase", "role": "naive rule"},
        ],
        "verdict": {"passed": True, "served": "xgboost", "reasons": ["Better than the rule."]},
        "warnings": ["Two features are today's values."],
        "limits": ["Not for credit."],
        "features": [
            {"name": "pause", "label": "days since", "importance": 0.6, "actionable": True}
        ],
        "libraries": {"xgboost": "3.2.0"},
        "protected": "age: left out",
        **changes,
    }


def make_metric(name: str, higher: bool | None, unit: str = "", **values: float) -> dict[str, Any]:
    held = {
        model: {"value": value, "low": value - 0.01, "high": value + 0.01}
        for model, value in values.items()
    }
    return {
        "name": name,
        "label": name.upper(),
        "unit": unit,
        "higher_is_better": higher,
        "values": held,
    }


def make_figures() -> dict[str, Figure]:
    y, p = np.arange(40) % 2, np.linspace(0, 1, 40)
    return {"reliability": plots.reliability(y, p), "gain": plots.gain(y, p, {"rule": 1 - p})}


def page_of(figures: dict[str, Figure] | None = None, **changes: Any) -> str:
    return card.card(make_facts(**changes), figures or {})[1].decode()


class Reader(HTMLParser):
    """Reads a page as a browser does: its words outside drawings, its tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._unread = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._unread += tag in ("style", "svg")

    def handle_endtag(self, tag):
        self._unread -= tag in ("style", "svg")

    def handle_data(self, data):
        if not self._unread:
            self.said.append(data)


def words(page: str) -> str:
    """Return what is read on a page, in a line."""
    return " ".join(" ".join(Reader(page).said).split())


def requests_of(page: str) -> list[str]:
    links = ("src", "href", "xlink:href", "action", "srcset", "poster", "background", "data")
    found = [value for name, value in Reader(page).attributes if name in links]
    found += re.findall(r"""url\(\s*["']?([^"')]+)""", page)
    found += re.findall(r"@import\s+(\S+)", page)
    return [each for each in found if not each.startswith(("#", "data:image/png"))]


def test_the_page_says_the_facts():
    said = words(page_of(make_figures()))
    for part in (
        "Who will buy nothing in the 28 days after 2017-12-04?",
        "Passed. Served: Boosted trees.",
        "Better than the rule.",
        "Best log loss on the validation period.",
        "Of the tenth ranked most likely to leave, 55.8 % did, against 12.1 % of all",
        "0.832 to 0.852",
        "Fitted on 2 cut-offs from 2017-05-01 to 2017-06-01.",
        "about the 28 days that begin 3 days after it",
        "Measured on 2,107 customers, of whom 254 left (12.1 %).",
        "1,469,307",
        "Two features are today's values.",
        "Not for credit.",
        "Protected attributes: age: left out",
        "can be acted on",
        "What was known, and what was asked",
        "Who is reached first",
        "xgboost 3.2.0",
    ):
        assert part in said


def test_the_json_is_the_facts_with_what_is_not_finite_as_null():
    facts = make_facts(test={"customers": np.int64(5), "rate": float("nan")})
    held = json.loads(card.card(facts, {})[0])
    assert held["question"] == facts["question"]
    assert held["test"] == {"customers": 5, "rate": None}


@pytest.mark.parametrize(
    ("higher", "values", "best"),
    [
        (True, {"xgboost": 0.8, "recency": 0.7}, "Boosted trees"),
        (False, {"xgboost": 0.8, "recency": 0.7}, "Last purchase"),
        (None, {"xgboost": 0.1, "recency": -0.05}, "Last purchase"),
        (True, {"xgboost": float("nan"), "recency": 0.7}, "Last purchase"),
    ],
)
def test_the_best_comes_first_and_is_marked(higher, values, best):
    said = words(page_of(metrics=[make_metric("m", higher, **values)]))
    assert said.count(" best ") == 1 + said.count(", best first")
    assert f"{best} best" in said


@pytest.mark.parametrize(
    ("estimate", "low", "high", "said"),
    [
        (0.04, 0.02, 0.06, "better by 0.040 (0.020 to 0.060)"),
        (-0.04, -0.06, -0.02, "worse by 0.040 (0.020 to 0.060)"),
        (-0.02, -0.06, 0.02, "no clear difference (−0.060 to 0.020)"),
        (0.04, None, None, "better by 0.040."),
        (None, None, None, "not known."),
    ],
)
def test_a_difference_says_whether_it_is_for_the_better(estimate, low, high, said):
    difference = {"metric": "m", "against": "recency", "estimate": estimate}
    page = page_of(
        metrics=[make_metric("m", False, xgboost=1.0, recency=2.0)],
        differences=[difference | {"low": low, "high": high}],
    )
    assert f"Boosted trees against Last purchase: {said}" in words(page)


def test_revenue_is_told_beside_the_counts():
    test = {"customers": 400, "positives": 80, "rate": 0.2}
    revenue = {"mrr": 51_300.0, "mrr_rate": 0.264, "mrr_top_tenth": 0.313}
    said = words(page_of(test={**test, **revenue}))
    assert "That tenth held 31.3 % of the monthly revenue (MRR) that left." in said
    assert "80 left (20.0 %), with 26.4 % of the monthly revenue of USD 51,300." in said
    assert "monthly revenue" not in words(page_of(test=test))


def test_a_refusal_says_what_is_served_instead():
    verdict = {"passed": False, "served": "recency", "reasons": ["Worse than the rule."]}
    assert "Refused. Served instead: Last purchase." in words(page_of(verdict=verdict))
    assert "Nothing is served" in words(page_of(verdict={"passed": False, "served": None}))


def test_a_feature_in_detail_has_its_name_and_importance_is_told_once():
    pause = FeatureColumn("pause", "number", (), "", "", "days since", "", True, None, False, "")
    schema, column = FeatureSchema((pause,)), np.arange(6.0)[:, None]
    figures = {
        "importance_bar": shap_plots.importance_bar(column, schema),
        "dependence_1": shap_plots.dependence("pause", column, column, schema),
    }
    assert "Days since Each dot is a customer" in words(page_of(figures))
    assert "What the model goes by" not in words(page_of(figures))
    assert "What the model goes by" in words(page_of(figures, features=[]))


def test_hostile_words_stay_words():
    names = ("base", "task", "question", "model", "currency", "population")
    facts = dict.fromkeys(names, HOSTILE) | {
        "data": {"file": HOSTILE},
        "cutoffs": {"split": HOSTILE},
        "metrics": [make_metric(HOSTILE, True, **{HOSTILE: 1.0, "other": 0.5})],
        "models": [{"name": HOSTILE, "label": HOSTILE, "role": HOSTILE}],
        "verdict": {"passed": False, "served": HOSTILE, "reasons": [HOSTILE]},
        "warnings": [HOSTILE],
        "parameters": {HOSTILE: HOSTILE},
        "features": [{"name": HOSTILE, "label": HOSTILE, "importance": 1.0}],
        "ways": [
            {
                "label": HOSTILE,
                "said": HOSTILE,
                "segments": [make_segment(HOSTILE, 3, 1.0, apart=[HOSTILE], sure=HOSTILE)],
                "alike": [{"said": HOSTILE, "customers": 3, "potential": HOSTILE}],
                "changes": [HOSTILE],
            }
        ],
        "libraries": {HOSTILE: HOSTILE},
    }
    figures = {HOSTILE: plots.gain([0, 1], [0, 1], {HOSTILE: [1, 0]}, HOSTILE)}
    report = card.report([(facts, figures)], {"passed": False, HOSTILE: [HOSTILE, {"a": HOSTILE}]})
    for page in (card.card(facts, figures)[1].decode(), report.decode()):
        assert not {"script", "img"} & set(Reader(page).tags)
        assert requests_of(page) == []


def test_the_page_stands_alone():
    page = page_of(make_figures())
    assert requests_of(page) == []
    assert "<script" not in page
    assert "default-src 'none'" in page
    named = {name for name, _ in Reader(page).attributes}
    assert not [name for name in named if name == "style" or name.startswith("on")]


def test_ids_of_a_report_are_each_used_once():
    cards = [(make_facts(task=task), make_figures()) for task in ("churn", "clv", "churn")]
    ids = re.findall(r'\sid="([^"]*)"', card.report(cards).decode())
    assert len(ids) == len(set(ids))


def test_the_same_facts_give_the_same_bytes():
    figures = make_figures()
    once = card.card(make_facts(), figures)
    assert once == card.card(make_facts(), figures) == card.card(make_facts(), make_figures())
    assert card.report([(make_facts(), figures)]) == card.report([(make_facts(), make_figures())])


def test_missing_facts_leave_gaps_but_a_page():
    assert b"<article" in card.card({}, {})[1]
    assert b"<h1>" in card.report([])
    for name in make_facts():
        facts = make_facts()
        facts.pop(name)
        card.card(facts, {})
        card.card(make_facts(**{name: None}), {})


def test_a_split_without_time_says_so():
    page = page_of(
        cutoffs={"split": "by strata of the label; it could not be tested on the future"}
    )
    assert "could not be tested on the future." in words(page)
    assert "What was known, and what was asked" not in page


def make_segment(name, customers, share, **more):
    return {"id": 1, "name": name, "customers": customers, "share": share, "spend": None, **more}


def test_the_report_tells_all_tasks_and_the_check():
    segments = {
        "task": "segments",
        "cutoffs": {"fit": ["2017-12-04"]},
        "ways": [
            {
                "label": "By how they buy",
                "said": "400 of 400 customers have a segment.",
                "segments": [
                    make_segment("Regulars", 300, 0.75, apart=["buys weekly"], sure="stable"),
                    make_segment("Fading", 100, 0.25),
                ],
                "changes": ["Segment 1 (Regulars) stayed."],
            },
            {"label": "By what they are worth", "said": "Tenths.", "segments": []},
        ],
    }
    value = make_facts(
        task="clv",
        test={},
        metrics=[
            make_metric("top_tenth_share", True, "share", xgboost=0.41),
            make_metric("total_bias", None, "share", xgboost=-0.021),
        ],
    )
    held = [(make_facts(), make_figures()), (value, {}), (segments, {})]
    said = words(card.report(held, {"passed": True, "warnings": ["3 rows of 0"]}).decode())
    for part in (
        "The tenth ranked highest brought 41.0 % of what all brought.",
        "All predictions together came out 2.1 % below what was really spent.",
        "2 segments: Regulars (75.0 %), Fading (25.0 %).",
        "400 of 400 customers have a segment.",
        "Segment 1 (Regulars) stayed.",
        "Found on what was known at 2017-12-04.",
        "buys weekly",
        "The data passed its check.",
        "3 rows of 0",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1234567.8, "", "1,235,000"),
        (842.4, "", "842"),
        (9.996, "", "10.00"),
        (-0.04212, "", "−0.042"),
        (0.00001234, "", "0.0000123"),
        (0.0, "", "0"),
        (7, "", "7"),
        (0.1206, "share", "12.1\xa0%"),
        (0.0042, "share", "0.42\xa0%"),
        (1043.2, "currency", "USD\xa01,043"),
        (3, "times", "3.00\xa0times"),
        (float("nan"), "share", "–"),
        (None, "", "–"),
        (True, "", "–"),
    ],
)
def test_numbers_are_written_for_people(value, unit, said):
    assert wording.number(value, unit, "USD") == said


def test_warnings_come_before_everything_else():
    warnings = ["ROC-AUC of 0.97: see whether a column knows the answer."]
    for said in (
        words(page_of(warnings=warnings)),
        words(card.report([(make_facts(warnings=warnings), {})]).decode()),
    ):
        assert said.index("0.97: see whether") < said.index("Passed.")


def test_every_check_of_the_gate_is_told_with_its_number_and_bound():
    gate = [
        {
            "check": "calibration",
            "passed": False,
            "value": 0.061,
            "bound": 0.05,
            "said": "Off by 0.061.",
        },
        {"check": "explanations", "passed": True, "value": 3.2e-7, "bound": 1e-5, "said": ""},
        {"check": "champion", "passed": True, "value": None, "bound": -0.005, "said": "None yet."},
    ]
    said = words(page_of(gate=gate))
    assert "failed Calibration Off by 0.061. 0.061 0.050" in said
    assert "passed Explanations 3.2 × 10⁻⁷ 1 × 10⁻⁵" in said
    assert "passed Champion None yet. – −0.005" in said
    assert "Better than the rule." not in said  # a reason that its check says


def test_slices_are_told_group_by_group_and_the_small_ones_withheld():
    slices = [
        {
            "by": "tenure",
            "label": "time as a customer",
            "groups": [
                {"name": "new", "customers": 12, "positives": 1, "values": {}},
                {
                    "name": "old",
                    "customers": 1200,
                    "positives": 99,
                    "values": {
                        "roc_auc": {"value": 0.812, "low": 0.79, "high": 0.83},
                        "mean_predicted": {"value": 0.081, "low": None, "high": None},
                    },
                },
            ],
        }
    ]
    page = page_of(slices=slices)
    said = words(page)
    assert "Group Customers Left ROC-AUC Predicted" in said
    assert "new 12 1 too few too few old 1,200 99 0.812 0.790 to 0.830 8.1 %" in said
    assert "line: all" in page
    assert "A dot is a group of customers" in said


def test_what_a_random_split_would_have_claimed_is_said():
    claims = {"metric": "roc_auc", "random": 0.91, "tuning": 0.8, "later": 0.78}
    said = words(page_of(claims=claims))
    assert "ROC-AUC: a random split would have claimed 0.910; the later period gave 0.780." in said
    assert "a random split" not in words(page_of(claims={}))


def test_the_calibration_error_stands_beside_what_chance_would_show():
    said = words(page_of(make_figures(), calibration={"ece": 0.021, "perfect": 0.0124}))
    assert "They are off by 2.1 points on average" in said
    assert "a perfectly calibrated model of this size would show 1.2." in said


def test_a_leak_that_was_let_through_is_named_with_its_reason():
    leak = {"column": "c1", "label": "churn score", "way": "value", "value": 0.97, "bound": 0.9}
    said = words(page_of(leakage=[{**leak, "waived": "it is known a month before"}]))
    assert "Churn score: its value alone gives the answer (0.970, bound 0.900)" in said
    assert "let through because: it is known a month before." in said


def test_who_should_not_use_it_for_what_is_said():
    use = {"who": "Credit teams", "what": "deciding on credit", "why": "it was not made for it"}
    said = words(page_of(unsuited=[use]))
    assert "Credit teams deciding on credit it was not made for it" in said


def test_reasons_in_words_are_of_nobody():
    example = {
        "who": "the tenth in the middle",
        "served": 0.052,
        "raise": ["spend: USD 10"],
        "lower": [],
    }
    said = words(page_of(examples=[example]))
    assert "Typical of the tenth in the middle Predicted: 5.2 % Raises it spend: USD 10" in said
    assert "Nobody in particular" in said


def test_of_many_features_in_detail_the_page_shows_three():
    columns = tuple(
        FeatureColumn(name, "number", (), "", "", f"the {name}", "", True, None, False, "")
        for name in ("a", "b", "c", "d")
    )
    matrix = np.arange(24.0).reshape(6, 4)
    figures = {
        f"dependence_{rank}": shap_plots.dependence(
            column.name, matrix, matrix, FeatureSchema(columns)
        )
        for rank, column in enumerate(columns, 1)
    }
    features = [{"name": c.name, "label": c.label, "importance": 1.0} for c in columns]
    page = page_of(figures, features=features)
    assert [f"<b>The {name}</b>" in page for name in "abcd"] == [True, True, True, False]


def test_a_card_says_how_well_churn_was_told_by_days():
    row = {"days": 30, "customers": 100, "predicted": 0.412, "actual": 0.39, "brier": 0.2}
    told = {
        "within": [{**row, "log_loss": 0.5, "ece": 0.02, "roc_auc": 0.81}],
        "untested": [60, 90],
        "next_purchase": {"customers": 80, "bought_by_then": 0.55, "expected": 0.53},
    }
    page = card.card({**make_facts(), "timing": told}, {})[1].decode()
    page = page.replace("\u202f", " ").replace("\xa0", " ").replace("&nbsp;", " ")
    assert "By when" in page
    for said in ("41.2 %", "39.0 %", "80 customers", "55.0 % had bought", "60 and 90 days"):
        assert said in page
    assert "By when" not in card.card(make_facts(), {})[1].decode()
