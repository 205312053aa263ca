"""A release: the bundle of each task that is served, named by one digest.

On disk, under the base's run-time folder::

    releases/bundles/DIGEST/   copies of the promoted bundles, each under its digest
    releases/DIGEST.json       which bundle each task has
    releases/current           the digest of the release that is to be served
    releases/served            the digest of the release that a service last answered by
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from configs.errors import StamkundeError
from serving.record.merkle import canonical, put, sync, temporary_beside
from training.bundle import Bundle, load, sha256
from training.model import TASKS, Task
from training.reasons import Vocabulary

_DIGEST = re.compile(r"[0-9a-f]{64}")


class ReleaseError(StamkundeError):
    """A release that is not there, or is not what was promoted."""


@dataclass(frozen=True)
class Release:
    """An immutable set of bundles, one a task.

    Parameters
    ----------
    base : str
        The customer base.
    bundles : mapping of task to Bundle
        Read from disk with every hash checked.
    """

    base: str
    bundles: Mapping[Task, Bundle]

    @cached_property
    def digests(self) -> dict[str, str]:
        """Each task's bundle, in the tasks' usual order."""
        return {task: self.bundles[task].digest for task in TASKS if task in self.bundles}

    @cached_property
    def vocabularies(self) -> dict[Task, Vocabulary]:
        """The words of each bundle's features."""
        return {task: Vocabulary.of(bundle) for task, bundle in self.bundles.items()}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the base and the bundles' digests."""
        return sha256(_spelt(self.base, self.digests))


def publish(var_folder: Path, base: str, bundles: Mapping[Task, Path]) -> Release:
    """Put bundles in the place of those their tasks have now, and serve that from here on.

    A crash at any moment leaves the old release or the new one, whole.

    Raises
    ------
    ReleaseError
        If a bundle is another task's or another base's.
    BundleError
        If a bundle is incomplete or altered.
    """
    folder = var_folder / "releases"
    (folder / "bundles").mkdir(parents=True, exist_ok=True)
    with _only_publisher(folder):
        digests = _members(folder, pointer(var_folder).digest)[1] if is_promoted(var_folder) else {}
        for task, path in bundles.items():
            digests[task] = _keep(folder / "bundles", path, base, task)
        written = _spelt(base, digests)
        _write(folder / f"{sha256(written)}.json", written)
        _write(folder / "current", f"{sha256(written)}\n".encode())
    return current(var_folder)


def current(var_folder: Path) -> Release:
    """Load the release that is served, checking every hash.

    Raises
    ------
    ReleaseError
        If nothing is promoted yet, or the release was altered.
    BundleError
        If a bundle was altered.
    """
    if not is_promoted(var_folder):
        raise ReleaseError(
            f"nothing is promoted for {var_folder.name} yet; run: stamkunde train all, "
            "then stamkunde promote churn"
        )
    return release_by_digest(var_folder, pointer(var_folder).digest)


def release_by_digest(var_folder: Path, digest: str) -> Release:
    """Load a release that is or once was promoted, checking every hash.

    Raises
    ------
    ReleaseError
        If it is not there, or was altered.
    BundleError
        If a bundle was altered.
    """
    base, digests = _members(var_folder / "releases", digest)
    return Release(base, {task: bundle_by_digest(var_folder, digests[task]) for task in digests})


@dataclass(frozen=True)
class Pointer:
    """What names the release that is to be served.

    Parameters
    ----------
    digest : str
        The release's, as it is written; it may be none.
    written : tuple of int
        Which writing of it this is, even if it says the same as the one before.
    """

    digest: str
    written: tuple[int, int]


def pointer(var_folder: Path) -> Pointer:
    """Read which release is to be served; nothing else is read or checked.

    Raises
    ------
    OSError
        If nothing was promoted yet.
    """
    with (var_folder / "releases" / "current").open("rb") as file:
        held = os.fstat(file.fileno())
        return Pointer(
            file.read(100).decode("ascii", "replace").strip(), (held.st_ino, held.st_mtime_ns)
        )


def is_promoted(var_folder: Path) -> bool:
    """Say whether anything has been promoted yet."""
    return (var_folder / "releases" / "current").exists()


def bundle_by_digest(var_folder: Path, digest: str) -> Bundle:
    """Load a bundle that is or once was promoted.

    Raises
    ------
    ReleaseError
        If there is none of that digest.
    BundleError
        If it was altered.
    """
    folder = var_folder / "releases" / "bundles" / digest
    if not _DIGEST.fullmatch(digest) or not folder.is_dir():
        raise ReleaseError(f"no bundle {digest!r} in {folder.parent}; restore it from a backup")
    return _checked(load(folder), digest)


def _checked(bundle: Bundle, digest: str) -> Bundle:
    if bundle.digest != digest:
        raise ReleaseError(
            f"{bundle.path}: its manifest was altered (SHA-256 {bundle.digest[:12]}…); "
            "restore it from a backup or promote another version"
        )
    return bundle


def _spelt(base: str, digests: Mapping[Task, str] | Mapping[str, str]) -> bytes:
    return canonical({"base": base, "bundles": dict(digests)})


def _members(folder: Path, digest: str) -> tuple[str, dict[Task, str]]:
    """Return the base and the digests of a release's bundles."""
    file = folder / f"{digest}.json"
    if not _DIGEST.fullmatch(digest) or not file.is_file() or sha256(file.read_bytes()) != digest:
        raise ReleaseError(
            f"{folder / 'current'}: names {digest[:64]!r}, which is no whole release; "
            "promote a version again"
        )
    held = json.loads(file.read_bytes())
    return held["base"], {task: held["bundles"][task] for task in TASKS if task in held["bundles"]}


def _keep(folder: Path, path: Path, base: str, task: Task) -> str:
    """Copy a bundle under its digest, checking the copy, unless it is there already."""
    with tempfile.TemporaryDirectory(dir=folder, suffix=".part") as part:
        copy = Path(part) / "bundle"
        shutil.copytree(path, copy)
        for file in (*copy.iterdir(), copy):
            sync(file)
        bundle = load(copy)
        _check_belongs(bundle, base, task)
        kept = folder / bundle.digest
        if kept.exists():
            _checked(load(kept), bundle.digest)
        else:
            copy.rename(kept)
            sync(folder)
    return bundle.digest


def _check_belongs(bundle: Bundle, base: str, task: Task) -> None:
    for name, due in (("task", task), ("base", base)):
        found = bundle.manifest.get(name)
        if found != due:
            raise ReleaseError(
                f"the bundle to promote has the {name} {found!r}, not {due!r}; name another"
            )


def _write(path: Path, content: bytes) -> None:
    with temporary_beside(path) as temporary:
        temporary.write_bytes(content)
        sync(temporary)
        put(temporary, path)


@contextmanager
def _only_publisher(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What an earlier publisher was killed over; nobody else writes now.
        for part in (folder / "bundles").glob("*.part"):
            shutil.rmtree(part)
        yield
