"""What a config may say: one closed, frozen model a section, every default in its one place."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from configs.sources import Attribute, Sources
from configs.values import Duration, PositiveDuration, Section, Share, Slug, Zone


class Features(Section):
    """Which features are built."""

    windows: tuple[PositiveDuration, ...] = Field(
        min_length=1, strict=False, description="the look-back windows of counts and sums"
    )
    use_protected: bool = Field(False, description="let models see protected attributes")

    @field_validator("windows")
    @classmethod
    def _rising(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        if list(windows) != sorted(set(windows)):
            raise ValueError("must rise, each window once")
        return windows


class Timeline(Section):
    """The cut-offs: one for the test, earlier ones for training, none overlapping it."""

    test: date | None = Field(
        None,
        strict=False,
        ge=date(1900, 1, 1),
        le=date(2200, 12, 31),
        description="the cut-off that is reported on; the last that the data allow unless given",
    )
    last: date | None = Field(
        None,
        strict=False,
        ge=date(1900, 1, 1),
        le=date(2200, 12, 31),
        description="the last day that the data cover; unless given, the last of a purchase, an "
        "event, a subscription's start, or a stamp of when one was known",
    )
    every: PositiveDuration = Field(description="the step between training cut-offs")
    cutoffs: int = Field(ge=2, le=200, description="how many training cut-offs at the most")
    history: PositiveDuration = Field(description="the least that a training cut-off looks back on")
    gap: Duration = Field(description="days between the cut-off and its label window")


class Tuning(Section):
    """The Optuna study of a task."""

    trials: int = Field(ge=1, le=10_000)
    minutes: float = Field(gt=0, description="no trial is begun after so many minutes")


class Lapse(Section):
    """Churn as silence: no purchase within the horizon, asked of active customers."""

    kind: Literal["lapse"]
    horizon: PositiveDuration
    active_within: PositiveDuration | None = Field(
        None, description="only customers who bought within it are asked; all unless given"
    )


class Cancel(Section):
    """Churn as cancelling: of those with a subscription, who has none as the horizon ends."""

    kind: Literal["cancel"]
    horizon: PositiveDuration


class Label(Section):
    """Churn as a column of a snapshot."""

    kind: Literal["label"]
    test_share: float = Field(gt=0, lt=1, description="the part held out, by strata of the label")


class Clv(Section):
    """The revenue (or margin) of a customer over the horizon after the cut-off."""

    horizon: PositiveDuration
    active_within: PositiveDuration | None = None
    value: Literal["amount", "margin"] = "amount"


class Segmentation(Section):
    """Clusters of customers by behaviour, found at one cut-off."""

    active_within: PositiveDuration | None = None
    min_segments: int = Field(ge=2, le=20)
    max_segments: int = Field(ge=2, le=20)
    min_share: Share = Field(description="the least part of the base that a segment may hold")
    min_stability: Share = Field(description="the least bootstrap stability (adjusted Rand)")
    resamples: int = Field(ge=2, le=200, description="bootstrap refits behind the stability")

    @model_validator(mode="after")
    def _ordered(self) -> Segmentation:
        if self.min_segments > self.max_segments:
            raise ValueError("min_segments must not exceed max_segments")
        if self.min_share * self.min_segments > 1:
            raise ValueError("min_share is too large for min_segments segments")
        return self


class Gate(Section):
    """What a candidate must show before it may be promoted."""

    churn_margin: float = Field(ge=0, description="ROC-AUC it may lie below the best baseline")
    clv_margin: float = Field(ge=0, description="normalised Gini it may lie below it")
    repeats: int = Field(ge=100, le=100_000, description="bootstrap samples behind an interval")


class Serving(Section):
    """What the service and the batch answer."""

    reasons: int = Field(ge=0, le=50, description="how many reasons each way a score carries")
    language: Literal["en", "da"]
    max_customers: int = Field(ge=1, le=100_000, description="customers in one call")
    max_rows: int = Field(
        10_000, ge=1, le=1_000_000, description="rows of one customer that a call may give"
    )
    max_body_mb: float = Field(gt=0, description="size of one call's body, in MB")
    bands: tuple[Share, Share] = Field(
        (0.3, 0.6),
        strict=False,
        description="the probabilities of leaving from which a customer is in the middle band, "
        "and in the high one",
    )

    @field_validator("bands")
    @classmethod
    def _parted(cls, bands: tuple[float, float]) -> tuple[float, float]:
        if bands[0] >= bands[1]:
            raise ValueError("must rise: the high band begins above the middle one")
        return bands


class DuckDbEngine(Section):
    """Features computed by DuckDB, within this process."""

    kind: Literal["duckdb"] = "duckdb"
    threads: int | None = Field(None, ge=1, le=1024, description="all cores unless given")
    memory: str | None = Field(
        None,
        pattern=r"^\d{1,6}(\.\d{1,3})?(MB|GB|TB)$",
        description="such as 8GB; past it, work is spilled to paths.var; "
        "four fifths of the machine's unless given",
    )


class SparkEngine(Section):
    """Features computed by Apache Spark; the tables are read and checked in this process."""

    kind: Literal["spark"]
    master: str = Field(
        "local[*]",
        pattern=r"^(local(\[(\d{1,4}|\*)\])?|spark://\S+|yarn|k8s://\S+)$",
        description="Spark's own; one that is not local must reach paths.var too. All else that "
        "Spark can be told stands in its spark-defaults.conf, found by SPARK_CONF_DIR",
    )


class Paths(Section):
    """Where run-time state lies; relative to the folder the command runs in."""

    var: str
    mlruns: str


class Config(Section):
    """All that Stamkunde is told about one customer base."""

    name: Slug = Field(description="the customer base; namespaces registry, stores and ledger")
    timezone: Zone = Field(description="the zone whose midnight a cut-off is")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217; one a base")
    seed: int = Field(ge=0, lt=2**31)
    sources: Sources
    features: Features
    timeline: Timeline
    churn: Annotated[Lapse | Cancel | Label, Field(discriminator="kind")] | None = None
    clv: Clv | None = None
    segments: Segmentation | None = None
    tuning: Tuning
    gate: Gate
    serving: Serving
    paths: Paths
    engine: Annotated[DuckDbEngine | SparkEngine, Field(discriminator="kind")] = DuckDbEngine()

    @model_validator(mode="after")
    def _tasks_fit_the_tables(self) -> Config:
        if not self.tasks:
            raise ValueError("asks for nothing: give at least one of churn, clv and segments")
        if self.sources.snapshot:
            if self.clv:
                raise ValueError("clv needs transactions: a snapshot has no time")
            if self.churn and self.churn.kind != "label":
                raise ValueError("churn must be of kind label where there is a snapshot")
            if self.segments and self.segments.active_within:
                raise ValueError("segments.active_within needs transactions")
        elif self.churn and self.churn.kind == "label":
            raise ValueError("churn is of kind label, which needs a snapshot")
        return self

    @model_validator(mode="after")
    def _tasks_fit_the_behaviour(self) -> Config:
        held = self.sources
        cancels = self.churn is not None and self.churn.kind == "cancel"
        if cancels and not (held.subscriptions and held.subscriptions.columns.ended_at):
            raise ValueError("churn is of kind cancel, which needs subscriptions with an ended_at")
        if held.snapshot or held.transactions:
            return self
        if self.churn and self.churn.kind == "lapse":
            raise ValueError("churn is of kind lapse, which needs transactions")
        if self.clv:
            raise ValueError("clv needs transactions: it is the revenue of purchases")
        if self.segments:
            raise ValueError("segments need transactions: they are of how customers buy")
        return self

    @model_validator(mode="after")
    def _something_is_left_to_learn_from(self) -> Config:
        if self.sources.snapshot and not self.inputs:
            raise ValueError(
                "sources.snapshot.attributes are all protected or say who left: no input is left"
            )
        return self

    @model_validator(mode="after")
    def _columns_are_mapped(self) -> Config:
        transactions = self.sources.transactions
        asks_margin = self.clv is not None and self.clv.value == "margin"
        if asks_margin and transactions and transactions.columns.margin is None:
            raise ValueError("clv.value is margin, but transactions.columns maps no margin")
        return self

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that this config asks for, in their usual order."""
        return tuple(task for task in ("churn", "clv", "segments") if getattr(self, task))

    @property
    def attributes(self) -> dict[str, Attribute]:
        """The declared attributes of the base's customers, by name."""
        held = self.sources.snapshot or self.sources.customers
        return dict(held.attributes) if held else {}

    @property
    def inputs(self) -> dict[str, Attribute]:
        """The attributes that models may see: none that knows the answer, or is protected."""
        return {
            name: held
            for name, held in self.attributes.items()
            if not held.says and (self.features.use_protected or not held.protected)
        }

    @property
    def var(self) -> Path:
        """The folder of this base's run-time state: stores, ledger, releases, runs."""
        return Path(self.paths.var) / self.name


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a config file, for editors.

    A file may extend another, so nothing is required of any one file.
    """
    schema = Config.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "a config beside this one whose values hold where this one has none",
    }
    for part in (schema, *schema["$defs"].values()):
        part.pop("required", None)
    return schema
