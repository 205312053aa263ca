"""What the search says, in English and in Danish."""

from __future__ import annotations

from serving.pages.words import Phrases

FORM: Phrases = {
    "customer": ("Customer's id", "Kundens id"),
    "customer_hint": (
        "As your company knows it. It is not kept: the record knows customers by code names only.",
        "Som virksomheden kender det. Det gemmes ikke: registret kender kun kunder ved dæknavne.",
    ),
    "customer_kept": (
        "One customer is chosen. Leave this empty to stay with them.",
        "En kunde er valgt. Lad feltet være tomt for at blive ved den.",
    ),
    "since": ("From this day", "Fra og med"),
    "until": ("To this day", "Til og med"),
    "band": ("Risk of leaving", "Risiko for at gå"),
    "any": ("any", "alle"),
    "band_low": ("low", "lav"),
    "band_middle": ("middle", "mellem"),
    "band_high": ("high", "høj"),
    "model": ("Model", "Model"),
    "present_model": ("{task}, served now", "{task}, i brug nu"),
    "task_churn": ("Risk of leaving", "Risiko for at gå"),
    "task_clv": ("Expected value", "Forventet værdi"),
    "task_segments": ("Segments", "Segmenter"),
    "search": ("Search", "Søg"),
}

SEARCH: Phrases = {
    **FORM,
    "scores": ("Scores", "Scorer"),
    "change_search": ("Change the search", "Ændr søgningen"),
    "found_none": ("No score on record matches this.", "Ingen registreret score passer til det."),
    "newest": ("The newest come first.", "De nyeste står først."),
    "for_customer": ("one customer ({token}…)", "én kunde ({token}…)"),
    "for_since": ("from {day}", "fra og med {day}"),
    "for_until": ("to {day}", "til og med {day}"),
    "for_band": ("risk: {band}", "risiko: {band}"),
    "for_model": ("model {digest}…", "model {digest}…"),
    "looked_for": ("Looked for: {these}.", "Søgt efter: {these}."),
    "looked_for_all": ("All scores.", "Alle scorer."),
    "head_when": ("Given", "Givet"),
    "head_customer": ("Customer's code name", "Kundens dæknavn"),
    "head_as_of": ("Known up to", "Kendt til"),
    "head_risk": ("Risk of leaving", "Risiko for at gå"),
    "head_value": ("Expected value", "Forventet værdi"),
    "unread": (
        "The scores of these are missing here, as their rows cannot be read: {these}.",
        "Scorerne fra disse mangler her, da deres rækker ikke kan læses: {these}.",
    ),
    "more": ("Older ones", "Ældre"),
    "first_page": ("Back to the newest", "Tilbage til de nyeste"),
}
