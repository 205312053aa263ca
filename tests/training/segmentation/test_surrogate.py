import json

import numpy as np
import pytest

from features.schema import FeatureColumn, FeatureSchema
from tests.training.test_plots import texts
from training.canvas import png
from training.reasons import Vocabulary
from training.segmentation.plots import segment_apart
from training.segmentation.surrogate import Description, describe
from training.segmenters.segmenter import NOBODY, Segment

QUIET, BUSY, ODD = (
    Segment(4, "Quiet", "Stille"),
    Segment(7, "Busy", "Travle"),
    Segment(9, "Odd", "Sære"),
)
SIZE = 300


def make_column(name: str, idea: str, unit: str, label: str, label_da: str, *categories: str):
    kind = "category" if categories else "number"
    return FeatureColumn(
        name, kind, categories, unit, idea, label, label_da, False, None, False, name
    )


SCHEMA = FeatureSchema(
    (
        make_column("pause", "recency", "days", "days since the last purchase", "dage siden køb"),
        make_column("pause_twice", "recency", "days", "the same again", "det samme igen"),
        make_column("plan", "plan", "", "plan", "plan", "free", "paid"),
        make_column("gap", "rhythm", "days", "usual days between purchases", "dage mellem køb"),
        make_column("letter", "letter", "", "gets the newsletter", "får nyhedsbrevet"),
        make_column("noise", "noise", "money", "noise", "støj"),
    )
)
SOURCES = {"customers": {"attributes": {"letter": {"kind": "flag"}}}}
VOCABULARY = Vocabulary.read(SCHEMA, {}, {"sources": SOURCES, "currency": "DKK"})


def make_customers(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return features and labels: each segment differs from the others in one thing planted.

    The quiet were last seen 60 to 90 days ago, all others 0 to 30; the busy pay, nobody else does;
    of the odd nobody has a usual gap, and all but few get the newsletter.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], SIZE)
    pause = rng.integers(0, 31, 3 * SIZE) + np.where(labels == 0, 60, 0)
    gap = np.where(labels == 2, np.nan, rng.integers(5, 25, 3 * SIZE).astype(float))
    letter = rng.random(3 * SIZE) < np.where(labels == 2, 0.9, 0.1)
    noise = rng.gamma(2, 50, 3 * SIZE)
    columns = [pause, pause, labels == 1, gap, letter, noise]
    return np.column_stack(columns).astype(float), labels


MATRIX, LABELS = make_customers()
SEGMENTS = (QUIET, BUSY, ODD)


@pytest.fixture(scope="module")
def described() -> tuple[Description, ...]:
    return describe(VOCABULARY, MATRIX, LABELS, SEGMENTS, seed=1)


def test_what_was_planted_is_what_sets_each_segment_apart(described):
    quiet, busy, odd = described
    assert [one.id for one in described] == [4, 7, 9]
    assert quiet.apart[0].feature == "pause"
    assert quiet.apart[0].direction == 1
    assert quiet.apart[0].inside == np.median(MATRIX[:SIZE, 0])
    assert busy.apart[0].said == "plan: paid for 100% (everybody 33%)"
    assert odd.apart[0].said == "usual days between purchases: unknown for 100% (everybody 33%)"
    assert all(one.roc_auc == 1.0 and not one.weak for one in described)


def test_it_is_said_in_english_and_in_danish(described):
    inside, everybody = np.median(MATRIX[:SIZE, 0]), np.median(MATRIX[:, 0])
    first = described[0].apart[0]
    assert first.said == (
        f"days since the last purchase: {inside:.0f} days (median; everybody {everybody:.0f} days)"
    )
    assert first.said_da == (
        f"dage siden køb: {inside:.0f} dage (median; alle {everybody:.0f} dage)"
    )
    assert described[1].apart[0].said_da == "plan: paid for 100 % (alle 33 %)"
    assert "ROC-AUC 1, balanced accuracy 100%" in described[0].said
    assert "balanceret nøjagtighed 100 %" in described[0].said_da


def test_features_of_one_idea_are_told_once_and_shares_are_of_the_whole(described):
    for one in described:
        ideas = [apart.idea for apart in one.apart]
        assert len(set(ideas)) == len(ideas)
        assert sum(apart.importance for apart in one.apart) <= 1 + 1e-9


def test_what_is_left_out_is_not_told_and_a_flag_is_told_as_yes():
    left_out = {"gap", "plan", "pause", "pause_twice"}
    odd = describe(VOCABULARY, MATRIX, LABELS, SEGMENTS, seed=1, left_out=left_out)[2]
    share, whole = MATRIX[2 * SIZE :, 4].mean(), MATRIX[:, 4].mean()
    assert odd.apart[0].said == (
        f"gets the newsletter: yes for {100 * share:.0f}% (everybody {100 * whole:.0f}%)"
    )
    assert not left_out & {apart.feature for apart in odd.apart}


def test_segments_that_no_feature_tells_apart_are_weakly_described():
    drawn = np.random.default_rng(0).integers(0, 2, len(MATRIX))
    for one in describe(VOCABULARY, MATRIX, drawn, SEGMENTS[:2], seed=1):
        assert one.weak
        assert abs(one.roc_auc - 0.5) < 0.1
        assert one.said.startswith("A weak description: ")
        assert one.said_da.startswith("En svag beskrivelse: ")


def test_medians_that_read_alike_give_way_to_means():
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], SIZE)
    matrix = MATRIX[: 2 * SIZE].copy()
    matrix[:, :5] = 0.0
    # Both medians are 0; of the first segment 40 in a hundred have a pause of ten days.
    matrix[:SIZE, 0] = 10.0 * (np.arange(SIZE) % 5 < 2)
    matrix[:, 5] = rng.gamma(2, 50, 2 * SIZE)
    one = describe(VOCABULARY, matrix, labels, SEGMENTS[:2], seed=1)[0]
    assert one.apart[0].said == "days since the last purchase: 4 days (mean; everybody 2 days)"


def test_of_few_customers_or_of_everybody_nothing_is_said():
    few = np.where(np.arange(len(LABELS)) < 19, 0, 1)
    for labels in (few, np.zeros(len(LABELS), dtype=int), np.full(len(LABELS), NOBODY)):
        for one in describe(VOCABULARY, MATRIX, labels, SEGMENTS[:2], seed=1):
            assert one.roc_auc is None
            assert one.weak
            assert one.apart == ()
            assert one.said == "Too few customers to learn what sets them apart."


def test_who_has_no_segment_is_left_aside_and_a_seed_gives_the_same_again(described):
    nobody = np.full((50, MATRIX.shape[1]), 1e6)
    matrix, labels = np.vstack([MATRIX, nobody]), np.r_[LABELS, np.full(50, NOBODY)]
    again = describe(VOCABULARY, matrix, labels, SEGMENTS, seed=1)
    assert again == described
    held = [one.to_dict() for one in again]
    assert json.loads(json.dumps(held)) == held


def test_the_plot_names_segments_their_features_and_how_far_to_believe_them(described):
    few = Description(11, 3, None, None, (), "", "")
    figure = segment_apart([*(s.name for s in SEGMENTS), "Few"], [*described, few])
    said = texts(figure)
    assert all(name in said for name in ("Quiet", "ROC-AUC 1.000", "unknown for 100%"))
    assert "too few customers to say" in said
    assert png(segment_apart([], [])).startswith(b"\x89PNG")
