"""Predictions of a small base on record, beside what then happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from configs.schema import Config
from features.source import Tables, load_tables
from serving.batch.run import score_base
from serving.record.tokens import customer_token
from serving.releases.release import Release, bundle_by_digest, publish
from serving.settings import open_ledger, open_secret
from serving.watching import kept
from serving.watching.outcome import OutcomeWeek
from serving.watching.outcomes import TimelessError, outcomes
from serving.watching.seen import week_of
from tests.factories import make_bundles
from tests.training.bases import make_regulars, make_regulars_config, make_snapshot_config
from training import churn, clv
from training.baselines import Contender
from training.evaluate import compare
from training.metrics import CHURN_METRICS, VALUE_METRICS

AT = datetime(2024, 4, 29, 6, tzinfo=UTC)


@dataclass(frozen=True)
class Base:
    config: Config
    tables: Tables
    release: Release
    cutoff: date

    def found(self, as_of: date, task: str = "churn") -> list[OutcomeWeek]:
        ledger = open_ledger(self.config.name, self.config.var)
        held = outcomes(
            self.config,
            self.tables,
            ledger,
            open_secret(self.config.var),
            lambda digest: bundle_by_digest(self.config.var, digest),
            as_of,
        )
        ledger.close()
        return [each for each in held if each.task == task]

    def score(self, as_of: date, at: datetime = AT) -> None:
        out = self.config.var / "scores.parquet"
        score_base(self.config, self.tables, self.release, as_of, out, at, 0, "en")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("outcomes")
    config = make_regulars_config(folder, make_regulars(250))
    tables = load_tables(config)
    cutoff = churn.split(config, tables).cutoffs.test
    bundles = make_bundles(folder / "made", config, as_of=cutoff, tables=tables)
    base = Base(config, tables, publish(config.var, config.name, bundles), cutoff)
    base.score(cutoff)
    return base


@pytest.mark.parametrize(("task", "kind"), [("churn", churn), ("clv", clv)])
def test_they_equal_the_evaluation_of_the_same_customers_bit_for_bit(made, task, kind):
    (told,) = made.found(made.cutoff + timedelta(days=28), task)
    test, model = kind.split(made.config, made.tables).test, made.release.bundles[task].model
    built = test.matrix[:, : len(model.inputs.columns)]  # before what the split learned
    examples = type(test)(test.customers, test.as_of, model.complete(built), test.target)
    metrics = CHURN_METRICS if task == "churn" else VALUE_METRICS
    deciding = next(iter(metrics))
    contender = Contender(model, "candidate", "the model")
    figures = compare([contender], examples, metrics, deciding, repeats=100, seed=1).figures
    assert (told.count, told.strangers) == (len(test), 0)
    assert (told.week, told.estimate) == (week_of(made.cutoff, "UTC"), False)
    assert told.bundle == made.release.digests[task]
    for name in metrics:
        assert told.metrics[name].estimate == figures[model.name][name].estimate, name
    assert told.metrics["mean_actual"].estimate == pytest.approx(test.target.mean(), rel=1e-12)


def test_before_the_window_has_passed_they_are_estimates(made):
    (late,) = made.found(made.cutoff + timedelta(days=28))
    (early,) = made.found(made.cutoff + timedelta(days=27))
    assert (early.estimate, early.until) == (True, late.until)
    assert "mean_actual" not in early.metrics
    assert early.metrics["mean_predicted"].estimate == late.metrics["mean_predicted"].estimate
    assert early.metrics["roc_auc"].estimate != late.metrics["roc_auc"].estimate
    assert early.metrics["roc_auc"].low < early.metrics["roc_auc"].high
    (of_value,) = made.found(made.cutoff + timedelta(days=27), "clv")
    assert (of_value.estimate, list(of_value.metrics)) == (True, ["mean_predicted"])


def test_nothing_is_taken_to_have_not_happened_that_the_data_do_not_tell_of(made):
    far = made.found(date(2030, 1, 1))
    assert far == made.found(made.cutoff + timedelta(days=28))


def test_of_several_predictions_in_a_week_the_last_of_each_customer_counts(made):
    cutoff = made.cutoff + timedelta(days=7)
    ledger = open_ledger(made.config.name, made.config.var)
    digest = made.release.digests["churn"]
    secret = open_secret(made.config.var)
    known = sorted(pd.read_csv(made.config.sources.transactions.path)["customer"].unique())[:8]

    def entry(number, customer, served, day):
        body = {
            "customer": customer_token(secret, made.config.name, customer),
            "as_of": str(day),
            "scores": {"churn": {"served": served}, "clv": {"code": "inactive"}},
            "bundles": made.release.digests,
        }
        return f"one-{number}", "score", body

    records = [entry(number, customer, 0.5, cutoff) for number, customer in enumerate(known)]
    records += [entry(100, known[0], 0.9, cutoff + timedelta(days=1))]
    records += [entry(101, known[0], 0.1, cutoff)]
    records += [entry(102, "a stranger", 0.7, cutoff)]
    ledger.append(records, AT)
    ledger.close()
    (found,) = [each for each in made.found(date(2024, 5, 10)) if each.week > made.cutoff]
    assert (found.bundle, found.count, found.strangers) == (digest, 8, 1)
    assert found.metrics["mean_predicted"].estimate == pytest.approx((7 * 0.5 + 0.1) / 8)
    assert found.until == cutoff + timedelta(days=28)
    assert (found.few, found.estimate) == (True, True)
    assert made.found(date(2024, 5, 10), "clv")[-1].week == week_of(made.cutoff, "UTC")


def test_what_is_kept_for_the_pages_is_what_was_told_and_names_nobody(made):
    found = tuple(made.found(made.cutoff + timedelta(days=27)))
    held = kept.Kept(AT, made.cutoff, found)
    text = kept.write(made.config.var, held).read_text()
    read = kept.read(made.config.var)
    assert repr(read) == repr(held)  # in which what is not a number is like itself
    assert "cust-" not in text
    (made.config.var / kept.FILE).write_text('{"weeks": [{}]}')
    assert kept.read(made.config.var) is None


def test_a_snapshot_has_no_outcomes(tmp_path):
    config = make_snapshot_config(tmp_path)
    ledger = open_ledger(config.name, config.var)
    with pytest.raises(TimelessError, match="a snapshot has no time"):
        outcomes(config, load_tables(config), ledger, b"", lambda _: None, AT.date())
    ledger.close()
