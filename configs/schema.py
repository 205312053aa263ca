"""What a config may say: one closed, frozen model a section, every default in its one place."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from configs.values import Duration, PositiveDuration, Share, Slug, Zone


class Section(BaseModel):
    """A closed part of a config: an unknown key or a wrong type is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Product(Section):
    """A canonical column that is the product of columns, such as quantity by price."""

    product: tuple[str, ...] = Field(min_length=2, strict=False)


class Sum(Section):
    """A canonical column that is the sum of columns; a missing part counts as nothing."""

    sum: tuple[str, ...] = Field(min_length=2, strict=False)


def _shape(value: Any) -> str | None:
    if isinstance(value, str):
        return "name"
    held = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return next((shape for shape in ("product", "sum") if shape in held), None)


Column = Annotated[
    Annotated[str, Tag("name")] | Annotated[Product, Tag("product")] | Annotated[Sum, Tag("sum")],
    Discriminator(_shape, "column", "must be a column's name, {product: [...]} or {sum: [...]}"),
]
"""Where a canonical column comes from: a column of the file, or a product or sum of some."""


class CsvFormat(Section):
    """Text with one row a line and a header, as RFC 4180 has it."""

    kind: Literal["csv"] = "csv"
    delimiter: str = Field(",", min_length=1, max_length=1)
    date_format: str | None = Field(
        None, description="how stamps are written, such as %d.%m.%Y; ISO 8601 unless given"
    )


class ParquetFormat(Section):
    """Apache Parquet: a file or a glob."""

    kind: Literal["parquet"] = "parquet"


class WhitespaceFormat(Section):
    """Text in columns with white space between them, as older data sets have it."""

    kind: Literal["whitespace"]
    names: tuple[str, ...] = Field(min_length=1, strict=False)
    header: bool = Field(False, description="whether the first line holds names, to be passed over")
    date_format: str | None = None


Format = Annotated[CsvFormat | ParquetFormat | WhitespaceFormat, Field(discriminator="kind")]


class Join(Section):
    """Columns that another file of the user's holds, looked up by a key that is unique there."""

    path: str
    key: str = Field(description="the key's column, named alike in both files")
    columns: tuple[str, ...] = Field(min_length=1, strict=False)
    format: Format | None = None


class Attribute(Section):
    """A column that describes a customer."""

    kind: Literal["category", "number", "flag", "date"]
    column: str | None = Field(None, description="its name in the file; the same unless given")
    label: str | None = Field(None, description="in plain English")
    label_da: str | None = Field(None, description="in plain Danish")
    unit: str = ""
    protected: bool = Field(False, description="never an input of a model unless asked")
    actionable: bool = Field(False, description="whether the company can act on it")


class Source(Section):
    """A file of the user's, and how its columns map to those of a canonical table."""

    path: str = Field(
        description="a file or glob; ${NAME} is an environment variable, "
        "package:NAME/FILE a data file of an installed package"
    )
    format: Format | None = Field(None, description="told by the file's ending unless given")
    timezone: Zone | None = Field(
        None, description="the zone of the file's stamps that name none; the base's unless given"
    )


class TransactionColumns(Section):
    """Columns of ``transactions``: one row a line of a receipt; a negative amount is a return."""

    customer_id: str
    occurred_at: str
    amount: Column
    known_at: str | None = None
    order_id: str | None = None
    quantity: Column | None = None
    category: str | None = None
    channel: str | None = None
    discount: Column | None = None
    margin: Column | None = None


class Transactions(Source):
    """Purchases and returns."""

    columns: TransactionColumns
    join: tuple[Join, ...] = Field((), strict=False)
    guests: Literal["drop", "refuse"] = Field(
        "drop", description="what becomes of rows with no customer id"
    )
    duplicates: Literal["keep", "drop"] = Field(
        "keep", description="what becomes of rows that repeat another in every column"
    )


class CustomerColumns(Section):
    """Columns of ``customers``; its attributes are declared beside them."""

    customer_id: str
    signed_up_at: str | None = None


class Customers(Source):
    """One row a customer, as of today: its attributes are not known as of the past."""

    columns: CustomerColumns
    attributes: dict[Slug, Attribute] = {}


class SnapshotColumns(Section):
    """Columns of ``snapshot``: one row a customer, a label and no time."""

    customer_id: str
    label: str


class Snapshot(Source):
    """Labelled customers at no stated time."""

    columns: SnapshotColumns
    positive: str = Field(description="the label's value that says the customer left")
    attributes: dict[Slug, Attribute] = Field(min_length=1)


class Sources(Section):
    """The user's tables."""

    transactions: Transactions | None = None
    customers: Customers | None = None
    snapshot: Snapshot | None = None

    @model_validator(mode="after")
    def _one_base(self) -> Sources:
        if (self.transactions is None) == (self.snapshot is None):
            raise ValueError("needs either transactions (with time) or a snapshot (without)")
        if self.snapshot and any(a.kind == "date" for a in self.snapshot.attributes.values()):
            raise ValueError("snapshot.attributes must not be dates: a snapshot has no time")
        if self.snapshot and self.customers:
            raise ValueError("a snapshot holds its own attributes: leave customers out")
        return self


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
    max_body_mb: float = Field(gt=0, description="size of one call's body, in MB")


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
    churn: Annotated[Lapse | Label, Field(discriminator="kind")] | None = None
    clv: Clv | None = None
    segments: Segmentation | None = None
    tuning: Tuning
    gate: Gate
    serving: Serving
    paths: Paths

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
    def _something_is_left_to_learn_from(self) -> Config:
        hidden = all(held.protected for held in self.attributes.values())
        if self.sources.snapshot and hidden and not self.features.use_protected:
            raise ValueError("sources.snapshot.attributes are all protected: no input is left")
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
