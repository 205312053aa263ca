import numpy as np

from features.schema import FeatureColumn, FeatureSchema
from training.predictors import Term
from training.segmentation.naming import WORDS, name_segments


def make_column(name: str, idea: str, *categories: str) -> FeatureColumn:
    kind = "category" if categories else "number"
    return FeatureColumn(
        name, kind, categories, "", idea, name, f"{name} (da)", False, None, False, name
    )


SCHEMA = FeatureSchema(
    (
        make_column("days_since_purchase", "recency"),
        make_column("purchases", "frequency"),
        make_column("spend", "monetary value"),
        make_column("spend_ever", "monetary value"),
        make_column("weekend_share", "rhythm"),
        make_column("contract", "contract", "monthly", "yearly"),
        make_column("age", "age"),
    )
)


def names_of(centres, *columns: int, category: float = 0.0):
    terms = [
        Term(column, "equals" if column == 5 else "identity", 0.0, 1.0, 1.0, argument=category)
        for column in columns
    ]
    return name_segments(SCHEMA, terms, np.array(centres, dtype=float))


def test_a_segment_is_named_by_the_two_ideas_it_lies_furthest_in():
    english, danish = names_of([[-2, 0.1, 1], [2, -1, 0.1], [0.1, 2, 1]], 0, 1, 2)
    assert english == (
        "Recently bought, big spenders",
        "Long silent, rare",
        "Frequent, big spenders",
    )
    assert danish == (
        "Nyligt købt, storforbrugere",
        "Længe tavse, sjældne",
        "Hyppige, storforbrugere",
    )


def test_two_features_of_one_idea_are_told_once():
    english, _ = names_of([[3, 2.9, 1], [-3, -2.9, -1]], 2, 3, 1)
    assert english == ("Big spenders, frequent", "Small spenders, rare")


def test_ideas_are_added_until_no_two_share_a_name():
    english, danish = names_of([[3, 2, 1], [4, 3, -1]], 0, 1, 2)
    assert english == (
        "Long silent, frequent, big spenders",
        "Long silent, frequent, small spenders",
    )
    assert len(set(danish)) == 2


def test_segments_that_no_idea_tells_apart_are_numbered():
    english, danish = names_of([[3, 2], [2, 1], [-1, -2]], 0, 1)
    assert english == (
        "Long silent, frequent 1",
        "Long silent, frequent 2",
        "Rare, recently bought",
    )
    assert danish == ("Længe tavse, hyppige 1", "Længe tavse, hyppige 2", "Sjældne, nyligt købt")


def test_attributes_are_named_by_their_labels():
    english, danish = names_of([[2, 1], [-2, -1]], 5, 6, category=1.0)
    assert english == ("Contract: yearly, age: high", "Contract: not yearly, age: low")
    assert danish == (
        "Contract (da): yearly, age (da): høj",
        "Contract (da): ikke yearly, age (da): lav",
    )


def test_a_share_of_weekends_is_not_called_a_gap():
    english, danish = names_of([[2], [-2]], 4)
    assert english == ("Weekend shoppers", "Weekday shoppers")
    assert danish == ("Weekendkunder", "Hverdagskunder")


def test_every_idea_has_four_different_words():
    for words in WORDS.values():
        assert len({*words}) == 4
