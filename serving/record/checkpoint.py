"""Checkpoints: how far the record was at a time and what it held, signed, to be kept elsewhere.

Whoever can write to the record's database can write all of it anew, hashes and all. What they
cannot change is a checkpoint that lies where they cannot write; against it the record is held.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from serving.record.head import Head
from serving.record.merkle import put, sync, temporary_beside
from serving.record.note import NoteError, PublicKey, Signer

SUFFIX = ".checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """How far a record was.

    Parameters
    ----------
    base : str
    size : int
        How many entries there were.
    root : bytes
        Of the Merkle tree over them (RFC 6962).
    at : str
        When, UTC.
    note : str
        The signed note that says so (C2SP's tlog-checkpoint).
    """

    base: str
    size: int
    root: bytes
    at: str
    note: str


def name(base: str) -> str:
    """Name a base's record among those who sign checkpoints."""
    return f"stamkunde/{base}"


def made(base: str, head: Head, signer: Signer, at: datetime) -> Checkpoint:
    """Sign a record's head."""
    time = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    root = b64encode(head.root).decode()
    lines = (name(base), str(head.size), root, f"time {time}", f"key {signer.public}")
    note = signer.sign("".join(f"{line}\n" for line in lines))
    return Checkpoint(base, head.size, head.root, time, note)


def parsed(note: str) -> Checkpoint:
    """Read a checkpoint, whoever signed it.

    Raises
    ------
    NoteError
        If it is none.
    """
    try:
        origin, size, root, time, *_ = note.splitlines()
        decoded = b64decode(root, validate=True)
        if not origin.startswith(name("")) or not time.startswith("time ") or len(decoded) != 32:
            raise ValueError
        return Checkpoint(origin.removeprefix(name("")), int(size), decoded, time[5:], note)
    except ValueError:
        raise NoteError("is no checkpoint of a record") from None


def write(checkpoint: Checkpoint, place: Path) -> Path:
    """Write a checkpoint to a file, or to a folder, where each has one named by its size.

    It is on disk when this returns.
    """
    is_folder = place.is_dir() or not place.suffix
    file = place / f"{checkpoint.base}-{checkpoint.size:012}{SUFFIX}" if is_folder else place
    with temporary_beside(file) as temporary:
        temporary.write_text(checkpoint.note)
        temporary.chmod(0o644)  # it is to be read by others, and says nothing of anybody
        sync(temporary)
        put(temporary, file)
    return file


def read(place: Path, base: str) -> dict[Path, str]:
    """Return the notes of a base in a file or a folder, as they stand.

    Raises
    ------
    NoteError
        If there is none.
    """
    files = sorted(place.glob(f"{base}-*{SUFFIX}")) if place.is_dir() else [place]
    try:
        found = {file: file.read_text() for file in files}
    except (OSError, UnicodeDecodeError) as error:
        raise NoteError(f"{place}: cannot be read as a checkpoint ({error})") from None
    if not found:
        raise NoteError(
            f"{place}: holds no checkpoint of {base}; make one: "
            "stamkunde audit checkpoint --to FOLDER"
        )
    return found


def trusted(
    notes: Mapping[Path, str], base: str, key: PublicKey
) -> tuple[list[Checkpoint], list[str]]:
    """Return the checkpoints that a key signed, by their size, and what is wrong with others."""
    found, faults = [], []
    for file, note in notes.items():
        try:
            checkpoint = parsed(key.open(note))
            if checkpoint.base != base:
                raise NoteError(f"is of the record of {checkpoint.base}")
            found.append(Checkpoint(base, checkpoint.size, checkpoint.root, checkpoint.at, note))
        except NoteError as error:
            faults.append(f"{file}: {error}")
    return sorted(found, key=lambda held: (held.size, held.at)), faults


def faults(
    checkpoints: Sequence[Checkpoint],
    roots: Mapping[int, bytes],
    size: int,
    first_fault: int | None,
) -> list[str]:
    """Say where a record is not the one that its checkpoints were made of.

    Parameters
    ----------
    checkpoints : sequence of Checkpoint
        By their size.
    roots : mapping of int to bytes
        The roots of the record's first so many entries.
    size : int
        How many entries there are.
    first_fault : int, optional
        The number of the first entry that is not whole.
    """
    found, agreed = [], 0
    for held in checkpoints:
        of = f"the checkpoint of {held.at}, which had {held.size:,} entries"
        if held.size > size:
            found.append(f"seq {size + 1} to {held.size}: removed since {of}")
        elif (Head().root if held.size == 0 else roots.get(held.size)) == held.root:
            agreed = max(agreed, held.size)
        elif first_fault is not None and first_fault <= held.size:
            found.append(f"seq {first_fault}: the first that is not as it was at {of}")
        else:
            since = f"seq {agreed + 1}" if agreed else "from the first entry on"
            found.append(
                f"{since} to {held.size}: written anew since {of}: "
                "what stands there is whole in itself, and is not what was recorded"
            )
    return found
