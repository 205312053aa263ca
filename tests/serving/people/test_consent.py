"""Where the config names a purpose, who has not consented to it is given no score."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from pydantic import ValidationError

from configs.schema import Config
from features.marks import Marks
from features.source import load_tables
from serving import settings
from serving.batch.fill import fill_store
from serving.batch.run import score_base
from serving.people.permission import NobodyError
from serving.releases.release import publish
from serving.report.calls import to_call
from serving.report.scored import score_at
from tests.factories import AS_OF, make_bundles, make_config
from tests.serving.parity import asked
from tests.serving.shop import opened

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)


def asking(folder, purpose="calls"):
    """A base whose customers with an even number consent to calls, those it knows of at all."""
    regular = make_config(folder).model_dump(mode="json")
    people = pd.read_csv(folder / "customers.csv", dtype=str)
    people["calls"] = ["no" if int(held) % 2 else "yes" for held in people["customer"]]
    people.to_csv(folder / "customers.csv", index=False)
    regular["sources"]["customers"]["consents"] = {"calls": "calls"}
    regular["serving"]["purpose"] = purpose
    return Config.model_validate_json(Config.model_validate(regular).model_dump_json())


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consent")
    config = asking(folder)
    with opened(config, make_bundles(folder / "made", config)) as held:
        yield held


def codes(shop, *customers):
    results = asked(
        shop.online, [held if isinstance(held, dict) else by(held) for held in customers]
    )
    return [held["error"]["code"] if "error" in held else "scored" for held in results]


def by(customer, **more):
    return {"customer_id": customer, **more}


def test_by_id_only_who_consents_is_scored(shop):
    # 003 is in no file of customers: nobody knows.
    assert codes(shop, "002", "001", "003", "004") == [
        "scored",
        "no_consent",
        "no_consent",
        "scored",
    ]


def test_by_own_rows_what_they_say_of_consent_counts(shop):
    rows = {"transactions": [{"occurred_at": "2024-05-01", "amount": 10}]}
    given = [
        by(name, as_of=str(AS_OF), rows={**rows, **said})
        for name, said in (
            ("002", {}),
            ("new", {}),
            ("new", {"customer": {"consent_calls": True}}),
            ("002", {"customer": {"consent_calls": "no"}}),
        )
    ]
    assert codes(shop, *given) == ["scored", "no_consent", "scored", "no_consent"]


def test_a_batch_and_a_job_leave_out_who_does_not_consent(shop, tmp_path):
    out = tmp_path / "scores.csv"
    told = score_base(shop.config, load_tables(shop.config), shop.release, AS_OF, out, AT, 3, "en")
    ids = pd.read_csv(out, dtype=str)["customer_id"].tolist()
    assert ids
    assert all(int(held) % 2 == 0 and int(held) % 3 for held in ids)
    assert told.left_out == {"no_consent": 40 - len(ids)}
    assert told.customers == len(ids)


def test_a_report_lists_nobody_to_call_who_does_not_consent(shop):
    tables = load_tables(shop.config)
    scored = score_at(shop.config, tables, shop.release, AS_OF)
    ids = to_call(shop.config, tables, scored).frame["customer_id"].tolist()
    assert ids
    assert all(int(held) % 2 == 0 and int(held) % 3 for held in ids)


def test_who_is_marked_is_scored_in_no_way(tmp_path):
    config = make_config(tmp_path)
    release = publish(config.var, config.name, make_bundles(tmp_path / "made", config))
    with opened(config, {task: held.path for task, held in release.bundles.items()}) as shop:
        rows = {"transactions": [{"occurred_at": "2024-05-01", "amount": 10}]}
        posted = by("007", as_of=str(AS_OF), rows=rows)
        assert codes(shop, "007", posted, "008") == ["scored", "scored", "scored"]
        Marks(config.var, config.name).add("007")
        assert codes(shop, "007", posted, "008") == ["erased", "erased", "scored"]
        store = settings.open_store(config.var)
        assert fill_store(config, load_tables(config), release, AS_OF, store) == 39
        store.close()


def test_a_base_where_nobody_may_be_scored(shop, tmp_path):
    people = pd.read_csv(shop.config.sources.customers.path, dtype=str)
    config = asking(tmp_path)
    people.assign(calls="no").to_csv(tmp_path / "customers.csv", index=False)
    tables = load_tables(config)
    with pytest.raises(NobodyError, match="consent to calls"):
        score_base(config, tables, shop.release, AS_OF, tmp_path / "s.csv", AT, 3, "en")
    assert not (tmp_path / "s.csv").exists()


def test_a_purpose_that_no_consent_is_known_of_is_refused(tmp_path):
    with pytest.raises(ValidationError, match=r"serving\.purpose must be one of"):
        asking(tmp_path, purpose="letters")
