"""What is said of the project is so: its README, Makefile, configs, lock and papers."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import stamkunde
from configs.load import load

ROOT = Path(__file__).parents[1]
CODE = [
    ROOT / "stamkunde.py",
    *(
        file
        for folder in ("configs", "features", "training", "serving")
        for file in (ROOT / folder).rglob("*.py")
    ),
]
BASES = sorted(
    file.name for file in (ROOT / "configs").glob("*.yaml") if "extends:" in file.read_text()
)


def commands() -> list[str]:
    """Every command of the command line, a group's with the group's name before it."""
    groups = [("", stamkunde.app)]
    groups += [
        (f"{group.name} ", group.typer_instance) for group in stamkunde.app.registered_groups
    ]
    return [
        before + (command.name or command.callback.__name__)
        for before, app in groups
        for command in app.registered_commands
    ]


def makefile() -> str:
    return (ROOT / "Makefile").read_text()


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("command", commands())
def test_the_readme_names_every_command(command):
    assert re.search(rf"(stamkunde |`){command}\b", (ROOT / "README.md").read_text())


def test_the_readme_names_every_make_target():
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile(), re.MULTILINE)
    readme = (ROOT / "README.md").read_text()
    assert [name for name in targets.split() if not re.search(rf"(make |`){name}\b", readme)] == []


def test_every_make_target_is_declared_as_one():
    (declared,) = re.findall(r"^\.PHONY: (.*)$", makefile(), re.MULTILINE)
    assert set(re.findall(r"^([a-z-]+):", makefile(), re.MULTILINE)) == set(declared.split())


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_every_documented_target():
    documented = dict(re.findall(r"^([a-z-]+):.*## (.*)$", makefile(), re.MULTILINE))
    assert documented
    # As a person calls it: within another make it would also say which folder it enters.
    plain = {name: held for name, held in os.environ.items() if not name.startswith("MAKE")}
    told = subprocess.run(
        ["make", "help"], cwd=ROOT, env=plain, capture_output=True, text=True, check=True
    )
    listed = dict(
        line.removeprefix("  make ").split(maxsplit=1) for line in told.stdout.split("\n")[:-1]
    )
    assert listed == documented


def test_no_code_reads_pickles():
    readers = re.compile(
        r"^\s*(import|from)\s+(pickle|joblib|cloudpickle|dill|shelve|marshal)\b"
        r"|read_pickle|allow_pickle\s*=\s*True",
        re.MULTILINE,
    )
    assert [file for file in CODE if readers.search(file.read_text())] == []


@pytest.mark.parametrize("name", BASES)
def test_every_base_in_configs_loads(name, monkeypatch):
    monkeypatch.setenv("STAMKUNDE_DATA", "data")
    config = load(ROOT / "configs" / name)
    assert config.name == Path(name).stem
    assert config.tasks


def test_every_yaml_in_configs_is_a_base_or_what_bases_extend():
    extended = {
        found[1]
        for name in BASES
        if (found := re.search(r"^extends: (\S+)", (ROOT / "configs" / name).read_text(), re.M))
    }
    held = {file.name for file in (ROOT / "configs").glob("*.y*ml")}
    assert held == {*BASES, *extended}


def test_the_lock_names_no_host():
    lock = (ROOT / "requirements.lock").read_text()
    assert lock.count("--hash=sha256:") > 100
    assert "://" not in lock
    assert not re.search(
        r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", lock, re.M
    )


def test_the_project_has_a_version_and_a_licence():
    told = project()
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    assert told["license"] == "Apache-2.0"
    assert version("stamkunde") == told["version"]


def test_the_command_is_installed_and_helps():
    command = Path(sys.executable).with_name("stamkunde")
    told = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert [name for name in commands() if name.split()[0] not in told.stdout] == []


def test_the_command_line_starts_without_what_its_commands_need():
    heavy = {"bentoml", "duckdb", "ibis", "mlflow", "numpy", "optuna", "pandas", "pyarrow", "scipy"}
    heavy |= {"features", "sklearn", "sqlalchemy", "starlette", "training", "xgboost"}
    told = subprocess.run(
        [sys.executable, "-c", "import sys, stamkunde; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert heavy & set(told.stdout.split()) == set()


SKIPS = """
import pytest

def test_that_runs():
    pass

@pytest.mark.skip(reason="not today")
def test_that_does_not():
    pass

@pytest.mark.xfail
def test_that_is_known_to_fail():
    assert False
"""


@pytest.mark.parametrize(
    ("in_ci", "workers"),
    [(True, []), (True, ["-n", "2"]), (False, [])],
    ids=["one process", "two workers", "elsewhere it does not"],
)
def test_in_ci_a_skipped_test_fails_the_run(tmp_path, in_ci, workers):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_some.py").write_text(SKIPS)
    (tmp_path / "test_none.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    told = {name: held for name, held in os.environ.items() if not name.startswith("PYTEST_")}
    told |= {"CI": "true" if in_ci else ""}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *workers, str(tmp_path)]
    run = subprocess.run(
        command, cwd=tmp_path, env=told, capture_output=True, text=True, check=False
    )
    failures = [line for line in run.stdout.splitlines() if line.startswith("FAILED, as CI")]
    assert run.returncode == int(in_ci), run.stdout
    assert len(failures) == (2 if in_ci else 0), run.stdout
    if in_ci:
        assert "no_such_module" in failures[0]
        assert "test_some.py::test_that_does_not: Skipped: not today" in failures[1]
