"""What the pages of the models say, in English and in Danish."""

from __future__ import annotations

from serving.pages.words import Phrases

MODELS: Phrases = {
    "models": ("Models", "Modeller"),
    "models_lead": (
        "Which models give the scores now, and which gave them before. Every change is an entry "
        "of the record.",
        "Hvilke modeller der giver scorerne nu, og hvilke der gjorde det før. Hver ændring er en "
        "post i registret.",
    ),
    "task_churn": ("Will the customer leave?", "Forlader kunden os?"),
    "task_clv": ("What will the customer be worth?", "Hvad bliver kunden værd?"),
    "task_segments": ("Which kind of customer is it?", "Hvilken slags kunde er det?"),
    "name_churn": ("Churn", "Frafald"),
    "name_clv": ("Customer lifetime value", "Kundelivstidsværdi"),
    "name_segments": ("Segments", "Segmenter"),
    "now": ("In use now", "I brug nu"),
    "former": ("No longer in use", "Ikke længere i brug"),
    "none_now": ("No model is in use for this.", "Ingen model er i brug til det."),
    "not_on_record": (
        "The record does not say how it came into use.",
        "Registret siger ikke, hvordan den kom i brug.",
    ),
    "past": ("All models that were in use", "Alle modeller, der har været i brug"),
    "model": ("Model", "Model"),
    "version": ("Version", "Version"),
    "from": ("From", "Fra"),
    "until": ("Until", "Til"),
    "still": ("still in use", "stadig i brug"),
    "how": ("How it came into use", "Hvordan den kom i brug"),
    "how_promotion": ("Promoted", "Sat i brug"),
    "how_rollback": ("Brought back", "Taget i brug igen"),
    "verdict": ("Verdict before use", "Dom før brug"),
    "passed": ("Passed", "Bestået"),
    "refused": ("Refused", "Afvist"),
    "forced": (
        "Put to use all the same, because: “{why}”",
        "Sat i brug alligevel, fordi: “{why}”",
    ),
    "entry": ("Entry", "Post"),
    "see_model": ("What this model is, and how good", "Hvad modellen er, og hvor god"),
    "since": ("In use since {at}.", "I brug siden {at}."),
    "no_models_yet": (
        "No model has been put to use yet.",
        "Ingen model er sat i brug endnu.",
    ),
}

MODEL: Phrases = {
    **MODELS,
    "about": ("About this model", "Om modellen"),
    "made": ("Made {at}.", "Lavet {at}."),
    "used": ("In use from {start} to {end}.", "I brug fra {start} til {end}."),
    "never_used": ("It was never put to use.", "Den har aldrig været i brug."),
    "original": ("The whole model card, as it was made", "Hele modelkortet, som det blev lavet"),
    "in_english": (
        "Sentences marked like this are the model card's own, in English as they were written "
        "when the model was made.",
        "Sætninger på engelsk er modelkortets egne, som de blev skrevet, da modellen blev lavet.",
    ),
    "cautions": ("Before you rely on it", "Før du stoler på den"),
    "gate": ("The tests it had to pass", "De prøver, den skulle bestå"),
    "gate_lead": (
        "Before a model is put to use it is tested on a later time than it learned from. It must "
        "pass every test, or somebody must say on record why it is used all the same.",
        "Før en model sættes i brug, prøves den på en senere tid end den, den har lært af. Den "
        "skal bestå dem alle, eller nogen skal skrive i registret, hvorfor den alligevel bruges.",
    ),
    "gate_passed": ("It passed all its tests.", "Den bestod alle prøver."),
    "gate_refused": ("It did not pass all its tests.", "Den bestod ikke alle prøver."),
    "check": ("Test", "Prøve"),
    "found": ("Found", "Fundet"),
    "bound": ("Bound", "Grænse"),
    "failed": ("Failed", "Ikke bestået"),
    "worth": ("How good it was", "Hvor god den var"),
    "worth_lead": (
        "Measured on customers at a later time than the model learned from, beside simple ways "
        "of answering the same question. Below each figure is its 95 % interval; the best is "
        "marked.",
        "Målt på kunder på en senere tid end den, modellen lærte af, ved siden af simple måder at "
        "svare på det samme. Under hvert tal står dets 95 %-interval; det bedste er markeret.",
    ),
    "metric": ("Measure", "Mål"),
    "best": ("best", "bedst"),
    "in_use": ("this model", "denne model"),
    "calibration": ("Can its numbers be taken at their word?", "Kan dens tal tages for pålydende?"),
    "calibration_churn": (
        "The customers in ten equal groups, by the predicted chance of leaving. On the line, as "
        "many left as was predicted. Within the grey bar, the distance may be chance.",
        "Kunderne i ti lige store grupper efter den forudsagte chance for at gå. På linjen gik så "
        "mange som forudsagt. Inden for den grå bjælke kan afstanden skyldes tilfældet.",
    ),
    "calibration_clv": (
        "The customers in ten equal groups, by their predicted value. On the line, they brought "
        "what was predicted.",
        "Kunderne i ti lige store grupper efter forudsagt værdi. På linjen kom de med det, der "
        "var forudsagt.",
    ),
    "off_by": (
        "On average the chances were {off} percentage points off; of so few customers, a perfect "
        "model would be {perfect} off.",
        "I gennemsnit ramte chancerne {off} procentpoint ved siden af; med så få kunder ville en "
        "perfekt model ramme {perfect} ved siden af.",
    ),
    "as_numbers": ("The same as numbers", "Det samme som tal"),
    "tenth": ("Group", "Gruppe"),
    "customers": ("Customers", "Kunder"),
    "predicted": ("Predicted", "Forudsagt"),
    "actual": ("What came", "Hvad der skete"),
    "by_chance": ("Chance alone", "Tilfældet alene"),
    "why": ("What it goes by", "Hvad den går efter"),
    "why_lead": (
        "How much each thing known of a customer moves a score, on average over all customers, "
        "as a share of all that moves it. Blue is what the company can act on.",
        "Hvor meget hver oplysning om en kunde flytter en score, i gennemsnit over alle kunder, "
        "som andel af alt, der flytter den. Blåt er det, virksomheden kan gøre noget ved.",
    ),
    "by_idea": ("By what it is about", "Efter emne"),
    "by_feature": ("Each feature by itself", "Hver oplysning for sig"),
    "feature": ("Feature", "Oplysning"),
    "idea": ("About", "Om"),
    "idea_more": ("{label} and {count} like it", "{label} og {count} lignende"),
    "share": ("Share", "Andel"),
    "act": ("can be acted on", "kan påvirkes"),
    "contribution": ("Mean contribution", "Gennemsnitligt bidrag"),
    "protected": ("Protected attributes", "Beskyttede oplysninger"),
    "slices": ("For whom it is better or worse", "For hvem den er bedre eller værre"),
    "slices_lead": (
        "The same figures, group by group, with 95 % intervals. A group too small to judge has "
        "no figures.",
        "De samme tal, gruppe for gruppe, med 95 %-intervaller. En gruppe, der er for lille til "
        "at bedømme, har ingen tal.",
    ),
    "group": ("Group", "Gruppe"),
    "too_few": ("too few to judge", "for få til at bedømme"),
    "segments_found": ("The segments", "Segmenterne"),
    "segment": ("Segment", "Segment"),
    "limits": ("What it is not for", "Hvad den ikke er til"),
    "who": ("Who", "Hvem"),
    "not_for": ("should not use it for", "bør ikke bruge den til"),
    "because": ("because", "fordi"),
    "lineage": ("Where it comes from", "Hvor den kommer fra"),
    "lineage_lead": (
        "Fingerprints: if a single byte of the model, its data or its settings were different, "
        "its fingerprint would be too.",
        "Fingeraftryk: var blot én byte i modellen, dens data eller dens indstillinger "
        "anderledes, ville fingeraftrykket også være det.",
    ),
    "digest": ("The model", "Modellen"),
    "run": ("The run that made it", "Kørslen, der lavede den"),
    "fingerprint": ("The data it learned from", "Data, den har lært af"),
    "data_rows": ("Rows of data", "Rækker data"),
    "config_hash": ("Its settings", "Dens indstillinger"),
    "commit": ("The program's version", "Programmets version"),
    "schema": ("Its features' definitions", "Oplysningernes definitioner"),
    "libraries": ("Libraries", "Biblioteker"),
    "python": ("Python", "Python"),
    "little_said": (
        "This model's card says nothing more.",
        "Modellens kort siger ikke mere.",
    ),
}
