"""A release whose models were trained on different features."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from features.source import load_tables
from serving.api.asked import ScoreRequest
from serving.batch.fill import fill_store
from serving.record.draft import LedgerError
from serving.record.merkle import canonical
from serving.releases.release import bundle_by_digest, publish
from serving.scoring.online import Online
from serving.scoring.score import replay
from serving.settings import open_ledger, open_secret, open_store
from tests.factories import AS_OF, make_bundles, make_config
from training.reasons import Options

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Bundles on all features, and on fewer."""
    folder = tmp_path_factory.mktemp("made")
    narrow = make_config(folder / "narrow", features={"windows": ["30d"]})
    wide = make_config(folder / "wide")
    return make_bundles(folder / "of-all", wide), make_bundles(folder / "of-fewer", narrow)


@pytest.fixture
def config(tmp_path):
    return make_config(tmp_path)


@pytest.fixture
def online(config, made) -> Online:
    wide, narrow = made
    publish(config.var, config.name, wide)
    release = publish(config.var, config.name, {"clv": narrow["clv"]})
    store = open_store(config.var)
    fill_store(config, load_tables(config), release, AS_OF, store)
    ledger, key = open_ledger(config.name, config.var), open_secret(config.var)
    return Online(release, store, ledger, key, config)


def asked(online, **customer):
    request = ScoreRequest.model_validate({"customers": [{"customer_id": "001", **customer}]})
    (result,) = online.score(request, AT)["results"]
    return result


def test_each_model_gets_its_own_features(online, config):
    assert len(online.schemas) == 2
    by_id = asked(online)
    entry = online.ledger.get(by_id["id"])
    assert entry.body["features"].keys() == online.schemas.keys()
    again = replay(entry.body, lambda digest: bundle_by_digest(config.var, digest))
    assert canonical(again) == canonical(entry.body)
    given = {
        name: value
        for digest, values in entry.body["features"].items()
        for name, value in zip(online.schemas[digest].names, values, strict=True)
    }
    by_features = asked(online, features=given, as_of=str(AS_OF))
    assert json.dumps({**by_features, "id": ""}) == json.dumps({**by_id, "id": ""})


def test_a_learned_column_is_computed_and_not_the_callers_to_give(online):
    given = dict.fromkeys(online.columns)
    assert asked(online, features=given)["codes"]["churn"] == "inactive"
    refused = asked(online, features={**given, "expected_purchases": 3.0})["error"]
    assert (refused["code"], refused["feature"]) == ("invalid_features", "expected_purchases")
    assert "is not a feature of the models" in refused["message"]


def test_features_of_two_days_are_not_mixed(online):
    digest, schema = next(iter(online.schemas.items()))
    values = online.store.get("shop", digest, ["001"])["001"].values
    online.store.replace("shop", digest, str(date(2024, 6, 4)), ["001"], [values])
    assert asked(online)["error"]["code"] == "features_changing"
    online.store.replace("shop", digest, str(AS_OF), ["002"], [[None] * len(schema.names)])
    assert asked(online)["error"]["code"] == "features_changing"


def test_what_is_refused_is_not_on_record(online):
    assert asked(online, customer_id="nobody")["error"]["code"] == "unknown_customer"
    assert asked(online, features={})["error"]["code"] == "invalid_features"
    assert online.ledger.last() is None


def test_no_score_is_given_that_is_not_on_record(online, monkeypatch):
    def refuse(*_):
        raise LedgerError("the disk is full")

    monkeypatch.setattr(online.ledger, "write", refuse)
    with pytest.raises(LedgerError):
        asked(online)


def test_the_record_names_no_customer(online):
    told = asked(online)
    entry = online.ledger.get(told["id"])
    assert '"001"' not in entry.bytes.decode()
    assert entry.at == "2024-06-03T09:00:00.000000Z"


def test_a_score_tells_its_band_and_what_is_at_risk(online, config):
    told = asked(online)
    low, high = config.serving.bands
    chance = told["churn"]["probability"]
    band = "low" if chance < low else "middle" if chance < high else "high"
    assert told["churn"]["band"] == band
    at_risk = told["value_at_risk"]
    clv = online.release.bundles["clv"].model
    (if_stays,) = clv.if_stays.of(np.array([told["clv"]["value"]]))
    assert at_risk["if_stays"] == if_stays >= told["clv"]["value"]
    assert at_risk["amount"] == chance * if_stays
    assert (at_risk["currency"], at_risk["horizon_days"]) == ("DKK", 28)
    recorded = online.ledger.get(told["id"]).body
    assert recorded["scores"]["value_at_risk"] == {
        "amount": at_risk["amount"],
        "if_stays": if_stays,
    }
    assert recorded["scores"]["churn"]["band"] == band


@pytest.mark.parametrize(
    ("probability", "band"),
    [
        (0.0, "low"),
        (0.2999, "low"),
        (0.3, "middle"),
        (0.5999, "middle"),
        (0.6, "high"),
        (1, "high"),
    ],
)
def test_a_band_begins_at_its_threshold(probability, band):
    assert Options(3, "en", (0.3, 0.6)).band(probability) == band
    assert Options(3, "en").band(probability) is None


def test_old_features_are_flagged_and_stale_ones_refused(online):
    serving = online.config.serving.model_copy(update={"old_after": 2, "stale_after": 5})
    strict = replace(online, config=online.config.model_copy(update={"serving": serving}))
    request = ScoreRequest.model_validate({"customers": [{"customer_id": "001"}]})

    def after(days):
        (result,) = strict.score(request, AT + timedelta(days=days))["results"]
        return result

    assert "old_features" not in after(2)["flags"]
    flagged = after(3)
    assert flagged["flags"][-1] == "old_features"
    body = online.ledger.get(flagged["id"]).body
    assert body["flags"] == flagged["flags"]
    again = replay(body, lambda digest: bundle_by_digest(online.config.var, digest))
    assert canonical(again) == canonical(body)
    refused = after(6)
    assert refused["error"]["code"] == "stale_features"
    assert refused["error"]["message"].startswith(
        "the stored features are of 2024-06-03, 6 days ago; they may be 5 days old"
    )


def test_what_was_not_seen_in_training_is_flagged_by_its_feature(online):
    usual = dict.fromkeys(online.columns)
    assert "missing:days_since_purchase" not in asked(online, features=usual)["flags"]
    ranges = online.release.bundles["churn"].ranges
    names = online.release.bundles["churn"].model.inputs.names
    place = names.index("tenure")
    known = {**usual, "days_since_purchase": 3.0}
    for tenure, odd in ((ranges.greatest[place], False), (ranges.greatest[place] + 1, True)):
        flags = asked(online, features={**known, "tenure": float(tenure)})["flags"]
        assert ("out_of_range:tenure" in flags) is odd
    assert "missing:purchase_days" in asked(online, features=known)["flags"]
    assert "missing:purchase_days" not in asked(online)["flags"]
    flags = asked(online, features={**known, "income": "unheard of"})["flags"]
    assert "unseen_category:income" in flags
    assert "missing:income" not in flags


def test_the_key_that_asked_is_on_record(online):
    request = ScoreRequest.model_validate({"customers": [{"customer_id": "001"}]})
    (result,) = online.score(request, AT, key="k1")["results"]
    body = online.ledger.get(result["id"]).body
    assert body["key"] == "k1"
    again = replay(body, lambda digest: bundle_by_digest(online.config.var, digest))
    assert canonical(again) == canonical(body)
