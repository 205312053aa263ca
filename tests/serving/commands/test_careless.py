"""Careless calls of what cannot be undone: told in a line, and nothing is lost."""

from __future__ import annotations

import sys

import pytest

import stamkunde
from configs.load import load
from serving.settings import open_ledger
from tests.trading import make_trading_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A base that was never trained."""
    return make_trading_shop(tmp_path_factory.mktemp("careless"))


@pytest.fixture
def refused(shop, monkeypatch, capsys):
    """Call a command that is to be refused; return what it says, in its only line."""

    def call(*arguments: object) -> str:
        said = [*map(str, arguments), "--config", str(shop)]
        monkeypatch.setattr(sys, "argv", ["stamkunde", *said])
        with pytest.raises(SystemExit) as ended:
            stamkunde.main()
        out, err = capsys.readouterr()
        assert (ended.value.code, out, err.count("\n")) == (2, "", 1), err
        told = load(shop)
        assert open_ledger(told.name, told.var).head().size == 0
        return err

    return call


@pytest.mark.parametrize("command", [("subject",), ("erase", "--yes")], ids=["subject", "erase"])
@pytest.mark.parametrize("customer", ["", " ", "one\ntwo", "a\0b", "\udc80"])
def test_a_customer_whom_nobody_is_called(refused, command, customer):
    assert refused(*command, customer).startswith("CUSTOMER: ")


def test_a_day_to_come_retires_nothing(refused):
    assert "9999-12-31: has not come yet" in refused("audit", "retire", "--before", "9999-12-31")


def test_a_proof_by_what_is_no_checkpoint(refused, tmp_path):
    (tmp_path / "empty").touch()
    said = refused("audit", "prove", "an-entry", "--checkpoint", tmp_path / "empty")
    assert said.startswith(f"{tmp_path / 'empty'}: ")
