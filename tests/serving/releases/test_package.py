import json
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from features.source import load_tables
from serving import server, settings
from serving.api.asked import ScoreRequest
from serving.app import opened
from serving.batch.fill import fill_store
from serving.releases.code import ROOT, modules, packages
from serving.releases.package import PackageError, export, package
from serving.releases.release import ReleaseError, publish
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
    assert not [name for name in held if name.startswith(("serving/report/", "configs/base"))]
    assert not [name for name in held if name.startswith(("serving/commands/", "configs/options"))]
    assert not [name for name in held if name.endswith((".pkl", ".pickle", ".pyc"))]
    wanted = (bento_folder(config, tag) / "env" / "python" / "requirements.txt").read_text()
    assert "xgboost-cpu==" in wanted
    assert not [
        name for name in ("mlflow", "optuna", "scikit-learn", "shap", "typer") if name in wanted
    ]
    assert "://" not in wanted
    told = (source / "serving" / "settings.json").read_text()
    assert "transactions.csv" not in told


ALONE = """
import os, sys
from importlib.abc import MetaPathFinder

sys.meta_path = [held for held in sys.meta_path if "editable" not in repr(held)]

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ImportError(name)

sys.meta_path.insert(0, Absent())

def refuse(what):
    with open({FILE!r}, "a") as file:
        file.write(what + chr(10))
    raise RuntimeError(what)

def hook(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] != "127.0.0.1":
        refuse("connects to " + repr(args[1]))
    if event == "socket.getaddrinfo" and args[0] not in (None, "127.0.0.1", "localhost"):
        refuse("asks for " + repr(args[0]))
    if event == "pickle.find_class":
        refuse("unpickles " + repr(args))

sys.addaudithook(hook)
"""
ABSENT = {"fairlearn", "matplotlib", "mlflow", "optuna", "shap", "sklearn"}


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A place from which only a Bento's own code is found, and what it may not do is refused.

    Gives the file that says what was refused.
    """
    told = tmp_path / "refused"
    (tmp_path / "alone").mkdir()
    code = ALONE.replace("{ABSENT}", repr(ABSENT)).replace("{FILE!r}", repr(str(told)))
    (tmp_path / "alone" / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "alone"))
    monkeypatch.chdir(tmp_path)
    return told


def test_what_is_refused_to_a_bento_is_refused_indeed(alone):
    tried = (
        "import mlflow",
        "import serving",
        "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "import pickle, fractions; pickle.loads(pickle.dumps(fractions.Fraction(1, 2)))",
    )
    for code in tried:
        assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode, code
    assert [line.split()[0] for line in alone.read_text().splitlines()] == ["asks", "unpickles"]


def assert_scores_as_here(url, config, release) -> None:
    """Ask a service for a customer in every way; the champions themselves say the same."""
    assert httpx.get(f"{url}/v1/models").json()["release"] == release.digest
    rows = make_posted(load_tables(config))["001"]
    own = {"customer_id": "001", "as_of": str(AS_OF), "rows": rows}
    body = {"customers": [{"customer_id": "001"}, own]}
    by_id, by_rows = httpx.post(f"{url}/v1/score", json=body, timeout=30).json()["results"]
    assert by_id["bundles"] == release.digests
    assert {**by_rows, "id": ""} == {**by_id, "id": ""}
    online = opened(settings.Settings(config.var, config, {}), release)
    asked = ScoreRequest.model_validate({"customers": [{"customer_id": "001"}]})
    (here,) = online.score(asked, datetime.now(UTC))["results"]
    assert json.dumps({**by_id, "id": ""}) == json.dumps({**here, "id": ""})


def assert_scores_replay(url) -> None:
    """Have a service compute scores on record again: a call's of one, and a call's of many."""
    asked = [{"customer_id": f"{number:03}"} for number in range(1, 21)]
    calls = [asked, *([customer] for customer in asked)]
    scored = [
        said
        for customers in calls
        for said in httpx.post(f"{url}/v1/score", json={"customers": customers}).json()["results"]
    ]
    assert len(scored) == 40
    for said in scored:
        again = httpx.get(f"{url}/v1/scores/{said['id']}").json()
        assert again["replayed"], again
        assert (again["churn"], again["clv"]) == (said["churn"], said["clv"])


def assert_scores_the_base(url) -> None:
    """Have a service score the whole base, which a process of its own does."""
    job = httpx.post(f"{url}/v1/score/batch").json()["job"]
    deadline = time.monotonic() + 60
    while (found := httpx.get(f"{url}/v1/score/batch/{job}").json())["state"] != "done":
        assert found["state"] in ("queued", "running"), found
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert found["done"] == found["total"] > 0


def test_an_image_is_built_from_a_folder_that_serves_alone_until_a_signal(
    shop, alone, tmp_path, monkeypatch
):
    config, release, tag = shop
    out = tmp_path / "image"
    export(config, tag, out)
    with pytest.raises(PackageError, match="is there already"):
        export(config, tag, out)
    with pytest.raises(PackageError, match="no Bento 'shop:none'"):
        export(config, "shop:none", tmp_path / "other")
    # What the Dockerfile's lines do, but for the packages: those of here are the same.
    lines = (out / "Dockerfile").read_text().splitlines()
    copied = lines[2].split()[1]
    assert "mlflow" not in (out / copied).read_text()
    assert {file.name for file in out.iterdir()} == {
        "bento",
        "models",
        "Dockerfile",
        ".dockerignore",
    }
    told = next(line for line in lines if line.startswith("ENV ")).split()[1:]
    for name, value in (pair.split("=") for pair in told):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BENTOML_HOME", str(out))
    monkeypatch.setenv("STAMKUNDE_VAR", str(config.var))
    port = str(free_port())
    command = [
        {"/app/bento": str(out / "bento"), "0.0.0.0": "127.0.0.1", "3000": port}.get(part, part)
        for part in json.loads(lines[-1].removeprefix("CMD "))
    ]
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=log, stderr=log, cwd=tmp_path
        )
    try:
        server.wait_until_ready(url, process)
        assert_scores_as_here(url, config, release)
        assert_scores_replay(url)
        assert_scores_the_base(url)
        alive = json.loads(lines[-2].removeprefix("HEALTHCHECK CMD "))[2].replace("3000", port)
        assert subprocess.run([sys.executable, "-c", alive]).returncode == 0
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/livez")
    assert not alone.exists(), alone.read_text()


def test_what_a_bento_holds_is_read_from_imports(tmp_path):
    files = {
        "serving/__init__.py": "",
        "serving/door.py": "import numpy\nfrom training import model\ndef f():\n import yaml",
        "training/__init__.py": "def __getattr__(name):\n import training.job",
        "training/model.py": "if TYPE_CHECKING:\n import training.tune\nimport json, scipy.stats\n"
        "from features import plan\ndef f():\n from training import loops",
        "training/loops.py": "import numba",
        "features/__init__.py": "",
        "features/plan.py": "def f():\n from features import spark",
        "features/spark.py": "import pyspark",
        "training/job.py": "import mlflow",
        "training/tune.py": "import optuna",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = modules("serving.door", tmp_path)
    # The service's and the models' functions are run by calls; a package's and an engine's are not.
    wanted = ["features", "features.plan", "serving", "serving.door"]
    wanted += ["training", "training.loops", "training.model"]
    assert list(found) == wanted
    assert packages(found.values(), tmp_path) == ["numba", "numpy", "pyyaml", "scipy"]


def test_the_dockerfile_is_ten_lines_that_name_no_host_and_no_root():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert len(lines) == 10
    assert lines[:2] == ["ARG PYTHON=python:3.11-slim", "FROM ${PYTHON}"]
    assert {"USER stamkunde", "EXPOSE 3000"} <= set(lines)


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
