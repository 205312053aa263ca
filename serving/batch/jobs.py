"""Jobs that score the base, each in a process of its own, whatever becomes of the service.

A job's state is a file that is replaced whole. Whether its process lives, its lock says: the
process holds it from before it is started until it ends in whatever way.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from configs.errors import StamkundeError
from serving import settings
from serving.record.merkle import put, sync, temporary_beside
from training.quantities import Language

WORK = "serving.batch.work"
"""The module that a job's process runs."""

State = Literal["queued", "running", "done", "failed"]
Format = Literal["parquet", "csv"]

_ROOT = Path(__file__).parents[2]
_KEPT = 10  # jobs that have ended, with their files
_DIED = "its process ended before it was done; start another"


class BusyError(StamkundeError):
    """A base that is being scored already.

    Parameters
    ----------
    job : str
        By which job.
    """

    def __init__(self, job: str) -> None:
        super().__init__("the base is being scored by another job; wait until that is done")
        self.job = job


@dataclass(frozen=True)
class Job:
    """A job and how far it is.

    Parameters
    ----------
    job : str
        Its id.
    state : {"queued", "running", "done", "failed"}
    bundles : mapping of task to str
        The models to score with, by digest.
    reasons, language, format
        As the result is to be.
    asked_at : str
        When it was asked for.
    done, total : int
        How many customers are scored, of how many.
    as_of, batch : str, optional
        The day of the features, and the batch's entry in the record.
    began_at, ended_at, why : str, optional
        When it ran, and why it failed.
    """

    job: str
    state: State
    bundles: Mapping[str, str]
    reasons: int
    language: Language
    format: Format
    asked_at: str
    done: int = 0
    total: int | None = None
    as_of: str | None = None
    batch: str | None = None
    began_at: str | None = None
    ended_at: str | None = None
    why: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "failed")


class Jobs:
    """The jobs of a base.

    Parameters
    ----------
    var : Path
        The base's run-time folder; jobs lie in ``jobs`` there.
    """

    def __init__(self, var: Path) -> None:
        self._var = var.absolute()
        self._folder = self._var / "jobs"

    def get(self, job_id: str) -> Job | None:
        """Return a job; None if there is none of this id."""
        try:
            held = Job(**json.loads(self._file(job_id).read_bytes()))
        except FileNotFoundError:
            return None
        if held.ended or self._lives(job_id):
            return held
        # It may have ended between the two looks.
        held = Job(**json.loads(self._file(job_id).read_bytes()))
        return held if held.ended else replace(held, state="failed", why=_DIED)

    def result(self, job: Job) -> Path:
        """Return the file that a job makes."""
        return self._folder / f"{job.job}.{job.format}"

    def write(self, job: Job) -> None:
        """Put a job's state in the place of the one before."""
        file = self._file(job.job)
        with temporary_beside(file) as temporary:
            temporary.write_text(json.dumps(asdict(job), indent=1, sort_keys=True))
            sync(temporary)
            put(temporary, file)

    def start(self, job: Job) -> Job:
        """Start a job, unless it was started before; return it as it is.

        Raises
        ------
        BusyError
            If another one is being done.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._only_starter():
            known = self.get(job.job)
            if known is not None:
                return known
            jobs = self._all()
            for other in jobs:
                if not other.ended:
                    raise BusyError(other.job)
            self._drop_old(jobs)
            with self._lock(job.job).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self.write(job)
                self._run(job, lock)
        return job

    def _run(self, job: Job, lock: IO[str]) -> None:
        # The open lock is handed on: it is held until both this process and that one let it go.
        process = subprocess.Popen(
            [sys.executable, "-m", WORK, str(self._var), job.job],
            cwd=_ROOT,
            env={**os.environ, settings.VARIABLE: str(self._var)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # What ends the service by a signal to all of its processes does not end the job.
            start_new_session=True,
            pass_fds=(lock.fileno(),),
        )
        threading.Thread(target=process.wait, daemon=True).start()

    def _lives(self, job_id: str) -> bool:
        try:
            with self._lock(job_id).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def _all(self) -> list[Job]:
        """Return the jobs there are, the latest first."""
        held = (self.get(file.stem) for file in self._folder.glob("*.json"))
        return sorted((job for job in held if job), key=lambda job: job.asked_at, reverse=True)

    def _drop_old(self, jobs: list[Job]) -> None:
        for job in jobs[_KEPT - 1 :]:
            for file in (self._file(job.job), self.result(job), self._lock(job.job)):
                file.unlink(missing_ok=True)
        for half in self._folder.glob(".*.part"):  # of one that was killed: none runs by now
            half.unlink(missing_ok=True)

    @contextmanager
    def _only_starter(self) -> Iterator[None]:
        with (self._folder / ".starting").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _file(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.json"

    def _lock(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.lock"


def instant() -> str:
    """Return the present time as jobs have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_told(job: Job) -> dict[str, Any]:
    """Return a job as it is answered."""
    place = f"/v1/score/batch/{job.job}"
    return {
        **{
            name: getattr(job, name)
            for name in ("job", "state", "done", "total", "as_of", "batch", "format")
        },
        **{name: getattr(job, name) for name in ("asked_at", "began_at", "ended_at", "why")},
        "result": f"{place}/result" if job.state == "done" else None,
    }
