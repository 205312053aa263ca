"""What Stamkunde is held against: services on the same model, and services that do nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from serving.demo import free_port
from serving.releases.package import environment
from tests.benchmarks.processes import (
    Service,
    first_answer,
    running_command,
    running_stamkunde,
)
from tests.benchmarks.serving.base import HELD, Base, mlflow_model
from tests.benchmarks.serving.named import saved
from tests.benchmarks.serving.plain import VARIABLE

Body = Callable[[int], bytes]

_ROOT = Path(__file__).parents[3]
_PLACE = "tests.benchmarks.serving"


MOST = 64
"""The most connections that a row of the table has."""


@dataclass(frozen=True)
class Peer:
    """A service that is up.

    Parameters
    ----------
    name : str
    path : str
        Of its one route.
    headers : mapping of str to str
    service : Service
    started_s : float
        From its start to its first answer.
    """

    name: str
    path: str
    headers: Mapping[str, str]
    service: Service
    started_s: float


@contextmanager
def stamkunde(base: Base, name: str, headers: Mapping[str, str]) -> Iterator[Peer]:
    """Start Stamkunde on a base, with a queue that holds as many calls as are ever sent at once."""
    serving = base.config.serving.model_copy(update={"max_waiting": MOST})
    config = base.config.model_copy(update={"serving": serving})
    with running_stamkunde(config, _log(base, name)) as service:
        took = first_answer(service, "/v1/score", base.by_id(0, 1), headers)
        yield Peer(name, "/v1/score", headers, service, took)


@contextmanager
def peers(base: Base) -> Iterator[dict[str, Peer]]:
    """Start all that Stamkunde is held against, one after the other."""
    mlflow = {
        "mlflow": saved(base.churn.path, HELD / "named" / base.churn.digest),
        "mlflow, as logged": mlflow_model(base.churn.digest),
    }
    commands = {
        **{
            name: ["bentoml", "serve", f"{_PLACE}.{place}", "--working-dir", str(_ROOT)]
            for name, place in _BENTOML.items()
        },
        **{
            name: ["mlflow", "models", "serve", "--model-uri", str(folder), *_MLFLOW]
            for name, folder in mlflow.items()
        },
        "fastapi": ["uvicorn", f"{_PLACE}.fast:app", "--log-level", "warning"],
    }
    told = {
        **environment(base.config),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        VARIABLE: str(base.churn.path.absolute()),
        "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    paths = dict.fromkeys(mlflow, "/invocations")
    first = {
        "mlflow": by_name(base)(0),
        "mlflow, as logged": as_numbers(base)(0),
        "empty": b"{}",
        "empty, with its log": b"{}",
    }
    with ExitStack() as started:
        up = {}
        for name, command in commands.items():
            port = free_port()
            where = ["--host", "127.0.0.1", "--port", str(port)]
            service = started.enter_context(
                running_command(
                    [sys.executable, "-m", *command, *where], told, port, _log(base, name)
                )
            )
            path = paths.get(name, "/score")
            took = first_answer(service, path, first.get(name, base.by_features(0, 1)), {})
            up[name] = Peer(name, path, {}, service, took)
        yield up


_BENTOML = {
    "empty": "empty:Empty",
    "empty, with its log": "empty:EmptyAsItComes",
    "parsing": "empty:Parsing",
    "bulk": "bulk:Bulk",
}

_MLFLOW = ["--env-manager", "local", "--workers", "1"]


def by_name(base: Base) -> Body:
    """Return what makes the calls of MLflow's server for features by name."""
    return lambda number: json.dumps({"dataframe_records": [base.given(number)]}).encode()


def as_numbers(base: Base) -> Body:
    """Return what makes the calls of MLflow's server for the numbers that the model takes.

    They are encoded, and what is learned is computed beforehand, as what is logged with MLflow
    takes no others.
    """
    model = base.churn.model
    inputs = model.inputs.encode(model.inputs.decode(base.rows[model.inputs.digest]))
    matrix = model.complete(inputs)

    def body(number: int) -> bytes:
        # With NaN where a value is missing: its server reads null as no number at all.
        return json.dumps({"inputs": [matrix[number].tolist()]}).encode()

    return body


def _log(base: Base, name: str) -> Path:
    return base.config.var / f"{name.replace(', ', '_').replace(' ', '_')}.log"
