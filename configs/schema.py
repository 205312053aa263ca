"""What a config may say: one closed, frozen model a section, every default in its one place."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from configs.reporting import Reporting
from configs.segmentation import AttributeSegments, BehaviourSegments, Segments, ValueSegments
from configs.serving import Serving
from configs.sources import Attribute, Sources
from configs.tasks import Cancel, Clv, Label, Lapse
from configs.tuning import Tuning
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
    reported: int = Field(
        1, ge=1, le=24, description="how many cut-offs are reported on: the test's, and before it"
    )
    every: PositiveDuration = Field(description="the step between training cut-offs")
    cutoffs: int = Field(ge=2, le=200, description="how many training cut-offs at the most")
    history: PositiveDuration = Field(description="the least that a training cut-off looks back on")
    gap: Duration = Field(description="days between the cut-off and its label window")


class Gate(Section):
    """What a candidate must show before it may be promoted."""

    churn_margin: float = Field(ge=0, description="ROC-AUC it may lie below the best baseline")
    clv_margin: float = Field(ge=0, description="normalised Gini it may lie below it")
    repeats: int = Field(ge=100, le=100_000, description="bootstrap samples behind an interval")
    calibration: Share = Field(
        description="expected calibration error (ECE) of churn past which a model is refused, "
        "where that is beyond doubt and more than twice what chance alone would show"
    )
    bias: float = Field(
        gt=0, description="share of the total value that predictions may beyond doubt miss it by"
    )
    slice_calibration: Share = Field(
        description="how far a slice's mean probability may beyond doubt lie from its churn rate"
    )
    slice_bias: float = Field(
        gt=0,
        description="how far a slice's mean predicted value may beyond doubt lie from the true "
        "one, as a share of that or of everybody's mean value, whichever is more",
    )
    slice_customers: int = Field(ge=2, description="a slice of fewer customers has no figures")
    slice_outcomes: int = Field(ge=1, description="nor has one of fewer of an outcome")


class Leakage(Section):
    """When an attribute without a time is held to know the answer, and a figure to be too good."""

    alone_auc: float = Field(
        gt=0.5,
        le=1,
        description="ROC-AUC from which on one attribute alone is held to know who left",
    )
    alone_gini: float = Field(
        gt=0, le=1, description="normalised Gini from which on one is held to know the value"
    )
    removal: float = Field(
        gt=0,
        le=1,
        description="by how much a model above those may fall for want of one attribute",
    )
    waived: dict[Slug, Annotated[str, Field(min_length=1)]] = Field(
        {}, description="attributes that may know it all the same, each with the reason why"
    )
    too_good: float = Field(
        gt=0.5, le=1, description="ROC-AUC from which on the reader of a card is warned"
    )
    fall: float = Field(
        gt=0,
        le=1,
        description="by how much ROC-AUC may fall from a random split to the later period without "
        "a warning; normalised Gini, of which 1 is twice as far from chance, by twice as much",
    )


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
    refit: Literal["never", "latest"] = Field(
        "never",
        description="latest: what passed the gate of churn or clv gets a child, fitted with the "
        "same settings on all that is known by now; its figures are its parent's, as an estimate",
    )
    churn: Annotated[Lapse | Cancel | Label, Field(discriminator="kind")] | None = None
    clv: Clv | None = None
    segments: Segments | None = None
    tuning: Tuning
    gate: Gate
    leakage: Leakage
    serving: Serving
    report: Reporting
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
        if self.clv and not self.clv.of_subscriptions:
            raise ValueError(
                "clv needs transactions, being the revenue of purchases: for that of "
                "subscriptions set clv.value: mrr"
            )
        return self

    @model_validator(mode="after")
    def _segments_fit_the_tables(self) -> Config:
        held = self.segments or {}
        kinds = [way.kind for way in held.values() if way.kind != "attributes"]
        if twice := next((kind for kind in kinds if kinds.count(kind) > 1), None):
            raise ValueError(f"segments must hold one way of kind {twice} at the most")
        for name, way in held.items():
            if isinstance(way, AttributeSegments):
                self._require_attributes(name, way)
            elif isinstance(way, ValueSegments):
                if self.clv is None:
                    raise ValueError(f"segments.{name} needs a clv section, whose tenths they are")
            elif isinstance(way, BehaviourSegments) and self.sources.snapshot:
                if way.active_within:
                    raise ValueError(f"segments.{name}.active_within needs transactions")
            elif self.sources.transactions is None:
                raise ValueError(f"segments.{name} needs transactions: it is of how customers buy")
        return self

    def _require_attributes(self, name: str, way: AttributeSegments) -> None:
        for attribute in way.of:
            held = self.attributes.get(attribute)
            if held is None or held.says or held.kind == "date":
                raise ValueError(
                    f"segments.{name}.of must name declared attributes that are no dates, "
                    f"got {attribute}"
                )
            if attribute not in self.inputs:
                raise ValueError(
                    f"segments.{name}.of must not name {attribute}, which is protected, unless "
                    "features.use_protected is true"
                )
            if (held.kind == "number") != (attribute in way.bands):
                raise ValueError(
                    f"segments.{name}.bands must cut the numbers among of, and only them, "
                    f"see {attribute}"
                )

    @model_validator(mode="after")
    def _the_report_is_of_what_is_there(self) -> Config:
        for name in self.report.by or ():
            held = self.attributes.get(name)
            if held is None or held.kind not in ("category", "flag"):
                raise ValueError(f"report.by must name attributes of kind category or flag: {name}")
        counted = {"purchase", "return", *self.sources.event_kinds}
        for name in self.report.costs_to_serve:
            if name not in counted:
                raise ValueError(
                    f"report.costs_to_serve.{name} must be one of {', '.join(sorted(counted))}"
                )
        columns = self.sources.transactions.columns if self.sources.transactions else None
        if self.report.channel_costs and not (columns and columns.channel):
            raise ValueError("report.channel_costs needs transactions with a channel")
        return self

    @model_validator(mode="after")
    def _something_is_left_to_learn_from(self) -> Config:
        if self.sources.snapshot and not self.inputs:
            raise ValueError(
                "sources.snapshot.attributes are all protected or say who left: no input is left"
            )
        return self

    @model_validator(mode="after")
    def _what_is_waived_is_an_input(self) -> Config:
        customers = self.sources.customers
        signs_up = customers is not None and customers.columns.signed_up_at is not None
        for name in self.leakage.waived:
            if name not in self.inputs and not (signs_up and name == "signed_up"):
                raise ValueError(f"leakage.waived.{name} must be an attribute that models see")
        return self

    @model_validator(mode="after")
    def _consent_is_known(self) -> Config:
        held = self.sources.customers
        known = held.consents if held else {}
        if self.serving.purpose is not None and self.serving.purpose not in known:
            raise ValueError(
                f"serving.purpose must be one of sources.customers.consents, got "
                f"{self.serving.purpose}"
            )
        return self

    @model_validator(mode="after")
    def _columns_are_mapped(self) -> Config:
        transactions = self.sources.transactions
        asks_margin = self.clv is not None and self.clv.value == "margin"
        if asks_margin and transactions and transactions.columns.margin is None:
            raise ValueError("clv.value is margin, but transactions.columns maps no margin")
        return self

    @model_validator(mode="after")
    def _subscriptions_can_be_valued(self) -> Config:
        if self.clv is None or not self.clv.of_subscriptions:
            return self
        held = self.sources.subscriptions
        if not (held and held.columns.mrr and held.columns.ended_at):
            raise ValueError("clv.value is mrr, which needs subscriptions with mrr and ended_at")
        if self.clv.active_within:
            raise ValueError(
                "clv.active_within is of purchases, but clv.value is mrr, which asks all "
                "customers with a subscription: leave it out"
            )
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
