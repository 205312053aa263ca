"""MRR × months: by hand, and explained to the last krone."""

import numpy as np
import pytest

from features.timeline import DAYS_A_MONTH
from tests.training.test_predictors import COLUMNS, PredictorContract, make_linear
from training.predictors import Linear, Term
from training.recurring import MonthsByOdds, MonthsByTenure, RecurringRevenue
from training.retention import ShiftedBetaGeometric

TENURE, MRR, OTHER = 2, 3, 4
RETENTION = ShiftedBetaGeometric(0.668, 3.806)


def by_tenure(gap: int = 0) -> RecurringRevenue:
    months = MonthsByTenure(COLUMNS, TENURE, gap, 90, RETENTION, typical=200.0)
    return RecurringRevenue(COLUMNS, MRR, 40.0, months)


def by_odds(odds: Linear, months: float = 3.0) -> RecurringRevenue:
    return RecurringRevenue(COLUMNS, MRR, 40.0, MonthsByOdds(months, odds))


class TestByTenure(PredictorContract):
    def make(self) -> RecurringRevenue:
        return by_tenure()

    def test_its_margin_is_mrr_by_the_months_that_are_left_after_the_gap(self):
        row = np.array([[0.0, 0.0, 487.0, 25.0, 0.0, 0.0]])
        months = RETENTION.expected_stay(14 / DAYS_A_MONTH, 104 / DAYS_A_MONTH, 16.0)
        assert by_tenure(14).margin(row)[0] == pytest.approx(25.0 * float(months), rel=1e-12)
        assert by_tenure(14).margin(row)[0] < by_tenure().margin(row)[0]

    def test_a_product_of_two_parts_is_attributed_by_both_orders(self):
        row, typical = np.zeros((2, COLUMNS))
        row[[TENURE, MRR]], typical[[TENURE, MRR]] = (20.0, 100.0), (200.0, 40.0)
        mixed = [row.copy(), typical.copy()]
        mixed[0][MRR], mixed[1][MRR] = 40.0, 100.0  # the one is of the row's tenure alone
        both, tenure, mrr, none = by_tenure().margin(np.array([row, *mixed, typical]))
        found = by_tenure().contributions(row[None])
        of_tenure, of_mrr = (tenure - none + both - mrr) / 2, (mrr - none + both - tenure) / 2
        expected = [0, 0, of_tenure, of_mrr, 0, 0]
        np.testing.assert_allclose(found.values[0], expected, rtol=1e-9, atol=1e-12)
        assert found.base == pytest.approx(none)
        assert of_tenure < 0 < of_mrr

    def test_a_typical_subscriber_has_no_reasons(self):
        typical = np.array([[0.0, 0.0, 200.0, 40.0, 0.0, 0.0]])
        assert not by_tenure().contributions(typical).values.any()


class TestByOdds(PredictorContract):
    def make(self) -> RecurringRevenue:
        return by_odds(make_linear())  # which reads the MRR too

    def test_its_margin_is_mrr_by_the_share_of_the_months(self):
        odds = Linear(COLUMNS, 0.0, (Term(OTHER, "identity", 0.0, 1.0, 1.0),))
        rows = np.array([[0.0, 0.0, 0.0, 25.0, x, 0.0] for x in (0.0, np.log(3.0))])
        assert by_odds(odds).margin(rows) == pytest.approx([25 * 3 / 2, 25 * 3 * 3 / 4])

    def test_the_months_reasons_share_what_both_orders_give_the_months(self):
        terms = tuple(
            Term(index, "identity", 0.0, 1.0, weight) for index, weight in ((0, 2), (4, 1))
        )
        odds = Linear(COLUMNS, 0.0, terms)
        row = np.array([[np.log(3.0) / 3, 0.0, 0.0, 60.0, np.log(3.0) / 3, 0.0]])  # log-odds of 3
        # Months of 9/4 for 3/2, at an MRR of (60 + 40) / 2; MRR of 60 for 40, at 15/8 months.
        found = by_odds(odds).contributions(row)
        expected = [0.75 * 50 * 2 / 3, 0, 0, 20 * 15 / 8, 0.75 * 50 / 3, 0]
        np.testing.assert_allclose(found.values[0], expected, rtol=1e-12)
        assert found.base == pytest.approx(60.0)

    def test_odds_that_meet_the_typical_ones_keep_their_reasons(self):
        terms = tuple(Term(index, "identity", 0.0, 1.0, 1.0) for index in (0, 4))
        row = np.array([[1.0, 0.0, 0.0, 40.0, -1.0, 0.0]])
        found = by_odds(Linear(COLUMNS, 0.0, terms)).contributions(row)
        # There a unit of log-odds is worth the curve's slope: 3 months · 1/4, at an MRR of 40.
        np.testing.assert_allclose(found.values[0], [30.0, 0, 0, 0, -30.0, 0], rtol=1e-12)
