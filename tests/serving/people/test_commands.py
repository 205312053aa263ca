"""What somebody who is asked to forget a person types, and what they are told."""

import json

import pytest
from typer.testing import CliRunner

import stamkunde
from configs.load import load
from features.marks import Marks
from features.source import load_tables
from serving import settings
from serving.batch.fill import fill_store
from tests.factories import AS_OF
from tests.serving.people.persons import ANNA, INCOME, make_base


@pytest.fixture
def base(tmp_path):
    """A base whose store is filled, by its config's file."""
    config = make_base(tmp_path)
    store = settings.open_store(config.var)
    fill_store(config, load_tables(config), None, AS_OF, store)
    store.close()
    file = tmp_path / "shop.yaml"
    file.write_text(config.model_dump_json(exclude_none=True, exclude_defaults=True))
    assert load(file, []).var == config.var
    return config, file


def ran(*arguments, **more):
    return CliRunner().invoke(stamkunde.app, [str(each) for each in arguments], **more)


def test_all_that_is_held_is_exported_for_its_owner_alone(base, tmp_path):
    _, file = base
    out = tmp_path / "held.json"
    assert ran("subject", ANNA, "--config", file, "--out", out).exit_code == 0
    told = json.loads(out.read_text())
    assert (told["customer_id"], told["forgotten"]) == (ANNA, False)
    assert INCOME in json.dumps(told["held"]["feature store"])
    assert out.stat().st_mode & 0o777 == 0o600
    printed = ran("subject", ANNA, "--config", file)
    assert json.loads(printed.stdout) == told


def test_nobody_is_forgotten_who_was_not_meant(base):
    config, file = base
    asked = ran("erase", ANNA, "--config", file, input="n\n")
    assert asked.exit_code == 1
    assert "Forget this customer of shop for good?" in asked.output
    assert Marks(config.var, "shop").among([ANNA]) == frozenset()
    assert ran("erase", ANNA, "--config", file, input="y\n").exit_code == 0
    assert Marks(config.var, "shop").among([ANNA]) == {ANNA}


def test_the_receipt_is_told_in_words_and_as_data(base):
    _, file = base
    told = ran("erase", ANNA, "--config", file, "--yes")
    assert told.exit_code == 0
    assert "  1 from feature store" in told.stdout.splitlines()
    assert "on record as erasure-" in told.stdout
    assert ANNA not in told.stdout
    again = json.loads(ran("erase", ANNA, "--config", file, "--yes", "--json").stdout)
    assert again["removed"] == {"feature store": 1}
    assert again["entry"] in told.stdout
    never = ran("erase", "nobody", "--config", file, "--yes")
    assert "  nothing was held" in never.stdout.splitlines()
