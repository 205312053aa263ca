"""How customers bought up to a cut-off, and what BG/NBD and Gamma-Gamma make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from configs.schema import Config
from features.build import build
from features.source import Tables
from training.probability import BGNBD, GammaGamma

COLUMNS = ["purchase_days", "active_span", "tenure", "spend_per_purchase_day"]


@dataclass(frozen=True)
class Histories:
    """Customers' histories in days; purchases of one day count once.

    Parameters
    ----------
    customers : ndarray of str
        Sorted.
    frequency, recency, age : ndarray
        Repeat purchases, from the first to the last, and from the first to the cut-off.
    spend : ndarray
        The mean of all purchases, the first included.
    """

    customers: np.ndarray
    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    spend: np.ndarray

    @property
    def purchases(self) -> np.ndarray:
        """All purchases: Gamma-Gamma on these ranks better than on the repeat ones alone."""
        return self.frequency + 1

    def take(self, rows: np.ndarray) -> Histories:
        """Return some customers, by number."""
        return Histories(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def of(self, customers: np.ndarray) -> Histories:
        """Return the histories of some customers, in their order."""
        return self.take(np.searchsorted(self.customers, customers))


def histories(config: Config, tables: Tables, as_of: date) -> Histories:
    """Return the histories of everybody who had paid for anything by a cut-off."""
    frame = build(config, tables, [as_of]).sort_values("customer_id")
    days, span, age, spend = frame[COLUMNS].to_numpy(float).T
    paid = (days > 0) & (spend > 0)
    customers = frame["customer_id"].to_numpy()[paid]
    return Histories(customers, days[paid] - 1, span[paid], age[paid], spend[paid])


def silence(known: Histories, asked: np.ndarray, horizon: int) -> np.ndarray:
    """Return P(no purchase within the horizon) of customers: BG/NBD, fitted on all known."""
    model = BGNBD.fit(known.frequency, known.recency, known.age)
    held = known.of(asked)
    return 1 - model.probability_of_purchase(horizon, held.frequency, held.recency, held.age)


def value(known: Histories, asked: np.ndarray, horizon: int) -> np.ndarray:
    """Return the expected spend within the horizon: BG/NBD × Gamma-Gamma, fitted on all known."""
    buying, spending = fitted(known, np.ones(len(known.customers), dtype=int))
    held = known.of(asked)
    count = buying.expected_purchases(horizon, held.frequency, held.recency, held.age)
    return count * spending.expected_average_value(held.purchases, held.spend)


def fitted(known: Histories, weights: np.ndarray) -> tuple[BGNBD, GammaGamma]:
    """Fit both models, each customer counting so many times.

    Raises
    ------
    ValueError
        If a likelihood has no maximum to be found.
    """
    rows = np.column_stack([known.frequency, known.recency, known.age])
    alike, number = np.unique(rows, axis=0, return_inverse=True)
    counts = np.bincount(number.ravel(), weights, len(alike))
    buying = BGNBD.fit(*alike[counts > 0].T, counts[counts > 0])
    drawn = np.repeat(np.arange(len(weights)), weights)
    return buying, GammaGamma.fit(known.purchases[drawn], known.spend[drawn])


def simulate(
    buying: BGNBD,
    spending: GammaGamma,
    held: Histories,
    horizon: int,
    draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw customers' spend within the horizon, from both models given their histories.

    Who is still there buys at a rate of Gamma(r + x, alpha + T) and leaves after any purchase
    with a chance of Beta(a, b + x): so many purchases come as the rate brings, or as are made up
    to leaving, whichever are fewer. Their spend is Gamma(p · purchases) over the customer's own
    rate, Gamma(q + p x, v + x m).

    Returns
    -------
    ndarray of float32, shape (customers, draws)
    """
    shape, x, n = (len(held.customers), draws), held.frequency[:, None], held.purchases[:, None]
    there = buying.probability_alive(held.frequency, held.recency, held.age)[:, None]
    rate = rng.standard_gamma(np.broadcast_to(buying.r + x, shape))
    rate /= buying.alpha + held.age[:, None]
    leaving = np.maximum(rng.beta(buying.a, np.broadcast_to(buying.b + x, shape)), 1e-12)
    bought = np.minimum(rng.poisson(rate * horizon), rng.geometric(leaving))
    bought[rng.random(shape) >= there] = 0
    own = rng.standard_gamma(np.broadcast_to(spending.q + spending.p * n, shape))
    own /= spending.v + n * held.spend[:, None]
    return (rng.standard_gamma(spending.p * bought) / own).astype(np.float32)


def refits(known: Histories, repeats: int, seed: int) -> Iterator[tuple[BGNBD, GammaGamma]]:
    """Yield both models fitted on resamples of the customers; one without a maximum is left out."""
    rng, count = np.random.default_rng(seed), len(known.customers)
    for _ in range(repeats):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)
        try:
            yield fitted(known, weights)
        except ValueError:
            continue


def bootstrapped(
    known: Histories,
    asked: np.ndarray,
    horizon: int,
    levels: tuple[int, ...],
    seed: int,
    repeats: int = 50,
    draws: int = 20,
) -> dict[int, np.ndarray]:
    """Return intervals of customers' spend, by level: the models' doubt and the customers' luck.

    The models are refitted on resamples of the customers, and each fit draws futures; the
    interval lies between the quantiles of all.

    Returns
    -------
    dict of int to ndarray, shape (customers, 2)
    """
    held, rng = known.of(asked), np.random.default_rng(seed)
    futures = [
        simulate(buying, spending, held, horizon, draws, rng)
        for buying, spending in refits(known, repeats, seed)
    ]
    drawn = np.concatenate(futures, axis=1)
    return {
        level: np.quantile(drawn, [(100 - level) / 200, (100 + level) / 200], axis=1).T
        for level in levels
    }
