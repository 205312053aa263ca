import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.releases.release import ReleaseError, bundle_by_digest, current, publish
from tests.factories import make_bundles, make_config
from training.bundle import BundleError

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    return make_bundles(folder / "old", config), make_bundles(folder / "new", config, seed=4)


def test_nothing_promoted_names_the_next_step(tmp_path):
    with pytest.raises(
        ReleaseError, match="nothing is promoted for shop yet; run: stamkunde train"
    ):
        current(tmp_path / "shop")


def test_gives_back_what_was_published(tmp_path, shop):
    old, _ = shop
    published = publish(tmp_path, "shop", old)
    assert current(tmp_path).digest == published.digest
    assert list(published.digests) == ["churn", "clv", "segments"]
    assert published.bundles["churn"].model.name == "xgboost"


def test_publishing_one_task_keeps_the_others(tmp_path, shop):
    old, new = shop
    before = publish(tmp_path, "shop", old)
    after = publish(tmp_path, "shop", {"churn": new["churn"]})
    assert after.digests["churn"] != before.digests["churn"]
    assert after.digests["clv"] == before.digests["clv"]
    assert after.digest != before.digest
    assert bundle_by_digest(tmp_path, before.digests["churn"]).digest == before.digests["churn"]


def test_publishing_the_same_again_changes_nothing(tmp_path, shop):
    old, _ = shop
    first = publish(tmp_path, "shop", old)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    assert publish(tmp_path, "shop", old).digest == first.digest
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == files


def test_the_copy_stands_by_itself(tmp_path, shop):
    old, _ = shop
    moved = {task: shutil.copytree(path, tmp_path / "runs" / task) for task, path in old.items()}
    publish(tmp_path, "shop", moved)
    shutil.rmtree(tmp_path / "runs")
    assert set(current(tmp_path).bundles) == {"churn", "clv", "segments"}


@pytest.mark.parametrize("name", ["manifest.json", "predictor_0.ubj", "calibration.json"])
def test_an_altered_bundle_is_not_served(tmp_path, shop, name):
    release = publish(tmp_path, "shop", shop[0])
    file = tmp_path / "releases" / "bundles" / release.digests["churn"] / name
    file.write_bytes(file.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises((BundleError, ReleaseError), match="altered"):
        current(tmp_path)
    with pytest.raises((BundleError, ReleaseError), match="altered"):
        publish(tmp_path, "shop", {"churn": shop[0]["churn"]})


def test_an_altered_release_or_pointer_is_not_served(tmp_path, shop):
    release = publish(tmp_path, "shop", shop[0])
    file = tmp_path / "releases" / f"{release.digest}.json"
    held = json.loads(file.read_bytes())
    file.write_text(json.dumps({**held, "base": "other"}))
    with pytest.raises(ReleaseError, match="promote a version again"):
        current(tmp_path)
    (tmp_path / "releases" / "current").write_text("../../etc\n")
    with pytest.raises(ReleaseError, match="no whole release"):
        current(tmp_path)


@pytest.mark.parametrize("digest", ["../bundles", "", "0" * 64])
def test_an_unknown_digest_is_named(tmp_path, shop, digest):
    publish(tmp_path, "shop", shop[0])
    with pytest.raises(ReleaseError, match="no bundle"):
        bundle_by_digest(tmp_path, digest)


def test_a_bundle_of_another_task_or_base_is_refused(tmp_path, shop):
    with pytest.raises(ReleaseError, match="'churn', not 'clv'"):
        publish(tmp_path, "shop", {"clv": shop[0]["churn"]})
    with pytest.raises(ReleaseError, match="'shop', not 'club'"):
        publish(tmp_path, "club", {"churn": shop[0]["churn"]})
    with pytest.raises(ReleaseError, match="nothing is promoted"):
        current(tmp_path)


# XGBoost loads scikit-learn where it is installed, for a second, and no release needs it.
PUBLISH_FOR_EVER = """
import sys
sys.modules["sklearn"] = None
from pathlib import Path
from serving.releases.release import publish
var, *bundles = map(Path, sys.argv[1:])
print("begun", flush=True)
while True:
    for bundle in bundles:
        publish(var, "shop", {"churn": bundle})
"""


def test_kill_at_any_moment_leaves_a_whole_release(tmp_path, shop):
    old, new = shop
    publish(tmp_path, "shop", old)
    bundles = tmp_path / "releases" / "bundles"
    whole = {task["churn"] for task in (old, new)}
    for wait in (0.0, 0.004, 0.015):
        command = [sys.executable, "-c", PUBLISH_FOR_EVER, tmp_path, *whole]
        process = subprocess.Popen(
            list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ}
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert set(current(tmp_path).bundles) == {"churn", "clv", "segments"}
    publish(tmp_path, "shop", old)
    assert not list(bundles.glob("*.part"))
