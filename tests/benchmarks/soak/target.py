"""What is put under load, and how it is started with nothing around it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from configs.schema import Config
from tests.benchmarks.load import Load
from tests.benchmarks.processes import Service, first_answer, running_stamkunde

PATH = "/v1/score"

_ALONE = Path(__file__).parent / "alone"


@dataclass(frozen=True)
class Target:
    """A promoted base and the calls that are made of its service.

    Parameters
    ----------
    config : Config
    bodies : sequence of bytes
    headers : mapping of str to str
        With the caller's key, where the service has any.
    """

    config: Config
    bodies: Sequence[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)

    def load(
        self,
        service: Service,
        seconds: float,
        connections: int = 16,
        rate: float | None = None,
        keep: bool = False,
    ) -> Load:
        """Return load on its running service."""
        return Load(
            service.port,
            PATH,
            self.bodies,
            seconds,
            connections,
            rate,
            headers=tuple(self.headers.items()),
            keep=keep,
        )

    @contextmanager
    def running(self, log: Path) -> Iterator[Service]:
        """Start its service, and wait until it answers."""
        with running_stamkunde(self.config, log) as service:
            first_answer(service, PATH, self.bodies[0], self.headers)
            yield service


@contextmanager
def alone(told: Path) -> Iterator[None]:
    """Take MLflow and the network away from what is started meanwhile.

    Parameters
    ----------
    told : Path
        The file that each attempt to reach one of them is put down in.
    """
    told.write_text("")
    before = dict(os.environ)
    path = os.pathsep.join([str(_ALONE.absolute()), before.get("PYTHONPATH", "")])
    nowhere = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "ALONE_TOLD": str(told.absolute())}
    os.environ.update({**nowhere, "PYTHONPATH": path})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
