"""The shop that is reported on: receipts by channel, customers with attributes, and models."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from configs.load import load
from configs.schema import Config
from serving.releases.release import is_promoted, publish
from tests.benchmarks import report_models, shop

AS_OF = date(2025, 12, 31)
"""The day that is reported as of: the day after the last receipts."""

SAMPLE = 20_000
"""The customers of the shop that the models are made on."""


def make(folder: Path, customers: int) -> Config:
    """Write a shop of so many customers, whose models are promoted; return its config."""
    config = config_of(folder, customers)
    if not is_promoted(config.var):
        with TemporaryDirectory(dir=folder) as made:
            models = report_models.make(Path(made), config_of(folder, SAMPLE))
            publish(config.var, config.name, models)
    return config


def config_of(folder: Path, customers: int) -> Config:
    """Return the config of that shop."""
    receipts = shop.receipts(folder, customers, channels=True)
    written = folder / f"report-{customers}.yaml"
    written.write_text(
        f"""extends: {Path("configs/base.yaml").resolve()}
name: bench
sources:
  transactions:
    path: {receipts}/*.parquet
    columns: {{customer_id: customer, occurred_at: bought_at, amount: paid, channel: channel}}
  customers:
    path: {shop.members(folder, customers)}
    columns: {{customer_id: customer}}
    attributes:
      region: {{kind: category, label: region, label_da: landsdel}}
      newsletter: {{kind: flag, label: gets the newsletter, label_da: får nyhedsbrevet}}
churn: {{kind: lapse, horizon: 30d, active_within: 90d}}
clv: {{horizon: 30d, active_within: 90d}}
segments: {{behaviour: {{}}, rfm: {{}}, lifecycle: {{}}, value: {{}}}}
paths: {{var: {folder}/report-{customers}-var, mlruns: {folder}/report-{customers}-mlruns}}
"""
    )
    return load(written)
