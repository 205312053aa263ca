"""The service asked what nobody would ask: no answer lies outside its document, and none is a 5xx.

Half of the cases are schemathesis's, of each operation, as the document has them and as it does
not; half are bodies nearly right, which get further. ``--cases N`` takes another number; the
counts are written to var/bench/fuzz.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from serving.scoring.score import schemas
from tests.serving import near_valid
from tests.serving.running import Running, running

OUT = Path("var/bench/fuzz.json")
SCORE, NEAR = "POST /v1/score", "nearly right"
KNOWN = ("001", "002", "003")
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
_MOST_TOLD = 20
_HEADERS = {"Content-Type": "application/json"}


@dataclass
class Fuzz:
    """Asks a service, and keeps what it answered and what is wrong with that."""

    url: str
    session: requests.Session
    first: int  # the seed
    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.counts.total()

    def statuses(self, operation: str, mode: str) -> set[int]:
        """How an operation answered what was asked in a way."""
        return {status for label, how, status in self.counts if (label, how) == (operation, mode)}

    def by_schema(self, operation: Any, mode: GenerationMode, cases: int) -> None:
        """Ask an operation as its schema has it, or as it does not."""

        def ask(case: Any) -> None:
            answer = case.call(base_url=self.url, session=self.session, timeout=60)
            self._hold(case, answer, mode.value)

        self._each(operation.as_strategy(generation_mode=mode), ask, cases)

    def nearly_right(self, operation: Any, bodies: st.SearchStrategy[bytes], cases: int) -> None:
        """Ask for scores with bodies that get further than those which a schema makes."""

        def ask(body: bytes) -> None:
            answer = self.session.post(
                self.url + operation.path, data=body, headers=_HEADERS, timeout=60
            )
            self._hold(operation.Case(), answer, NEAR)
            if answer.ok:
                self._hold_to_the_order(body, answer)

        self._each(bodies, ask, cases)

    def _each(self, cases: st.SearchStrategy[Any], ask: Callable[[Any], None], most: int) -> None:
        once = settings(
            max_examples=max(1, most),
            database=None,
            deadline=None,
            derandomize=False,  # the seed says which
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        # Of a call that takes nothing, nothing can be wrong.
        with suppress(Unsatisfiable):
            seed(self.first)(once(given(cases)(ask)))()

    def _hold(self, case: Any, answer: requests.Response, mode: str) -> None:
        label = case.operation.label
        self.counts[label, mode, answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            told = "; ".join(str(failure) for failure in failures.exceptions)
            sent = answer.request
            self._tell(f"{label} ({mode}): {told}\n{sent.method} {sent.url}\n{sent.body!r}")

    def _hold_to_the_order(self, body: bytes, answer: requests.Response) -> None:
        asked = [customer["customer_id"] for customer in json.loads(body)["customers"]]
        told = [result["customer_id"] for result in json.loads(answer.content)["results"]]
        if asked != told:
            self._tell(f"asked of {asked}, told of {told}")

    def _tell(self, fault: str) -> None:
        if len(self.faults) < _MOST_TOLD:
            self.faults.append(fault)


def fuzz(
    service: Running, cases: int, first: int = 0, headers: Mapping[str, str] | None = None
) -> Fuzz:
    """Ask a service so many cases, the same ones each time for the same seed."""
    columns = {
        column.name: column for held in schemas(service.release).values() for column in held.columns
    }
    with requests.Session() as session:
        session.trust_env = False  # the loopback is no business of a proxy
        session.headers.update(headers or {})
        document = session.get(service.url + "/v1/openapi.json", timeout=30).json()
        schema = schemathesis.openapi.from_dict(document)
        schema.config.generation.update(with_security_parameters=False)
        operations = {held.ok().label: held.ok() for held in schema.get_all_operations()}
        found = Fuzz(service.url, session, first)
        ways = [(held, mode) for held in operations.values() for mode in GenerationMode]
        # What takes nothing is soon done; its share goes to the others.
        ways.sort(key=lambda way: ("requestBody" in way[0].definition.raw, way[0].label))
        for left, (operation, mode) in zip(range(len(ways), 0, -1), ways, strict=True):
            found.by_schema(operation, mode, (cases // 2 - found.cases) // left)
        bodies = near_valid.bodies(columns, KNOWN)
        found.nearly_right(operations[SCORE], bodies, cases - found.cases)
    return found


def main() -> None:
    """Ask a service of a made base, and write what it answered."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    begun = time.perf_counter()
    with TemporaryDirectory() as folder, running(Path(folder)) as service:
        found = fuzz(service, told.cases, told.seed)
    answers = [
        {"operation": label, "asked": mode, "status": status, "count": count}
        for (label, mode, status), count in sorted(found.counts.items())
    ]
    held = {
        "cases": found.cases,
        "seed": told.seed,
        "seconds": round(time.perf_counter() - begun),
        "faults": found.faults,
        "answers": answers,
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(held, indent=1) + "\n")
    lines = ["{operation:40} {asked:14} {status} {count:7,}".format(**row) for row in answers]
    lines.append(f"{found.cases:,} cases, {len(found.faults)} faults → {OUT}")
    sys.stdout.write("\n".join([*lines, *found.faults]) + "\n")
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
