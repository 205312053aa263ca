"""What a service and a batch count of the scores they give."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from prometheus_client import REGISTRY

from configs.schema import Config
from features.source import load_tables
from serving.batch.run import score_base
from serving.record.tokens import customer_token
from serving.releases.release import Release, publish
from serving.scoring.assessment import Assessments, assess
from serving.settings import open_secret, open_seen
from serving.watching.bins import SCORE
from serving.watching.drift import Drift, drifts
from serving.watching.metrics import TOP
from serving.watching.note import References, Watch, counted, given
from serving.watching.seen import Counts, Of, Seen, add_all, scores_in
from tests.factories import AS_OF, make_bundles, make_config, make_features
from tests.serving.shop import Shop, opened

AT = datetime(2024, 6, 5, 9, tzinfo=UTC)
WEEK = date(2024, 6, 3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Release]:
    folder = tmp_path_factory.mktemp("noted")
    config = make_config(folder)
    return config, publish(config.var, config.name, make_bundles(folder / "made", config))


@pytest.fixture
def seen(tmp_path) -> Iterator[Seen]:
    held = Seen(tmp_path / "ledger.db", "shop")
    yield held
    held.close()


def assessed(made: tuple[Config, Release], **changes: float | str) -> Assessments:
    config, release = made
    return assess(release, make_features(config).assign(**changes))


def as_lists(counts: Counts) -> dict[Of, dict[str, list[int]]]:
    return {of: {name: n.tolist() for name, n in held.items()} for of, held in counts.items()}


def test_singly_in_bulk_and_by_batch_the_counts_are_the_same(made, seen):
    config, release = made
    features = make_features(config)
    bulk = counted(given(assess(release, features), AT), config.timezone, References())
    singly = Watch(seen, config.timezone)
    for row in np.random.default_rng(0).permutation(len(features)):
        singly.note(assess(release, features.iloc[[row]]), AT)
        if row % 7 == 0:
            singly.flush()
    singly.stop()
    out = config.var / "scores.parquet"
    score_base(config, load_tables(config), release, AS_OF, out, AT, 0, "en")
    batch = open_seen(config.name, config.var)
    assert as_lists(seen.since(WEEK)) == as_lists(batch.since(WEEK)) == as_lists(bulk)
    batch.close()
    (churn,) = (held for of, held in bulk.items() if of.task == "churn")
    answered = [code is None for code in assess(release, features).tasks["churn"].codes]
    assert scores_in(churn) == sum(answered) < len(features)
    assert {int(held.sum()) for held in churn.values()} == {sum(answered)}


def test_what_several_processes_counted_is_added_up(made, seen, tmp_path):
    config, _ = made
    counts = counted(given(assessed(made), AT), config.timezone, References())
    other = Seen(tmp_path / "ledger.db", "shop")
    for held in (seen, other, seen):
        held.add(counts)
    other.close()
    thrice: Counts = {}
    for _ in range(3):
        add_all(thrice, counts)
    assert as_lists(seen.since(WEEK)) == as_lists(thrice)
    assert seen.since(WEEK + timedelta(days=1)) == {}


def test_postgresql_adds_up_the_same(made, postgres):
    config, _ = made
    counts = counted(given(assessed(made), AT), config.timezone, References())
    held = Seen(postgres.replace("postgresql://", "postgresql+psycopg://"), "watched")
    held.add(counts)
    held.add(counts)
    found = held.since(WEEK)
    held.close()
    assert {scores_in(each) for each in found.values()} == {
        2 * scores_in(each) for each in counts.values()
    }


def test_a_category_never_seen_in_training_is_counted_apart_from_a_missing_one(made):
    config, _ = made
    held = counted(given(assessed(made, income="enormous"), AT), config.timezone, References())
    for counts in held.values():
        assert counts["income"][-1] == scores_in(counts)
        assert counts["income"][:-1].sum() == 0


def test_a_week_begins_on_the_bases_own_monday(made):
    config, _ = made
    sunday = datetime(2024, 6, 9, 21, 59, tzinfo=UTC)  # in Copenhagen, a minute to midnight
    for at, week in ((sunday, WEEK), (sunday + timedelta(minutes=1), WEEK + timedelta(days=7))):
        held = counted(given(assessed(made), at), config.timezone, References())
        assert {of.week for of in held} == {week}


def drift_of(made: tuple[Config, Release], seen: Seen, task: str = "churn") -> Drift:
    config, release = made
    bundles = {bundle.digest: bundle for bundle in release.bundles.values()}
    held = drifts(seen, bundles.__getitem__, AT, config.timezone, weeks=2)
    (found,) = (each for each in held if each.task == task)
    return found


def test_what_was_shifted_has_drifted_and_nothing_else(made, seen):
    config, release = made
    features = make_features(config)
    active = features[features["days_since_purchase"] <= 90]
    rows = active.sample(3000, replace=True, random_state=1)
    before = AT - timedelta(days=7)
    for at, changed in ((before, rows), (AT, rows.assign(spend_in_30d=rows["spend_in_30d"] + 500))):
        seen.add(counted(given(assess(release, changed), at), config.timezone, References()))
    found = drift_of(made, seen)
    assert [(week.start, week.count, week.few) for week in found.weeks] == [
        (WEEK - timedelta(days=7), 3000, False),
        (WEEK, 3000, False),
    ]
    psi = {each.feature: each.psi for each in found.features}
    assert psi["spend_in_30d"][1] > 1 > 10 * psi["spend_in_30d"][0]
    others = [held for name, held in psi.items() if name != "spend_in_30d"]
    assert all(held[0] == held[1] for held in others)


def test_a_week_of_few_scores_says_so_and_one_of_none_has_no_figure(made, seen):
    config, _ = made
    seen.add(counted(given(assessed(made), AT), config.timezone, References()))
    found = drift_of(made, seen)
    assert [week.few for week in found.weeks] == [True, True]
    assert [week.count > 0 for week in found.weeks] == [False, True]
    assert found.score[0] is None
    assert found.score[1] is not None
    assert all(each.psi[0] is None for each in found.features)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("served")
    config = make_config(folder)
    with opened(config, make_bundles(folder / "made", config)) as held:
        yield held


def test_the_service_counts_each_score_it_gives_once_and_keeps_nobody(shop):
    ids = [f"{number:03}" for number in range(40)]
    body = {"customers": [{"customer_id": customer} for customer in ids]}
    told = shop.client.post("/v1/score", json=body)
    again = [
        shop.client.post("/v1/score", json=body, headers={"Idempotency-Key": "the-same"})
        for _ in range(2)
    ]
    shop.client.post("/v1/score", json={"customers": [{"customer_id": "nobody"}]})
    assert {each.status_code for each in (told, *again)} == {200}
    watch = shop.client.watch
    watch.flush()
    seen = open_seen(shop.config.name, shop.config.var)
    today = datetime.now(UTC).date()
    counts = seen.since(today - timedelta(days=8))
    seen.close()
    scored = sum(each["churn"] is not None for each in told.json()["results"] if "churn" in each)
    assert {of.task: scores_in(held) for of, held in counts.items()} == {
        "churn": 2 * scored,
        "clv": 2 * scored,
    }
    written = str(as_lists(counts))
    secret = open_secret(shop.config.var)
    assert not any(customer_token(secret, shop.config.name, held) in written for held in ids)
    names = shop.online.release.bundles["churn"].model.schema.names
    assert {name for held in counts.values() for name in held} == {SCORE, *names}


def told_of(task: str, feature: str) -> float | None:
    labels = {"task": task, "feature": feature}
    return REGISTRY.get_sample_value("stamkunde_drift_psi", labels)


def test_prometheus_is_told_of_this_weeks_drift_once_there_are_enough_scores(made, seen):
    config, release = made
    features = make_features(config)
    active = features[features["days_since_purchase"] <= 90]
    watch = Watch(seen, config.timezone)
    watch.note(assess(release, active.head(20)), AT)
    watch.flush()
    watch.tell(AT)
    assert np.isnan(told_of("churn", SCORE))  # of twenty
    watch.note(assess(release, active.sample(300, replace=True, random_state=1)), AT)
    watch.flush()
    watch.tell(AT)
    found = drift_of(made, seen)
    assert found.weeks[-1].count == 320
    assert told_of("churn", SCORE) == found.score[-1]
    for each in found.features[:TOP]:
        assert told_of("churn", each.feature) == each.psi[-1]
    assert told_of("churn", found.features[TOP].feature) is None
    assert REGISTRY.get_sample_value("stamkunde_drift_scores", {"task": "clv"}) == 320
