"""Example calls in Python, with its standard library alone."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from serving.client_example.facts import Facts
from serving.client_example.order import Wording, calls

HEAD = '''"""Scores from Stamkunde, with Python's standard library alone."""

import json
import os
import random
import time
import urllib.error
import urllib.request
import uuid

URL = {url!r}
KEY = os.environ.get("STAMKUNDE_KEY")  # made by: stamkunde keys add
TRIES = 6


def call(method, path, body=None):
    """Return the answer's content and headers; while the service is busy or away, ask again."""
    headers = {{"Accept-Language": "en"}}
    if KEY:
        headers["Authorization"] = f"Bearer {{KEY}}"
    if method == "POST":
        headers["Content-Type"] = "application/json"
        # However often this call is sent, it is answered alike and recorded once.
        headers["Idempotency-Key"] = str(uuid.uuid4())
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503) or not left:
                raise SystemExit(f"{{method}} {{path}}: {{error.code}}, {{error.read().decode()}}")
            wait = float(error.headers.get("Retry-After") or 2 ** (TRIES - left - 1))
        except urllib.error.URLError as error:
            if not left:
                raise SystemExit(f"{{method}} {{path}}: {{error.reason}}")
            wait = 2 ** (TRIES - left - 1)
        time.sleep(wait + random.uniform(0, 0.25))  # that not all callers come at once


def ask(method, path, body=None):
    content, _ = call(method, path, body)
    return json.loads(content)


def show(results):
    for result in results:
        if "error" in result:
            print(result["customer_id"], result["error"]["code"], result["error"]["message"])
        else:
            print(result["customer_id"], json.dumps(result["churn"] or result["codes"]))
'''

_AT_RISK = """
# Whose leaving would cost most, of the latest batch: a page at a time.
page = ask("GET", "/v1/customers/at-risk?limit=20")
for customer in page["items"]:
    print(customer["customer_id"], customer["churn_probability"], customer["value_at_risk"])
"""

_BATCH = """
# Score the whole base: a job, which is asked for until its file is there.
_, headers = call("POST", "/v1/score/batch", {"format": "csv", "reasons": 1})
place = headers["Location"]
job = ask("GET", place)
while job["state"] in ("queued", "running"):
    time.sleep(1)
    job = ask("GET", place)
if job["state"] == "failed":
    raise SystemExit(job["why"])
content, _ = call("GET", job["result"])
with open("scores.csv", "wb") as file:
    file.write(content)
print(job["done"], "customers in scores.csv")
"""

_RECORDED = """
# What was said of a customer stays on record under the score's id.
for result in {results}:
    if "id" in result:
        print(ask("GET", f"/v1/scores/{{result['id']}}")["replayed"])
"""


def script(facts: Facts, url: str, routes: Collection[tuple[str, str]]) -> str:
    """Return a program that makes each call that the service has a route for.

    Parameters
    ----------
    facts : Facts
    url : str
        Of the service.
    routes : collection of (str, str)
        Methods with their paths.
    """
    wording = Wording(_score, "None", _RECORDED.format(results="results"), _BATCH, _AT_RISK)
    return "\n".join([HEAD.format(url=url), *calls(facts, routes, wording)])


def _score(said: str, customer: dict[str, Any], **options: Any) -> str:
    body = _spelt({"customers": [customer], **options})
    return (
        f"\n# Customers {said}.\nresults = ask(\n"
        f'    "POST",\n    "/v1/score",\n    {body},\n)["results"]\nshow(results)\n'
    )


def _spelt(value: Any, depth: int = 1) -> str:
    """Return a value as Python spells it, a line each where it is long."""
    short = repr(value) if not isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(short) + 4 * depth <= 60:
        return short
    inner, outer = "    " * (depth + 1), "    " * depth
    if isinstance(value, dict):
        lines = [f"{_spelt(name)}: {_spelt(held, depth + 1)}" for name, held in value.items()]
        return "{\n" + "".join(f"{inner}{line},\n" for line in lines) + outer + "}"
    lines = [_spelt(held, depth + 1) for held in value]
    return "[\n" + "".join(f"{inner}{line},\n" for line in lines) + outer + "]"
