"""The names of the months, as the report and the auditor's pages spell dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from training.quantities import Language

MONTHS: Mapping[Language, Sequence[str]] = {
    "en": (
        *("January", "February", "March", "April", "May", "June", "July", "August"),
        *("September", "October", "November", "December"),
    ),
    "da": (
        *("januar", "februar", "marts", "april", "maj", "juni", "juli", "august"),
        *("september", "oktober", "november", "december"),
    ),
}
