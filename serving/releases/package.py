"""The served bundles and the code that serves them, as a Bento."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from configs.errors import StamkundeError
from configs.schema import Config
from serving import settings
from serving.batch.jobs import WORK
from serving.releases.code import ROOT, modules, packages
from serving.releases.release import Release, current
from serving.settings import Settings
from training.bundle import load
from training.model import TASKS

SERVICE = "serving.service"
STARTS = (SERVICE, WORK)
"""The modules that a Bento's processes run: a job has a process of its own."""

UNNAMED = ("httptools", "pandas", "pyarrow", "pyarrow-hotfix", "tzdata", "uvloop")
"""What Ibis loads for DuckDB, uvicorn for speed, and Python for time zones, beside what is imported
by name."""

_BUNDLE = "bundle"


class PackageError(StamkundeError):
    """A Bento that cannot be built."""


def environment(config: Config) -> dict[str, str]:
    """Return this process's environment with what BentoML is to know: its folder, no telemetry.

    XGBoost gets one thread, unless told: calls run side by side, and threads that wait for each
    other cost a single customer tens of milliseconds on a busy machine.
    """
    home = str((config.var / "bentoml").absolute())
    defaults = {"BENTOML_HOME": home, "OMP_NUM_THREADS": "1"}
    return {**defaults, **os.environ, "BENTOML_DO_NOT_TRACK": "True"}


def package(config: Config) -> str:
    """Build a Bento of the current release and return its tag.

    Each bundle becomes a BentoML model, its files unchanged.

    Raises
    ------
    StamkundeError
        If nothing is promoted, or BentoML cannot build.
    """
    release = current(config.var)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        needed = {file for start in STARTS for file in modules(start).values()}
        _copy(needed, context)
        packages_needed = sorted({*packages(needed), *UNNAMED})
        plan = {
            "base": config.name,
            "release": release.digest,
            "bundles": {
                task: str(release.bundles[task].path.absolute()) for task in release.bundles
            },
            "settings": settings.written(config, {}).decode(),
            "packages": [f"{name}=={importlib.metadata.version(name)}" for name in packages_needed],
        }
        (context / "plan.json").write_text(json.dumps(plan))
        # A process of its own: BentoML reads its folder from the environment once, and imports
        # the service from the Bento's own copy of the code.
        found = subprocess.run(
            [sys.executable, "-m", "serving.releases.package", "plan.json"],
            cwd=context,
            env={**environment(config), "PYTHONPATH": str(context)},
            capture_output=True,
            text=True,
            check=False,
        )
    if found.returncode:
        last = (found.stderr.strip() or found.stdout.strip()).splitlines()[-1:]
        raise PackageError(f"BentoML could not build: {''.join(last)}")
    return found.stdout.strip().splitlines()[-1]


def export(config: Config, tag: str, out: Path) -> None:
    """Write what an image is built from: a Bento, its models, and a Dockerfile.

    Parameters
    ----------
    config : Config
    tag : str
        The Bento's, as `package` returned it.
    out : Path
        The folder, which must not exist.

    Raises
    ------
    PackageError
        If it does, or there is no such Bento.
    """
    home = Path(environment(config)["BENTOML_HOME"])
    bento = home / "bentos" / tag.replace(":", "/")
    if not bento.is_dir():
        raise PackageError(f"no Bento {tag!r} in {home}; build one with: stamkunde package")
    if out.exists():
        raise PackageError(f"{out}: is there already; name a new folder")
    shutil.copytree(bento, out / "bento")
    told = json.loads((bento / "src" / "serving" / settings.FILE).read_bytes())
    for model in told["models"].values():
        name = model.replace(":", "/")
        shutil.copytree(home / "models" / name, out / "models" / name)
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copyfile(ROOT / name, out / name)


def _copy(files: Iterable[Path], context: Path) -> None:
    for file in files:
        copy = context / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def _build(plan: dict[str, Any], context: Path) -> str:
    """Put the bundles and the code into BentoML's stores; return the Bento's tag."""
    import bentoml

    tags = {}
    for task in TASKS:
        if task in plan["bundles"]:
            labels = {"base": plan["base"], "task": task}
            with bentoml.models.create(f"{plan['base']}-{task}", labels=labels) as model:
                shutil.copytree(plan["bundles"][task], model.path_of(_BUNDLE))
            tags[task] = str(model.tag)
    told = {**json.loads(plan["settings"]), "models": tags}
    (context / "serving" / settings.FILE).write_text(json.dumps(told, indent=1))
    bento = bentoml.build(
        "serving.service:Stamkunde",
        name=f"stamkunde-{plan['base']}",
        labels={"base": plan["base"], "release": plan["release"][:63]},
        include=["configs/", "features/", "serving/", "training/"],
        python={"packages": plan["packages"], "lock_packages": False},
        models=list(tags.values()),
        build_ctx=str(context),
    )
    return str(bento.tag)


def served(told: Settings) -> Release:
    """Return what a service is to serve: its Bento's models, or else the current release."""
    if not told.models:
        return current(told.var)
    import bentoml

    folders = {
        task: Path(bentoml.models.get(told.models[task]).path)
        for task in TASKS
        if task in told.models
    }
    return Release(
        told.config.name, {task: load(folder / _BUNDLE) for task, folder in folders.items()}
    )


if __name__ == "__main__":
    plan_file = Path(sys.argv[1])
    sys.stdout.write(_build(json.loads(plan_file.read_text()), Path.cwd()) + "\n")
