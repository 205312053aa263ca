"""A caller's key, made as its users make one."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.benchmarks.serving.base import FILE, Base

_MAIN = "import stamkunde; stamkunde.main()"


def headers_of(base: Base) -> dict[str, str]:
    """Make a key for a base's service; return the header that shows it."""
    said = [f"--set={told}" for told in base.overrides]
    scopes = ["--scope", "score", "--scope", "read"]
    command = ["keys", "add", "bench", *scopes, "--config", FILE, *said]
    told = subprocess.run(
        [sys.executable, "-c", _MAIN, *command], check=True, capture_output=True, text=True
    )
    return {"Authorization": f"Bearer {re.search('sk_[A-Za-z0-9_-]+', told.stdout)[0]}"}
