"""Proofs that an entry is in the record, verified with no part of it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.record import checkpoint as checkpoints
from serving.record.draft import LedgerError
from serving.record.ledger import Ledger
from serving.record.note import signer
from serving.record.proof import SCRIPT, path, proof
from serving.record.tree import BLOCK, merkle_root

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def proven(held: dict, note: str, folder: Path) -> str:
    """Run the script by a bare Python; return what it says is wrong."""
    (folder / "proof.json").write_text(json.dumps(held))
    (folder / "checkpoint").write_text(note)
    command = [sys.executable, "-I", str(SCRIPT), "proof.json", "checkpoint"]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (found.returncode == 0) == (found.stderr == "")
    return found.stderr.strip()


def test_the_script_is_short_and_takes_python_alone():
    lines = [line for line in SCRIPT.read_text().splitlines() if line.strip()]
    assert len(lines) <= 21  # its docstring is one
    imported = [line.split()[1] for line in lines if line.startswith(("import", "from"))]
    assert set(imported) <= sys.stdlib_module_names


@given(st.integers(1, 200), st.data())
def test_a_path_leads_to_the_root_of_rfc_6962(size, data):
    leaves = [sha256(bytes([n])).digest() for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    steps = path(index, size, lambda first, last: merkle_root(leaves[first:last]))
    # RFC 9162, section 2.1.3.2.
    at, last, node = index, size - 1, leaves[index]
    for step in steps:
        assert last > 0
        if at & 1 or at == last:
            node = sha256(b"\x01" + step + node).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + step).digest()
        at, last = at >> 1, last >> 1
    assert (last, node) == (0, merkle_root(leaves))


def test_entries_are_proven_to_who_holds_a_checkpoint_and_nothing_else(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db", "shop")
    ledger.append([(f"S{n}", "score", {"n": n}) for n in range(1, 2 * BLOCK + 8)], NOON)
    ledger.append_batch("B1", [{"p": n / 7} for n in range(5)], {}, NOON)
    key = signer(tmp_path / "checkpoint.key", checkpoints.name("shop"))
    held = checkpoints.made("shop", ledger.head(), key, NOON)
    ledger.append([("late", "score", {})], NOON)
    for name in ("S1", f"S{BLOCK}", f"S{BLOCK + 1}", f"S{2 * BLOCK + 7}", "B1", "B1/1", "B1/5"):
        assert proven(proof(ledger, name, held), held.note, tmp_path) == "", name
    with pytest.raises(LedgerError, match="prove it by a later one"):
        proof(ledger, "late", held)
    honest, other = proof(ledger, "B1/2", held), proof(ledger, "S7", held)
    for part, value in (
        ("entry", other["entry"] | {"index": 7}),
        ("entry", other["entry"] | {"size": held.size - 1}),
        ("entry", other["entry"] | {"bytes": honest["entry"]["bytes"]}),
        ("row", honest["row"] | {"index": 0}),
        ("row", honest["row"] | {"bytes": "e30="}),
    ):
        assert proven(honest | {part: value}, held.note, tmp_path) == "NOT in that record"
