"""Combinations of attributes: which are told apart, how they are called, which id they keep."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from configs.errors import StamkundeError
from configs.segmentation import AttributeSegments
from features.schema import FeatureSchema
from tests.training.bases import make_schema
from training.segmenters.attributes import Attributes, fit

NAN = np.nan
SCHEMA = make_schema("employees", "newsletter", trade=("bakery", "café"))
BAKERY, CAFE = 0.0, 1.0


def make_asked(*of: str, **changes: Any) -> AttributeSegments:
    bands = {"employees": [10.0, 50.0, 250.0]} if "employees" in of else {}
    return AttributeSegments.model_validate(
        {"kind": "attributes", "of": list(of), "bands": bands, "min_share": 0.02, **changes}
    )


def make_firms(*held: tuple[int, float, float, float]) -> np.ndarray:
    """Rows of employees, newsletter and trade, each so many times."""
    return np.array([row for times, *row in held for _ in range(times)], dtype=float)


def found(
    matrix: np.ndarray,
    *of: str,
    schema: FeatureSchema = SCHEMA,
    previous: Attributes | None = None,
    **changes: Any,
) -> Attributes:
    return fit("firms", schema, matrix, make_asked(*of, **changes), previous)


def names(way: Attributes, matrix: np.ndarray | None = None) -> list[str]:
    if matrix is None:
        return [segment.name for segment in way.segments]
    return [way.segments[place].name for place in way.assign(matrix)]


def ids(way: Attributes) -> dict[str, int]:
    return {segment.name: segment.id for segment in way.segments}


def sized(*employees: float) -> np.ndarray:
    return make_firms(*((1, each, 0.0, BAKERY) for each in employees))


def test_each_combination_that_is_met_is_a_segment_the_largest_first():
    firms = make_firms((2, 5, 1, CAFE), (5, 5, 0, BAKERY), (3, 5, 1, BAKERY))
    way = found(firms, "trade", "newsletter")

    assert ids(way) == {
        "Trade: bakery · newsletter: no": 1,
        "Trade: bakery · newsletter: yes": 2,
        "Trade: café · newsletter: yes": 3,
        "Others": 4,
    }
    assert [segment.name_da for segment in way.segments] == [
        "Trade: bakery · newsletter: nej",
        "Trade: bakery · newsletter: ja",
        "Trade: café · newsletter: ja",
        "Øvrige",
    ]
    assert way.assign(firms).tolist() == [2] * 2 + [0] * 5 + [1] * 3


def test_reasons_are_the_attributes():
    way = found(sized(5, 20), "trade", "employees")

    assert way.contributions(sized(5)).values.tolist() == [[1.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("employees", "band", "danish"),
    [
        (0, "under 10", "under 10"),
        (9, "under 10", "under 10"),
        (10, "10 to 49", "10 til 49"),
        (49, "10 to 49", "10 til 49"),
        (50, "50 to 249", "50 til 249"),
        (249, "50 to 249", "50 til 249"),
        (250, "250 or more", "250 eller derover"),
        (99_999, "250 or more", "250 eller derover"),
        (NAN, "unknown", "ukendt"),
    ],
)
def test_a_number_lies_in_the_band_that_begins_at_or_below_it(employees, band, danish):
    way = found(sized(5, 20, 100, 1000, NAN), "employees")
    (place,) = way.assign(sized(employees))

    assert way.segments[place].name == f"Employees: {band}"
    assert way.segments[place].name_da == f"Employees: {danish}"


def test_bands_of_what_is_no_whole_number_say_under_what_they_lie():
    way = found(sized(1.5, 1200, 1e6), "employees", bands={"employees": [2.5, 1500.0]})

    assert names(way) == [
        "Employees: under 2.5",
        "Employees: 2.5 to under 1,500",
        "Employees: 1,500 or more",
        "Others",
    ]
    assert {s.name_da for s in way.segments} >= {
        "Employees: 2,5 til under 1.500",
        "Employees: 1.500 eller derover",
    }


def test_a_band_of_one_whole_number_is_called_by_it():
    way = found(sized(1), "employees", bands={"employees": [1.0, 2.0]})

    assert names(way) == ["Employees: 1", "Others"]


def test_a_combination_below_the_share_is_of_the_others():
    firms = make_firms((96, 5, 0, BAKERY), (2, 5, 1, BAKERY), (1, 5, 0, CAFE), (1, 5, 1, CAFE))
    way = found(firms, "trade", "newsletter", min_share=0.02)

    assert names(way) == [
        "Trade: bakery · newsletter: no",
        "Trade: bakery · newsletter: yes",
        "Others",
    ]
    assert names(way, firms[98:]) == ["Others", "Others"]


def test_what_was_never_met_is_of_the_others():
    way = found(make_firms((3, 5, 0, BAKERY), (3, 5, 1, CAFE)), "trade", "newsletter")
    odd = make_firms(
        (1, 5, 1, BAKERY), (1, 5, NAN, CAFE), (1, 5, 0.5, BAKERY), (1, 5, 2, CAFE), (1, 5, 0, -1)
    )

    assert names(way, odd) == ["Others"] * 5


def test_everybody_may_be_of_the_others():
    firms = make_firms((1, 5, 0, BAKERY), (1, 5, 1, CAFE))
    way = found(firms, "trade", min_share=0.9)

    assert ids(way) == {"Others": 1}
    assert names(way, firms) == ["Others", "Others"]


def test_a_missing_value_is_not_confused_with_a_category_called_unknown():
    schema = make_schema("employees", "newsletter", trade=("bakery", "Unknown"))
    way = found(make_firms((2, 5, 0, 1.0), (1, 5, 0, NAN)), "trade", schema=schema)

    assert names(way) == ["Trade: Unknown", "Trade: not given", "Others"]
    assert way.segments[1].name_da == "Trade: ikke oplyst"


def make_months() -> list[np.ndarray]:
    """Bakeries grow, cafés nearly vanish and come back, and unknown trades appear."""
    return [
        make_firms((60, 5, 0, CAFE), (40, 5, 0, BAKERY)),
        make_firms((1, 5, 0, CAFE), (79, 5, 0, BAKERY), (20, 5, 0, NAN)),
        make_firms((50, 5, 0, CAFE), (30, 5, 0, BAKERY), (20, 5, 0, NAN)),
    ]


def refitted(months: Sequence[np.ndarray], *schemas: FeatureSchema) -> list[Attributes]:
    ways: list[Attributes] = []
    for month, schema in zip(months, schemas or [SCHEMA] * len(months), strict=True):
        ways.append(found(month, "trade", schema=schema, previous=ways[-1] if ways else None))
    return ways


def test_a_combination_keeps_its_id_and_none_is_given_to_another():
    first, second, third = map(ids, refitted(make_months()))

    assert first == {"Trade: café": 1, "Trade: bakery": 2, "Others": 3}
    assert second == {"Trade: bakery": 2, "Trade: unknown": 4, "Others": 3}
    assert third == {"Trade: café": 1, "Trade: bakery": 2, "Trade: unknown": 4, "Others": 3}


def test_ids_go_through_a_file():
    (first, *_) = refitted(make_months())
    read = Attributes.from_bytes(first.to_bytes())

    assert ids(found(make_months()[1], "trade", previous=read))["Trade: bakery"] == 2


def test_an_id_follows_the_values_not_their_numbers_in_the_schema():
    more = make_schema("employees", "newsletter", trade=("atelier", "bakery", "café"))
    months = [
        make_firms((60, 5, 0, CAFE), (40, 5, 0, BAKERY)),
        make_firms((70, 5, 0, 0.0), (20, 5, 0, 1.0), (10, 5, 0, 2.0)),
    ]
    _, second = refitted(months, SCHEMA, more)

    assert ids(second) == {"Trade: café": 1, "Trade: bakery": 2, "Trade: atelier": 4, "Others": 3}
    assert names(second, make_firms((1, 5, 0, 1.0))) == ["Trade: bakery"]


def test_an_id_stays_when_the_attributes_are_named_in_another_order():
    firms = make_firms((3, 5, 1, CAFE), (2, 5, 0, BAKERY))
    first = found(firms, "trade", "newsletter")
    second = found(firms, "newsletter", "trade", previous=first)

    assert ids(second) == {
        "Newsletter: yes · trade: café": 1,
        "Newsletter: no · trade: bakery": 2,
        "Others": 3,
    }


def test_a_base_that_lacks_an_attribute_is_told_so():
    with pytest.raises(StamkundeError, match=r"segments\.firms: needs the feature region"):
        found(sized(5), "region")


def test_more_combinations_than_can_be_told_apart_are_refused():
    many = tuple(f"value {number}" for number in range(70_000))
    schema = make_schema(**dict.fromkeys(("a", "b", "c", "d"), many))
    with pytest.raises(StamkundeError, match=r"a, b, c, d have too many values"):
        found(np.zeros((1, 4)), "a", "b", "c", "d", schema=schema)


def test_combinations_that_read_alike_are_numbered():
    values = {"trade": ("x", "x · area: y"), "area": ("z", "y · area: z")}
    schema = make_schema(**values)
    way = found(np.array([[0.0, 1.0]] * 3 + [[1.0, 0.0]] * 2), "trade", "area", schema=schema)
    first, second, _ = names(way)
    assert second == f"{first} (2)"
    assert [segment.id for segment in way.segments[:2]] == [1, 2]
