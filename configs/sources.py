"""Where a customer base's tables lie, and how their columns map to the canonical ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from configs.values import (
    DateFormat,
    Delimiter,
    Location,
    Section,
    Slug,
    Zone,
    is_postgres,
    without_password,
)

_MADE = {"as_of", "instant", "profile_id", "signed_up", "signed_up_day", "valid_until"}
"""Columns that come to stand beside a customer's attributes."""


class Product(Section):
    """A canonical column that is the product of columns, such as quantity by price."""

    product: tuple[str, ...] = Field(min_length=2, max_length=6, strict=False)


class Sum(Section):
    """A canonical column that is the sum of columns; a missing part counts as nothing."""

    sum: tuple[str, ...] = Field(min_length=2, strict=False)


class Constant(Section):
    """A canonical column that is the same in every row."""

    constant: str = Field(min_length=1)


def _shape(value: Any) -> str | None:
    if isinstance(value, str):
        return "name"
    held = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return next((shape for shape in ("product", "sum", "constant") if shape in held), None)


Column = Annotated[
    Annotated[str, Tag("name")] | Annotated[Product, Tag("product")] | Annotated[Sum, Tag("sum")],
    Discriminator(_shape, "column", "must be a column's name, {product: [...]} or {sum: [...]}"),
]
"""Where a canonical column comes from: a column of the file, or a product or sum of some."""

KindColumn = Annotated[
    Annotated[str, Tag("name")] | Annotated[Constant, Tag("constant")],
    Discriminator(_shape, "column", "must be a column's name or {constant: KIND}"),
]
"""Where an event's kind stands: in a column, or nowhere as the file is all of one kind."""


class CsvFormat(Section):
    """Text with one row a line and a header, as RFC 4180 has it; also compressed by gzip."""

    kind: Literal["csv"] = "csv"
    delimiter: Delimiter = ","
    date_format: DateFormat | None = Field(
        None, description="how stamps are written, such as %d.%m.%Y; ISO 8601 unless given"
    )


class ParquetFormat(Section):
    """Apache Parquet: a file, a folder or a glob."""

    kind: Literal["parquet"] = "parquet"


class WhitespaceFormat(Section):
    """Text in columns with white space between them, as older data sets have it."""

    kind: Literal["whitespace"]
    names: tuple[str, ...] = Field(min_length=1, strict=False)
    header: bool = Field(False, description="whether the first line holds names, to be passed over")
    date_format: DateFormat | None = None


class _Database(Section):
    table: str | None = Field(None, description="its name; one of another schema as SCHEMA.TABLE")
    query: str | None = Field(None, description="a SELECT in the place of a table")

    @model_validator(mode="after")
    def _one_of_both(self) -> _Database:
        if (self.table is None) == (self.query is None):
            raise ValueError("needs either table (a name) or query (a SELECT)")
        return self


class DuckDbFormat(_Database):
    """A table or a query of a DuckDB file, which is only read."""

    kind: Literal["duckdb"]


class PostgresFormat(_Database):
    """A table or a query of a PostgreSQL database, which is only read; its path is a URL."""

    kind: Literal["postgres"]


Format = Annotated[
    CsvFormat | ParquetFormat | WhitespaceFormat | DuckDbFormat | PostgresFormat,
    Field(discriminator="kind"),
]


class Located(Section):
    """Where rows lie."""

    path: Location = Field(
        description="a file, folder or glob; ${NAME} is an environment variable, package:NAME/FILE "
        "a data file of an installed package, postgresql://… a database"
    )
    format: Format | None = Field(None, description="told by the path's ending unless given")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, without_password(value) if name == "path" else value

    @model_validator(mode="after")
    def _databases_say_what_to_read(self) -> Located:
        is_url = is_postgres(self.path)
        if is_url != isinstance(self.format, PostgresFormat):
            if is_url:
                raise ValueError("format must be {kind: postgres, table: …} or {…, query: …} here")
            raise ValueError("path must be a URL such as postgresql://USER@HOST/DATABASE")
        if self.format is None and self.path.endswith((".duckdb", ".ddb")):
            raise ValueError("format must be {kind: duckdb, table: …} or {…, query: …} here")
        return self


class Join(Located):
    """Columns that another table of the user's holds, looked up by a key that is unique there."""

    key: str = Field(description="the key's column, named alike in both tables")
    columns: tuple[str, ...] = Field(min_length=1, strict=False)


class Attribute(Section):
    """A column that describes a customer."""

    kind: Literal["category", "number", "flag", "date"]
    column: str | None = Field(None, description="its name in the file; the same unless given")
    label: str | None = Field(None, description="in plain English")
    label_da: str | None = Field(None, description="in plain Danish")
    unit: str = ""
    protected: bool = Field(False, description="never an input of a model unless asked")
    actionable: bool = Field(False, description="whether the company can act on it")
    says: Literal["churned"] | None = Field(
        None,
        description="what a flag claims: never an input of a model, as it knows the answer; "
        "check holds it against the dated tables",
    )

    @model_validator(mode="after")
    def _only_a_flag_claims(self) -> Attribute:
        if self.says and self.kind != "flag":
            raise ValueError("says must be left out: only an attribute of kind flag claims a thing")
        return self


class Source(Located):
    """A table of the user's, and how its columns map to those of a canonical one."""

    timezone: Zone | None = Field(
        None, description="the zone of the file's stamps that name none; the base's unless given"
    )
    max_rejects: int = Field(
        1000, ge=0, description="how many bad rows --rejects sets aside before it refuses"
    )


class Behaviour(Source):
    """A table of what customers did, many rows a customer."""

    join: tuple[Join, ...] = Field((), strict=False)
    guests: Literal["drop", "refuse"] = Field(
        "drop", description="what becomes of rows with no customer id"
    )
    duplicates: Literal["keep", "drop"] = Field(
        "keep", description="what becomes of rows that repeat another in every column"
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


class Transactions(Behaviour):
    """Purchases and returns."""

    columns: TransactionColumns


class EventColumns(Section):
    """Columns of ``events``: one row a visit, a ticket, an answer, a contact."""

    customer_id: str
    occurred_at: str
    kind: KindColumn
    known_at: str | None = None
    value: Column | None = None


class EventKind(Section):
    """A kind of event that counts."""

    value: str | None = Field(None, description="its name in the file; the same unless given")
    label: str | None = Field(None, description="in plain English")
    label_da: str | None = Field(None, description="in plain Danish")
    role: Literal["engagement", "contact", "response", "score", "churn"] = "engagement"
    scale: Literal["nps", "csat"] | None = Field(
        None,
        description="what a score is an answer to: nps, 0 to 10, would you recommend us; csat, 1 "
        "to 5, how satisfied are you",
    )

    @model_validator(mode="after")
    def _only_scores_have_a_scale(self) -> EventKind:
        if self.scale and self.role != "score":
            raise ValueError("scale must be left out: only a kind of role score has one")
        return self


class Events(Behaviour):
    """What customers did other than buy, and what was done to reach them."""

    columns: EventColumns
    kinds: dict[Slug, EventKind] = Field(
        min_length=1, description="the kinds that count; rows of others are left out and counted"
    )

    @model_validator(mode="after")
    def _kinds_are_told_apart(self) -> Events:
        held = self.columns.kind
        if isinstance(held, Constant) and set(self.kinds) != {held.constant}:
            raise ValueError(f"kinds must hold {held.constant} alone, as columns.kind is constant")
        written = list(self.written_kinds)
        if len(set(written)) < len(written):
            raise ValueError("kinds must each have a value of its own")
        return self

    @property
    def written_kinds(self) -> tuple[str, ...]:
        """How each kind is written in the file, in the order of ``kinds``."""
        return tuple(kind.value or slug for slug, kind in self.kinds.items())


class SubscriptionColumns(Section):
    """Columns of ``subscriptions``: one row a subscription; several at once are usual."""

    customer_id: str
    started_at: str
    ended_at: str | None = None
    known_at: str | None = None
    ended_known_at: str | None = None
    plan: str | None = None
    mrr: Column | None = None


class Subscriptions(Behaviour):
    """Subscriptions from their start to their end, if they have one."""

    columns: SubscriptionColumns
    guests: Literal["drop", "refuse"] = "refuse"

    @model_validator(mode="after")
    def _an_end_is_known_of_an_end(self) -> Subscriptions:
        if self.columns.ended_known_at and not self.columns.ended_at:
            raise ValueError("columns.ended_known_at needs ended_at, the end that it is about")
        return self


def _refuse_taken(source: Customers | Snapshot) -> None:
    """Refuse attributes that bear the name of another column of the table that they come to."""
    consents = {f"consent_{purpose}" for purpose in getattr(source, "consents", ())}
    taken = {*type(source.columns).model_fields, *consents, *_MADE}
    for name, held in source.attributes.items():
        if name in taken:
            raise ValueError(
                f"attributes.{name} must not be named so, as another column is; "
                f"call it otherwise and say column: {held.column or name}"
            )


class CustomerColumns(Section):
    """Columns of ``customers``; its attributes are declared beside them."""

    customer_id: str
    signed_up_at: str | None = None
    valid_from: str | None = Field(
        None, description="from when a row's attributes hold; they are today's unless given"
    )


class Customers(Source):
    """One row a customer as of today, or one a customer and ``valid_from``."""

    columns: CustomerColumns
    attributes: dict[Slug, Attribute] = Field({}, description="what it tells of a customer")
    consents: dict[Slug, str] = Field(
        {}, description="the column (yes or no) of each purpose that consent is asked for"
    )

    @model_validator(mode="after")
    def _attributes_have_names_of_their_own(self) -> Customers:
        _refuse_taken(self)
        return self


class SnapshotColumns(Section):
    """Columns of ``snapshot``: one row a customer, a label and no time."""

    customer_id: str
    label: str


class Snapshot(Source):
    """Labelled customers at no stated time."""

    columns: SnapshotColumns
    positive: str = Field(description="the label's value that says the customer left")
    attributes: dict[Slug, Attribute] = Field(min_length=1)

    @model_validator(mode="after")
    def _attributes_have_names_of_their_own(self) -> Snapshot:
        _refuse_taken(self)
        return self


def _listed(value: Any) -> Any:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


_OneOrMore = Annotated[
    Annotated[Events, Tag("one")] | Annotated[tuple[Events, ...], Tag("more")],
    Discriminator(lambda value: "more" if isinstance(value, list | tuple) else "one"),
]


class Sources(Section):
    """The user's tables."""

    transactions: Transactions | None = None
    events: Annotated[
        tuple[Events, ...], BeforeValidator(_listed, json_schema_input_type=_OneOrMore | None)
    ] = Field((), strict=False, description="one source, or a list of them")
    subscriptions: Subscriptions | None = None
    customers: Customers | None = None
    snapshot: Snapshot | None = None

    @model_validator(mode="after")
    def _one_base(self) -> Sources:
        behaviour = self.transactions or self.subscriptions or self.events
        if not behaviour and not self.snapshot:
            raise ValueError(
                "needs transactions, subscriptions or events (with time) or a snapshot (without)"
            )
        if self.snapshot and (behaviour or self.customers):
            raise ValueError("a snapshot stands alone: leave the other tables out")
        if self.snapshot and any(a.kind == "date" for a in self.snapshot.attributes.values()):
            raise ValueError("snapshot.attributes must not be dates: a snapshot has no time")
        return self

    @model_validator(mode="after")
    def _a_kind_is_one_thing(self) -> Sources:
        kinds: dict[str, EventKind] = {}
        for source in self.events:
            for slug, kind in source.kinds.items():
                told = kind.model_copy(update={"value": None})
                if kinds.setdefault(slug, told) != told:
                    raise ValueError(f"events must say the same of the kind {slug} each time")
        return self

    @property
    def event_kinds(self) -> dict[str, EventKind]:
        """The declared kinds of events of all sources, by name."""
        return {slug: kind for source in self.events for slug, kind in source.kinds.items()}

    @property
    def given(self) -> dict[str, tuple[Source, ...]]:
        """The sources of each canonical table that the user has, in the canonical order."""
        return {
            name: held if isinstance(held, tuple) else (held,)
            for name, held in self
            if held not in (None, ())
        }
