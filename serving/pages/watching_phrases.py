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

OUTCOMES: Phrases = {
    "outcomes": ("Did it come true?", "Gik det, som der blev sagt?"),
    "outcomes_lead": (
        "What was predicted beside what really happened, week by week. What a score is about lies "
        "ahead when it is given; once those days have passed, it is held against them here.",
        "Hvad der blev forudsagt, ved siden af hvad der virkelig skete, uge for uge. Det, en score "
        "handler om, ligger forude, når den gives; når dagene er gået, holdes den op mod dem her.",
    ),
    "outcomes_none": (
        "Nothing has been held against what happened yet. Whoever runs the service does it with: "
        "stamkunde outcomes --as-of DATE -c CONFIG",
        "Intet er endnu holdt op mod det, der skete. Den, der driver servicen, gør det med: "
        "stamkunde outcomes --as-of DATO -c CONFIG",
    ),
    "worked_out": (
        "Worked out {at}, with what was known before {day}.",
        "Regnet ud {at} med det, der var kendt før {day}.",
    ),
    "estimate": ("estimate", "skøn"),
    "estimate_said": (
        "Weeks marked “estimate” are not over: nobody can know yet what came. Their figures are "
        "what is to be expected if the predicted chances hold; they cannot notice that customers "
        "have changed.",
        "Uger mærket “skøn” er ikke gået: ingen kan endnu vide, hvad der skete. Deres tal er det, "
        "man kan vente, hvis de forudsagte chancer holder; de kan ikke opdage, at kunderne har "
        "ændret sig.",
    ),
    "drawn_churn": (
        "Share of customers who left: a dot is what came, a circle what was predicted.",
        "Andel af kunder, der gik: en prik er det, der skete, en cirkel det, der blev forudsagt.",
    ),
    "drawn_clv": (
        "Value of a customer on average: a dot is what came, a circle what was predicted.",
        "En kundes værdi i gennemsnit: en prik er det, der kom, en cirkel det, der blev forudsagt.",
    ),
    "until": ("Known from", "Kendt fra"),
    "customers": ("Customers", "Kunder"),
    "strangers": (
        "{count} customers more were scored, of whom the base knows nothing.",
        "Yderligere {count} kunder blev scoret, som basen intet ved om.",
    ),
    "too_few": ("too few to tell", "for få til at sige noget"),
    "in_sum": (
        "Of the {weeks} weeks that are over, {inside} had an outcome that agrees with what was "
        "predicted, within its 95 % interval.",
        "Af de {weeks} uger, der er gået, stemte {inside} med det forudsagte inden for "
        "95 %-intervallet.",
    ),
    "came_true": ("Came true?", "Gik det sådan?"),
    "as_expected": ("as predicted", "som forudsagt"),
    "otherwise": ("not as predicted", "ikke som forudsagt"),
}
