"""What customers did other than buy, by kind of event, and how they answer when contacted."""

import ibis.expr.types as ir

from features.definition import Family
from features.frames import contacts, events, scores

family = Family()


@family.feature(
    events,
    windowed=True,
    roles=("engagement", "churn"),
    unit="count",
    idea="{kind}",
    label="{kind}: times in the last {window} days",
    label_da="{kind}: antal gange i de seneste {window} dage",
    empty=0,
)
def count_in(events: ir.Table, window: int) -> ir.Value:
    """Events of the kind within the window."""
    return events.times.sum(where=events.age <= window)


@family.feature(
    events,
    windowed=True,
    roles=("engagement",),
    unit="",
    idea="{kind}",
    label="{kind}: in all in the last {window} days",
    label_da="{kind}: i alt i de seneste {window} dage",
    needs=("value",),
    empty=0,
)
def value_in(events: ir.Table, window: int) -> ir.Value:
    """The values of the kind's events within the window added up."""
    return events["value"].sum(where=events.age <= window)


@family.feature(
    events,
    roles=("engagement", "churn", "score"),
    unit="days",
    idea="{kind}",
    label="{kind}: days since the last",
    label_da="{kind}: dage siden sidst",
)
def days_since_last(events: ir.Table) -> ir.Value:
    """Days since the last event of the kind."""
    return events.age.min()


@family.feature(
    events,
    roles=("score",),
    unit="",
    idea="{kind}",
    label="{kind}: average",
    label_da="{kind}: gennemsnit",
    needs=("value",),
)
def mean_score(events: ir.Table) -> ir.Value:
    """Mean of all values that were given."""
    return events["value"].sum().cast("float64") / events.valued.sum().nullif(0)


@family.feature(
    scores,
    roles=("score",),
    unit="",
    idea="{kind}",
    label="{kind}: the last",
    label_da="{kind}: den seneste",
    needs=("value",),
    actionable=True,
)
def last_score(scores: ir.Table) -> ir.Value:
    """Mean of the values of the last day that has one."""
    total = scores["value"].sum(where=scores.latest).cast("float64")
    return total / scores.valued.sum(where=scores.latest)


@family.feature(
    contacts,
    windowed=True,
    unit="count",
    idea="contacts",
    label="times contacted in the last {window} days",
    label_da="antal henvendelser i de seneste {window} dage",
    needs=("contact",),
    actionable=True,
    empty=0,
)
def contacts_in(contacts: ir.Table, window: int) -> ir.Value:
    """How often the company reached out within the window."""
    return contacts.contacts.sum(where=contacts.age <= window)


@family.feature(
    contacts,
    unit="days",
    idea="contacts",
    label="days since the last contact",
    label_da="dage siden sidste henvendelse",
    needs=("contact",),
    actionable=True,
)
def days_since_contact(contacts: ir.Table) -> ir.Value:
    """Days since the company last reached out."""
    return contacts.age.min(where=contacts.contacts > 0)


@family.feature(
    contacts,
    windowed=True,
    unit="count",
    idea="responses",
    label="responses in the last {window} days",
    label_da="antal svar i de seneste {window} dage",
    needs=("response",),
    empty=0,
)
def responses_in(contacts: ir.Table, window: int) -> ir.Value:
    """How often the customer responded within the window."""
    return contacts.responses.sum(where=contacts.age <= window)


@family.feature(
    contacts,
    unit="days",
    idea="responses",
    label="days since the last response",
    label_da="dage siden sidste svar",
    needs=("response",),
)
def days_since_response(contacts: ir.Table) -> ir.Value:
    """Days since the customer last responded."""
    return contacts.age.min(where=contacts.responses > 0)


@family.feature(
    contacts,
    unit="share",
    idea="responses",
    label="share of contacts that were answered within a week",
    label_da="andel af henvendelser, der blev besvaret inden for en uge",
    needs=("contact", "response"),
)
def response_share(contacts: ir.Table) -> ir.Value:
    """Contacts with a response on their day or the seven after, of those that had so long."""
    asked = contacts.contacts.sum(where=contacts.age > 7)
    answered = contacts.contacts.sum(where=contacts.answered & (contacts.age > 7)).fill_null(0)
    return answered.cast("float64") / asked.nullif(0)
