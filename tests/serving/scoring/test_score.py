import json
import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from features.build import schema_of
from features.source import load_tables
from serving.record.merkle import canonical, parsed
from serving.releases.release import Release, bundle_by_digest, publish
from serving.scoring.customers import Customers
from serving.scoring.score import answer, assess, record, replay, schemas
from serving.scoring.segmented import INACTIVE, NO_VALUE, OUT_OF_RANGE
from tests.factories import AS_OF, make_bundle, make_bundles, make_config, make_features
from training.calibrate import Scale
from training.model import Model
from training.predictors import Linear, Term
from training.reasons import Options
from training.timing import Timing

OPTIONS = Options(3, "en")


@pytest.fixture(scope="module")
def var(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def config(var):
    return make_config(var)


@pytest.fixture(scope="module")
def release(var, config) -> Release:
    return publish(var, config.name, make_bundles(var / "made", config))


@pytest.fixture(scope="module")
def table(config):
    return make_features(config)


def test_a_row_alone_has_the_bits_it_has_among_thousands(release, table):
    many = table.loc[np.random.default_rng(1).integers(0, len(table), 4_000)].reset_index(drop=True)
    among = assess(release, many)
    for row in range(0, len(many), 100):
        alone = assess(release, many.iloc[[row]])
        # json tells -0.0 from 0.0 and every double from its neighbours.
        assert json.dumps(answer(alone, 0, OPTIONS)) == json.dumps(answer(among, row, OPTIONS))
        assert json.dumps(record(alone, 0, "t", OPTIONS)) == json.dumps(
            record(among, row, "t", OPTIONS)
        )


def test_the_callers_table_is_left_as_it_was(release, table):
    before = table.copy()
    assess(release, table)
    assert before.equals(table)


def test_every_recorded_score_replays_to_the_same_bytes(var, release, table):
    assessed = assess(release, table)
    for row in range(len(table)):
        recorded = canonical(record(assessed, row, f"token{row}", Options(2, "da")))
        again = replay(parsed(recorded), lambda digest: bundle_by_digest(var, digest))
        assert canonical(again) == recorded


def test_learned_columns_are_on_record_apart_from_the_features_they_follow_from(release, table):
    model = release.bundles["clv"].model
    values = model.learned.values(model.inputs, model.inputs.encode(table))
    assessed = assess(release, table)
    learned = {"expected_purchases", "purchase_probability"}
    assert not any(learned & set(schema.names) for schema in schemas(release).values())
    for row in range(len(table)):
        scores = record(assessed, row, "t", OPTIONS)["scores"]
        assert set(scores["segments"]) == {"behaviour", "lifecycle", "value"}
        for task in ("churn", "clv"):
            if "margin" in scores[task]:
                assert list(scores[task]["learned"].values()) == values[row].tolist()


def test_a_learned_column_is_a_reason_like_any_other(release, table):
    assessed = assess(release, table)
    told = {
        language: [
            part
            for row in range(len(table))
            if (held := answer(assessed, row, Options(50, language))["clv"])
            for part in held["reasons"]["raises"] + held["reasons"]["lowers"]
            if part["idea"] == "outlook"
        ]
        for language in ("en", "da")
    }
    words = {
        "expected_purchases": ("expected purchases", "forventede køb"),
        "purchase_probability": ("probability of a purchase", "sandsynlighed for et køb"),
    }
    assert told["en"]
    for english, danish in zip(told["en"], told["da"], strict=True):
        assert english["feature"] == danish["feature"]
        in_english, in_danish = words[english["feature"]]
        assert english["text"].startswith(f"{in_english} in the next 28 days: ")
        assert danish["text"].startswith(f"{in_danish} de næste 28 dage: ")


def test_reasons_add_up_to_the_answer(release, table):
    assessed = assess(release, table)
    for row in range(len(table)):
        told = answer(assessed, row, Options(50, "en"))
        for task, value in (("churn", "probability"), ("clv", "value")):
            if told[task]:
                held = told[task]["reasons"]
                moved = [part["contribution"] for part in held["raises"] + held["lowers"]]
                assert math.fsum([told[task]["base"], *moved]) == pytest.approx(told[task][value])


def test_whom_a_model_may_not_be_asked_about_has_a_code_and_no_number(release, table):
    assessed = assess(release, table)
    told = [answer(assessed, row, OPTIONS) for row in range(len(table))]
    inactive = (table["days_since_purchase"] <= 90).to_numpy() == False  # noqa: E712, NaN too
    assert 0 < inactive.sum() < len(table)
    for row, held in enumerate(told):
        assert (held["churn"] is None) == inactive[row]
        coded = {"churn": INACTIVE, "clv": INACTIVE, "segments.value": INACTIVE}
        if np.isnan(table["days_since_purchase"].iloc[row]):
            coded["segments.lifecycle"] = INACTIVE  # who never bought is at no stage
        assert held["codes"] == (coded if inactive[row] else {})
        assert held["segments"]["behaviour"] is not None
        coded = record(assessed, row, "t", OPTIONS)["scores"]["churn"]
        assert (coded == {"code": INACTIVE}) == inactive[row]


def test_nobody_asked_is_no_error(release, table):
    nobody = assess(release, table[table["days_since_purchase"] > 90])
    assert {answer(nobody, row, OPTIONS)["churn"] for row in range(len(nobody))} == {None}
    assert len(assess(release, table.iloc[:0])) == 0


def test_an_unseen_category_is_missing_and_flagged(release, table):
    odd, missing = table.iloc[[1]].copy(), table.iloc[[1]].copy()
    odd["income"], missing["income"] = "astronomical", None
    told, bare = (answer(assess(release, held), 0, OPTIONS) for held in (odd, missing))
    assert told["flags"] == ["unseen_category:income"]
    assert bare["flags"] == []
    assert told["churn"]["probability"] == bare["churn"]["probability"]
    recorded = record(assess(release, odd), 0, "t", OPTIONS)
    assert "astronomical" in recorded["features"][next(iter(schemas(release)))]


@pytest.mark.parametrize("extreme", [1e300, 1e14, -1e300, 1e15, 1e16])
@pytest.mark.parametrize("name", ["spend_ever", "purchase_days", "tenure"])
def test_an_extreme_feature_spoils_no_other_row(release, table, extreme, name):
    held = table.copy()
    held.loc[1, name] = extreme
    spoilt, sound = assess(release, held), assess(release, table)
    told = [answer(spoilt, row, OPTIONS) for row in range(len(held))]
    whole = [answer(sound, row, OPTIONS) for row in range(len(held))]
    assert told[:1] + told[2:] == whole[:1] + whole[2:]
    assert set(told[1]["codes"].values()) <= {OUT_OF_RANGE, INACTIVE, NO_VALUE}
    json.dumps(told[1], allow_nan=False)
    canonical(record(spoilt, 1, "t", OPTIONS))
    if abs(extreme) > 1e15:
        assert told[1]["codes"]["churn"] == OUT_OF_RANGE
        assert set(told[1]["segments"].values()) == {None}


def test_an_overflow_within_a_model_spoils_no_other_row(tmp_path, config, table):
    schema = schema_of(config, load_tables(config))
    steep = Term(schema.names.index("spend_ever"), "identity", 0.0, 1e-300, 1.0)
    flat = Term(schema.names.index("tenure"), "identity", 0.0, 1.0, 0.001)
    predictors = tuple(Linear(len(schema.columns), 0.0, (term,)) for term in (steep, flat))
    model = Model("churn", "linear", schema, predictors, Scale(1.0))
    bundle = make_bundle(tmp_path / "steep", config, model, schema.encode(table))
    held = table.copy()
    held["spend_ever"] = 0.0
    held.loc[1, "spend_ever"] = 1e14
    told = assess(Release("shop", {"churn": bundle}), held).tasks["churn"]
    assert told.codes == [None, OUT_OF_RANGE, *[None] * (len(held) - 2)]
    assert told.explanation.served[2] == pytest.approx(0.001 * held["tenure"][2])


def test_an_interval_holds_its_value_and_lies_within_the_wider(release, table):
    assessed = assess(release, table)
    told = [held for row in range(len(table)) if (held := answer(assessed, row, OPTIONS)["clv"])]
    for held in told:
        (low, high), (lowest, highest) = held["intervals"]["80"], held["intervals"]["95"]
        assert 0 <= lowest <= low <= held["value"] <= high <= highest
        assert (held["currency"], held["horizon_days"]) == ("DKK", 28)


def test_segments_have_names_in_both_languages_and_what_sets_them_apart(release, table):
    assessed = assess(release, table)
    english, danish = (
        [
            answer(assessed, row, Options(3, tongue))["segments"]["behaviour"]
            for row in range(len(table))
        ]
        for tongue in ("en", "da")
    )
    assert {held["name"] for held in english} >= {"regulars", "sleepers"}
    assert {held["name"] for held in danish} >= {"stamkunder", "sovende"}
    assert all(part["contribution"] > 0 for held in english for part in held["reasons"]["apart"])


def test_a_release_of_one_task_answers_null_for_the_others(release, table):
    churn = Release("shop", {"churn": release.bundles["churn"]})
    told = answer(assess(churn, table), 1, OPTIONS)
    assert told["churn"] is not None
    assert (told["clv"], told["segments"], told["codes"]) == (None, None, {})
    assert list(told["bundles"]) == ["churn"]


def test_plain_rows_make_the_table_that_was_built(release, table):
    known = schemas(release)
    rows = [{digest: values} for digest in known for values in known[digest].plain(table)]
    ids, days = table["customer_id"].tolist(), [str(AS_OF)] * len(table)
    rebuilt, built = (
        assess(release, Customers.of_rows(known, rows, ids, days)),
        assess(release, table),
    )
    for row in range(len(table)):
        assert answer(rebuilt, row, OPTIONS) == answer(built, row, OPTIONS)


# Churn's time


def retimed(folder: Path, config, release: Release, timing: Timing | None) -> Release:
    """Return a release of the same churn model with other days, or telling of no time."""
    bundle = release.bundles["churn"]
    model = replace(bundle.model, timing=timing)
    matrix = np.zeros((1, len(model.schema.columns)))
    return Release("shop", {"churn": make_bundle(folder, config, model, matrix)})


def test_silence_is_told_by_days_that_never_cross(tmp_path, config, release, table):
    timing = Timing("lapse", 28, (7, 14, 28, 30, 60, 90))
    assessed = assess(retimed(tmp_path / "days", config, release, timing), table)
    told = [held for row in range(len(table)) if (held := answer(assessed, row, OPTIONS)["churn"])]
    assert told
    for held in told:
        within = held["no_purchase_within"]
        assert list(within) == ["7", "14", "28", "30", "60", "90"]
        assert list(within.values()) == sorted(within.values(), reverse=True)
        assert within["28"] == held["probability"]
        assert held["cancelled_within"] is None


def test_the_next_purchase_has_a_date_or_words_for_none(release, table):
    assessed = assess(release, table)
    for row in range(len(table)):
        english, danish = (
            answer(assessed, row, Options(0, tongue))["churn"] for tongue in ("en", "da")
        )
        if english is None:
            continue
        due, times = english["next_purchase"], assessed.tasks["churn"].times
        if due["days"] is None:
            assert due["date"] is None
            assert due["text"] == "no purchase expected within 365 days"
            assert danish["next_purchase"]["text"] == "intet køb ventet inden for 365 dage"
            assert english["no_purchase_within"]["90"] > 0.5
        else:
            assert due["days"] == times.next_purchase[row]
            assert due["date"] == str(AS_OF + timedelta(days=due["days"] - 1))
            assert due["text"] == f"as likely as not to buy by {due['date']}"
            assert danish["next_purchase"]["text"].endswith(f"have købt senest {due['date']}")
    # Of the table's customers some come soon and some are not expected any more.
    known = times.next_purchase[[code is None for code in assessed.tasks["churn"].codes]]
    assert 0 < np.isnan(known).sum() < len(known)


def test_without_a_day_the_next_purchase_is_told_in_days(release, table):
    timeless = table.assign(as_of=None)
    assessed = assess(release, timeless)
    row = int(np.nanargmin(assessed.tasks["churn"].times.next_purchase))
    due = answer(assessed, row, OPTIONS)["churn"]["next_purchase"]
    assert due["date"] is None
    assert due["text"].startswith("as likely as not to buy within ")
    assert record(assessed, row, "t", OPTIONS)["scores"]["churn"]["next_purchase"] == {
        "days": due["days"],
        "date": None,
    }


def test_cancelling_is_told_by_days_with_no_purchase_to_come(tmp_path, config, release, table):
    timing = Timing("cancel", 28, (7, 28, 90))
    assessed = assess(retimed(tmp_path / "cancel", config, release, timing), table)
    told = [held for row in range(len(table)) if (held := answer(assessed, row, OPTIONS)["churn"])]
    for held in told:
        within = held["cancelled_within"]
        assert within["7"] < within["28"] == held["probability"] < within["90"]
        assert held["no_purchase_within"] is held["next_purchase"] is None


def test_a_bundle_that_tells_no_time_is_answered_and_recorded_as_ever(
    tmp_path, config, release, table
):
    old = retimed(tmp_path / "old", config, release, None)
    assert not (old.bundles["churn"].path / "timing.json").exists()
    assessed, timed = assess(old, table), assess(release, table)
    for row in range(len(table)):
        body = record(assessed, row, "t", OPTIONS)
        again = replay(parsed(canonical(body)), lambda _: old.bundles["churn"])
        assert canonical(again) == canonical(body)
        held, now = body["scores"]["churn"], record(timed, row, "t", OPTIONS)["scores"]["churn"]
        if "served" in held:
            assert held == {key: now[key] for key in held}
            assert now.keys() - held.keys() == {"no_purchase_within", "next_purchase"}
            told = answer(assessed, row, OPTIONS)["churn"]
            assert told["no_purchase_within"] is told["next_purchase"] is None
