"""What sets each segment apart from the rest, by a surrogate: trees that learn who is in it.

Whatever made the segments, one model a segment learns membership from the features, and its exact
SHAP values (Lundberg et al. 2020, Nature Machine Intelligence 2) say by what. How faithful the
surrogate is, is measured on customers it has not seen, and stands beside all it says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from scipy.stats import spearmanr
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from training.predictors import feature_types
from training.quantities import number, quantity
from training.reasons import Vocabulary
from training.segmentation.apart import Apart, told_apart
from training.segmenters.segmenter import NOBODY, Segment

MOST = 10_000
"""Customers a surrogate is fitted on: more change no word of what it says."""

FEWEST = 20
"""Of fewer customers, inside or outside, nothing is learned."""

WEAK = 0.8
"""A ROC-AUC below it is a weak description (Hosmer, Lemeshow & Sturdivant 2013, section 5.2.4)."""

LEAST_TOLD = 0.03
"""An idea of a smaller share of what sets a segment apart is not told."""

FOLDS, ROUNDS, TOLD = 5, 60, 5
_LEANS = 0.3  # Spearman's correlation from which values speak one way
_SETTINGS: dict[str, Any] = {
    "objective": "binary:logistic",
    "max_depth": 3,
    "learning_rate": 0.2,
    "reg_lambda": 1.0,
    "tree_method": "hist",
    "max_bin": 64,
    "nthread": 1,
    "verbosity": 0,
}


@dataclass(frozen=True)
class Description:
    """What sets a segment apart, and how far that can be believed.

    Parameters
    ----------
    id : int
        The segment's.
    customers : int
    roc_auc, balanced_accuracy : float or None
        The surrogate's on customers it has not seen: how often it ranks a customer of the segment
        above another, and the mean share of those inside and of those outside it recognises. None
        where there are too few customers to learn from.
    apart : tuple of Apart
        The strongest first, one an idea.
    said, said_da : str
        How far it can be believed, in a sentence.
    """

    id: int
    customers: int
    roc_auc: float | None
    balanced_accuracy: float | None
    apart: tuple[Apart, ...]
    said: str
    said_da: str

    @property
    def weak(self) -> bool:
        """Whether the features tell the segment from the rest only in part, or not at all."""
        return self.roc_auc is None or self.roc_auc < WEAK

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**asdict(self), "weak": self.weak, "apart": [one.to_dict() for one in self.apart]}


@dataclass(frozen=True)
class _Learned:
    """Sampled customers' rows, kept columns only, each with its segment's place and its fold."""

    matrix: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    types: list[str]
    seed: int

    def data(self, rows: np.ndarray) -> xgb.DMatrix:
        """Return rows binned once, for the surrogates of all segments."""
        return xgb.QuantileDMatrix(
            self.matrix[rows],
            feature_types=self.types,
            enable_categorical=True,
            max_bin=_SETTINGS["max_bin"],
            nthread=1,
        )

    def rows(self, rows: np.ndarray) -> xgb.DMatrix:
        """Return rows as they are, to be asked about."""
        return xgb.DMatrix(
            self.matrix[rows], feature_types=self.types, enable_categorical=True, nthread=1
        )

    def fit(self, data: xgb.DMatrix, inside: np.ndarray) -> xgb.Booster:
        """Fit a surrogate in which those inside weigh as much as those outside."""
        data.set_info(label=inside.astype(float))
        balance = float((~inside).sum() / max(int(inside.sum()), 1))
        settings = {**_SETTINGS, "seed": self.seed, "scale_pos_weight": balance}
        return xgb.train(settings, data, ROUNDS)


def describe(
    vocabulary: Vocabulary,
    matrix: np.ndarray,
    labels: np.ndarray,
    segments: Sequence[Segment],
    seed: int,
    left_out: Collection[str] = (),
) -> tuple[Description, ...]:
    """Return what sets each segment apart from the rest.

    Parameters
    ----------
    vocabulary : Vocabulary
        With the schema of the matrix.
    matrix : ndarray, shape (customers, features)
    labels : ndarray of int, shape (customers,)
        Each customer's place in `segments`, or `NOBODY`, who is left aside.
    segments : sequence of Segment
    seed : int
    left_out : collection of str
        Features that nothing is to be said of, such as protected ones.

    Returns
    -------
    tuple of Description
        In the order of the segments.
    """
    held = labels != NOBODY
    matrix, labels = matrix[held], labels[held]
    columns = vocabulary.schema.columns
    kept = [place for place, column in enumerate(columns) if column.name not in left_out]
    learned = _sampled(vocabulary, matrix, labels, kept, seed)
    sizes = np.bincount(learned.labels, minlength=len(segments))
    enough = [
        place
        for place, size in enumerate(sizes)
        if kept and min(size, len(learned.labels) - size) >= FEWEST
    ]
    chances = _unseen(learned, enough)
    everybody = learned.data(np.full(len(learned.labels), True)) if enough else None
    found = []
    for place, segment in enumerate(segments):
        inside = labels == place
        if place not in chances or everybody is None:
            found.append(_unknown(segment, int(inside.sum())))
            continue
        told = _apart(vocabulary, matrix, inside, learned, everybody, place, kept)
        found.append(_described(segment, inside, learned.labels == place, chances[place], told))
    return tuple(found)


def _sampled(
    vocabulary: Vocabulary,
    matrix: np.ndarray,
    labels: np.ndarray,
    kept: Sequence[int],
    seed: int,
) -> _Learned:
    """Draw the customers to learn from, and deal each segment's out to the folds."""
    drawn = np.random.default_rng(seed).permutation(len(labels))[:MOST]
    drawn = drawn[np.argsort(labels[drawn], kind="stable")]
    types = feature_types([vocabulary.schema.columns[place].kind == "category" for place in kept])
    rows = np.ascontiguousarray(matrix[drawn][:, list(kept)])
    return _Learned(rows, labels[drawn], np.arange(len(drawn)) % FOLDS, types, seed)


def _unseen(learned: _Learned, places: Sequence[int]) -> dict[int, np.ndarray]:
    """Return each customer's chance of each segment, from the folds that are not the customer's."""
    found = {place: np.empty(len(learned.labels)) for place in places}
    for fold in range(FOLDS) if places else ():
        own = learned.folds == fold
        others, asked = learned.data(~own), learned.rows(own)
        for place in places:
            booster = learned.fit(others, learned.labels[~own] == place)
            found[place][own] = booster.predict(asked)
    return found


def _apart(
    vocabulary: Vocabulary,
    matrix: np.ndarray,
    inside: np.ndarray,
    learned: _Learned,
    everybody: xgb.DMatrix,
    place: int,
    kept: Sequence[int],
) -> tuple[Apart, ...]:
    """Return the ideas that tell a segment from the rest, each by the feature that says most."""
    member = learned.labels == place
    parts = learned.fit(everybody, member).predict(everybody, pred_contribs=True)[:, :-1]
    parts = parts.astype(float)
    columns = [vocabulary.schema.columns[index] for index in kept]
    ideas: dict[str, list[int]] = {}
    for index, column in enumerate(columns):
        ideas.setdefault(column.idea, []).append(index)
    size = {idea: _size(parts[:, held].sum(axis=1), member) for idea, held in ideas.items()}
    whole = sum(size.values())
    found = []
    for idea in sorted(size, key=lambda one: -size[one]):
        if size[idea] <= LEAST_TOLD * whole:
            break
        best = max(ideas[idea], key=lambda index: _size(parts[:, index], member))
        leaning = _leaning(learned.matrix[:, best], parts[:, best])
        values, share = matrix[:, kept[best]], size[idea] / whole
        told = told_apart(vocabulary, columns[best], values, inside, share, leaning)
        found += [told] if told else []
    return tuple(found[:TOLD])


def _size(contributions: np.ndarray, member: np.ndarray) -> float:
    """Return the mean size of contributions, those inside weighing as much as those outside."""
    sizes = np.abs(contributions)
    return float(sizes[member].mean() + sizes[~member].mean()) / 2


def _leaning(values: np.ndarray, contributions: np.ndarray) -> int:
    """Return whether high values (1) or low ones (-1) speak for the segment, or neither (0)."""
    known = ~np.isnan(values)
    if np.unique(values[known]).size < 2 or np.unique(contributions[known]).size < 2:
        return 0
    agreement = float(spearmanr(values[known], contributions[known]).statistic)
    return int(np.sign(agreement)) if abs(agreement) >= _LEANS else 0


def _described(
    segment: Segment,
    inside: np.ndarray,
    member: np.ndarray,
    chance: np.ndarray,
    told: tuple[Apart, ...],
) -> Description:
    auc = float(roc_auc_score(member, chance))
    balanced = float(balanced_accuracy_score(member, chance > 0.5))
    said, said_da = _WEAK if auc < WEAK else _FAITHFUL
    return Description(
        segment.id,
        int(inside.sum()),
        auc,
        balanced,
        told,
        said.format(auc=number(auc, 3, "en"), balanced=quantity(balanced, "share", "en")),
        said_da.format(auc=number(auc, 3, "da"), balanced=quantity(balanced, "share", "da")),
    )


def _unknown(segment: Segment, customers: int) -> Description:
    return Description(segment.id, customers, None, None, (), *_TOO_FEW)


_FAITHFUL = (
    "A model of these and the other features recognises its customers among others it has not "
    "seen: ROC-AUC {auc}, balanced accuracy {balanced}.",
    "En model af disse og de øvrige egenskaber genkender segmentets kunder blandt kunder, den "
    "ikke har set: ROC-AUC {auc}, balanceret nøjagtighed {balanced}.",
)
_WEAK = (
    "A weak description: a model of these and the other features tells its customers only in "
    "part from others it has not seen (ROC-AUC {auc}, balanced accuracy {balanced}).",
    "En svag beskrivelse: en model af disse og de øvrige egenskaber skelner kun delvis segmentets "
    "kunder fra andre, den ikke har set (ROC-AUC {auc}, balanceret nøjagtighed {balanced}).",
)
_TOO_FEW = (
    "Too few customers to learn what sets them apart.",
    "For få kunder til at lære, hvad der kendetegner dem.",
)
