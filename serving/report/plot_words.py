"""What the pictures of the report say, in English and in Danish."""

from __future__ import annotations

from collections.abc import Mapping

from training.quantities import Language

_SAID: Mapping[str, tuple[str, str]] = {
    "all": ("all", "alle"),
    "withheld": ("withheld", "tilbageholdt"),
    # Units of time, and of many
    "month": ("month", "måned"),
    "quarter": ("quarter", "kvartal"),
    "year": ("year", "år"),
    "months": ("months", "måneder"),
    "quarters": ("quarters", "kvartaler"),
    "years": ("years", "år"),
    "days": ("days", "dage"),
    "thousand": ("thousand", "tusind"),
    "million": ("million", "mio."),
    "billion": ("billion", "mia."),
    "money": ("money", "penge"),
    # Periods
    "no_periods": ("there are no periods to compare", "der er ingen perioder at sammenligne"),
    "no_value": ("no value in any period", "ingen værdi i nogen periode"),
    "span": ("periods of {days} days, by their last day", "perioder på {days} dage, sidste dag"),
    # Cohorts
    "no_cohorts": ("there are no cohorts", "der er ingen årgange"),
    "later": ("{units} later", "{units} efter"),
    "later_hatched": ("{units} later; hatched: withheld", "{units}; skraveret: tilbageholdt"),
    "there_again": (
        "% of each cohort (its size) who were there again",
        "% af hver årgang (dens antal), der var der igen",
    ),
    "no_revenue": (
        "there is no revenue of cohorts to draw",
        "der er ingen omsætning at tegne efter årgang",
    ),
    "earlier": ("earlier", "tidligere"),
    "a_unit": ("{money} a {unit}", "{money} pr. {unit}"),
    "coloured": (
        "coloured by the {unit} in which they came",
        "farvet efter, hvornår kunderne kom",
    ),
    "coloured_withheld": (
        "coloured by the {unit} in which they came; what is withheld is left out",
        "farvet efter, hvornår kunderne kom; det tilbageholdte er udeladt",
    ),
    # Lives
    "no_lives": ("there are no lives long enough to follow", "ingen har været kunde længe nok"),
    "staying": ("customers who stay longer than so many days", "kunder, der bliver længere"),
    "largest": ("days; the {count} largest groups", "dage; de {count} største grupper"),
    # Segments
    "no_moves": (
        "there are no segments of two dates to compare",
        "der er ikke segmenter af to dage at sammenligne",
    ),
    "went_to": ("went to number …, in % of the row", "gik til nummer …, i % af rækken"),
    "no_segments": ("there are no segments", "der er ingen segmenter"),
    # Value
    "nobody_valued": ("no customer has a value", "ingen kunde har en værdi"),
    "too_few": ("too few customers to draw", "for få kunder til at tegne"),
    "half_less": ("half are worth less than", "halvdelen er mindre værd end"),
    "on_average": ("on average", "i gennemsnit"),
    "tenth_more": ("a tenth are worth more than", "en tiendedel er mere værd end"),
    "or_more": ("{money} or more", "{money} eller mere"),
    "few_left_out": (
        "bars of fewer than {least} left out",
        "søjler på færre end {least} er udeladt",
    ),
    "lifetime_value": ("customer lifetime value", "kundeværdi"),
    "customers": ("customers", "kunder"),
    # Predictions
    "none_of_age": ("no prediction has come of age", "ingen forudsigelse er gammel nok"),
    "share_left": ("share who left", "andel, der gik"),
    "a_customer": ("{money} a customer", "{money} pr. kunde"),
    "predicted": ("predicted", "forudsagt"),
    "actual": ("actual", "faktisk"),
    "tenths": (
        "tenths of the customers, highest prediction first",
        "tiendedele af kunderne, højeste forudsigelse først",
    ),
}


def say(phrase: str, language: Language, **named: object) -> str:
    """Return a phrase of a picture with what it names put in."""
    said = _SAID[phrase][language == "da"]
    return said.format(**named) if named else said
