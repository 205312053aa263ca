"""What a job's process does, which `serving.batch.work` starts."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from configs.errors import StamkundeError
from configs.schema import Config
from serving import settings
from serving.batch.jobs import Job, Jobs, instant
from serving.batch.run import score_rows
from serving.batch.stored import stored
from serving.releases import package
from serving.releases.release import Release, ReleaseError, bundle_by_digest
from serving.scoring.score import schemas
from serving.settings import Settings, SettingsError
from training.model import TASKS
from training.reasons import Options

_GENTLE = 10  # calls come first
_EVERY = 0.5  # seconds between two looks at how far it is


def run(told: Settings, jobs: Jobs, job: Job) -> None:
    """Score the base as the store has it, and say how far it is and how it ended."""
    job = replace(job, state="running", began_at=instant())
    jobs.write(job)
    progress = _Progress(jobs, job)
    try:
        as_of, batch_id = _scored(told, jobs, job, progress)
    except StamkundeError as error:
        why = str(error).replace(f"{told.var}/", "")  # callers are told no place on this machine
        jobs.write(replace(progress.job, state="failed", ended_at=instant(), why=why))
    except Exception as error:
        # The error's text may quote a customer: its kind and place tell enough.
        jobs.write(replace(progress.job, state="failed", ended_at=instant(), why=_place(error)))
    else:
        held = replace(progress.job, as_of=str(as_of), batch=batch_id, done=progress.job.total or 0)
        jobs.write(replace(held, state="done", ended_at=instant()))


def _scored(told: Settings, jobs: Jobs, job: Job, progress: _Progress) -> tuple[date, str]:
    release, config = _release(told, job), _placed(told)
    store = settings.open_store(told.var)
    try:
        base = stored(store, config.name, schemas(release))
        progress.of(base.customers)
        made = score_rows(
            config,
            release,
            progress.along(base.tables),
            base.as_of,
            jobs.result(job),
            datetime.now(UTC),
            Options(job.reasons, job.language, config.serving.bands),
            permission=settings.permission(config, told.var, store),
        )
    finally:
        store.close()
    return made.as_of, made.batch_id


def _placed(told: Settings) -> Config:
    """Return the config with the run-time folder that the service was told of."""
    if told.var.name != told.config.name:
        raise SettingsError(
            f"{settings.VARIABLE} must name a folder called {told.config.name} for the base to be "
            f"scored; it names {told.var}"
        )
    paths = told.config.paths.model_copy(update={"var": str(told.var.parent)})
    return told.config.model_copy(update={"paths": paths})


def _release(told: Settings, job: Job) -> Release:
    """Return what the service served when the job was asked for."""
    if told.models and (held := package.served(told)).digests == job.bundles:
        return held
    bundles = {
        task: bundle_by_digest(told.var, job.bundles[task]) for task in TASKS if task in job.bundles
    }
    return Release(told.config.name, bundles)


class _Progress:
    """Tells how far a job is, now and then."""

    def __init__(self, jobs: Jobs, job: Job) -> None:
        self.job = job
        self._jobs, self._told = jobs, 0.0

    def of(self, total: int) -> None:
        self.job = replace(self.job, total=total)
        self._jobs.write(self.job)

    def along(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Give tables on; the next is asked for once one before it is scored."""
        count = 0
        for table in tables:
            yield table
            count += table.num_rows
            self.job = replace(self.job, done=count)
            if time.monotonic() > self._told + _EVERY:
                self._told = time.monotonic()
                self._jobs.write(self.job)


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def main(var: str, job_id: str) -> None:
    """Do a job that was asked for, gently."""
    os.nice(_GENTLE)
    jobs = Jobs(Path(var))
    job = jobs.get(job_id)
    if job is None or job.state != "queued":
        raise ReleaseError(f"no job {job_id} waits in {var}")
    run(settings.read(), jobs, job)
