import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from features.source import load_tables
from serving import server, settings
from serving.batch import fill_store
from serving.package import package
from serving.release import ReleaseError, publish
from tests.factories import AS_OF, make_bundles, make_config, make_posted


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A promoted base, its Bento, and where that is kept."""
    folder = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    release = publish(config.var, config.name, make_bundles(folder / "made", config))
    store = settings.open_store(config.var)
    fill_store(config, load_tables(config), release, AS_OF, store)
    store.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BENTOML_HOME", raising=False)
        yield config, release, package(config)


def bento_folder(config, tag) -> Path:
    name, _, version = tag.partition(":")
    return config.var / "bentoml" / "bentos" / name / version


def test_nothing_promoted_is_told(tmp_path):
    config = make_config(tmp_path)
    with pytest.raises(ReleaseError, match="nothing is promoted"):
        package(config)
    with pytest.raises(ReleaseError, match="nothing is promoted"):
        server.start(config)


def test_a_bento_holds_the_bundles_unchanged(shop):
    config, release, tag = shop
    models = config.var / "bentoml" / "models"
    for task, bundle in release.bundles.items():
        (copy,) = (models / f"{config.name}-{task}").glob("*/bundle")
        assert {file.name: file.read_bytes() for file in copy.iterdir()} == {
            file.name: file.read_bytes() for file in bundle.path.iterdir()
        }
    assert bento_folder(config, tag).is_dir()


def test_a_bento_holds_the_code_that_serves_and_nothing_that_trains(shop):
    config, _, tag = shop
    source = bento_folder(config, tag) / "src"
    held = {str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()}
    assert {"serving/service.py", "serving/settings.json", "training/bundle.py"} <= held
    assert not held & {"training/tune.py", "training/track.py", "stamkunde.py", "plan.json"}
    assert not [name for name in held if name.endswith((".pkl", ".pickle", ".pyc"))]
    wanted = (bento_folder(config, tag) / "env" / "python" / "requirements.txt").read_text()
    assert "xgboost-cpu==" in wanted
    assert "mlflow" not in wanted
    assert "://" not in wanted
    told = (source / "serving" / "settings.json").read_text()
    assert "transactions.csv" not in told


def test_a_bento_serves_and_ends_with_a_signal(shop, tmp_path):
    config, release, tag = shop
    url = f"http://127.0.0.1:{free_port()}"
    with (tmp_path / "log").open("wb") as log:
        process = server.start(config, port=int(url.rsplit(":")[-1]), bento=tag, log=log)
    try:
        server.wait_until_ready(url, process)
        assert httpx.get(f"{url}/v1/models").json()["release"] == release.digest
        rows = make_posted(load_tables(config))["001"]
        own = {"customer_id": "001", "as_of": str(AS_OF), "rows": rows}
        body = {"customers": [{"customer_id": "001"}, own]}
        by_id, by_rows = httpx.post(f"{url}/v1/score", json=body, timeout=30).json()["results"]
        assert by_id["bundles"] == release.digests
        assert {**by_rows, "id": ""} == {**by_id, "id": ""}
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/livez")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_no_service_is_left_behind_when_bentoml_is_killed(shop, tmp_path):
    # That it ends with who started it, the demonstration's test shows.
    config, _, _ = shop
    url = f"http://127.0.0.1:{free_port()}"
    with (tmp_path / "log").open("wb") as log:
        process = server.start(config, port=int(url.rsplit(":")[-1]), log=log)
    server.wait_until_ready(url, process)
    process.kill()
    process.wait(30)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/livez", timeout=1)
        except httpx.TransportError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the service still answers")


def test_a_service_that_ends_is_told_at_once():
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(server.ServerError, match="ended with 3"):
        server.wait_until_ready("http://127.0.0.1:9", process, seconds=20)
    with pytest.raises(server.ServerError, match=r"not ready after 0\.2 s"):
        server.wait_until_ready("http://127.0.0.1:9", None, seconds=0.2)


def test_a_service_without_its_settings_says_so(monkeypatch, tmp_path):
    settings.read.cache_clear()
    monkeypatch.delenv(settings.VARIABLE, raising=False)
    with pytest.raises(settings.SettingsError, match="must name the base's run-time folder"):
        settings.read()
    monkeypatch.setenv(settings.VARIABLE, str(tmp_path))
    with pytest.raises(settings.SettingsError, match="cannot be read"):
        settings.read()
