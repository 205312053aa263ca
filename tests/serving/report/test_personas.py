from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.source import load_tables
from serving.releases.release import Release
from serving.report.persona_words import said
from serving.report.personas import personas
from serving.report.scored import score_at
from tests.factories import AS_OF, make_bundles, make_config
from training.bundle import load


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    made = make_bundles(folder / "made", config)
    release = Release("shop", {task: load(path) for task, path in made.items()})
    return config, score_at(config, load_tables(config), release, AS_OF)


def test_a_card_holds_what_the_frame_and_the_features_say(shop):
    config, scored = shop
    frame, features = scored.frame, scored.features
    config = config.model_copy(update={"report": config.report.model_copy(update={"least": 1})})
    found = [held for held in personas(config, scored) if held["way"] == "behaviour"]
    assert [held["name"] for held in found] == ["regulars", "sleepers", "the middle"]
    assert [held["name_da"] for held in found] == ["stamkunder", "sovende", "midten"]
    for held in found:
        inside = (frame["segment:behaviour"] == held["name"]).to_numpy()
        assert held["customers"] == inside.sum()
        assert held["share"] == inside.sum() / len(frame)
        spent = features["spend_in_30d"]  # the report's period is 30 days
        assert held["revenue_days"] == 30
        assert held["revenue_share"] == pytest.approx(spent[inside].sum() / spent.sum())
        assert held["clv_share"] == pytest.approx(frame["clv"][inside].sum() / frame["clv"].sum())
        assert held["churn"] == pytest.approx(frame["churn"][inside].mean())
        assert held["order_value"] == np.nanmedian(features["average_order_value"][inside])
        assert held["sure"] == "How sure: not known."
    assert sum(held["share"] for held in found) == pytest.approx(1)
    assert sum(held["revenue_share"] for held in found) == pytest.approx(1)


def test_segments_that_nobody_or_too_few_are_in_tell_nothing(shop):
    config, scored = shop
    whole = scored.frame["segment:lifecycle"].fillna("unknown").value_counts()
    for held in personas(config, scored):
        if held["way"] != "lifecycle":
            continue
        count = whole.get(held["name"], 0)
        if not count:
            assert (held["said"], held["withheld"]) == ("Nobody at present.", False)
        if 0 < count < config.report.least:
            assert held["withheld"]
            assert held["said"] == "So few customers that nothing is told of them."
            kept = ("customers", "share", "clv_share", "churn", "usual_gap", "attributes")
            assert [held[name] for name in kept] == [None] * len(kept)
    assert (whole < config.report.least).any()


def test_a_share_of_revenue_that_few_brought_is_withheld_however_many_are_in_the_segment(shop):
    config, scored = shop
    names = np.array(["regulars"] * 20 + ["sleepers"] * 12 + ["the middle"] * 8, dtype=object)
    frame = scored.frame.assign(**{"segment:behaviour": names})
    spent = np.r_[np.full(20, 10.0), np.full(2, 50.0), np.zeros(10), np.zeros(8)]
    features = scored.features.assign(spend_in_30d=spent)
    found = personas(config, replace(scored, frame=frame, features=features))[:3]
    # 200 of 300, two sleepers' 100, nobody's 0: told of the first, the sleepers' would follow.
    assert [held["revenue_share"] for held in found] == [None, None, 0.0]
    spent[22:] = 5.0  # of ten sleepers and of all in the middle
    features = scored.features.assign(spend_in_30d=spent)
    found = personas(config, replace(scored, frame=frame, features=features))[:3]
    assert [held["revenue_share"] for held in found] == [200 / 390, 150 / 390, 40 / 390]


def test_the_order_of_customers_changes_nothing(shop):
    config, scored = shop
    order = np.random.default_rng(5).permutation(len(scored.frame))
    shuffled = replace(
        scored,
        frame=scored.frame.iloc[order].reset_index(drop=True),
        features=scored.features.iloc[order].reset_index(drop=True),
    )
    assert personas(config, shuffled) == personas(config, scored)


def test_the_main_channel_is_that_of_most(shop):
    config, scored = shop
    ids = scored.frame["customer_id"]
    regulars = ids[scored.frame["segment:behaviour"] == "regulars"]
    channels = pd.Series("web", index=ids.to_numpy())
    held = personas(config, scored, channels)[0]
    assert (held["channel"], held["channel_share"]) == ("web", 1.0)
    assert ", mostly through web" in held["said"]
    channels[regulars.iloc[:4]] = "shop"  # so few that the share of the web would tell of them
    few = personas(config, scored, channels)[0]
    assert (few["channel"], few["channel_share"]) == (None, None)
    channels[:] = None
    nobodys = personas(config, scored, channels)[0]
    assert (nobodys["channel"], nobodys["channel_share"]) == (None, None)


def test_how_sure_a_segment_is_is_told_from_the_bundles_card(shop, monkeypatch):
    config, scored = shop
    bundle = scored.release.bundles["segments"]
    recency = {"said": "days since the last purchase: 12", "said_da": "dage siden sidste køb: 12"}
    description = {"roc_auc": 0.951, "apart": [{**recency, "importance": 0.5}]}
    told = {"id": 1, "stability": 0.824, "description": description}
    ways = [{"way": "behaviour", "segments": [told, {"id": 2, "description": None}]}]
    monkeypatch.setitem(bundle.__dict__, "card", {"ways": ways})
    first, second = personas(config, scored)[:2]
    assert first["sure"] == (
        "How sure: 82% of it is found again in other samples; what sets it apart tells one of "
        "them from another customer 95 times in 100."
    )
    assert first["sure_da"] == (
        "Hvor sikkert: 82 % af segmentet genfindes i andre stikprøver; beskrivelsen skelner en af "
        "dem fra andre 95 gange ud af 100."
    )
    assert (first["apart"], second["apart"]) == ([recency], [])
    assert second["sure_da"] == "Hvor sikkert: ikke kendt."


def test_without_a_model_of_segments_there_are_no_cards(shop):
    config, scored = shop
    assert personas(config, replace(scored, release=Release("shop", {}))) == []


PERSONA = {
    "withheld": False,
    "customers": 612,
    "share": 0.26,
    "revenue_share": 0.48,
    "revenue_days": 90,
    "clv_share": 0.41,
    "clv_days": 28,
    "churn": 0.04,
    "churn_days": 28,
    "usual_gap": 6.0,
    "order_value": 38.4,
    "channel": "web",
    "unrealised": 12500.0,
    "attributes": [
        {
            "label": "household income",
            "label_da": "husstandens indkomst",
            "value": "50-74K",
            "flag": False,
            "inside": 0.31,
            "everybody": 0.12,
        },
        {
            "label": "gets the newsletter",
            "label_da": "får nyhedsbrevet",
            "value": "yes",
            "flag": True,
            "inside": 0.9,
            "everybody": 0.5,
        },
    ],
}


def test_a_card_reads_as_a_person_would_say_it():
    assert said(PERSONA, "USD", "en") == (
        "612 customers (26% of all) bring 48% of the revenue of the last 90 days and 41% of "
        "lifetime value. They buy every 6 days, about USD 38.40 at a time, mostly through web; "
        "4% are expected to leave in 28 days. More often than others, where it is known: "
        "household income: 50-74K (31%, of all 12%); gets the newsletter: yes (90%, of all 50%). "
        "Buying as the best of customers like them do, they would bring USD 12,500 more in 28 days."
    )
    assert said(PERSONA, "DKK", "da") == (
        "612 kunder (26 % af alle) står for 48 % af omsætningen de seneste 90 dage og 41 % af "
        "kundeværdien. De køber med 6 dages mellemrum, for omkring 38,40 kr. ad gangen, mest "
        "gennem web; 4 % ventes at falde fra inden for 28 dage. Oftere end blandt andre, hvor det "
        "vides: husstandens indkomst: 50-74K (31 %, af alle 12 %); får nyhedsbrevet: ja (90 %, af "
        "alle 50 %). Købte de som de bedste af lignende kunder, ville det give 12.500 kr. mere på "
        "28 dage."
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"revenue_days": None, "usual_gap": None, "order_value": None, "churn_days": None},
            "612 customers (26% of all) bring 48% of monthly revenue and 41% of lifetime value. "
            "4% are expected to leave.",
        ),
        (
            {"revenue_share": None, "clv_share": None, "usual_gap": 1.0, "churn": None},
            "612 customers (26% of all). They buy every day, about USD 38.40 at a time, mostly "
            "through web.",
        ),
        (
            {"customers": 1, "clv_share": None, "usual_gap": None, "channel": None},
            "1 customer (26% of all) brings 48% of the revenue of the last 90 days. They spend "
            "about USD 38.40 at a time; 4% are expected to leave in 28 days.",
        ),
    ],
)
def test_what_is_not_known_is_left_unsaid(changes, text):
    held = {**PERSONA, "attributes": [], "unrealised": None, **changes}
    assert said(held, "USD", "en") == text
