"""The programs that call the service, run as they are printed, against a real one."""

import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import stamkunde
from configs.load import dump
from serving.client_example.facts import facts_of
from serving.server import DIRECT
from tests.factories import AS_OF, make_config, make_features


def printed(config, folder, *options: str) -> str:
    file = folder / "shop.yaml"
    file.write_text(json.dumps(dump(config)))
    arguments = ["client-example", "--config", str(file), "--as-of", str(AS_OF), *options]
    told = CliRunner().invoke(stamkunde.app, arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


def run(language, program, folder, key="") -> subprocess.CompletedProcess:
    command = {"curl": ["bash"], "python": [sys.executable]}[language]
    # Of the environment only what says where programs are.
    environment = {"PATH": os.environ["PATH"]} | ({"STAMKUNDE_KEY": key} if key else {})
    return subprocess.run(
        command,
        input=program,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=60,
        check=False,
    )


@contextmanager
def busy(url, status=429):
    """What stands before a service and turns each call away at first, to be asked again at once."""
    asked = SimpleNamespace(seen=[], again=[])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = (self.path, body)
            if call not in asked.seen:
                asked.seen.append(call)
                return self.answer(status, {"Retry-After": "1"}, b"{}")
            asked.again.append(dict(self.headers))
            request = urllib.request.Request(
                url + self.path, body or None, dict(self.headers), method=self.command
            )
            try:
                with DIRECT.open(request, timeout=30) as answer:
                    return self.answer(answer.status, dict(answer.headers), answer.read())
            except urllib.error.HTTPError as error:
                return self.answer(error.code, dict(error.headers), error.read())

        def answer(self, status, headers, content):
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() in ("content-type", "retry-after", "location"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = serve  # noqa: N815  # as http.server has it

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize("language", ["curl", "python"])
def test_a_program_gets_a_score_each_way_of_asking(service, tmp_path, language):
    options = ["--url", service.url, "--language", language, "--customer", "001"]
    done = run(language, printed(service.config, tmp_path, *options), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    if (file := tmp_path / "scores.csv").exists():  # where the service scores the base in a job
        assert len(file.read_text().splitlines()) == 1 + len(make_features(service.config))
    if language == "curl":
        answers = [json.loads(line) for line in done.stdout.splitlines() if "results" in line]
        by_id, by_features, by_rows = (answer["results"][0] for answer in answers)
        assert by_id["churn"]["probability"] > 0
        assert by_features["bundles"] == by_rows["bundles"] == by_id["bundles"]
        assert {"id", "segments"} <= by_features.keys() & by_rows.keys()
    else:
        scores = [line for line in done.stdout.splitlines() if line.startswith("001 {")]
        assert len(scores) == 3
        assert '"probability"' in scores[0]


@pytest.mark.parametrize("language", ["curl", "python"])
def test_a_program_asks_again_while_the_service_is_busy_and_names_its_key(
    service, tmp_path, language
):
    with busy(service.url) as (url, asked):
        options = ["--url", url, "--language", language, "--customer", "001"]
        program = printed(service.config, tmp_path, *options)
        done = run(language, only_by_id(language, program), tmp_path, key="sk_1_secret")
    assert done.returncode == 0, done.stderr
    assert '"probability"' in done.stdout
    assert not done.stdout.startswith("{}")  # what the first answer said
    (again,) = asked.again
    assert again["Authorization"] == "Bearer sk_1_secret"
    assert re.fullmatch(r"[0-9a-f-]{32,36}", again["Idempotency-Key"])


def only_by_id(language, program) -> str:
    """The program as far as its first call; each that is turned away costs it a second."""
    cut = {"curl": 'echo "$scores"\n', "python": "show(results)\n"}[language]
    head, _, _ = program.partition(cut)
    return head + cut


@pytest.mark.parametrize("language", ["curl", "python"])
def test_a_program_says_why_it_was_refused_and_fails(service, tmp_path, language):
    options = ["--url", service.url, "--language", language, "--customer", "a\u0007b"]
    done = run(language, printed(service.config, tmp_path, *options), tmp_path)
    assert done.returncode != 0
    assert "/customers/0/customer_id" in done.stdout + done.stderr


def test_the_features_named_are_those_of_what_is_promoted(service):
    facts = facts_of(service.config, "001", AS_OF)
    table = make_features(service.config)
    assert list(facts.features) == [
        name for name in table.columns if name not in ("customer_id", "as_of")
    ]
    assert facts.features["income"] in ("high", "low", "middle")
    assert facts.features["days_since_purchase"] == round(
        float(table["days_since_purchase"].median()), 2
    )
    assert set(facts.rows) == {"transactions", "customer"}
    assert set(facts.rows["transactions"][0]) == {"occurred_at", "amount", "category"}


def test_a_base_of_which_nothing_is_promoted_has_features_too(tmp_path):
    facts = facts_of(make_config(tmp_path), "1", AS_OF)
    assert "days_since_purchase" in facts.features
    assert facts.rows["customer"] == [{"income": "other", "newsletter": "yes"}]
