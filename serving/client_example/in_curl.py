"""Example calls in a shell, with curl."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection
from typing import Any

from serving.client_example.facts import Facts
from serving.client_example.order import Wording, calls

HEAD = """#!/usr/bin/env bash
# Scores from Stamkunde, with curl 7.84 or newer.
set -euo pipefail
URL={url}

# Makes a call: while the service is busy (429) or away (503), asks again, after as long as
# Retry-After says. The key, made by "stamkunde keys add", is kept off the command line, which
# others on the machine can read; what the service says of a refusal goes to standard error.
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
call() {{
  local key="${{STAMKUNDE_KEY:+header = \\"Authorization: Bearer $STAMKUNDE_KEY\\"}}"
  if curl --silent --show-error --fail-with-body --max-time 60 --retry 5 --retry-connrefused \\
    --config <(printf '%s' "$key") --header 'Accept-Language: en' --output "$answer" "$@"; then
    cat "$answer"
  else
    cat "$answer" >&2
    return 1
  fi
}}

# Posts the JSON that comes in: however often the call is sent, it is recorded once.
post() {{
  call --header 'Content-Type: application/json' --data-binary @- \\
    --header "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')" "$@"
}}
"""

_RECORDED = """
# What was said of a customer stays on record under the score's id.
id=$(sed -n 's/.*"id":"\\([0-9a-f]\\{32\\}\\)".*/\\1/p' <<< "$scores")
if [[ -n $id ]]; then
  recorded=$(call "$URL/v1/scores/$id")
  echo "$recorded"
fi
"""

_AT_RISK = """
# Whose leaving would cost most, of the latest batch.
page=$(call "$URL/v1/customers/at-risk?limit=20")
echo "$page"
"""

_BATCH = """
# Score the whole base: a job, which is asked for until its file is there.
job=$(post "$URL/v1/score/batch" <<'JSON'
{"format": "csv", "reasons": 1}
JSON
)
place=$URL/v1/score/batch/$(sed -n 's/.*"job":"\\([0-9a-f]*\\)".*/\\1/p' <<< "$job")
while [[ $job =~ \\"state\\":\\"(queued|running)\\" ]]; do
  sleep 1
  job=$(call "$place")
done
echo "$job"
call "$place/result" > scores.csv
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
    wording = Wording(_score, "null", _RECORDED, _BATCH, _AT_RISK)
    return "".join([HEAD.format(url=shlex.quote(url)), *calls(facts, routes, wording)])


def _score(said: str, customer: dict[str, Any], **options: Any) -> str:
    body = json.dumps({"customers": [customer], **options}, indent=2, ensure_ascii=False)
    return (
        f"\n# Customers {said}.\n"
        f'scores=$(post "$URL/v1/score" <<\'JSON\'\n{body}\nJSON\n)\necho "$scores"\n'
    )
