"""How good the models are, beside what a data scientist would otherwise use, on later periods.

From the same raw tables and cut-offs: Stamkunde with its default config and a budget of minutes;
FLAML with Stamkunde's features and the same budget, as it comes and on purged cut-offs; logistic
regressions; BG/NBD and Gamma-Gamma; XGBoost as it comes. A row done is kept under
``var/bench/quality`` for as long as config, data, code and budget stay, so that a run can be
taken up again. Each row that is measured adds a line to ``log.jsonl`` there: the reported period
has then been looked at once more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from configs.errors import StamkundeError
from configs.load import config_hash
from features.source import fingerprint
from tests.benchmarks.measure import FOLDER, keep, show, show_bars
from tests.benchmarks.quality.automl import REQUIREMENTS
from tests.benchmarks.quality.bars import bars, reached
from tests.benchmarks.quality.measured import MEASURED, OURS, measure
from tests.benchmarks.quality.rows import ROWS, Row
from training.facts import code_commit

KEPT = FOLDER / "quality"
CODE = ("configs", "features", "training", "tests/benchmarks/quality")
PINS = (Path("requirements.lock"), REQUIREMENTS)
SHOWN = ("__main__.py", "bars.py")  # what only shows a row does not change it


def main() -> None:
    given = _arguments()
    _hold_to_two_cores()
    if given.fresh:
        for name in given.only:
            shutil.rmtree(KEPT / "flaml" / name, ignore_errors=True)
            (KEPT / f"{name}.json").unlink(missing_ok=True)
    found = []
    for name in given.only:
        try:
            found.append(kept_or_measured(ROWS[name], given.minutes))
        except StamkundeError as error:
            sys.stderr.write(f"{name}: skipped: {error}\n")
    if found:
        report(found, asked=len(ROWS))


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--only", action="append", choices=list(ROWS), metavar="ROW")
    asked.add_argument("--minutes", type=float, default=2.0, help="a task, or a fold of Telco")
    asked.add_argument("--fresh", action="store_true", help="measure again what is kept")
    given = asked.parse_args()
    given.only = given.only or list(ROWS)
    return given


def _hold_to_two_cores() -> None:
    """Bind this process, and all that it starts, to two cores where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def kept_or_measured(row: Row, minutes: float) -> dict[str, Any]:
    """Return a row's figures: the kept ones where all that they follow from is the same."""
    config = row.config()
    origin = {
        "config_hash": config_hash(config),
        "data": fingerprint(config),
        "code": _code(),
        "minutes": minutes,
    }
    file = KEPT / f"{row.name}.json"
    if file.exists():
        held = json.loads(file.read_text())
        if held["origin"] == origin:
            return held
    found = {"origin": origin, "commit": code_commit(), **measure(row, config, minutes)}
    KEPT.mkdir(parents=True, exist_ok=True)
    _log(found)
    file.write_text(json.dumps(found, indent=1) + "\n")
    return found


def _code() -> str:
    """Return a digest of the code that figures follow from, and of the libraries' versions."""
    whole = hashlib.sha256(b"".join(file.read_bytes() for file in PINS))
    for folder in CODE:
        for file in sorted(Path(folder).rglob("*.py")):
            if file.name not in SHOWN or "quality" not in file.parts:
                whole.update(file.as_posix().encode() + file.read_bytes())
    return whole.hexdigest()


def _log(found: Mapping[str, Any]) -> None:
    """Put down that the reported period was looked at, when, by what, and what was seen."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "row": found["row"],
        "commit": found["commit"],
        **found["origin"],
        "values": {
            name: {metric: value["estimate"] for metric, value in held["values"].items()}
            for name, held in found["contenders"].items()
        },
    }
    with (KEPT / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")


def report(found: Sequence[Mapping[str, Any]], asked: int) -> None:
    """Print the table with its bars, and write them as ``var/bench/quality.json``."""
    lines = [line for row in found for line in lines_of(row)]
    met, goals = bars(found, asked), reached(found)
    keep("quality", {"rows": list(found), "bars": met, "reach": goals})
    show(lines)
    show_bars([*met, *goals])


def lines_of(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a row's lines of the table, one a contender, Stamkunde first."""
    ranking, error, level = (metric.name for metric in MEASURED[row["task"]])
    digits = 4 if row["task"] == "churn" else 1
    return [
        {
            "data, task": row["told"] if name == OURS else "",
            "model": name,
            "AUC or Gini": _with_interval(held["values"][ranking], ".4f"),
            "Stamkunde's gain": _with_interval(held["gains"].get(ranking), "+.4f"),
            "log loss or RMSE": _with_interval(held["values"][error], f",.{digits}f"),
            "gain": _with_interval(held["gains"].get(error), f"+,.{digits}f"),
            "ECE or bias": f"{held['values'][level]['estimate']:.3f}",
            "seconds": f"{held['seconds']:.0f}",
        }
        for name, held in row["contenders"].items()
    ]


def _with_interval(held: Mapping[str, float] | None, form: str) -> str:
    if held is None:
        return ""
    estimate, low, high = (format(held[key], form) for key in ("estimate", "low", "high"))
    return f"{estimate} ({low} to {high})"


if __name__ == "__main__":
    main()
