"""What holds for every way of telling customers apart."""

import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.segmenters.makers import (
    make_attributes,
    make_centres,
    make_lifecycle,
    make_mixture,
    make_rfm,
    make_rows,
)
from training.segmenters.segmenter import NOBODY

WAYS = [made() for made in (make_centres, make_mixture, make_rfm, make_lifecycle, make_attributes)]

every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.kind)


@every_way
@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), rows=st.integers(0, 40))
def test_a_row_is_assigned_alike_alone_in_a_batch_and_in_another_order(way, seed, rows):
    matrix = make_rows(rows, seed)
    order = np.random.default_rng(seed).permutation(rows)
    places, reasons = way.assign(matrix), way.contributions(matrix).values

    assert (way.assign(matrix[order]) == places[order]).all()
    assert (way.contributions(matrix[order]).values == reasons[order]).all()
    for row in range(rows):
        assert way.assign(matrix[[row]]) == places[row]
        assert (way.contributions(matrix[[row]]).values == reasons[row]).all()


@every_way
def test_everybody_who_bought_has_one_of_the_segments(way):
    matrix = make_rows(1000, seed=3)
    bought = ~np.isnan(matrix[:, 1])
    places = way.assign(matrix)

    assert places.shape == (1000,)
    assert set(places[bought]) == set(range(len(way.segments)))
    assert set(places[~bought]) <= {NOBODY, *range(len(way.segments))}


@every_way
def test_ids_and_names_are_told_once(way):
    for told in ("id", "name", "name_da"):
        held = [getattr(segment, told) for segment in way.segments]
        assert len(set(held)) == len(held)
        assert all(held)


@every_way
def test_reasons_are_finite_and_start_from_nothing(way):
    matrix = make_rows(200, seed=4)
    found = way.contributions(matrix)

    assert found.base == 0.0
    assert found.values.shape == matrix.shape
    assert np.isfinite(found.values).all()
    assert found.values.any()


@every_way
def test_its_file_gives_it_back_and_is_the_same_again(way):
    content = way.to_bytes()
    again = type(way).from_bytes(content)

    assert again == way
    assert again.to_bytes() == content
    assert set(json.loads(content)) == {field.name for field in fields(way)}
    assert (again.assign(make_rows(200, 5)) == way.assign(make_rows(200, 5))).all()


@every_way
def test_no_rows_have_no_segments(way):
    matrix = make_rows(3)[:0]

    assert way.assign(matrix).shape == (0,)
    assert way.contributions(matrix).values.shape == matrix.shape
