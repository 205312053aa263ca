"""Stamkunde over HTTP with reasons and record, beside what else a model could be served by.

Customers come by features or by id, one a call at 1, 16 and 64 connections, or a thousand a call;
no service is asked for a customer twice in a row of the table. All services are up throughout and
asked in turn; the load comes from a process of its own on the same machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from tests.benchmarks.measure import report
from tests.benchmarks.serving.bars import OURS, bars
from tests.benchmarks.serving.base import Base, base
from tests.benchmarks.serving.key import headers_of
from tests.benchmarks.serving.peers import Peer, peers, stamkunde
from tests.benchmarks.serving.rows import (
    Unasked,
    askings,
    bulk_askings,
    contributions_s,
    measure,
)
from training.model import TASKS

ALL_TASKS = "stamkunde, all tasks"


def main() -> None:
    given = _arguments()
    churn, whole = base("churn"), base(*TASKS)
    say(f"churn takes {churn.features} features; all tasks {whole.features}")
    with _up(churn, whole, given.keys) as (others, ours):
        rows = []
        for told in (askings, bulk_askings):
            asked = told(churn, others, ours)
            rows += measure(asked, Unasked(churn), given.seconds, given.repeats, say)
        explaining = statistics.median(contributions_s(churn) for _ in range(given.repeats))
        started = {peer.name: peer.started_s for peer in (*others.values(), *ours)}
    say("")
    alone = {"what": "1,000 customers' contributions alone", "service": "none", "connections": 0}
    figures = [name for name in rows[0] if name not in alone]
    rows.append({**alone, **dict.fromkeys(figures, None), "p50_ms": 1e3 * explaining})
    for row in rows:
        row["start_s"] = started.get(row["service"])
    report("serving", rows, bars(rows, explaining, started))


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=6.0, help="of each row and repeat")
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument(
        "--keys", action="store_true", help="ask Stamkunde with a key, as strangers must"
    )
    return asked.parse_args()


@contextmanager
def _up(churn: Base, whole: Base, keys: bool) -> Iterator[tuple[Mapping[str, Peer], list[Peer]]]:
    with ExitStack() as started:
        others = started.enter_context(peers(churn))
        ours = [
            started.enter_context(stamkunde(held, name, headers_of(held) if keys else {}))
            for name, held in ((OURS, churn), (ALL_TASKS, whole))
        ]
        yield others, ours


def say(line: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
