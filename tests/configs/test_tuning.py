import pytest

from configs.errors import ConfigError
from configs.load import dump, load

DEPTH = "tuning.space.churn.max_depth"


@pytest.fixture(autouse=True)
def _data(monkeypatch):
    monkeypatch.setenv("STAMKUNDE_DATA", "data")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (f"{DEPTH}.high=1", "must be above low, which is 1"),
        (f"{DEPTH}.low=x", 'must be a whole number, got "x"'),
        (f"{DEPTH}.kind=foo", 'must be float, int or choice, got "foo"'),
        (f"{DEPTH}={{kind: choice, of: []}}", "must have at least 1 item"),
        (f"{DEPTH}={{kind: choice, of: [[1]]}}", "of[0]: must be text, a number, true or false"),
        (f"{DEPTH}={{kind: choice, of: [1, 1]}}", "of: must name each value once"),
        ("tuning.space.churn.learning_rate.low=0.0", "must be above 0 where log is true"),
        ("tuning.space.segments.k.low=1", "is not a known key; the keys here are churn, clv"),
        ("tuning.storage=sqlite:///a.db", "must be the URL postgresql://… of a database"),
        ("tuning.workers=0", "must be greater than or equal to 1"),
    ],
)
def test_what_is_wrong_with_a_search_is_told_by_its_key(override, said):
    with pytest.raises(ConfigError) as told:
        load("configs/telco.yaml", [override])
    assert said in str(told.value)


def test_a_config_changes_the_space_line_by_line():
    whole = load("configs/telco.yaml").tuning.space.churn
    changed = load("configs/telco.yaml", [f"{DEPTH}.high=9"]).tuning.space.churn
    assert (changed["max_depth"].low, changed["max_depth"].high) == (1, 9)
    assert {name for name in whole if whole[name] != changed[name]} == {"max_depth"}


def test_the_password_of_a_storage_is_told_to_nobody(monkeypatch):
    monkeypatch.setenv("STUDIES_URL", "postgresql://u:secret@host/studies")
    config = load("configs/telco.yaml", ["tuning.storage=${STUDIES_URL}"])
    assert config.tuning.storage == "postgresql://u:secret@host/studies"
    assert dump(config)["tuning"]["storage"] == "postgresql://u:…@host/studies"
    with pytest.raises(ConfigError) as told:
        load("configs/telco.yaml", ["tuning.storage=mysql://u:secret@host/studies"])
    assert "secret" not in str(told.value)
