import numpy as np
import pandas as pd
import pytest

from serving.report.standing_out import Traits
from tests.factories import make_base

ATTRIBUTES = {
    "income": {"kind": "category", "label": "income", "label_da": "indkomst"},
    "newsletter": {"kind": "flag", "label": "gets the newsletter"},
    "age": {"kind": "number"},
}


def a_config(**attributes: dict[str, object]):
    held = {**ATTRIBUTES, **attributes}
    return make_base("customers", sources={"customers": {"attributes": held}})


def standing_out(config, features: pd.DataFrame, inside: np.ndarray):
    return Traits.of(config, features).standing_out(np.flatnonzero(inside))


def test_a_value_stands_out_by_its_lift_where_the_shares_differ_beyond_chance():
    """30 of 50 inside and 10 of 150 outside are high: 40 of all 200.

    So 0.6 inside of 0.2, a lift of 3. Pooled 0.2: the error is √(0.16 (1/50 + 1/150)) = 0.065320,
    and z = (0.6 − 10/150) / 0.065320 = 8.164966, that is √(200/3).
    """
    inside = np.arange(200) < 50
    high = (np.arange(200) < 30) | (np.arange(200) >= 190)
    features = pd.DataFrame({"income": np.where(high, "high", "low"), "age": np.arange(200.0)})
    (held,) = standing_out(a_config(), features, inside)
    assert (held.attribute, held.value, held.label, held.label_da) == (
        *("income", "high", "income", "indkomst"),
    )
    assert (held.customers, held.known, held.inside, held.everybody) == (30, 50, 0.6, 0.2)
    assert held.lift == pytest.approx(3.0)
    assert held.z == pytest.approx((200 / 3) ** 0.5)
    assert not held.flag


def test_missing_values_are_not_counted_against_anybody():
    inside = np.arange(200) < 50
    values = np.where(inside, 1.0, 0.0)
    values[25:50] = np.nan
    features = pd.DataFrame({"newsletter": values})
    (held,) = standing_out(a_config(), features, inside)
    assert (held.value, held.flag, held.customers, held.known) == ("yes", True, 25, 25)
    assert (held.inside, held.everybody) == (1.0, 25 / 175)
    assert held.label_da == "gets the newsletter"  # where there is none in Danish


def test_few_customers_and_chance_differences_do_not_stand_out():
    inside = np.arange(200) < 50
    few = np.where(np.arange(200) < 19, "rare", "usual")  # a lift of 4, of 19 customers
    assert standing_out(a_config(), pd.DataFrame({"income": few}), inside) == ()
    alike = np.where(np.arange(200) % 2 == 0, "even", "odd")
    assert standing_out(a_config(), pd.DataFrame({"income": alike}), inside) == ()
    three_less = np.where(np.arange(200) < 47, "high", "low")  # it would tell of three who are low
    assert standing_out(a_config(), pd.DataFrame({"income": three_less}), inside) == ()


@pytest.mark.parametrize("inside", [np.zeros(200, bool), np.ones(200, bool)])
def test_nobody_and_everybody_have_nothing_apart(inside):
    features = pd.DataFrame({"income": ["high", "low"] * 100})
    assert standing_out(a_config(), features, inside) == ()


def test_protected_attributes_are_left_out_unless_asked_for():
    inside = np.arange(200) < 50
    features = pd.DataFrame({"gender": np.where(inside, "f", "m")})
    protected = {"gender": {"kind": "category", "protected": True}}
    config = a_config(**protected)
    assert standing_out(config, features, inside) == ()
    seen = config.model_copy(
        update={"features": config.features.model_copy(update={"use_protected": True})}
    )
    assert [held.attribute for held in standing_out(seen, features, inside)] == ["gender"]


def test_no_more_are_told_than_asked_the_largest_lift_first():
    inside = np.arange(400) < 100
    names = [f"trait_{letter}" for letter in "abcd"]
    config = a_config(**{name: {"kind": "flag"} for name in names})
    outside = dict(zip(names, (30, 10, 60, 20), strict=True))
    columns = {
        name: ((np.arange(400) < 100) | (np.arange(400) >= 400 - count)).astype(float)
        for name, count in outside.items()
    }
    found = standing_out(config, pd.DataFrame(columns), inside)
    assert [held.attribute for held in found] == ["trait_b", "trait_d", "trait_a"]
