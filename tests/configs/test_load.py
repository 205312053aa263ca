"""Every way to write a config wrongly is one line with its file, line and key."""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configs.errors import StamkundeError
from configs.load import ConfigError, config_hash, dump, load
from configs.schema import Config
from configs.sources import Sum

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = ("cdnow", "complete_journey", "online_retail", "telco")

SHOP = """\
name: shop
timezone: UTC
currency: USD
seed: 1
sources:
  transactions:
    path: shop.csv
    columns:
      customer_id: who
      occurred_at: when
      amount: paid
features:
  windows: [7d, 30d]
timeline: {every: 28d, cutoffs: 8, history: 90d, gap: 0d}
tuning:
  trials: 25
  minutes: 30.0
gate: {churn_margin: 0.01, clv_margin: 0.01, repeats: 500, calibration: 0.05, bias: 0.25, \
slice_calibration: 0.1, slice_bias: 0.5, slice_customers: 30, slice_outcomes: 5}
serving: {reasons: 3, language: en, max_customers: 9, max_body_mb: 1.0}
paths: {var: var, mlruns: mlruns}
churn:
  kind: lapse
  horizon: 90d
leakage: {alone_auc: 0.9, alone_gini: 0.9, removal: 0.1, too_good: 0.95, fall: 0.1}
report: {period: 30d, periods: 12, active_within: 90d, cohorts: month, least: 5, calls: 100}
"""
COLUMNS = "sources.transactions.columns"
DURATION = "must be a duration in days or weeks such as 90d or 13w"
UNSET = "needs the environment variable NOWHERE, which is not set; set NOWHERE=VALUE"
SEGMENTS = "{behaviour: {min_segments: 5, max_segments: 3}}"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str | bytes, name: str = "shop.yaml") -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


LAPSE = {
    "kind": "lapse",
    "horizon": "90d",
    "training_horizon": None,
    "active_within": None,
    "within": ["30d", "60d", "90d"],
}
"""What a dump of `SHOP` says of churn."""

CLV = {"training_horizon": None, "active_within": None, "value": "amount"}


def refusal(path: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    return str(caught.value)


def refusal_with(old: str, new: str) -> str:
    assert SHOP.count(old) == 1
    return refusal(write(SHOP.replace(old, new)))


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_config_loads_and_survives_its_dump(name, tmp_path, monkeypatch):
    monkeypatch.setenv("STAMKUNDE_DATA", str(tmp_path))
    config = load(CONFIGS / f"{name}.yaml")
    assert config.name == name
    assert Config.model_validate(dump(config)) == config


def test_values_are_those_written():
    config = load(write(SHOP.replace("amount: paid", "amount: {sum: [net, tax]}")))
    assert config.features.windows == (7, 30)
    assert config.sources.transactions.columns.amount == Sum(sum=("net", "tax"))
    assert config.tasks == ("churn",)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "horizon: 90d",
            "horizon: three months",
            f'23 churn.horizon: {DURATION}, got "three months"',
        ),
        ("horizon: 90d", "horizon: 90", f"23 churn.horizon: {DURATION}, got 90"),
        ("horizon: 90d", "horizon: 0d", '23 churn.horizon: must be greater than 0, got "0d"'),
        ("  horizon: 90d\n", "", "21 churn.horizon: is missing"),
        ("kind: lapse", "kind: laps", '22 churn.kind: must be lapse, cancel or label, got "laps"'),
        ("  kind: lapse\n", "", "21 churn.kind: is missing; must be lapse, cancel or label"),
        ("[7d, 30d]", "[7d, x]", f'13 features.windows[1]: {DURATION}, got "x"'),
        ("[7d, 30d]", "[x]", f'13 features.windows[0]: {DURATION}, got "x"'),
        ("[7d, 30d]", "[]", "13 features.windows: must have at least 1 item, got []"),
        ("[7d, 30d]", "7d", '13 features.windows: must be a list such as [a, b], got "7d"'),
        (
            "[7d, 30d]",
            "[9d, 7d]",
            '13 features.windows: must rise, each window once, got ["9d", "7d"]',
        ),
        (
            "horizon: 90d",
            "horizon: 90d\n  within: [60d, 30d]",
            '24 churn.within: must rise, each number of days once, got ["60d", "30d"]',
        ),
        ("name: shop\n", "", "1 name: is missing"),
        ("name: shop", "name: Shop", '1 name: must match ^[a-z][a-z0-9_]{0,62}$, got "Shop"'),
        (
            "timezone: UTC",
            "timezone: Mars",
            '2 timezone: must be an IANA time zone such as Europe/Copenhagen, got "Mars"',
        ),
        ("timezone: UTC", "timezone: [UTC]", '2 timezone: must be text, got ["UTC"]'),
        ("currency: USD", "currency: usd", '3 currency: must match ^[A-Z]{3}$, got "usd"'),
        ("seed: 1", "seed: -1", "4 seed: must be greater than or equal to 0, got -1"),
        ("seed: 1", "seed:", "4 seed: must be a whole number, got nothing"),
        ("trials: 25", "trials: 2.5", "16 tuning.trials: must be a whole number, got 2.5"),
        ("minutes: 30.0", "minutes: .inf", "17 tuning.minutes: must be a finite number, got .inf"),
        ("minutes: 30.0", "minutes: yes", "17 tuning.minutes: must be a number, got yes"),
        ("language: en", "language: sv", "19 serving.language: must be 'en' or 'da', got \"sv\""),
        (
            "every: 28d",
            "test: soon, every: 28d",
            '14 timeline.test: must be a date such as 2017-12-04, got "soon"',
        ),
        (
            "every: 28d",
            "test: 20171204, every: 28d",
            "14 timeline.test: must be a date such as 2017-12-04, got 20171204",
        ),
        (
            "amount: paid",
            "amount: {a: b}",
            f"11 {COLUMNS}.amount: must be a column's name, "
            '{product: [...]} or {sum: [...]}, got {a: "b"}',
        ),
        (
            "amount: paid",
            "amount: {sum: [a]}",
            f'11 {COLUMNS}.amount.sum: must have at least 2 items, got ["a"]',
        ),
        (
            "path: shop.csv",
            "path: s\n    format: {kind: csv, delimiter: ab}",
            '8 sources.transactions.format.delimiter: must have at most 1 character, got "ab"',
        ),
        (
            "path: shop.csv",
            "path: s\n    format: {kind: csv, delimiter: '\"'}",
            "8 sources.transactions.format.delimiter: must be what stands between values: "
            'no quote and no line\'s end, got """',
        ),
        (
            "path: shop.csv",
            'path: s\n    format: {kind: csv, date_format: "%d.%Q"}',
            "8 sources.transactions.format.date_format: "
            'must be made of parts such as %d, %m, %Y, %H and %M, got "%d.%Q"',
        ),
        (
            "path: shop.csv",
            "path: s\n    join: [4]",
            "8 sources.transactions.join[0]: must be a mapping of keys to values, got 4",
        ),
        (
            "paths: {var: var, mlruns: mlruns}",
            "paths: x",
            '20 paths: must be a mapping of keys to values, got "x"',
        ),
    ],
)
def test_a_wrong_value_is_told_where_it_stands(old, new, expected):
    assert refusal_with(old, new) == f"shop.yaml:{expected}"


NOWHERE = "must name a file, a folder or a glob"
NO_URL = "must be a file, a folder, a glob or the URL postgresql://… of a database"
NO_PACKAGE = "must be package:NAME/FILE, with no dot in the NAME"
NOT_ENCODED = "must have its user, password and any other @ percent-encoded, such as %40 for @"


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("", NOWHERE),
        (".", NOWHERE),
        ("/", NOWHERE),
        ("package:a.b/x.csv", NO_PACKAGE),
        ("package:a", NO_PACKAGE),
        ("postgresql+psycopg2://joe:s3cr3t@host/db", NO_URL),
        ("mysql://root:s3cr3t@host/db", NO_URL),
        ("POSTGRESQL://joe:s3cr3t@host/db", NO_URL),
        ("jdbc:oracle:thin:joe/s3cr3t@host", NO_URL),
        *((f"postgresql://joe:s3{odd}cr3t@host/db", NOT_ENCODED) for odd in "@/?#% "),
        *((f"postgresql://host/db?password=s3{odd}cr3t", NOT_ENCODED) for odd in "@/?#% "),
    ],
)
def test_a_path_that_can_lead_nowhere_is_not_shown_as_it_may_hold_a_password(path, rule):
    told = refusal_with("path: shop.csv", f'path: "{path}"')
    assert told == f"shop.yaml:7 sources.transactions.path: {rule}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seed: 1", "seed: 1\nsede: 1", "5 sede: is not a known key; did you mean seed?"),
        ("seed: 1", "seed: 1\nextend: a", "5 extend: is not a known key; did you mean extends?"),
        (
            "kind: lapse",
            "kind: lapse\n  horizn: 1d",
            "23 churn.horizn: is not a known key; did you mean horizon?",
        ),
        (
            "kind: lapse",
            "kind: lapse\n  label: 1",
            "23 churn.label: is not a known key; the keys here are kind, horizon, "
            "training_horizon, active_within, within",
        ),
        (
            "amount: paid",
            "amount: {sum: [a, b], product: [a, b]}",
            f"11 {COLUMNS}.amount.sum: is not a known key; the keys here are product",
        ),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(old, new, expected):
    assert refusal_with(old, new) == f"shop.yaml:{expected}"


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (
            "clv: {horizon: 9d, value: margin}",
            "clv.value: is margin, but transactions.columns maps no margin",
        ),
        (f"segments: {SEGMENTS}", "segments.behaviour.min_segments: must not exceed max_segments"),
    ],
)
def test_a_rule_between_keys_is_told_at_the_key_that_it_names(new, expected):
    assert refusal(write(f"{SHOP}{new}\n")) == f"shop.yaml:26 {expected}"


def test_a_rule_of_the_whole_is_told_at_its_beginning():
    asks_nothing = SHOP.replace("churn:\n  kind: lapse\n  horizon: 90d\n", "")
    assert refusal(write(f"# A shop\n{asks_nothing}")) == (
        "shop.yaml:2: asks for nothing: give at least one of churn, clv and segments"
    )


def test_all_that_is_wrong_is_told_in_the_order_of_the_lines():
    text = SHOP.replace("seed: 1", "seed: x").replace("lapse", "label").replace("trials", "trails")
    assert [line.split(":")[1].split(" ")[0] for line in refusal(write(text)).split("\n")] == [
        "4",
        "15",
        "16",
        "21",
        "23",
    ]


def test_an_attribute_with_a_bad_name_and_a_bad_kind():
    attributes = "{Big-Spender: {kind: flag}, age: {kind: numbr}}"
    customers = f"  customers: {{path: c, columns: {{customer_id: a}}, attributes: {attributes}}}\n"
    assert refusal_with("sources:\n", f"sources:\n{customers}") == (
        "shop.yaml:6 sources.customers.attributes.Big-Spender: must match "
        '^[a-z][a-z0-9_]{0,62}$, got the key "Big-Spender"\n'
        "shop.yaml:6 sources.customers.attributes.age.kind: must be "
        "'category', 'number', 'flag' or 'date', got \"numbr\""
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # YAML 1.1 has its own mind about these.
        (
            "customer_id: who",
            "on: who",
            f'9 {COLUMNS}: the key on is true or false to YAML; quote it: "on"',
        ),
        (
            "customer_id: who",
            "yes: who",
            f'9 {COLUMNS}: the key yes is true or false to YAML; quote it: "yes"',
        ),
        (
            "customer_id: who",
            "1: who",
            f'9 {COLUMNS}: the key 1 is a number to YAML; quote it: "1"',
        ),
        (
            "customer_id: who",
            "? [a]\n      : b",
            f"9 {COLUMNS}: has a list or a mapping as a key; a key must be text",
        ),
        (
            "customer_id: who",
            "customer_id: No",
            f'9 {COLUMNS}.customer_id: must be text, got No; quote it to make it text: "No"',
        ),
        (
            "customer_id: who",
            "customer_id: 2017-12-04",
            f"9 {COLUMNS}.customer_id: must be text, got 2017-12-04; "
            'quote it to make it text: "2017-12-04"',
        ),
        (
            "minutes: 30.0",
            "minutes: 1e-3",
            '17 tuning.minutes: must be a number, got "1e-3"; write 0.001 without quotes',
        ),
        (
            "trials: 25",
            'trials: "25"',
            '16 tuning.trials: must be a whole number, got "25"; write 25 without quotes',
        ),
        (
            "trials: 25",
            "trials: 025",
            "16 tuning.trials: 025 is 21 to YAML; write that, or quote it to make it text",
        ),
        (
            "trials: 25",
            "trials: 1:30",
            "16 tuning.trials: 1:30 is 90 to YAML; write that, or quote it to make it text",
        ),
        (
            "every: 28d",
            "test: 2017-13-04, every: 28d",
            '14 timeline.test: "2017-13-04" is not a date that YAML can read',
        ),
        # What is refused before it has a meaning.
        (
            "seed: 1",
            "seed: 1\nseed: 2",
            "5 seed: is written twice, first in line 4; keep one of them",
        ),
        (
            "seed: 1",
            "seed: !!python/name:os.system x",
            "4 seed: the tag tag:yaml.org,2002:python/name:os.system is not read; "
            "write the value without it",
        ),
        (
            "seed: 1",
            "seed: &one 1\nx: *one",
            "5: cannot be read as YAML: the alias *one is not followed; write the value out",
        ),
        ("seed: 1", "seed: 1\n---\nx: 1", "5: begins a second document; a config is one"),
        ("tuning:\n  trials", "tuning:\n\ttrials", "16: is indented with a tab; use spaces"),
        (
            "path: shop.csv",
            "path: a: b",
            "7: cannot be read as YAML: a key may not stand here; "
            "mind the indentation, and quote text that holds a colon",
        ),
        (
            "path: shop.csv",
            "path: {a",
            "8: cannot be read as YAML: expected ',' or '}', but got ':' "
            "while parsing a flow mapping from line 7",
        ),
        (
            "path: shop.csv",
            'path: "a',
            "26: cannot be read as YAML: found unexpected end of stream "
            "while scanning a quoted scalar from line 7",
        ),
        (
            "path: shop.csv",
            'path: "\\UFFFFFFFF"',
            "7: cannot be read as YAML: Python int too large to convert to C int",
        ),
        (
            "path: shop.csv",
            'path: "\\ud800"',
            '7 sources.transactions.path: "\\ud800" is not text that YAML can read',
        ),
        ("path: shop.csv", "path: a\x07", "7: the character U+0007 may not stand in YAML"),
        ("seed: 1", f"seed: {'{a: ' * 40}1{'}' * 40}", "4 seed.a.a: is nested too deeply"),
        (
            "path: shop.csv",
            "path: ${NOWHERE}/a",
            f"7 sources.transactions.path: {UNSET}",
        ),
        (
            "path: shop.csv",
            "path: ${a-b}",
            '7 sources.transactions.path: must name a variable as ${NAME} does, got "${a-b}"',
        ),
        (
            "path: shop.csv",
            "path: a/${HOME",
            '7 sources.transactions.path: must name a variable as ${NAME} does, got "${HOME"',
        ),
    ],
)
def test_what_yaml_means_by_it_is_explained(old, new, expected):
    assert refusal_with(old, new) == f"shop.yaml:{expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": is empty; a config says at least name: …"),
        ("# nothing yet\n", ": is empty; a config says at least name: …"),
        ("---\n", ": is empty; a config says at least name: …"),
        ("- a\n", ":1: must be a mapping of keys to values, such as name: shop"),
        ("\njust text\n", ":2: must be a mapping of keys to values, such as name: shop"),
        (b"\xef\xbb\xbfname: a", ":1: begins with a byte order mark; save it as UTF-8 without one"),
        (
            "name: a".encode("utf-16"),
            ":1: begins with a byte order mark; save it as UTF-8 without one",
        ),
        (
            b"name: a\ncurrency: \xe6",
            ":2: holds the byte 0xe6, which is not UTF-8; save it as UTF-8",
        ),
        ("x" * 1_000_001, ": is over 1 MB; give a config, not data"),
    ],
)
def test_a_file_that_is_no_config(text, expected):
    assert refusal(write(text)) == f"shop.yaml{expected}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shp.yaml", "shp.yaml: there is no such file; did you mean shop.yaml?"),
        ("conf/shop.yml", "conf/shop.yml: there is no such file; did you mean conf/shop.yaml?"),
        ("nowhere/at_all.yaml", "nowhere/at_all.yaml: there is no such file"),
        ("conf", "conf: is a folder; give a file in it"),
        ("shop.yaml/x", "shop.yaml/x: cannot be read: Not a directory"),
        ("a\0b", "a\\x00b: cannot be read: embedded null byte"),
    ],
)
def test_a_path_that_leads_nowhere(path, expected):
    write(SHOP)
    write(SHOP, "conf/shop.yaml")
    assert refusal(path) == expected


class TestExtends:
    def test_a_chain_merges_mappings_and_replaces_the_rest(self):
        write(SHOP, "all/base.yaml")
        write("extends: ../all/base.yaml\nfeatures: {windows: [1d]}\nseed: 2\n", "all/mid.yaml")
        write("extends: all/mid.yaml\nseed: 3\ntuning: {trials: 9}\n")
        config = load("shop.yaml")
        assert (config.seed, config.features.windows) == (3, (1,))
        assert (config.tuning.trials, config.tuning.minutes) == (9, 30.0)

    def test_a_mapping_of_another_kind_replaces_all_of_it(self):
        write(SHOP, "base.yaml")
        told = refusal(write("extends: base.yaml\nchurn:\n  kind: label\n"))
        assert told == "shop.yaml:2 churn.test_share: is missing"

    def test_a_mapping_of_no_or_the_same_kind_merges(self):
        write(SHOP, "base.yaml")
        write("extends: base.yaml\nchurn: {active_within: 5d}\n", "mid.yaml")
        config = load(write("extends: mid.yaml\nchurn: {kind: lapse, horizon: 4w}\n"))
        assert dump(config)["churn"] == {**LAPSE, "horizon": "28d", "active_within": "5d"}

    def test_null_takes_away(self):
        write(SHOP, "base.yaml")
        config = load(write("extends: base.yaml\nchurn:\nclv: {horizon: 9d}\n"))
        assert config.tasks == ("clv",)

    def test_null_takes_all_events_away(self):
        columns = "{customer_id: a, occurred_at: b, kind: {constant: visit}}"
        events = f"  events: {{path: e.csv, columns: {columns}, kinds: {{visit: {{}}}}}}\n"
        write(SHOP.replace("sources:\n", f"sources:\n{events}"), "base.yaml")
        held = load(write("extends: base.yaml\nsources: {events: null}\n")).sources.events
        assert (len(load("base.yaml").sources.events), held) == (1, ())

    def test_an_error_is_told_in_the_file_that_holds_it(self):
        write(SHOP.replace("seed: 1", "seed: x"), "conf/base.yaml")
        told = refusal(write("extends: base.yaml\ntuning:\n  trials: x\n", "conf/shop.yaml"))
        assert told == (
            'conf/base.yaml:4 seed: must be a whole number, got "x"\n'
            'conf/shop.yaml:3 tuning.trials: must be a whole number, got "x"'
        )

    def test_what_another_file_replaces_is_not_looked_at(self):
        write(SHOP.replace("path: shop.csv", "path: ${NOWHERE}"), "base.yaml")
        config = load(write("extends: base.yaml\nsources: {transactions: {path: here.csv}}\n"))
        assert config.sources.transactions.path == "here.csv"

    @pytest.mark.parametrize(
        ("named", "expected"),
        [
            ("bas.yaml", "bas.yaml: there is no such file; did you mean base.yaml?"),
            ("conf", "conf: is a folder; give a file in it"),
            ('"a\\0b"', "a\\x00b: cannot be read: embedded null byte"),
            ("[a, b]", 'must be the name of a file, got ["a", "b"]'),
            ("shop.yaml", "goes round in a circle: shop.yaml → shop.yaml"),
            (
                "${NOWHERE}",
                UNSET,
            ),
        ],
    )
    def test_a_base_that_cannot_be_had(self, named, expected):
        write(SHOP, "base.yaml")
        write(SHOP, "conf/base.yaml")
        told = refusal(write(f"name: shop\nextends: {named}\n"))
        assert told == f"shop.yaml:2 extends: {expected}"

    def test_a_circle_is_told_where_it_closes(self):
        write("extends: ../shop.yaml", "conf/round.yaml")
        assert refusal(write("extends: conf/round.yaml")) == (
            "conf/round.yaml:1 extends: goes round in a circle: shop.yaml → round.yaml → shop.yaml"
        )


class TestOverrides:
    @pytest.mark.parametrize(
        ("override", "section", "expected"),
        [
            ("churn.horizon=60d", "churn", {**LAPSE, "horizon": "60d"}),
            ("churn.horizon = 60d", "churn", {**LAPSE, "horizon": "60d"}),
            ("churn.within=[2w]", "churn", {**LAPSE, "within": ["14d"]}),
            (
                "features.windows=[1d, 2w]",
                "features",
                {"windows": ["1d", "14d"], "use_protected": False},
            ),
            ("clv.horizon=9d", "clv", {**CLV, "horizon": "9d"}),
        ],
    )
    def test_a_value_is_read_as_yaml(self, override, section, expected):
        assert dump(load(write(SHOP), [override]))[section] == expected

    def test_a_date_is_a_date(self):
        config = load(write(SHOP), ["timeline.test=2017-12-04"])
        assert config.timeline.test == date(2017, 12, 4)

    def test_their_order_does_not_matter_to_a_change_of_kind(self):
        snapshot = (
            "sources.snapshot={path: p, columns: {customer_id: c, label: l}, "
            "positive: x, attributes: {a: {kind: flag}}}"
        )
        kind = ["churn.kind=label", "churn.test_share=0.5", "sources.transactions=null", snapshot]
        assert load(write(SHOP), kind) == load("shop.yaml", kind[::-1])

    def test_the_last_of_two_holds(self):
        assert load(write(SHOP), ["seed=2", "seed=3"]).seed == 3

    @pytest.mark.parametrize(
        ("override", "expected"),
        [
            ("churn", ": must be key=value, such as churn.horizon=60d"),
            ("=1", ": must be key=value, such as churn.horizon=60d"),
            ("churn..horizon=1", ": must be key=value, such as churn.horizon=60d"),
            ("extends=base.yaml", ": is for a file to say: write it in one"),
            ("churn.horizon=soon", f': {DURATION}, got "soon"'),
            ("churn.horizon=", f": {DURATION}, got nothing"),
            ("churn.horizn=1d", ": is not a known key; did you mean horizon?"),
            ("churn.kind=label", " churn.test_share: is missing"),
            ("clv.value=margin", " clv.horizon: is missing"),
            ("timezone.name=UTC", ' timezone: must be text, got {name: "UTC"}'),
            (
                "features.windows.0=1d",
                ' features.windows: must be a list such as [a, b], got {0: "1d"}',
            ),
            ("seed={a: 1, a: 2}", " seed.a: is written twice; keep one of them"),
            (
                "paths.var=${NOWHERE}",
                f": {UNSET}",
            ),
        ],
    )
    def test_a_bad_one_is_told_as_it_was_given(self, override, expected):
        assert refusal(write(SHOP), override) == f"--set {override}{expected}"

    def test_one_of_several_lines_is_told_in_one(self):
        assert refusal(write(SHOP), "seed=1\n--- 2") == (
            "--set seed=1\\n--- 2: begins a second document; a config is one"
        )

    def test_they_are_told_after_the_files(self):
        told = refusal(write(SHOP.replace("seed: 1", "seed: x")), "churn.horizon=soon")
        assert [line[:9] for line in told.split("\n")] == ["shop.yaml", "--set chu"]

    def test_one_too_deep(self):
        assert "is nested too deeply" in refusal(write(SHOP), f"{'a.' * 5000}a=1")


class TestEnvironment:
    def test_variables_stand_in_any_text(self, monkeypatch):
        monkeypatch.setenv("SHOP_DATA", "/data\\1")
        monkeypatch.setenv("SHOP", "north")
        config = load(write(SHOP.replace("shop.csv", "${SHOP_DATA}/${SHOP}.csv")))
        assert config.sources.transactions.path == "/data\\1/north.csv"

    def test_what_a_variable_holds_is_not_read_again(self, monkeypatch):
        monkeypatch.setenv("SHOP", "${HOME}")
        assert load(write(SHOP), ["paths.var=${SHOP}"]).paths.var == "${HOME}"

    def test_an_empty_one_is_as_good_as_none(self, monkeypatch):
        monkeypatch.setenv("SHOP", "")
        assert "SHOP, which is not set" in refusal(write(SHOP), "paths.var=${SHOP}/var")


class TestHash:
    def test_it_covers_what_can_change_a_result(self):
        config = load(write(SHOP))
        assert config_hash(config) == config_hash(load("shop.yaml"))
        assert config_hash(config) != config_hash(load("shop.yaml", ["seed=2"]))

    def test_it_leaves_out_what_cannot(self):
        same = ["paths.var=elsewhere", "serving.reasons=5", "features.windows=[1w, 30d]"]
        assert config_hash(load(write(SHOP), same)) == config_hash(load("shop.yaml"))

    def test_it_is_that_of_canonical_json_but_for_where_files_lie(self):
        config = load(write(SHOP), ["tuning.minutes=0.5"])
        untold = {"paths", "serving", "engine"}
        content = {k: v for k, v in dump(config).items() if k not in untold}
        del content["sources"]["transactions"]["path"]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert config_hash(config) == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_error_is_the_users_own_and_a_value_error():
    assert issubclass(ConfigError, StamkundeError)
    assert issubclass(ConfigError, ValueError)


_MARKS = ["'", '"', "[", "]", "{", "}", "- ", ": ", "? ", "#", "~", "\t", "\n", "${", "\n---\n"]
_WORDS = ["&a ", "*a", "!!int ", "!!timestamp ", "<<: ", "yes", "${HOME}", "2017-13-04", "1:1"]
_KEYS = ["extends: shop.yaml", "kind: label", "%YAML 1.1\n", ".nan"]
_SNIPPETS = st.sampled_from([*_MARKS, *_WORDS, *_KEYS])
_TEXTS = st.one_of(st.text(), st.lists(_SNIPPETS | st.text(max_size=3), max_size=12).map("".join))
_MANY = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_MANY
@given(text=_TEXTS | st.binary())
def test_any_text_at_all_is_refused_in_printable_lines(text):
    told = refusal(write(text if isinstance(text, bytes) else text.encode("utf-8", "replace")))
    assert all(line.startswith("shop.yaml") and line.isprintable() for line in told.split("\n"))


@_MANY
@given(at=st.integers(0, len(SHOP)), cut=st.integers(0, 9), text=_TEXTS)
def test_a_config_with_anything_in_it_loads_or_is_refused(at, cut, text):
    write(SHOP[:at].encode() + text.encode("utf-8", "replace") + SHOP[at + cut :].encode())
    with contextlib.suppress(ConfigError):
        load("shop.yaml")


@_MANY
@given(override=st.text() | st.builds("{}={}".format, st.sampled_from(["seed", "a.b"]), _TEXTS))
def test_any_override_at_all_loads_or_is_refused(override):
    write(SHOP)
    with contextlib.suppress(ConfigError):
        load("shop.yaml", [override])
