"""What may be asked of the service and what it answers, as closed models."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from features.timeline import EARLIEST, LATEST
from training.quantities import Language


def _real_day(value: str) -> str:
    date.fromisoformat(value)
    return value


Day = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        json_schema_extra={"format": "date"},
        examples=["2017-12-04"],
    ),
    AfterValidator(_real_day),
]
CustomerId = Annotated[
    str,
    # No control characters: databases differ in what they make of them.
    Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["1"]),
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TaskName = Literal["churn", "clv", "segments"]
WayName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$", examples=["behaviour"])]
Coded = Annotated[str, Field(pattern=r"^(churn|clv|segments\.[a-z][a-z0-9_]{0,62})$")]

MOST_DAYS = 10
"""Days that the rows of one call may be seen from: each costs tenths of a second at first."""


class Part(BaseModel):
    """A closed part of the interface: an unknown key or a wrong type is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Row = dict[str, Any]


class GivenRows(Part):
    """A customer's own rows, in the names of the canonical columns.

    Values are as JSON has them; money by its digits, stamps in ISO 8601, in the source's zone
    unless they name one. What had not happened or was not known by ``as_of`` changes nothing.
    """

    transactions: list[Row] = []
    events: list[Row] = []
    subscriptions: list[Row] = []
    customer: Row | list[Row] = Field(
        [], description="the attributes; where they have a valid_from, a list of rows may be given"
    )

    @property
    def given(self) -> dict[str, Any]:
        """The rows as they were given."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    @property
    def tables(self) -> dict[str, list[Row]]:
        """The rows by canonical table."""
        return {
            TABLES[name]: held if isinstance(held, list) else [held]
            for name, held in self.given.items()
        }


TABLES = {
    "transactions": "transactions",
    "events": "events",
    "subscriptions": "subscriptions",
    "customer": "customers",
}
"""The canonical table of each kind of given rows."""


_NOT_GIVEN: JsonDict = {"type": "null"}
_FORMS: list[JsonValue] = [
    {"properties": {"features": _NOT_GIVEN, "rows": _NOT_GIVEN, "as_of": _NOT_GIVEN}},
    {
        "required": ["features"],
        "properties": {"features": {"type": "object"}, "rows": _NOT_GIVEN},
    },
    {
        "required": ["rows", "as_of"],
        "properties": {
            "features": _NOT_GIVEN,
            "rows": {"type": "object"},
            "as_of": {"type": "string"},
        },
    },
]


class Asked(Part):
    """A customer to score: by id alone, with every feature given, or with their own rows."""

    # What the validators hold a caller to, said in the schema too.
    model_config = ConfigDict(json_schema_extra={"anyOf": _FORMS})

    customer_id: CustomerId
    features: dict[str, Any] | None = Field(
        None,
        description="every feature of every model's schema by name; null where it is missing",
        examples=[{"days_since_purchase": 74, "income": None}],
    )
    rows: GivenRows | None = Field(
        None, description="what the features are built from, just as the batch builds them"
    )
    as_of: Day | None = Field(
        None,
        description="the day the given features were known at; with rows, the day whose first "
        "instant is excluded, which must be given",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Asked:
        if self.features is not None and self.rows is not None:
            raise ValueError("features and rows exclude each other; give one of them")
        if self.rows is not None and self.as_of is None:
            raise ValueError("as_of must be given with rows: the day that they are seen from")
        if self.as_of is not None and self.features is None and self.rows is None:
            raise ValueError(
                "as_of goes with features or rows; by id, the stored features have their own"
            )
        return self

    @field_validator("as_of")
    @classmethod
    def _day_that_can_be_meant(cls, value: str | None) -> str | None:
        if value is not None and not EARLIEST <= date.fromisoformat(value) <= LATEST:
            raise ValueError(f"must be between {EARLIEST} and {LATEST}")
        return value


class ScoreRequest(Part):
    """Customers to score."""

    customers: list[Asked] = Field(min_length=1, max_length=100_000)
    reasons: int | None = Field(
        None, ge=0, le=50, description="how many reasons each way; the service's own unless given"
    )
    language: Language | None = Field(
        None, description="of the reasons; by Accept-Language unless given"
    )

    @field_validator("customers", mode="before")
    @classmethod
    def _not_too_many(cls, customers: Any, info: ValidationInfo) -> Any:
        bounds = info.context or {}
        most = bounds.get("max_customers", 100_000)
        if isinstance(customers, list) and len(customers) > most:
            raise ValueError(
                f"at most {most} customers in one call; send the rest in another, or start a batch"
            )
        if isinstance(customers, list) and len(customers) > bounds.get("max_given", 100_000):
            given = sum(isinstance(each, dict) and len(each) > 1 for each in customers)
            if given > bounds["max_given"]:
                raise ValueError(
                    f"at most {bounds['max_given']} customers with features or rows in one call; "
                    "send the rest in another"
                )
        return customers

    @model_validator(mode="after")
    def _few_days(self) -> ScoreRequest:
        days = {asked.as_of for asked in self.customers if asked.rows is not None}
        if len(days) > MOST_DAYS:
            raise ValueError(
                f"at most {MOST_DAYS} days (as_of) for rows in one call; send the rest in another"
            )
        return self


class Reason(Part):
    """One idea that moved a value: its strongest feature, and what all its features add."""

    idea: str
    feature: str
    label: str
    value: float | str | None = Field(description="as it was used; null where it is missing")
    unit: str
    contribution: float = Field(description="on the scale of the value it explains")
    actionable: bool = Field(description="whether the company can act on it")
    text: str


class Directions(Part):
    """Reasons, the strongest first."""

    raises: list[Reason]
    lowers: list[Reason]


class Apart(Part):
    """What sets a segment apart, or puts the customer there, the strongest first."""

    apart: list[Reason]


Flag = Annotated[
    str,
    Field(pattern=r"^((unseen_category|missing|out_of_range):.+|old_features)$"),
]
Chance = Annotated[float, Field(ge=0, le=1)]
DaysAhead = Annotated[str, Field(pattern=r"^[1-9][0-9]*$")]


class NextPurchase(Part):
    """When a purchase is as likely as not to have come."""

    days: int | None = Field(
        ge=1,
        description="the fewest days, counted as the horizon's, within which the customer is at "
        "least as likely to buy as not; null where that is more than a year, or the horizon if "
        "longer",
    )
    date: Day | None = Field(description="the last of these days, where as_of is known")
    text: str


class Churn(Part):
    """The risk that the customer leaves."""

    probability: Chance
    band: Literal["low", "middle", "high"] | None = Field(
        description="by the thresholds that the base's config sets; null of a score from before"
    )
    no_purchase_within: dict[DaysAhead, Chance] | None = Field(
        description="where churn is silence: the chance that the customer buys nothing within so "
        "many days, which falls with the days; at the horizon it is the probability"
    )
    cancelled_within: dict[DaysAhead, Chance] | None = Field(
        description="where churn is cancelling: the chance of it within so many days, which rises "
        "with the days; at the horizon it is the probability"
    )
    next_purchase: NextPurchase | None = Field(
        description="null where churn is no silence, or the model was made without"
    )
    base: float = Field(description="the probability before any reason")
    margin: float = Field(description="log-odds before calibration")
    reasons: Directions


class Clv(Part):
    """What the customer is expected to be worth over the horizon."""

    value: float
    currency: str
    horizon_days: int
    intervals: dict[str, Annotated[list[float], Field(min_length=2, max_length=2)]] = Field(
        description="lower and upper end by level in percent"
    )
    base: float = Field(description="the value before any reason")
    margin: float
    reasons: Directions


class ValueAtRisk(Part):
    """The money that is expected to be lost by the customer's leaving."""

    amount: float = Field(ge=0, description="the chance of leaving × the value if they stay")
    if_stays: float = Field(description="what the customer is expected to bring if they stay")
    currency: str
    horizon_days: int = Field(description="over which the money would come: that of the CLV")


class Segment(Part):
    """The segment that the customer belongs to, of one way of telling customers apart."""

    id: int = Field(description="stays with the segment when the model is fitted again")
    name: str
    potential: float | None = Field(
        description="of the way by value: what customers alike spend at their best, in the "
        "currency and over the horizon of the lifetime value; null of other ways"
    )
    reasons: Apart


class Score(Part):
    """One customer's scores, as they stand in the record under `id`."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    customer_id: str
    as_of: str | None
    churn: Churn | None
    clv: Clv | None
    value_at_risk: ValueAtRisk | None = Field(description="where both churn and CLV have a score")
    segments: dict[WayName, Segment | None] | None = Field(
        description="one of each way that the base's customers are told apart by"
    )
    codes: dict[Coded, Literal["inactive", "out_of_range", "no_value"]] = Field(
        description="why a task or segments.WAY has no score: outside the population it may be "
        "asked about, features so extreme that the model has no finite answer, or no lifetime "
        "value that a segment by value is of"
    )
    flags: list[Flag] = Field(
        description="what is odd: a category not seen in training, a feature missing that hardly "
        "ever was, one beyond all values seen in training, features looked up that are old"
    )
    bundles: dict[TaskName, Digest] = Field(description="the model that was asked, by task")


class RowFault(Part):
    """Where a given row breaks a rule."""

    table: str
    row: int | None = Field(description="counted from 1 in its table")
    column: str | None
    expected: str
    found: str


class ItemError(Part):
    """Why one customer has no score."""

    code: Literal[
        "unknown_customer",
        "stale_features",
        "invalid_features",
        "features_changing",
        "invalid_rows",
        "rows_not_served",
    ]
    message: str
    feature: str | None = None
    row: RowFault | None = None


class Refused(Part):
    """A customer without a score."""

    customer_id: str
    error: ItemError


class ScoreAnswer(Part):
    """One result a customer asked, in the order asked."""

    results: list[Score | Refused]


class CardInShort(Part):
    """What of a model's card everybody who uses its scores should have read."""

    question: str | None = Field(description="what the model was made to tell")
    metrics: dict[str, Any] = Field(
        description="how good it was on the period that no model had seen: value, and lower and "
        "upper end of its interval, by name"
    )
    verdict: dict[str, Any] | None = Field(description="what the gate said of it, and why")
    cautions: list[str] = Field(description="what to mind, and what it must not be used for")


class Champion(Part):
    """The model that a task is served with."""

    digest: Digest
    model: str
    features: list[str] = Field(description="the features to give when scoring by features")
    papers: dict[str, Any] = Field(description="when and on what it was made, and its metrics")
    card: CardInShort
    card_at: str = Field(
        pattern=r"^/v1/models/[a-z]+/card$", description="where its whole card is: JSON, or a page"
    )


class Waiting(Part):
    """A release that was promoted and does not serve yet; it is tried again when it may."""

    release: str = Field(description="what the pointer names; no digest if it was altered")
    since: str = Field(json_schema_extra={"format": "date-time"})
    why: str


class ModelsAnswer(Part):
    """What is served."""

    base: str
    release: Digest
    waiting: Waiting | None = Field(description="null where nothing waits to be served")
    models: dict[TaskName, Champion]


class Fault(Part):
    """One thing wrong with a request."""

    pointer: str = Field(description="JSON pointer of the wrong value")
    detail: str


class Problem(Part):
    """An error as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = None


class Parameters(BaseModel):
    """What is asked in an address, after its question mark; all of it is text there."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise ValueError("must be a whole number, in digits alone")
    return value


class AtRiskAsked(Parameters):
    """Which customers of the latest batch to list."""

    limit: Annotated[int, BeforeValidator(_digits)] = Field(
        100, ge=1, le=1_000, description="how many customers at most"
    )
    segment: tuple[
        Annotated[
            str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}:[0-9]{1,9}$", examples=["behaviour:2"])
        ],
        ...,
    ] = Field(
        (),
        max_length=10,
        description="only customers of this segment, as WAY:ID; given again, of both",
    )
    band: Literal["low", "middle", "high"] | None = Field(
        None, description="only customers whose risk is in this band"
    )
    cursor: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,400}$")] | None = Field(
        None, description="the next page: what the page before has as `next`"
    )


class AtRisk(Part):
    """A customer of the latest batch who may leave."""

    customer_id: str
    score_id: str = Field(description="under which the score is on record")
    churn_probability: Chance
    band: Literal["low", "middle", "high"] | None
    value_at_risk: float | None = Field(
        description="what is lost if they leave, as it is to be expected; null without a lifetime "
        "value"
    )
    segments: dict[WayName, int | None]


class AtRiskAnswer(Part):
    """Customers of the latest batch, those with most at stake first."""

    as_of: Day
    batch: str = Field(description="its entry in the record")
    release: Digest
    total: int = Field(ge=0, description="how many customers are asked for, on all pages")
    items: list[AtRisk]
    next: str | None = Field(description="the cursor of the next page; null on the last")
    currency: str


class RecordedAsked(Parameters):
    """How to tell a score that is on record."""

    reasons: Annotated[int, BeforeValidator(_digits)] | None = Field(
        None, ge=0, le=50, description="how many reasons each way; as many as then unless given"
    )
    language: Language | None = Field(
        None, description="of the reasons; Accept-Language's, or else that of then, unless given"
    )


class RecordedNextPurchase(NextPurchase):
    """When a purchase is as likely as not to have come, as it is on record."""

    text: str | None = None  # type: ignore[assignment]  # wider: the record has no words


class RecordedChurn(Churn):
    """The risk that the customer leaves, as it is on record."""

    next_purchase: RecordedNextPurchase | None
    base: float | None = Field(  # type: ignore[assignment]  # wider: a batch may be without
        description="the probability before any reason; null where none was asked for"
    )
    reasons: Directions | None  # type: ignore[assignment]  # wider: the record has no words


class RecordedClv(Clv):
    """What the customer is expected to be worth, as it is on record."""

    currency: str | None  # type: ignore[assignment]  # wider: the bundle has it
    horizon_days: int | None  # type: ignore[assignment]
    base: float | None = Field(  # type: ignore[assignment]
        description="the value before any reason; null where none was asked for"
    )
    reasons: Directions | None  # type: ignore[assignment]


class RecordedValueAtRisk(Part):
    """The money that is expected to be lost by the customer's leaving, as it is on record."""

    amount: float
    if_stays: float
    currency: str | None
    horizon_days: int | None


class RecordedSegment(Segment):
    """The segment that the customer belongs to, as it is on record."""

    reasons: Apart | None  # type: ignore[assignment]  # wider: the record has no words


class RecordedScore(Score):
    """A score as it stands in the record, told again.

    It is computed anew from the features and the models on record. Where that gives other bytes
    than those recorded, or a model is no longer kept, only the recorded numbers are told.
    """

    id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}(/[1-9][0-9]{0,11})?$",
        description="of a score, or BATCH/ROW of a batch's",
    )
    customer_id: None = Field(  # type: ignore[assignment]  # the record names nobody
        description="always null: the record does not say who it is"
    )
    churn: RecordedChurn | None
    clv: RecordedClv | None
    value_at_risk: RecordedValueAtRisk | None  # type: ignore[assignment]
    segments: dict[WayName, RecordedSegment | None] | None  # type: ignore[assignment]
    at: str = Field(description="when it was recorded", json_schema_extra={"format": "date-time"})
    customer: str = Field(
        pattern=r"^[0-9a-f]{32}$",
        description="the record's name of the customer, which only the base's secret can give",
    )
    replayed: bool = Field(description="whether, computed anew, it is the score on record")
    why: str | None = Field(description="why it is not; then reasons are null")


class BatchRequest(Part):
    """How to score the base."""

    reasons: int | None = Field(
        None, ge=0, le=50, description="how many reasons each way; the service's own unless given"
    )
    language: Language | None = Field(None, description="of the reasons")
    format: Literal["parquet", "csv"] = Field("parquet", description="of the result's file")


class Job(Part):
    """A job that scores the base, and how far it is."""

    job: str = Field(pattern=r"^[0-9a-f]{32}$", examples=["0a4d55a8d778e5022fab701977c5d840"])
    state: Literal["queued", "running", "done", "failed"]
    done: int = Field(ge=0, description="customers scored so far")
    total: int | None = Field(ge=0, description="of so many; null until they are counted")
    as_of: Day | None = Field(description="the day of the features, once it is done")
    batch: str | None = Field(description="its entry in the record, once it is done")
    format: Literal["parquet", "csv"]
    asked_at: str = Field(json_schema_extra={"format": "date-time"})
    began_at: str | None = Field(json_schema_extra={"format": "date-time"})
    ended_at: str | None = Field(json_schema_extra={"format": "date-time"})
    why: str | None = Field(description="why it failed")
    result: str | None = Field(description="where its file is, once it is done")
