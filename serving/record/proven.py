"""Verify a proof of the record with nothing but Python: proven.py PROOF.json CHECKPOINT."""

import json
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path


def _root(step: dict) -> bytes:
    node = sha256(b"\x00" + b64decode(step["bytes"])).digest()
    at, last = step["index"], step["size"] - 1
    for other in map(bytes.fromhex, step["path"]):
        while at == last and last and at % 2 == 0:
            at, last = at // 2, last // 2
        node = sha256(b"\x01" + (other + node if at % 2 else node + other)).digest()
        at, last = at // 2, last // 2
    return node if last == 0 else b""


proof, known = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]).read_text().split()
entry, row = proof["entry"], proof.get("row")  # the checkpoint: whose record, how many, their root
rows = json.loads(b64decode(entry["bytes"]))["body"].get("root")
same = (str(entry["size"]), _root(entry)) == (known[1], b64decode(known[2]))
sys.exit(None if same and (row is None or _root(row).hex() == rows) else "NOT in that record")
