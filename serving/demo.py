"""The end of the demonstration: a batch, the service asked over HTTP, and the record verified."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from configs.schema import Config
from features.source import Tables
from serving.batch.run import score_base
from serving.guard import key_changes
from serving.people import places
from serving.record import audit
from serving.releases.release import current
from serving.server import DIRECT, start, wait_until_ready
from serving.settings import open_ledger

Say = Callable[[str], None]

HANDFUL = 5
TRIALS = 8
"""Of each study; a training run searches as long as its config says."""

_KEY_LASTS = timedelta(hours=1)  # should the demo be killed before it revokes its key


def serve_and_ask(
    config: Config,
    tables: Tables,
    as_of: date,
    bento: str,
    at: datetime,
    say: Callable[[str], None],
) -> None:
    """Score the base, start the service, ask it for a handful, verify the record, stop."""
    out = config.var / "scores.parquet"
    told = config.serving
    places.note(config.var, "scores", str(out))
    made = score_base(
        config, tables, current(config.var), as_of, out, at, told.reasons, told.language
    )
    say(f"{made.customers:,} customers → {out}, on record as batch {made.batch_id}")
    chosen = handful(pd.read_parquet(out, columns=["customer_id", "churn_probability"]))
    key, text = key_changes.add(config, "demo", ("score", "read"), at, at + _KEY_LASTS)
    say(f"a key for the demo alone: {key.id}, which ends with it")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (config.var / "service.log").open("wb") as log:
        service = start(config, port=port, bento=bento, log=log)
        try:
            wait_until_ready(url, service)
            say(f"the service answers on {url}; its log: {config.var / 'service.log'}\n")
            answered = ask(url, chosen, text)
        finally:
            service.terminate()
            service.wait(timeout=30)
            key_changes.revoke(config, key.id, at)
    for score in answered["results"]:
        tell(score, say)
    _answer_for(
        config, [made.batch_id + "/1", *(score["id"] for score in answered["results"])], say
    )


def handful(scores: pd.DataFrame) -> list[str]:
    """Return a few customers from the likeliest to leave to the least likely."""
    known = scores.dropna(subset="churn_probability")
    ranked = known.sort_values(["churn_probability", "customer_id"], ascending=[False, True])
    if ranked.empty:
        return scores["customer_id"].head(HANDFUL).tolist()
    places = [round(i * (len(ranked) - 1) / (HANDFUL - 1)) for i in range(HANDFUL)]
    return ranked["customer_id"].iloc[sorted(set(places))].tolist()


def ask(url: str, customers: list[str], key: str | None = None) -> dict[str, Any]:
    """Ask a running service for the scores of customers by id."""
    body = json.dumps({"customers": [{"customer_id": held} for held in customers]}).encode()
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{url}/v1/score", data=body, headers=headers)
    with DIRECT.open(request, timeout=30) as response:
        return json.load(response)


def tell(score: dict[str, Any], say: Say) -> None:
    """Say one customer's scores with their reasons."""
    parts = []
    if score["churn"]:
        parts.append(f"churn {score['churn']['probability']:.1%}")
    if score["clv"]:
        parts.append(f"CLV {score['clv']['value']:,.2f} {score['clv']['currency']}")
    parts += [f"{way} “{held['name']}”" for way, held in (score["segments"] or {}).items() if held]
    say(f"customer {score['customer_id']}: " + " · ".join(parts))
    for way, said in (("raises", "raises the risk"), ("lowers", "lowers it")):
        for reason in (score["churn"] or {"reasons": {}})["reasons"].get(way, []):
            say(f"    {said}: {reason['text']}")


def tell_where_next(
    file: Path, pages: tuple[Path, Path], as_of: date, bento: str, say: Say
) -> None:
    """Say where a base's pages lie, of its customers and its models, and what to run next."""
    say("\nWhere to look next")
    for what, where in (
        ("the customers", str(pages[0])),
        ("the models", str(pages[1])),
        ("MLflow's page", "make mlflow"),
        ("search longer", f".venv/bin/stamkunde train all --config {file}"),
        ("serve", f".venv/bin/stamkunde serve --config {file} --bento {bento}"),
        ("a key to call", f".venv/bin/stamkunde keys add ME --scope score --config {file}"),
        ("score", f".venv/bin/stamkunde score --config {file} --as-of {as_of} --out F.parquet"),
        ("audit", f".venv/bin/stamkunde audit verify --config {file}"),
    ):
        say(f"  {what:14} {where}")


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answer_for(config: Config, scores: list[str], say: Say) -> None:
    """Have the record verify itself, and compute the scores again from it."""
    found = open_ledger(config.name, config.var).verify()
    whole = "whole" if found.whole else "NOT whole: " + "; ".join(found.faults)
    say(f"\nthe record: {found.entries:,} entries, {found.batches_rows:,} rows of batches, {whole}")
    same = sum(audit.replays_alike(config, score) for score in scores)
    say(f"replayed {len(scores)} scores from the record: {same} gave the same bytes")
