"""Signed notes: text that Ed25519 signs, in the form that transparency logs use.

The form is C2SP's signed-note, as Go's ``sumdb/note`` has it: other programs verify these too.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from configs.errors import StamkundeError
from serving.record.merkle import sync, temporary_beside

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")


class NoteError(StamkundeError):
    """A note or a key that is not one, or a signature that is not of its text."""


@dataclass(frozen=True)
class PublicKey:
    """What verifies notes.

    Parameters
    ----------
    name : str
        Whose it is.
    key : bytes
        32 bytes.
    """

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """Four bytes by which a signature names its key."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:4]

    def __str__(self) -> str:
        """Spell it on one line."""
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.key).decode()}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read what `str` spelt.

        Raises
        ------
        NoteError
            If it is no key.
        """
        key = cls(*_parts(text.strip()))
        if str(key) != text.strip():
            raise NoteError(f"{text.strip()[:60]!r}: is no public key of Ed25519 and its name")
        return key

    def open(self, note: str) -> str:
        """Return the text of a note that this key signed.

        Raises
        ------
        NoteError
            If it did not.
        """
        text, parted, signatures = note.rpartition("\n\n")
        for line in signatures.splitlines() if parted else ():
            dash, _, rest = line.partition(" ")
            name, _, held = rest.partition(" ")
            signed = _decoded(held)
            if dash == "—" and name == self.name and signed[:4] == self.id:
                with suppress(InvalidSignature):
                    public = Ed25519PublicKey.from_public_bytes(self.key)
                    public.verify(signed[4:], f"{text}\n".encode())
                    return f"{text}\n"
        raise NoteError(f"is not signed by the key {self.name}+{self.id.hex()}")


@dataclass(frozen=True)
class Signer:
    """What signs notes.

    Parameters
    ----------
    name : str
    seed : bytes
        32 bytes.
    """

    name: str
    seed: bytes

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return PublicKey(self.name, public.public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return a note of text, which ends with a line."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        held = b64encode(self.public.id + signature).decode()
        return f"{text}\n— {self.name} {held}\n"

    def __str__(self) -> str:
        """Spell it on one line, to be kept secret."""
        seed = b64encode(_ED25519 + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.public.id.hex()}+{seed}"

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Read what `str` spelt.

        Raises
        ------
        NoteError
            If it is no key.
        """
        signer = cls(*_parts(text.strip().removeprefix(_PRIVATE)))
        if str(signer) != text.strip():
            raise NoteError("is no private key of Ed25519 and its name")
        return signer


def signer(path: Path, name: str) -> Signer:
    """Read a private key, or make it with its public one beside it, as ``.pub``.

    Raises
    ------
    NoteError
        If the file holds something else.
    """
    if not path.exists():
        made = Signer(name, Ed25519PrivateKey.generate().private_bytes_raw())
        with temporary_beside(path) as temporary:
            temporary.write_text(f"{made}\n")
            sync(temporary)
            # Unlike a rename, a link gives way to the one another process made meanwhile.
            with suppress(FileExistsError):
                os.link(temporary, path)
    try:
        held = Signer.parse(path.read_text())
    except (NoteError, UnicodeDecodeError) as error:
        raise NoteError(f"{path}: {error}; restore the right file") from None
    public = path.with_suffix(".pub")
    if not public.exists():
        public.write_text(f"{held.public}\n")
        sync(path.parent)
    return held


def public_key(path: Path) -> PublicKey:
    """Read a public key from its file.

    Raises
    ------
    NoteError
        If there is none.
    """
    try:
        return PublicKey.parse(path.read_text())
    except (OSError, NoteError, UnicodeDecodeError) as error:
        raise NoteError(
            f"{path}: cannot be read as a public key ({error}); it is made with the first "
            "checkpoint: stamkunde audit checkpoint"
        ) from None


def _parts(text: str) -> tuple[str, bytes]:
    found = _KEY.fullmatch(text)
    held = _decoded(found[3]) if found else b""
    if found is None or len(held) != 33 or held[:1] != _ED25519:
        raise NoteError("is no key of Ed25519 and its name")
    return found[1], held[1:]


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""
