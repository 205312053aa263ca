"""BG/NBD as a rival in churn: its chance of silence, told as a model like any other."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from features.source import load_tables
from tests.training.bases import make_regulars_config
from training import baselines, bundle, churn
from training.metrics import roc_auc
from training.probability import BGNBD


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    config = make_regulars_config(tmp_path_factory.mktemp("base"))
    return churn.split(config, load_tables(config))


def history(data, matrix):
    columns = [data.schema.names.index(name) for name in baselines.HISTORY]
    days, span, tenure = matrix[:, columns].T
    return days - 1, span, tenure


def test_it_foretells_silence_not_departure(data):
    held = baselines.probability_churn(data, 28)
    (predictor,) = held.model.predictors
    frequency, recency, age = history(data, data.test.matrix)
    buys = predictor.purchases.probability_of_purchase(28, frequency, recency, age)
    served = held.predict(data.test.matrix)
    np.testing.assert_allclose(served, 1 - buys, rtol=1e-9)
    # Who bought but once is alive to BG/NBD, and yet most likely silent.
    once = frequency == 0
    alive = predictor.purchases.probability_alive(frequency, recency, age)
    assert np.all(alive[once] == 1)
    assert np.all(served[once] > 0.1)
    assert roc_auc(data.test.target, served) > 0.6


def test_it_learns_from_everybody_known_at_the_test_cut_off(data):
    (predictor,) = baselines.probability_churn(data, 28).model.predictors
    found = predictor.purchases.to_dict()
    rows = data.known[~np.isnan(data.known[:, data.schema.names.index("tenure")])]
    expected = BGNBD.fit(*history(data, rows)).to_dict()
    assert found == pytest.approx(expected, rel=1e-3)


def test_its_reasons_add_up_and_lie_on_its_three_inputs(data):
    model = baselines.probability_churn(data, 28).model
    explained = model.explain(data.test.matrix)
    np.testing.assert_allclose(
        expit(explained.base_margin + explained.contributions.sum(axis=1)), explained.served
    )
    used = np.flatnonzero(np.abs(explained.contributions).sum(axis=0))
    assert [data.schema.names[i] for i in sorted(used)] == sorted(
        baselines.HISTORY, key=data.schema.names.index
    )


def test_a_bundle_of_it_predicts_the_same_bits(data, tmp_path):
    model = baselines.probability_churn(data, 28).model
    papers = {"base": "shop", "made_at": "2024-06-03", "libraries": {}}
    made = bundle.save(tmp_path / "bundle", model, papers, {})
    again = made.model.predict(data.test.matrix)
    assert again.tobytes() == model.predict(data.test.matrix).tobytes()


def test_where_nobody_came_back_there_is_no_baseline_and_why(data):
    known = data.known.copy()
    known[:, data.schema.names.index("purchase_days")] = 1.0
    known[:, data.schema.names.index("active_span")] = 0.0
    alone = replace(data, known=known)
    with pytest.raises(baselines.BaselineError, match="needs a repeat purchase"):
        baselines.probability_churn(alone, 28)
    absent = baselines.where_fitted(baselines.probability_churn, alone, 28)
    assert isinstance(absent, baselines.Absent)
    assert absent.why.startswith("the baseline BG/NBD cannot be fitted: ")


def test_every_rival_of_the_issue_stands_beside_churn(data, tmp_path):
    config = make_regulars_config(tmp_path)
    candidate = baselines.recency_rule(data).model
    rivals = churn.contenders(config, data, candidate)[1:]
    assert [(held.name, held.role) for held in rivals] == [
        ("recency", "naive rule"),
        ("rfm_logistic", "baseline"),
        ("bgnbd", "baseline"),
    ]


def test_a_champion_completes_the_inputs_by_what_it_learned_itself(data):
    first = baselines.probability_churn(data, 28).model
    column = data.schema.names.index("purchase_probability")
    term = baselines.Term(column, "identity", 0.0, 1.0, 1.0)
    other = replace(data.learned, purchases=BGNBD(1.0, 50.0, 0.5, 3.0))
    reader = replace(
        first,
        predictors=(baselines.Linear(len(data.schema.columns), 0.0, (term,)),),
        learned=other,
    )
    as_champion = baselines.Contender(reader, "champion", "Champion", alias="champion")
    inputs = data.test.matrix[:, : len(reader.inputs.columns)]
    expected = reader.predict(reader.complete(inputs))
    np.testing.assert_array_equal(as_champion.predict(data.test.matrix), expected)
    assert not np.array_equal(expected, reader.predict(data.test.matrix))
    assert as_champion.name == "champion"
