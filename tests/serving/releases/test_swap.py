"""Models are swapped under a running service, over HTTP: at once, or not at all and it says why."""

import json
import shutil
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from features.source import load_tables
from serving import server, settings
from serving.api.answers import ScoreAnswer
from serving.api.models import ModelsAnswer
from serving.batch.fill import fill_store
from serving.demo import free_port
from serving.record.merkle import canonical
from serving.releases.promotion import promote, rollback
from serving.releases.release import current, publish
from tests.factories import AS_OF, make_bundles, make_config
from tests.serving.shelf import Shelf, Version
from tests.serving.swapping import swap_under_load
from training.bundle import sha256

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
IDS = [f"{number:03}" for number in range(40)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A running service of a release, and another release that was served once."""
    folder = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    versions = [
        Version(n, make_bundles(folder / str(n), config, seed=n)["churn"], True) for n in (1, 2)
    ]
    publish(config.var, config.name, make_bundles(folder / "first", config, seed=1))
    shelf = Shelf(versions)
    promote(config, shelf, "churn", at=NOW, number=2)
    second = current(config.var)
    promote(config, shelf, "churn", at=NOW, number=1)
    tables = load_tables(config)
    fill(config, tables, AS_OF)
    url, log = f"http://127.0.0.1:{free_port()}", folder / "service.log"
    with log.open("wb") as output:
        process = server.start(config, port=int(url.rsplit(":")[-1]), log=output)
    try:
        server.wait_until_ready(url, process)
        with httpx.Client(base_url=url, timeout=30) as client:
            yield SimpleNamespace(
                config=config,
                tables=tables,
                shelf=shelf,
                first=current(config.var),
                second=second,
                client=client,
                url=url,
                log=log,
                folder=folder,
            )
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(autouse=True)
def _back_to_the_first(shop):
    yield
    point(shop, shop.first.digest)
    arrives(shop, shop.first.digest)


def fill(config, tables, day) -> None:
    store = settings.open_store(config.var)
    fill_store(config, tables, current(config.var), day, store)
    store.close()


def stored(shop) -> set[str]:
    store = settings.open_store(shop.config.var)
    try:
        return {digest for digest, _, _ in store.status(shop.config.name)}
    finally:
        store.close()


def point(shop, digest) -> None:
    """Have a release served that was published before."""
    (shop.config.var / "releases" / "current").write_text(f"{digest}\n")


def told(shop) -> dict:
    answer = shop.client.get("/v1/models")
    ModelsAnswer.model_validate_json(answer.content)
    return answer.json()


def arrives(shop, digest) -> dict:
    return until(shop, lambda held: held["release"] == digest and held["waiting"] is None)


def waits(shop, digest) -> str:
    """Return why a release waits; the first serves on."""
    held = until(shop, lambda held: (held["waiting"] or {}).get("release") == digest)
    assert held["release"] == shop.first.digest
    assert asked(shop)["bundles"] == shop.first.digests
    assert str(shop.config.var) not in held["waiting"]["why"]
    return held["waiting"]["why"]


def until(shop, holds) -> dict:
    deadline = time.monotonic() + 20
    while not holds(held := told(shop)):
        assert time.monotonic() < deadline, held
        time.sleep(0.05)
    return held


def asked(shop, customer="001") -> dict:
    answer = shop.client.post("/v1/score", json={"customers": [{"customer_id": customer}]})
    assert answer.status_code == 200, answer.text
    ScoreAnswer.model_validate_json(answer.content)
    return answer.json()["results"][0]


def logged(shop, event) -> list[dict]:
    lines = [line for line in shop.log.read_text().splitlines() if line.startswith("{")]
    return [held for held in map(json.loads, lines) if held["event"] == event]


def test_a_promotion_and_a_rollback_reach_the_running_service(shop):
    before = asked(shop)
    promote(shop.config, shop.shelf, "churn", at=NOW, number=2)
    arrives(shop, shop.second.digest)
    after = asked(shop)
    assert after["bundles"] == shop.second.digests != before["bundles"]
    assert after["churn"]["probability"] != before["churn"]["probability"]
    said = logged(shop, "swapped")[-1]
    assert (said["before"], said["release"]) == (shop.first.digest, shop.second.digest)
    # Eight customers of the store in two languages, one by features, and the recent calls.
    assert said["customers"] > 17
    assert 0 < said["mean_change"] <= said["largest_change"] < 1
    rollback(shop.config, shop.shelf, "churn", at=NOW)
    arrives(shop, shop.first.digest)
    assert {**asked(shop), "id": ""} == {**before, "id": ""}


def test_swaps_under_load_fail_no_call_and_mix_no_answer(shop):
    def forward() -> str:
        promote(shop.config, shop.shelf, "churn", at=NOW, number=2)
        return shop.second.digest

    def back() -> str:
        rollback(shop.config, shop.shelf, "churn", at=NOW)
        return shop.first.digest

    known = [customer for customer in IDS if "bundles" in asked(shop, customer)]
    found = swap_under_load(shop.url, [forward, back] * 2, known, pause=0.05)
    assert set(found.statuses) == {200}
    assert found.statuses[200] > 100
    assert not found.errors
    assert found.mixed == 0
    assert set(found.bundles) == {
        tuple(sorted(held.digests.items())) for held in (shop.first, shop.second)
    }


@pytest.mark.parametrize("fault", ["altered", "missing"])
def test_a_bundle_that_was_altered_on_disk_does_not_serve(shop, fault):
    folder = shop.config.var / "releases" / "bundles" / shop.second.digests["churn"]
    file = next(file for file in folder.iterdir() if file.suffix == ".ubj")
    content = file.read_bytes()
    if fault == "altered":
        file.write_bytes(content[:-1] + b"\x00")
    else:
        file.unlink()
    try:
        point(shop, shop.second.digest)
        assert file.name in waits(shop, shop.second.digest)
    finally:
        file.write_bytes(content)
    point(shop, shop.second.digest)  # promoted once more
    arrives(shop, shop.second.digest)


def test_a_bundle_of_another_format_does_not_serve(shop):
    folder = shop.config.var / "releases"
    manifest = json.loads((shop.second.bundles["churn"].path / "manifest.json").read_bytes())
    written = json.dumps({**manifest, "format": 99}).encode()
    copy = folder / "bundles" / sha256(written)
    shutil.copytree(shop.second.bundles["churn"].path, copy)
    (copy / "manifest.json").write_bytes(written)
    members = {**shop.first.digests, "churn": copy.name}
    release = canonical({"base": shop.config.name, "bundles": members})
    (folder / f"{sha256(release)}.json").write_bytes(release)
    point(shop, sha256(release))
    assert "format 99" in waits(shop, sha256(release))


def test_a_pointer_to_nothing_leaves_the_old_release(shop):
    point(shop, "../../etc")
    assert "no whole release" in waits(shop, "../../etc")


def test_a_model_without_finite_answers_does_not_serve(shop):
    # exp(1e6) is past what a double holds, though the margin is not.
    endless = shop.folder / "endless"
    shutil.copytree(shop.first.bundles["clv"].path, endless)
    manifest = json.loads((endless / "manifest.json").read_bytes())
    file = manifest["predictors"][0]["file"]
    content = json.dumps({**json.loads((endless / file).read_bytes()), "intercept": 1e6}).encode()
    (endless / file).write_bytes(content)
    manifest["files"][file] = sha256(content)
    (endless / "manifest.json").write_text(json.dumps(manifest))
    digest = publish(shop.config.var, shop.config.name, {"clv": endless}).digest
    assert "clv: the model has no finite answer" in waits(shop, digest)


def test_a_release_waits_for_the_store_and_the_old_one_answers_by_id_meanwhile(shop):
    narrow = make_config(shop.folder / "narrow", features={"windows": ["30d"]})
    made = make_bundles(shop.folder / "of-fewer", narrow)
    release = publish(shop.config.var, shop.config.name, {"clv": made["clv"]})
    assert "the store lacks the features of 1 of its 2" in waits(shop, release.digest)
    # The service still answers by the old one, whose features are filled at the same instant.
    fill(shop.config, shop.tables, AS_OF + timedelta(days=1))
    assert asked(shop)["as_of"] == str(AS_OF + timedelta(days=1))
    arrives(shop, release.digest)
    by_id = asked(shop)
    assert by_id["bundles"] == release.digests
    assert by_id["as_of"] == str(AS_OF + timedelta(days=1))
    assert stored(shop) == {held.model.inputs.digest for held in release.bundles.values()}
    point(shop, shop.first.digest)
    arrives(shop, shop.first.digest)
    fill(shop.config, shop.tables, AS_OF)
    assert stored(shop) == {shop.first.bundles["clv"].model.inputs.digest}
