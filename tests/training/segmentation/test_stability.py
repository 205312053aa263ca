import numpy as np
import pytest
from sklearn.cluster import KMeans

from training.segmentation.stability import stability, words

LABELS = np.repeat([0, 1, 2], 40)


def test_segments_that_every_sample_gives_again_are_stable_whatever_their_places():
    def refit(rows, seed):
        assert len(rows) == len(LABELS)
        return lambda asked: (LABELS[asked] + seed) % 3

    assert stability(LABELS, 3, refit, resamples=5, seed=1).tolist() == [1.0, 1.0, 1.0]


def test_two_segments_that_samples_put_together_share_their_similarity():
    # The first two come out as one of 80: Jaccard 40/80 with either if all were drawn.
    drawn = [np.unique(np.random.default_rng(1).integers(0, 120, 120))]
    sizes = np.bincount(LABELS[drawn[0]])
    together = sizes[0] + sizes[1]
    found = stability(LABELS, 3, lambda _rows, _seed: lambda asked: LABELS[asked] // 2, 1, 1)
    assert found.tolist() == [sizes[0] / together, sizes[1] / together, 1.0]


def test_clusters_far_apart_are_more_stable_than_one_cut_in_two():
    rng = np.random.default_rng(0)
    points = np.r_[rng.normal(0, 1, (60, 2)), rng.normal(0, 1, (60, 2)), rng.normal(20, 1, (60, 2))]
    labels = KMeans(3, n_init=3, random_state=0).fit_predict(points)
    apart = labels[-1]

    def refit(rows, seed):
        fitted = KMeans(3, n_init=3, random_state=seed).fit(points[rows])
        return lambda asked: fitted.predict(points[asked])

    found = stability(labels, 3, refit, resamples=10, seed=0)
    assert words(found[apart]) == ("highly stable", "meget stabilt")
    assert np.argmax(found) == apart
    assert np.delete(found, apart).max() < 0.9
    assert stability(labels, 3, refit, resamples=10, seed=0).tolist() == found.tolist()


def test_a_segment_of_nobody_has_no_stability_and_nobody_is_in_no_segment():
    labels = np.where(LABELS == 2, -1, LABELS)
    found = stability(labels, 3, lambda _rows, _seed: lambda asked: labels[asked], 3, 1)
    assert found[:2].tolist() == [1.0, 1.0]
    assert np.isnan(found[2])
    assert words(found[2]) == ("not known", "ukendt")
    lost = stability(labels, 2, lambda _rows, _seed: lambda asked: np.full(len(asked), -1), 2, 1)
    assert lost.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("value", "said"),
    [(1.0, "highly stable"), (0.85, "highly stable"), (0.75, "stable"), (0.59, "unstable")],
)
def test_a_stability_is_told_by_hennigs_bounds(value, said):
    assert words(value)[0] == said
    assert words(0.6)[0].startswith("a pattern")
