"""What the first page says, in English and in Danish."""

from __future__ import annotations

from serving.pages.words import Phrases

START: Phrases = {
    "start": ("Every score on record", "Alle registrerede scorer"),
    "start_lead": (
        "Each score that a customer was ever given is written down before it is handed out: what "
        "was known, what the model answered and why. Look one up below.",
        "Hver score, en kunde nogensinde har fået, skrives ned, før den gives videre: hvad man "
        "vidste, hvad modellen svarede og hvorfor. Slå en op nedenfor.",
    ),
    "glance": ("The record at a glance", "Registret kort fortalt"),
    "entries": ("Entries", "Poster"),
    "last_entry": ("Last entry", "Seneste post"),
    "nothing_yet": ("Nothing is on record yet.", "Der er ikke registreret noget endnu."),
    "whole": ("Is it whole?", "Er det intakt?"),
    "whole_check": ("Check the whole record", "Kontrollér hele registret"),
    "find": ("Find a score", "Find en score"),
}
