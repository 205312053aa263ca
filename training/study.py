"""Where a study is kept, and who works on it: a journal file, or PostgreSQL by URL."""

from __future__ import annotations

import fcntl
import hashlib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from configs.errors import StamkundeError
from configs.values import passwords, without_password

_STALE_LOCK_SECONDS = 5  # a writer holds the lock for milliseconds; a killed one never lets go
_HEARTBEAT_SECONDS = 15  # how often a trial in PostgreSQL says that it still runs


class StorageError(StamkundeError):
    """A storage of studies that cannot be used."""


@dataclass(frozen=True)
class Place:
    """Where one study is kept.

    Parameters
    ----------
    folder : Path
        Of the journal files.
    name : str
        The study's.
    url : str, optional
        ``postgresql://…`` of the database that holds it instead.
    """

    folder: Path
    name: str
    url: str | None = None

    @property
    def file(self) -> Path:
        """The study's journal."""
        return self.folder / f"{self.name}.journal"

    def open(self) -> optuna.Study:
        """Open the study, or begin it.

        Raises
        ------
        StorageError
            If the database cannot be reached.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with self._errors_named():
            return optuna.create_study(
                storage=self._database() if self.url else self._journal(),
                study_name=self.name,
                direction="minimize",
                load_if_exists=True,
            )

    @contextmanager
    def entered(self) -> Iterator[tuple[optuna.Study, bool]]:
        """Open the study to work on it; give it, and whether nobody else was working on it.

        Trials that still run when nobody does were cut off by a kill: they count as failed. That
        a command works on the study is a lock which the system holds, so a kill ends it too.
        """
        with self._lock_of_database() if self.url else self._lock_of_file() as (first, share):
            study = self._left_behind() if first else None
            share()
            yield study or self.open(), first

    def _left_behind(self) -> optuna.Study:
        """Open the study as its last worker left it, and mend what a kill left undone."""
        if not self.url:
            self._mend()
        study = self.open()
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)
        return study

    def _journal(self) -> BaseStorage:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = JournalFileOpenLock(str(self.file), grace_period=_STALE_LOCK_SECONDS)
        return JournalStorage(JournalFileBackend(str(self.file), lock_obj=lock))

    def _database(self) -> BaseStorage:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # of the heartbeat
            return RDBStorage(
                self._driven_url,
                engine_kwargs={"pool_pre_ping": True},
                heartbeat_interval=_HEARTBEAT_SECONDS,
                grace_period=4 * _HEARTBEAT_SECONDS,
            )

    @property
    def _driven_url(self) -> str:
        url = make_url(str(self.url)).set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)

    @contextmanager
    def _lock_of_file(self) -> Iterator[tuple[bool, Callable[[], None]]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{self.name}.workers").open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                first = True
            except BlockingIOError:
                first = False
            yield first, lambda: fcntl.flock(held, fcntl.LOCK_SH)

    def _mend(self) -> None:
        """Free the journal of what a kill in the middle of a write leaves.

        That is a lock that others would wait for, and half a line, which makes the next one
        unreadable.
        """
        self.file.with_name(self.file.name + ".lock").unlink(missing_ok=True)
        if not self.file.exists():
            return
        with self.file.open("r+b") as journal:
            held = journal.read()
            whole = held.rfind(b"\n") + 1
            if whole < len(held):
                journal.truncate(whole)
                os.fsync(journal.fileno())

    @contextmanager
    def _lock_of_database(self) -> Iterator[tuple[bool, Callable[[], None]]]:
        digest = hashlib.sha256(f"stamkunde study {self.name}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        engine = create_engine(self._driven_url, isolation_level="AUTOCOMMIT")
        try:
            with self._errors_named():
                connection = engine.connect()
                asked = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({key})")
                first = bool(asked.scalar())

            def share() -> None:
                connection.exec_driver_sql(f"SELECT pg_advisory_lock_shared({key})")
                if first:
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({key})")

            yield first, share
            connection.close()
        finally:
            engine.dispose()

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (ImportError, SQLAlchemyError, StorageInternalError) as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> StorageError:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        said = str(cause).strip().splitlines()[0]
        for secret in passwords(str(self.url)):
            said = said.replace(secret, "…")
        return StorageError(
            f"tuning.storage {without_password(str(self.url))}: the studies' database cannot be "
            f"used: {said}; check that it runs and takes this user"
        )
