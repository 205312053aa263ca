"""What the page of one score says, in English and in Danish."""

from __future__ import annotations

from serving.pages.origin_phrases import ORIGIN
from serving.pages.search_phrases import SEARCH
from serving.pages.words import Phrases

ANSWER: Phrases = {
    "score": ("Score of {at}", "Score fra {at}"),
    "score_id": ("Its number on record: {id}", "Nummer i registret: {id}"),
    "answer": ("What was answered", "Svaret"),
    "asked": ("What was asked", "Spørgsmålet"),
    "why": ("Why", "Hvorfor"),
    "risk": ("Risk of leaving", "Risiko for at gå"),
    "value": ("Expected value", "Forventet værdi"),
    "at_risk": ("Value at risk", "Værdi på spil"),
    "risk_lapse": (
        "Of 100 customers like this one, {many} were expected to buy nothing in the {days} "
        "days from {day}.",
        "Af 100 kunder som denne ventedes {many} ikke at købe noget i de {days} dage fra {day}.",
    ),
    "risk_cancel": (
        "Of 100 customers like this one, {many} were expected to have cancelled {days} days "
        "after {day}.",
        "Af 100 kunder som denne ventedes {many} at have opsagt {days} dage efter {day}.",
    ),
    "risk_label": (
        "Of 100 customers like this one, {many} were expected to leave.",
        "Af 100 kunder som denne ventedes {many} at gå.",
    ),
    "about": ("about {many}", "omkring {many}"),
    "under_one": ("fewer than 1", "færre end 1"),
    "then": ("the day asked about", "den dag, der blev spurgt om"),
    "risk_band": ("The company calls this risk {band}.", "Virksomheden kalder den risiko {band}."),
    "risk_bands": (
        "Middle begins at {middle}, high at {high}.",
        "Mellem begynder ved {middle}, høj ved {high}.",
    ),
    "value_said": (
        "What the customer was expected to bring in {days} days, whether they leave or stay.",
        "Hvad kunden ventedes at indbringe på {days} dage, uanset om den går eller bliver.",
    ),
    "value_said_ever": (
        "What the customer was expected to bring, whether they leave or stay.",
        "Hvad kunden ventedes at indbringe, uanset om den går eller bliver.",
    ),
    "interval": (
        "In {level} of 100 cases like this it is between {low} and {high}.",
        "I {level} af 100 tilfælde som dette er den mellem {low} og {high}.",
    ),
    "at_risk_said": (
        "The risk of leaving times {stays}, which the customer was expected to bring if they stay.",
        "Risikoen for at gå gange {stays}, som kunden ventedes at indbringe ved at blive.",
    ),
    "next_purchase": (
        "As likely as not to have bought again by {day}.",
        "Har lige så sandsynligt som ikke købt igen senest {day}.",
    ),
    "no_next_purchase": (
        "No further purchase was expected for as long as the model looks ahead.",
        "Der ventedes intet nyt køb, så langt modellen ser frem.",
    ),
    "within": ("Chance by number of days", "Sandsynlighed efter antal dage"),
    "no_purchase_within": ("no purchase within {days} days", "intet køb inden for {days} dage"),
    "cancelled_within": ("cancelled within {days} days", "opsagt inden for {days} dage"),
    "segments": ("Segments", "Segmenter"),
    "way": ("Told apart by", "Inddelt efter"),
    "segment": ("Segment", "Segment"),
    "because": ("Because of", "På grund af"),
    "way_behaviour": ("behaviour", "adfærd"),
    "way_rfm": ("recency, frequency and spend", "seneste køb, hyppighed og forbrug"),
    "way_lifecycle": ("stage of the relation", "fase i forholdet"),
    "way_value": ("expected value", "forventet værdi"),
    "potential": ("could bring up to {money}", "kunne indbringe op til {money}"),
    "code_inactive": (
        "No answer: the customer is outside those the model may be asked about.",
        "Intet svar: kunden er uden for dem, modellen må spørges om.",
    ),
    "code_out_of_range": (
        "No answer: what is known is so extreme that the model has none.",
        "Intet svar: det kendte er så yderligt, at modellen ikke har noget.",
    ),
    "code_no_value": (
        "No answer: there is no expected value to place the customer by.",
        "Intet svar: der er ingen forventet værdi at placere kunden efter.",
    ),
}

ASKED: Phrases = {
    "asked_when": ("Asked and answered", "Spurgt og besvaret"),
    "asked_by": ("Asked by", "Spurgt af"),
    "by_key": ("the key “{name}” ({id})", "nøglen “{name}” ({id})"),
    "by_unknown_key": ("the key {id}", "nøglen {id}"),
    "by_here": ("a call from the service's own machine", "et kald fra servicens egen maskine"),
    "by_batch": (
        "the scoring of all customers at once: {batch}, row {row}",
        "en samlet beregning for alle kunder: {batch}, række {row}",
    ),
    "by_call": (
        "{who}, together with other customers: call {call}, row {row}",
        "{who}, sammen med andre kunder: kald {call}, række {row}",
    ),
    "asked_of": ("Customer", "Kunde"),
    "code_name": ("code name {token}", "dæknavn {token}"),
    "known_until": ("What was known", "Hvad man vidste"),
    "up_to": ("all that had happened before {day}", "alt, hvad der var sket før {day}"),
    "up_to_unknown": ("the caller did not say as of which day", "kalderen oplyste ingen dag"),
    "from_rows": (
        "The caller sent the purchases themselves; only their fingerprint is kept: {digest}",
        "Kalderen sendte selv købene; kun deres fingeraftryk er gemt: {digest}",
    ),
    "asked_how": ("Reasons asked for", "Begrundelser ønsket"),
    "asked_reasons": ("{many} each way, in English", "{many} hver vej, på engelsk"),
    "asked_reasons_da": ("{many} each way, in Danish", "{many} hver vej, på dansk"),
    "asked_none": ("none", "ingen"),
}

WHY: Phrases = {
    "fall_churn": ("From the starting point to the risk", "Fra udgangspunkt til risiko"),
    "fall_clv": ("From the starting point to the value", "Fra udgangspunkt til værdi"),
    "fall_said": (
        "The model begins everybody at {base}. Each line below moves the answer up or down; "
        "together they lead to exactly {served}. Each is told by what weighs most in it.",
        "Modellen begynder alle ved {base}. Hver linje herunder flytter svaret op eller ned; "
        "tilsammen fører de til præcis {served}. Hver fortælles ved det, der vejer mest i den.",
    ),
    "fall_reason": ("Reason", "Grund"),
    "fall_by_churn": ("Moves it by, in percentage points", "Flytter det, i procentpoint"),
    "fall_by_clv": ("Moves it by", "Flytter det"),
    "fall_drawn": ("On the way", "Undervejs"),
    "fall_base": ("Starting point", "Udgangspunkt"),
    "fall_end": ("The answer", "Svaret"),
    "fall_others": ("{many} smaller reasons together", "{many} mindre grunde tilsammen"),
    "fall_other": ("One smaller reason", "En mindre grund"),
    "can_act": ("can be acted on", "kan påvirkes"),
    "margin_table": ("The same before calibration", "Det samme før kalibrering"),
    "margin_said": (
        "The model adds up on a scale of its own, and the sum is then turned into the answer. "
        "These are the numbers it added.",
        "Modellen lægger sammen på sin egen skala, og summen omsættes så til svaret. Det er de "
        "tal, den lagde sammen.",
    ),
    "margin": ("Model's own scale", "Modellens egen skala"),
    "no_reasons": (
        "No reasons are on record: none were asked for.",
        "Der er ikke registreret begrundelser, da ingen blev ønsket.",
    ),
    "lost": (
        "The model that gave this answer is no longer kept here, so only its numbers can be shown.",
        "Modellen bag svaret er ikke længere gemt her, så kun tallene kan vises.",
    ),
    "flags": ("What was unusual", "Hvad der var usædvanligt"),
    "no_flags": (
        "Nothing: all that was known lies within what the model had seen when it learnt.",
        "Intet: alt kendt ligger inden for det, modellen havde set, da den lærte.",
    ),
    "flag_out_of_range": (
        "{label}: {value} lies beyond all that the model had seen when it learnt.",
        "{label}: {value} ligger uden for alt, modellen havde set, da den lærte.",
    ),
    "flag_missing": (
        "{label} is missing, which it hardly ever was when the model learnt.",
        "{label} mangler, hvilket den næsten aldrig gjorde, da modellen lærte.",
    ),
    "flag_unseen_category": (
        "{label}: “{value}” was never seen when the model learnt, so it was taken as missing.",
        "{label}: “{value}” var aldrig set, da modellen lærte, og regnes som manglende.",
    ),
    "flag_old_features": (
        "What was known of the customer was older than the company wants it.",
        "Det kendte om kunden var ældre, end virksomheden ønsker.",
    ),
    "flag_other": ("{flag}", "{flag}"),
}

OTHERWISE: Phrases = {
    "otherwise": ("What would have changed the answer", "Hvad der ville have ændret svaret"),
    "otherwise_said": (
        "The smallest changes in what the company can act on that would have brought the risk "
        "below the band “{band}”. Each was put to the model anew, all else as it was. It says "
        "what the model goes by, not what would surely have happened.",
        "De mindste ændringer i det, virksomheden kan påvirke, som ville have bragt risikoen under "
        "båndet “{band}”. Hver er forelagt modellen på ny, alt andet uændret. Det siger, hvad "
        "modellen går efter, ikke hvad der sikkert ville være sket.",
    ),
    "otherwise_none": (
        "Nothing: no change of one or two things that the company can act on, within what the "
        "model has seen, would have brought the risk below the band “{band}”.",
        "Intet: ingen ændring af en eller to ting, som virksomheden kan påvirke, inden for det, "
        "modellen har set, ville have bragt risikoen under båndet “{band}”.",
    ),
    "otherwise_if": ("Had it been so", "Havde det været sådan"),
    "otherwise_then": ("the risk would be", "ville risikoen være"),
    "instead": ("{after} instead of {before}", "{after} i stedet for {before}"),
    "follows": ("with it: {these}", "dermed: {these}"),
}

FEATURES: Phrases = {
    "features": ("All that the model was told", "Alt, hvad modellen fik at vide"),
    "features_said": (
        "Each line is one thing known of the customer, with where it lies among the customers "
        "that the model learnt from. The bar runs from their lowest to their highest; the stroke "
        "is the middle one, the dot this customer. What moved the answer most stands first.",
        "Hver linje er noget, man vidste om kunden, og hvor det ligger blandt de kunder, modellen "
        "lærte af. Bjælken går fra den laveste til den højeste; stregen er den midterste, prikken "
        "er denne kunde. Det, der flyttede svaret mest, står først.",
    ),
    "features_rest": ("Show the other {many}", "Vis de øvrige {many}"),
    "feature": ("Known", "Kendt"),
    "feature_value": ("Value", "Værdi"),
    "feature_typical": ("Typical", "Typisk"),
    "feature_place": ("Among customers", "Blandt kunder"),
    "feature_churn": ("Moved the risk, percentage points", "Flyttede risikoen, procentpoint"),
    "feature_clv": ("Moved the value", "Flyttede værdien"),
    "computed": ("computed by the model", "beregnet af modellen"),
    "place_above_all": ("higher than all", "højere end alle"),
    "place_below_all": ("lower than all", "lavere end alle"),
    "place_highest": ("among the highest", "blandt de højeste"),
    "place_lowest": ("among the lowest", "blandt de laveste"),
    "place_higher": ("higher than {share}", "højere end {share}"),
    "place_lower": ("lower than {share}", "lavere end {share}"),
    "place_middle": ("in the middle", "i midten"),
    "place_constant": ("as all of them", "som alle"),
    "place_missing": ("missing, as for {share}", "mangler, som hos {share}"),
    "place_category": ("as {share}", "som {share}"),
    "place_new": ("as none of them", "som ingen af dem"),
}

SCORE: Phrases = {**SEARCH, **ANSWER, **ASKED, **WHY, **OTHERWISE, **FEATURES, **ORIGIN}
