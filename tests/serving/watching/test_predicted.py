"""What the record yields of predictions, however they were asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from features.source import load_tables
from serving.api.asked import ScoreRequest
from serving.batch.run import score_base
from serving.people.erasure import erase
from serving.record.tokens import customer_token
from serving.settings import open_ledger, open_secret
from serving.upkeep.retention import retire
from serving.watching.predicted import predicted
from tests.factories import AS_OF, make_bundles, make_config
from tests.serving.shop import Shop, opened

AT = datetime(2024, 6, 4, tzinfo=UTC)
IDS = [f"{number:03}" for number in range(40)]

Said = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    with opened(config, make_bundles(folder / "made", config)) as held:
        score_base(config, load_tables(config), held.release, AS_OF, folder / "s.csv", AT, 0, "en")
        for customer in IDS:
            asked = ScoreRequest.model_validate({"customers": [{"customer_id": customer}]})
            held.online.score(asked, AT)
        everybody = [{"customer_id": customer} for customer in IDS]
        held.online.score(ScoreRequest.model_validate({"customers": everybody}), AT)
    return held


def read(shop: Shop) -> list[Said]:
    """Everything said of each task and customer: by the batch, singly, and in one call."""
    ledger = open_ledger(shop.config.name, shop.config.var)
    found: list[Said] = []
    for told in predicted(ledger, shop.config.timezone):
        assert set(told.as_of) == {AS_OF}
        assert told.bundle == shop.release.digests[told.task]
        said = dict(zip(((told.task, each) for each in told.customers), told.served, strict=True))
        found.append(said)
    kinds = {entry.kind for entry in ledger.entries()}
    ledger.close()
    assert {"batch", "score", "call"} <= kinds
    assert len(found) == 6
    return [{**churn, **clv} for churn, clv in zip(found[::2], found[1::2], strict=True)]


def test_batch_single_calls_and_one_of_many_say_the_same_bits(shop):
    batch, singly, together = read(shop)
    assert batch == singly == together
    assert 20 < sum(task == "churn" for task, _ in batch) < 40  # others have a code


def test_of_who_is_erased_nothing_is_left_and_of_others_all(shop):
    before = read(shop)[0]
    token = customer_token(open_secret(shop.config.var), shop.config.name, IDS[3])
    assert ("churn", token) in before
    erase(shop.config, IDS[3], AT)
    left = {key: value for key, value in before.items() if key[1] != token}
    assert read(shop) == [left, left, left]


def test_what_the_record_has_let_go_is_left_out(shop):
    ledger = open_ledger(shop.config.name, shop.config.var)
    retire(ledger, AT + timedelta(days=1), AT)
    assert list(predicted(ledger, shop.config.timezone)) == []
    ledger.close()
