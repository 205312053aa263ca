"""One customer base in every kind of file and database: the same tables, the same features."""

import gzip
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.load import config_hash, dump
from configs.schema import Config
from features import door
from features.build import build
from features.contract import DataError
from features.source import Tables, fingerprint, load_tables
from tests.factories import make_shop

TODAY = date(2024, 3, 1)
ROWS = pd.DataFrame(
    {
        "customer": ["007", "007", "8", "9e1", "9e1", "x y", None],
        "when": pd.to_datetime(
            [
                "2024-01-05 23:30",
                "2024-01-31 10:00:00.5",
                "2024-02-28 08:15",
                "2023-07-01 00:00",
                "2024-02-29 23:59:59",
                "2024-02-10 12:00",
                "2024-02-11 12:00",
            ],
            format="ISO8601",
        ).astype("datetime64[us]"),
        "paid": ["10.05", "-2.5", "0.1", "1234567.8901", "3", "19.99", "5"],
        "order": ["1", "2", "3", "4", "5", "6", "7"],
        "department": ["toys", None, "food", "food", "garden", "toys", "toys"],
    }
)
SOURCES = (
    "csv",
    "csv.gz",
    "csv folder",
    "parquet",
    "parquet folder",
    "parquet glob",
    "parquet, much of it",
    "duckdb",
    "duckdb query",
    "postgres",
    "postgres query",
)


def arrow(rows: pd.DataFrame) -> pa.Table:
    money = pa.array([None if v is None else str(v) for v in rows["paid"]]).cast(
        pa.decimal128(18, 4)
    )
    table = pa.Table.from_pandas(rows, preserve_index=False)
    return table.set_column(table.schema.get_field_index("paid"), "paid", money)


def halves(rows: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    return [(0, rows.iloc[:3]), (1, rows.iloc[3:])]


def put(kind: str, folder: Path, postgres: str, rows: pd.DataFrame = ROWS) -> dict:
    """Write the rows as a kind of source, and return where a config finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind.startswith("csv"):
        return put_text(kind, folder, rows)
    if kind.startswith("parquet"):
        return put_parquet(kind, folder, rows)
    if kind.startswith("duckdb"):
        with duckdb.connect(str(folder / "held.duckdb")) as database:
            database.register("held", arrow(rows))
            database.execute("CREATE SCHEMA shop; CREATE TABLE shop.sales AS FROM held")
        asked = {"query": "SELECT * FROM shop.sales; "} if "query" in kind else {}
        layout = {"kind": "duckdb", **(asked or {"table": "shop.sales"})}
        return {"path": str(folder / "held.duckdb"), "format": layout}
    schema = put_postgres(postgres, folder, rows)
    asked = {"query": f"SELECT * FROM {schema}.sales -- all"} if "query" in kind else {}
    layout = {"kind": "postgres", **(asked or {"table": f"{schema}.sales"})}
    return {"path": postgres, "format": layout}


def put_text(kind: str, folder: Path, rows: pd.DataFrame) -> dict:
    if kind == "csv folder":
        for number, part in halves(rows):
            part.to_csv(folder / f"{number}.csv", index=False)
        return {"path": str(folder)}
    text = rows.to_csv(index=False).encode()
    path = folder / f"shop.{kind}"
    path.write_bytes(gzip.compress(text) if kind.endswith("gz") else text)
    return {"path": str(path)}


def put_parquet(kind: str, folder: Path, rows: pd.DataFrame) -> dict:
    if "folder" not in kind and "glob" not in kind:
        pq.write_table(arrow(rows), folder / "shop.parquet")
        return {"path": str(folder / "shop.parquet")}
    for number, part in halves(rows):
        (folder / "deep").mkdir(exist_ok=True)
        pq.write_table(arrow(part), folder / "deep" / f"part-{number}.parquet")
    return {"path": str(folder if "folder" in kind else folder / "deep" / "part-*.parquet")}


def run(url: str, *statements: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url) as database, database.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        database.commit()


def put_postgres(url: str, folder: Path, rows: pd.DataFrame) -> str:
    schema = f"s{abs(hash(str(folder)))}"
    written = [
        "(" + ", ".join("NULL" if pd.isna(v) else f"'{v}'" for v in row) + ")"
        for row in rows.itertuples(index=False)
    ]
    run(
        url,
        f"CREATE SCHEMA {schema}",
        f'CREATE TABLE {schema}.sales (customer text, "when" timestamp, paid numeric(18, 4), '
        f'"order" text, department varchar(20))',
        f"INSERT INTO {schema}.sales VALUES {', '.join(written)}",
    )
    return schema


def shop(folder: Path, where: dict, **source) -> Config:
    columns = {
        "customer_id": "customer",
        "occurred_at": "when",
        "amount": "paid",
        "order_id": "order",
        "category": "department",
    }
    told = {**where, "timezone": "America/New_York", "columns": columns, **source}
    return make_shop(folder / "unused", pd.DataFrame(), sources={"transactions": told})


def content(tables: Tables) -> list[tuple]:
    held = tables.need("transactions")
    rows = held.order_by(["customer_id", "occurred_at"]).select(sorted(held.columns)).to_pyarrow()
    assert str(rows.schema.field("amount").type) == "decimal128(18, 4)"
    assert str(rows.schema.field("occurred_at").type) == "timestamp[us]"
    return [tuple(map(str, row.values())) for row in rows.to_pylist()]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple], bytes]:
    folder = tmp_path_factory.mktemp("expected")
    config = shop(folder, put("csv", folder, ""))
    tables = load_tables(config)
    return content(tables), build(config, tables, [TODAY]).to_csv().encode()


def test_the_table_that_all_are_held_to_is_right(expected):
    assert expected[0][0] == (
        "10.0500",
        "toys",
        "007",
        "2024-01-06",
        "2024-01-06 04:30:00",
        "1",
    )
    assert len(expected[0]) == 6


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_source_gives_the_same_tables_and_features(
    tmp_path, postgres, expected, kind, monkeypatch
):
    if "much" in kind:
        monkeypatch.setattr(door, "VIEWED", 3)
        monkeypatch.setattr(door, "FEW", 3)
    config = shop(tmp_path, put(kind, tmp_path / "held", postgres))
    tables = load_tables(config)
    assert content(tables) == expected[0]
    assert build(config, tables, [TODAY]).to_csv().encode() == expected[1]
    assert (tables.intake["transactions"].rows, tables.intake["transactions"].guests) == (7, 1)


@pytest.mark.parametrize("kind", SOURCES)
def test_the_fingerprint_is_of_the_rows(tmp_path, postgres, kind):
    first = fingerprint(shop(tmp_path, put(kind, tmp_path / "one", postgres)))
    assert fingerprint(shop(tmp_path, put(kind, tmp_path / "two", postgres))) == first
    changed = ROWS.assign(paid=["10.06", *ROWS["paid"][1:]])
    assert fingerprint(shop(tmp_path, put(kind, tmp_path / "three", postgres, changed))) != first
    if "duckdb" in kind or "postgres" in kind:
        turned = put(kind, tmp_path / "four", postgres, ROWS.iloc[::-1])
        assert fingerprint(shop(tmp_path, turned)) == first


@pytest.mark.parametrize("kind", SOURCES)
def test_a_wrong_row_is_told_by_its_place_in_every_kind_of_source(tmp_path, postgres, kind):
    far = ROWS.assign(paid=[*ROWS["paid"][:4], "99999999999", *ROWS["paid"][5:]])
    with pytest.raises(DataError) as caught:
        load_tables(shop(tmp_path, put(kind, tmp_path / "held", postgres, far)))
    row = 2 if "folder" in kind or "glob" in kind else 5
    assert caught.value.line == row + kind.startswith("csv")
    assert (caught.value.column, caught.value.found[:12]) == ("paid", "'99999999999")


def test_kinds_of_source_are_mixed_in_one_config(tmp_path, postgres):
    where = put("postgres", tmp_path / "a", postgres, ROWS.drop(columns="department"))
    run(postgres, f"ALTER TABLE {where['format']['table']} DROP COLUMN department")
    with duckdb.connect(str(tmp_path / "orders.duckdb")) as database:
        database.execute("CREATE TABLE places AS SELECT '1' AS order, 'toys' AS department")
    join = {
        "path": str(tmp_path / "orders.duckdb"),
        "format": {"kind": "duckdb", "table": "places"},
        "key": "order",
        "columns": ["department"],
    }
    pq.write_table(pa.table({"customer": ["007"], "vip": [True]}), tmp_path / "people.parquet")
    people = {
        "path": str(tmp_path / "people.parquet"),
        "columns": {"customer_id": "customer"},
        "attributes": {"vip": {"kind": "flag"}},
    }
    config = shop(tmp_path, where, join=[join])
    sources = {"transactions": config.sources.transactions, "customers": people}
    config = make_shop(tmp_path / "unused", pd.DataFrame(), sources=sources)
    tables = load_tables(config)
    assert sorted(row[1] for row in content(tables)) == ["None"] * 5 + ["toys"]
    assert tables.need("customers").vip.to_pyarrow().to_pylist() == [True]


# PostgreSQL


def typed(url: str, folder: Path, columns: str, values: str) -> list[dict]:
    schema = f"t{abs(hash(str(folder)))}"
    run(
        url,
        f"CREATE SCHEMA {schema}",
        f"CREATE TYPE {schema}.mood AS ENUM ('glad', 'sad')",
        f"CREATE TABLE {schema}.sales ({columns.replace('mood', schema + '.mood')})",
        f"INSERT INTO {schema}.sales VALUES ({values})",
    )
    where = {"path": url, "format": {"kind": "postgres", "table": f"{schema}.sales"}}
    columns = {"customer_id": "who", "occurred_at": "at", "amount": "paid", "category": "kind"}
    tables = load_tables(shop(folder, where, columns=columns))
    return tables.need("transactions").to_pyarrow().to_pylist()


def test_the_types_of_postgresql_are_read_as_what_they_are(tmp_path, postgres):
    (row,) = typed(
        postgres,
        tmp_path,
        "who uuid, at timestamptz, paid money, kind mood",
        "'3FE066AE-ee7a-4c58-bd23-34734f17cfc8', '2024-01-05 10:00+02', '-1234.50', 'sad'",
    )
    assert row["customer_id"] == "3fe066ae-ee7a-4c58-bd23-34734f17cfc8"
    assert str(row["occurred_at"]) == "2024-01-05 08:00:00"
    assert (str(row["amount"]), row["category"]) == ("-1234.5000", "sad")


@pytest.mark.parametrize(
    ("columns", "values", "column"),
    [
        ("who text, at timestamp, paid numeric, kind text", "'1', 'infinity', 1, 'x'", "at"),
        ("who text, at date, paid numeric, kind text", "'1', '-infinity', 1, 'x'", "at"),
        (
            "who text, at timestamp, paid numeric, kind text",
            "'1', '2024-01-05', 'NaN', 'x'",
            "paid",
        ),
        ("who text, at timestamp, paid float8, kind text", "'1', '2024-01-05', 'inf', 'x'", "paid"),
    ],
)
def test_what_is_no_value_in_postgresql_is_refused(tmp_path, postgres, columns, values, column):
    with pytest.raises(DataError) as caught:
        typed(postgres, tmp_path, columns, values)
    assert (caught.value.line, caught.value.column) == (1, column), str(caught.value)


def asked(url: str, **layout) -> dict:
    return {"path": url, "format": {"kind": "postgres", **layout}}


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({"table": "nothere"}, 'relation "nothere" does not exist'),
        ({"query": "SELECT 1 AS a, 2 AS a"}, "a: expected it once, found it twice"),
        ({"query": "DROP TABLE x"}, "syntax error"),
        ({"query": "SELECT 1) AS x; DROP TABLE x; SELECT (1"}, "cannot insert multiple commands"),
        ({"query": "SELECT lo_create(0) AS customer"}, "read-only transaction"),
    ],
)
def test_a_query_can_only_read(tmp_path, postgres, layout, said):
    with pytest.raises(DataError) as caught:
        load_tables(shop(tmp_path, asked(postgres, **layout)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://joe:s3cr3t@localhost:1/shop",
        "postgresql://joe:s3cr3t%20@localhost:1/shop",
        "postgresql://joe@localhost:1/shop?password=s3cr3t",
        "postgresql://joe:s3cr3t@[::/shop",
    ],
)
def test_a_password_is_told_to_nobody(tmp_path, url):
    config = shop(tmp_path, asked(url, table="sales"))
    with pytest.raises(DataError) as caught:
        load_tables(config)
    assert "s3cr3t" not in str(caught.value) + caught.value.file + str(dump(config))
    assert "joe" in str(caught.value)


def test_where_a_database_lies_changes_no_hash(tmp_path):
    here = shop(tmp_path, asked("postgresql://joe:one@here/shop", table="sales"))
    there = shop(tmp_path, asked("postgresql://ann:two@there/shop", table="sales"))
    other = shop(tmp_path, asked("postgresql://joe:one@here/shop", table="lines"))
    assert config_hash(here) == config_hash(there) != config_hash(other)


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({"table": "nothere"}, "nothere"),
        ({"query": "DROP TABLE shop.sales"}, "syntax error"),
        ({"query": "COPY shop.sales TO 'stolen.csv'"}, "syntax error"),
    ],
)
def test_a_query_of_a_duckdb_file_can_only_read(tmp_path, layout, said):
    where = put("duckdb", tmp_path / "held", "")
    with pytest.raises(DataError) as caught:
        load_tables(shop(tmp_path, {**where, "format": {"kind": "duckdb", **layout}}))
    assert said in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "shop.duckdb").write_text("customer,when\n")
    where = {"path": str(tmp_path / "shop.duckdb"), "format": {"kind": "duckdb", "table": "t"}}
    with pytest.raises(DataError, match="expected a DuckDB file"):
        load_tables(shop(tmp_path, where))
