"""Subscriptions: how long, how many, of what revenue, and how they move."""

import ibis.expr.types as ir

from features.definition import Family
from features.frames import subscriptions

family = Family()


@family.feature(
    subscriptions,
    unit="days",
    idea="subscription tenure",
    label="days since the first subscription began",
    label_da="dage siden det første abonnement begyndte",
)
def subscription_tenure(subscriptions: ir.Table) -> ir.Value:
    """Age of the customer relation, whether or not anything runs."""
    return subscriptions.age.max()


@family.feature(
    subscriptions,
    unit="days",
    idea="subscription tenure",
    label="days since the last subscription began",
    label_da="dage siden det seneste abonnement begyndte",
)
def days_since_subscription(subscriptions: ir.Table) -> ir.Value:
    """Days since a subscription began, whether or not it runs."""
    return subscriptions.age.min()


@family.feature(
    subscriptions,
    unit="days",
    idea="subscription tenure",
    label="days that the oldest running subscription has run",
    label_da="dage, det ældste løbende abonnement har løbet",
)
def subscription_age(subscriptions: ir.Table) -> ir.Value:
    """Age of the oldest running subscription; missing where none runs."""
    return subscriptions.age.max(where=subscriptions.running)


@family.feature(
    subscriptions,
    unit="count",
    idea="subscriptions",
    label="running subscriptions",
    label_da="løbende abonnementer",
    empty=0,
)
def running_subscriptions(subscriptions: ir.Table) -> ir.Value:
    """Subscriptions that run at the cut-off."""
    return subscriptions.count(where=subscriptions.running)


@family.feature(
    subscriptions,
    windowed=True,
    unit="count",
    idea="subscriptions",
    label="subscriptions begun in the last {window} days",
    label_da="abonnementer begyndt i de seneste {window} dage",
    empty=0,
)
def subscriptions_begun_in(subscriptions: ir.Table, window: int) -> ir.Value:
    """Subscriptions that began within the window."""
    return subscriptions.count(where=subscriptions.age <= window)


@family.feature(
    subscriptions,
    unit="count",
    idea="ended subscriptions",
    label="ended subscriptions",
    label_da="ophørte abonnementer",
    needs=("ended_at",),
    empty=0,
)
def subscriptions_ended(subscriptions: ir.Table) -> ir.Value:
    """Subscriptions that are known to have ended."""
    return subscriptions.ended_age.count()


@family.feature(
    subscriptions,
    windowed=True,
    unit="count",
    idea="ended subscriptions",
    label="subscriptions ended in the last {window} days",
    label_da="abonnementer ophørt i de seneste {window} dage",
    needs=("ended_at",),
    empty=0,
)
def subscriptions_ended_in(subscriptions: ir.Table, window: int) -> ir.Value:
    """Subscriptions that ended within the window."""
    return subscriptions.count(where=subscriptions.ended_age <= window)


@family.feature(
    subscriptions,
    unit="days",
    idea="ended subscriptions",
    label="days since a subscription last ended",
    label_da="dage siden et abonnement sidst ophørte",
    needs=("ended_at",),
)
def days_since_subscription_end(subscriptions: ir.Table) -> ir.Value:
    """Days since the last known end."""
    return subscriptions.ended_age.min()


@family.feature(
    subscriptions,
    unit="money",
    idea="recurring revenue",
    label="monthly recurring revenue",
    label_da="månedlig tilbagevendende omsætning",
    needs=("mrr",),
    empty=0,
)
def mrr(subscriptions: ir.Table) -> ir.Value:
    """MRR of what runs at the cut-off."""
    return subscriptions.mrr.sum(where=subscriptions.running)


@family.feature(
    subscriptions,
    windowed=True,
    unit="money",
    idea="recurring revenue",
    label="change of monthly recurring revenue over {window} days",
    label_da="ændring i månedlig tilbagevendende omsætning over {window} dage",
    needs=("mrr",),
    actionable=True,
    empty=0,
)
def mrr_change_in(subscriptions: ir.Table, window: int) -> ir.Value:
    """MRR of what runs less that of what ran so many days before: upgrades less downgrades."""
    ended = (subscriptions.ended_age > window).fill_null(False)
    now = subscriptions.mrr.sum(where=subscriptions.running)
    then = subscriptions.mrr.sum(where=(subscriptions.age > window) & ~ended)
    return now.fill_null(0) - then.fill_null(0)


@family.feature(
    subscriptions,
    unit="count",
    idea="plan changes",
    label="changes of plan",
    label_da="skift af abonnementstype",
    needs=("plan",),
    empty=0,
)
def plan_changes(subscriptions: ir.Table) -> ir.Value:
    """Subscriptions begun on another plan than the one begun before."""
    return subscriptions.count(where=subscriptions.changed)


@family.feature(
    subscriptions,
    windowed=True,
    unit="count",
    idea="plan changes",
    label="changes of plan in the last {window} days",
    label_da="skift af abonnementstype i de seneste {window} dage",
    needs=("plan",),
    empty=0,
)
def plan_changes_in(subscriptions: ir.Table, window: int) -> ir.Value:
    """Changes of plan within the window."""
    return subscriptions.count(where=subscriptions.changed & (subscriptions.age <= window))


@family.feature(
    subscriptions,
    unit="days",
    idea="plan changes",
    label="days since the last change of plan",
    label_da="dage siden sidste skift af abonnementstype",
    needs=("plan",),
)
def days_since_plan_change(subscriptions: ir.Table) -> ir.Value:
    """Days since a subscription was begun on another plan than the one before."""
    return subscriptions.age.min(where=subscriptions.changed)
