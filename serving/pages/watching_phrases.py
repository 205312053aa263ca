"""What the pages of drift and outcomes say, in English and in Danish."""

from __future__ import annotations

from serving.pages.words import Phrases

DRIFT: Phrases = {
    "drift": ("Have the customers changed?", "Har kunderne ændret sig?"),
    "drift_lead": (
        "Week by week, how far the customers that were scored lie from those the model learned "
        "from. A model is at home among customers like those; the more they change, the less its "
        "figures of old hold.",
        "Uge for uge, hvor langt de kunder, der blev scoret, ligger fra dem, modellen lærte af. "
        "En model er hjemme blandt kunder som dem; jo mere de ændrer sig, jo mindre holder dens "
        "gamle tal.",
    ),
    "drift_none": (
        "No scores have been counted in these weeks.",
        "Ingen scorer er talt i disse uger.",
    ),
    "scores_of": ("The scores given", "De givne scorer"),
    "psi_said": (
        "PSI, a measure of distance: 0 is no change. Below 0.1 is usually called stable, from 0.25 "
        "on much moved.",
        "PSI, et afstandsmål: 0 er ingen ændring. Under 0,1 kaldes som regel stabilt, fra 0,25 "
        "meget flyttet.",
    ),
    "psi_up": ("Distance (PSI), by week", "Afstand (PSI), uge for uge"),
    "week_of": ("Week of {day}", "Ugen fra {day}"),
    "week": ("Week", "Uge"),
    "scored": ("Scores", "Scorer"),
    "few": ("few", "få"),
    "few_said": (
        "Weeks marked “few” have under {few} scores, too few for these figures to tell much.",
        "Uger mærket “få” har under {few} scorer, for få til at tallene siger meget.",
    ),
    "features": ("What is known of the customers", "Det, der vides om kunderne"),
    "features_said": (
        "Those that matter most for the scores come first.",
        "De, der betyder mest for scorerne, står først.",
    ),
    "feature": ("Feature", "Oplysning"),
    "stable": ("stable", "stabil"),
    "moved": ("moved", "flyttet"),
    "moved much": ("moved much", "meget flyttet"),
    "all_features": ("All {count} features", "Alle {count} oplysninger"),
    "latest": (
        "In the week of {day}, the scores are {word}; of the {most} features that matter most, "
        "{moved} moved and {much} moved much.",
        "I ugen fra {day} er scorernes fordeling {word}. Af de {most} oplysninger, der betyder "
        "mest, er {moved} flyttet og {much} meget flyttet.",
    ),
    "latest_few": (
        "In the week of {day} only {count} scores were given: too few to tell.",
        "I ugen fra {day} blev der kun givet {count} scorer: for få til at sige noget.",
    ),
    "by_version": ("Model {digest}", "Model {digest}"),
    "see_model": ("About this model", "Om modellen"),
    "without_a_row": (
        "Only counts are kept for this: of no single customer.",
        "Der gemmes kun antal til det: intet om den enkelte kunde.",
    ),
}
