"""What may be asked: customers to score."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import ConfigDict, Field, JsonValue, ValidationInfo, field_validator, model_validator
from pydantic.config import JsonDict

from features.timeline import EARLIEST, LATEST
from serving.api.parts import CustomerId, Day, Part
from training.quantities import Language

MOST_DAYS = 10
"""Days that the rows of one call may be seen from: each costs tenths of a second at first."""


Row = dict[str, Any]


class GivenRows(Part):
    """A customer's own rows, in the names of the canonical columns.

    Values are as JSON has them; money by its digits, stamps in ISO 8601, in the source's zone
    unless they name one. What had not happened or was not known by ``as_of`` changes nothing.
    """

    transactions: list[Row] = Field([])
    events: list[Row] = Field([])
    subscriptions: list[Row] = Field([])
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
