"""Where scores go: whole or not at all, with all bits, and only what changed where asked."""

import csv
import gzip
import json
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import stamkunde
from configs.load import dump
from features.formulas import restored
from serving.destinations.cells import flat
from serving.destinations.destination import DestinationError, Written
from serving.destinations.place import destination_of
from serving.destinations.stamp import Stamp
from serving.releases.release import publish
from tests.factories import AS_OF, make_bundles, make_config

DAY = date(2024, 6, 3)
SCHEMA = pa.schema(
    [
        pa.field("score_id", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("as_of", pa.date32(), nullable=False),
        ("churn_probability", pa.float64()),
        ("segment_value", pa.int32()),
        ("segment_value_name", pa.string()),
        ("next_purchase", pa.date32()),
        ("churn_raises", pa.list_(pa.string())),
        ("churn_bundle", pa.string()),
    ]
)
KINDS = ["scores.parquet", "scores.csv", "scores.csv.gz", "sqlite", "postgres"]
FILES, TABLES = KINDS[:3], KINDS[3:]


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    return _place(request, request.param, tmp_path)


@pytest.fixture(params=TABLES)
def database(request, tmp_path):
    return _place(request, request.param, tmp_path)


def _place(request, kind, tmp_path):
    if kind == "postgres":
        url = request.getfixturevalue("postgres")
        with _connected(url) as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS scores"))
        return url
    return f"sqlite:///{tmp_path}/new/scores.db" if kind == "sqlite" else str(tmp_path / kind)


def row(customer, probability=0.5, **changes):
    told = {
        "score_id": f"batch/{customer}",
        "customer_id": customer,
        "as_of": DAY,
        "churn_probability": probability,
        "segment_value": 3,
        "segment_value_name": "midten",
        "next_purchase": date(2024, 7, 1),
        "churn_raises": ["no order for 74 days", 'says "ø\\"'],
        "churn_bundle": "c" * 64,
    }
    return told | changes


def put(place, rows, day=DAY, base="shop", schema=SCHEMA, valid_for=7, **asked):
    to = destination_of(place, Stamp(base, "r" * 64, day, valid_for), **asked)
    to.begin(schema)
    try:
        for start in range(0, len(rows), 2):
            to.write(pa.Table.from_pylist(rows[start : start + 2], schema=schema))
        return to.commit()
    finally:
        to.abort()


def held(place):
    """Return what a place holds as rows, each value as the place has it, sorted."""
    if "://" in place:
        with _connected(place) as connection:
            found = connection.execute(sa.text("SELECT * FROM scores ORDER BY base, customer_id"))
            return [dict(each) for each in found.mappings()]
    if place.endswith(".parquet"):
        return pq.read_table(place).to_pylist()
    opened = gzip.open if place.endswith(".gz") else open
    with opened(place, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _connected(place):
    url = place.replace("postgresql://", "postgresql+psycopg://")
    return sa.create_engine(url, poolclass=sa.NullPool).begin()


def ids(place):
    return [each["customer_id"] for each in held(place)]


AWKWARD = [
    row("a", 0.1 + 0.2),
    row("b", 5e-324, segment_value=-1, segment_value_name="", churn_raises=[]),
    row("c", None, segment_value=None, segment_value_name=None, next_purchase=None),
    row("ø=1;=2\n", -1e300, churn_raises=None, segment_value_name='a, "b"\r\n\'c'),
]


def test_every_place_keeps_every_bit(place):
    assert put(place, AWKWARD).rows == 4
    found = {_plain(each["customer_id"]): each for each in held(place)}
    assert list(found) == [each["customer_id"] for each in AWKWARD]
    for given_row in AWKWARD:
        got = found[given_row["customer_id"]]
        stamped = {"base": "shop", "release": "r" * 64, "valid_until": date(2024, 6, 10)}
        for name, value in (given_row | stamped).items():
            assert _read(got[name], value, place) == value, name


def _plain(text):
    return restored(text)


def _read(got, value, place):
    """Return a value as it was before its place took it for its own type."""
    if value is None or value in ("", []):
        return value if got in (None, "", [], "[]") else got
    if isinstance(value, list):
        return got if isinstance(got, list) else json.loads(_plain(got))
    if isinstance(value, date) and isinstance(got, str):
        return date.fromisoformat(got)
    if place.endswith((".csv", ".csv.gz")):
        return _plain(got) if isinstance(value, str) else type(value)(got)
    return got


def test_csv_is_what_rfc_4180_says_with_formulas_made_harmless(tmp_path):
    out = tmp_path / "scores.csv"
    rows = [
        row("=1+1", -0.25, churn_raises=['a;=1 "x"'], churn_bundle=None),
        row("-5", None, segment_value=-1, next_purchase=None, churn_raises=[], churn_bundle=""),
    ]
    put(str(out), rows)
    header, first, second = out.read_text("utf-8").splitlines()
    assert header.replace('"', "").split(",") == [*SCHEMA.names, "release", "valid_until", "base"]
    release = "r" * 64
    # A quote within JSON has a backslash, and within CSV each quote is doubled.
    assert first == (
        '"batch/=1+1","\'=1+1",2024-06-03,-0.25,3,"midten",2024-07-01,'
        f'"[""a;\'=1 \\""x\\""""]",,"{release}",2024-06-10,"shop"'
    )
    # Nothing is null and "" the empty text; a negative number is no formula, a negative id is.
    assert second == (
        f'"batch/-5","\'-5",2024-06-03,,-1,"midten",,"[]","","{release}",2024-06-10,"shop"'
    )


@settings(max_examples=50)
@given(st.lists(st.text(max_size=9) | st.text('"\\\n,', max_size=3), max_size=4))
def test_lists_of_any_texts_are_json_arrays(texts):
    told = flat(pa.table({"texts": pa.array([None, texts, []], pa.list_(pa.string()))}).slice(1))
    assert [json.loads(each) for each in told["texts"].to_pylist()] == [texts, []]


def test_the_same_scores_are_the_same_bytes(tmp_path):
    for name in FILES:
        first, second = tmp_path / "one" / name, tmp_path / "two" / name
        put(str(first), AWKWARD)
        put(str(second), AWKWARD)
        assert first.read_bytes() == second.read_bytes()


def test_nothing_shows_before_the_commit_nor_after_an_abort(place):
    put(place, [row("a")])
    before = held(place)
    to = destination_of(place, Stamp("shop", "r" * 64, DAY, 7))
    to.begin(SCHEMA)
    to.write(pa.Table.from_pylist([row("a", 0.9), row("b")], schema=SCHEMA))
    assert held(place) == before
    to.abort()
    assert held(place) == before
    if "://" not in place:
        assert [each.name for each in Path(place).parent.iterdir()] == [Path(place).name]


def test_a_table_brings_rows_up_to_date_and_keeps_the_gone_until_asked_to_prune(database):
    put(database, [row("a"), row("b")], base="other")
    assert put(database, [row("a"), row("b")]) == Written(2, new=2, gone=0)
    assert put(database, [row("b", 0.7), row("c")]) == Written(2, new=1, gone=1)
    shop = {each["customer_id"]: each for each in held(database) if each["base"] == "shop"}
    assert {name: each["churn_probability"] for name, each in shop.items()} == {
        "a": 0.5,
        "b": 0.7,
        "c": 0.5,
    }
    assert put(database, [row("b", 0.7), row("c")], prune=True) == Written(2, new=0, gone=1)
    assert [(each["base"], each["customer_id"]) for each in held(database)] == [
        ("other", "a"),
        ("other", "b"),
        ("shop", "b"),
        ("shop", "c"),
    ]


def test_only_changes_are_written_where_asked(place):
    night = [DAY + timedelta(days=days) for days in range(5)]
    said = [
        put(place, [row("a"), row("b"), row("c")], night[0], changed_only=True),
        # b is another answer, c is gone, d is new; of a, only what names the score is another.
        put(
            place,
            [row("a", score_id="z", as_of=night[1]), row("b", 0.6), row("d")],
            night[1],
            changed_only=True,
        ),
    ]
    assert said == [
        Written(3, new=3, gone=0, renewed=0, unchanged=0),
        Written(2, new=1, gone=1, renewed=0, unchanged=1),
    ]
    written = {each["customer_id"]: each for each in held(place)}
    if "://" in place:
        assert list(written) == ["a", "b", "c", "d"]
        assert written["a"]["score_id"] == "batch/a"
    else:
        assert list(written) == ["b", "d"]
    # On the fourth night after, a has 3 days left of 7, less than half; b and d have 4.
    rows = [row("a"), row("b", 0.6), row("d")]
    again = put(place, rows, night[4], changed_only=True)
    assert again == Written(1, new=0, gone="://" in place, renewed=1, unchanged=2)
    assert str({e["customer_id"]: e for e in held(place)}["a"]["valid_until"]) == "2024-06-14"


def test_a_list_that_grew_or_became_null_is_a_change(place):
    put(place, [row("a"), row("b", None)], changed_only=True)
    rows = [row("a", churn_raises=["no order for 74 days"]), row("b", 0.0)]
    assert put(place, rows, changed_only=True).rows == 2


@pytest.mark.parametrize("name", FILES)
def test_changes_are_against_any_file_of_scores(tmp_path, name):
    last, out = tmp_path / name, tmp_path / "changes.csv"
    put(str(last), AWKWARD)
    rows = [*AWKWARD[1:], row("new")]
    expected = Written(1, new=1, gone=1, renewed=0, unchanged=3)
    assert put(str(out), rows, changed_only=True, since=last) == expected
    assert put(str(last), rows, changed_only=True) == expected  # that in the place itself
    put(str(last), rows)
    assert not last.with_name(f"{name}.known").exists()  # a whole file says all by itself
    assert put(str(last), rows, changed_only=True).unchanged == 4


def test_another_release_may_bring_columns(place):
    put(place, [row("a")])
    wider = SCHEMA.append(pa.field("clv", pa.float64()))
    said = put(place, [row("a", clv=12.5)], schema=wider, changed_only=True)
    assert (said.rows, said.unchanged) == (1, 0)
    assert float(held(place)[0]["clv"]) == 12.5


def test_a_column_that_would_grow_old_is_refused_before_anything_is_scored(database):
    put(database, [row("a")])
    with pytest.raises(DestinationError, match="has columns that these scores have not: churn_b"):
        put(database, [row("a")], schema=SCHEMA.remove(len(SCHEMA) - 1))


def test_a_table_of_something_else_is_refused_before_anything_is_scored(database):
    Path(database.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    with _connected(database) as connection:
        connection.execute(sa.text("CREATE TABLE scores (base TEXT, customer_id TEXT)"))
    to = destination_of(database, Stamp("shop", "r" * 64, DAY, 7))
    with pytest.raises(DestinationError, match="check the place, who may write"):
        to.begin(SCHEMA)
    to.abort()
    assert held(database) == []


CHILD = """
import sys
sys.path.insert(0, {root!r})
from datetime import date
import pyarrow.parquet as pq
from serving.destinations.place import destination_of
from serving.destinations.stamp import Stamp
rows, stamp = pq.read_table({rows!r}), Stamp("shop", "r" * 64, date(2024, 6, 3), 7)
places = [destination_of(each, stamp) for each in {places!r}]
for place in places:
    place.begin(rows.schema)
    place.write(rows)
print("written", flush=True)
sys.stdin.readline()
for place in places:
    place.commit()
"""


@pytest.mark.parametrize("moment", ["before the commits", "within them"])
def test_a_killed_process_leaves_each_place_old_or_new(request, tmp_path, moment):
    places = [_place(request, kind, tmp_path) for kind in KINDS]
    for place in places:
        put(place, [row("00000", 0.1), row("00001", 0.1)])
    first = Path(places[0]).stat().st_ino
    rows = [row(f"{number:05d}", 0.9) for number in range(3_000)]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), tmp_path / "rows.parquet")
    told = {
        "root": str(Path(__file__).parents[3]),
        "rows": str(tmp_path / "rows.parquet"),
        "places": places,
    }
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(**told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "written\n"
    if moment == "within them":
        child.stdin.write("\n")
        child.stdin.flush()
        while Path(places[0]).stat().st_ino == first:  # until the first is committed
            time.sleep(0.001)
    child.kill()
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    old, new = (2, {0.1}), (3_000, {0.9})
    found = [
        (len(rows), {float(each["churn_probability"]) for each in rows})
        for rows in map(held, places)
    ]
    if moment == "within them":
        assert found.pop(0) == new
        assert all(state in (old, new) for state in found)
    else:
        assert found == [old] * 5
    for database in places[3:]:  # no lock is left behind, nor anything half done
        assert put(database, [row("00001", 0.3)]).new == 0


@pytest.mark.parametrize(
    ("place", "asked", "says"),
    [
        ("scores.xlsx", {}, r"scores.xlsx: scores cannot be written there; name a .parquet, .csv"),
        (".csv", {}, "cannot be written there"),
        ("mysql://me:secret@host/db", {}, r"mysql://me:…@host/db: scores cannot be written there"),
        ("postgresql://me:secret@host", {}, "cannot be written there"),
        ("sqlite://", {}, "cannot be written there"),
        ("postgresql://me:secret@ho st:x/db", {}, "is no URL of a database"),
        ("scores.csv", {"table": "scores"}, "--table is for databases"),
        ("scores.csv", {"prune": True}, "--prune is for databases"),
        ("scores.csv", {"since": Path("old.csv")}, "add --changed-only"),
        ("sqlite:///a.db", {"since": Path("a.csv"), "changed_only": True}, "--since is for files"),
        ("sqlite:///a.db", {"table": "a; DROP TABLE b"}, "must be letters, digits and _"),
    ],
)
def test_a_place_that_is_none_is_told(place, asked, says):
    with pytest.raises(DestinationError, match=says) as error:
        destination_of(place, Stamp("shop", "r" * 64, DAY, 7), **asked)
    assert "secret" not in str(error.value)


def test_a_database_that_is_away_is_told_without_the_password():
    to = destination_of("postgresql://me:s%40cret@127.0.0.1:1/db", Stamp("shop", "r", DAY, 7))
    with pytest.raises(DestinationError, match=r"me:\*\*\*@127.0.0.1:1/db \(scores\)") as error:
        to.begin(SCHEMA)
    assert "cret" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_file_of_something_else_is_not_compared_with(tmp_path):
    other, out = tmp_path / "other.csv", str(tmp_path / "scores.csv")
    other.write_text("name\nÅse\n")
    with pytest.raises(DestinationError, match="as it is no file of scores"):
        put(out, [row("a")], changed_only=True, since=other)
    with pytest.raises(DestinationError, match="no such file to compare with"):
        put(out, [row("a")], changed_only=True, since=tmp_path / "absent.csv")


def test_the_command_brings_a_table_up_to_date_and_says_what_changed(tmp_path):
    config = make_config(tmp_path)
    release = publish(config.var, config.name, make_bundles(tmp_path, config))
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(dump(config)))
    url = f"sqlite:///{tmp_path}/marketing.db"
    asked = ["score", "-c", str(tmp_path / "shop.yaml"), "--out", url, "--changed-only"]
    first = CliRunner().invoke(stamkunde.app, [*asked, "--as-of", str(AS_OF), "--json"])
    told = json.loads(first.stdout)
    assert told["out"] == f"{url} (scores)"
    assert told["written"] == {"rows": 40, "new": 40, "gone": 0, "renewed": 0, "unchanged": 0}
    rows = held(url)
    assert {each["churn_bundle"] for each in rows} == {release.digests["churn"]}
    assert {each["release"] for each in rows} == {release.digest}
    assert {each["valid_until"] for each in rows} == {str(AS_OF + timedelta(days=7))}
    assert any(json.loads(each["churn_raises"] or "[]") for each in rows)
    again = CliRunner().invoke(stamkunde.app, [*asked, "--as-of", str(AS_OF)])
    assert "  0 rows written\n" in again.stdout
    assert "  40 unchanged, left as they are\n" in again.stdout
    assert held(url) == rows
