"""What the frame of the pages, signing in and their errors say, in English and in Danish."""

from __future__ import annotations

from serving.pages.words import Phrases

SHELL: Phrases = {
    "skip": ("Skip to the content", "Spring til indholdet"),
    "pages": ("Pages", "Sider"),
    "site": ("Scores on record", "Registrerede scorer"),
    "nav_start": ("Overview", "Overblik"),
    "nav_scores": ("Scores", "Scorer"),
    "nav_models": ("Models", "Modeller"),
    "nav_record": ("Record", "Register"),
    "nav_drift": ("Drift", "Forskydning"),
    "nav_outcomes": ("Outcomes", "Udfald"),
    "other_language": ("Dansk", "English"),
    "sign_out": ("Sign out", "Log ud"),
    "table_of": ("Table: {name}", "Tabel: {name}"),
    "as_csv": ("Download as CSV", "Hent som CSV"),
    "as_json": ("Download as JSON", "Hent som JSON"),
    "export": ("This page as a file", "Siden som fil"),
    "times": ("Times are in the zone {zone}.", "Tidspunkter er i tidszonen {zone}."),
    "read_only": (
        "These pages only show; nothing can be changed here.",
        "Siderne viser kun; intet kan ændres her.",
    ),
    "error_404": ("There is nothing here", "Her er ikke noget"),
    "error_410": ("Deleted for good", "Slettet for altid"),
    "error_422": ("This cannot be looked up", "Det kan ikke slås op"),
    "error_503": ("The record cannot be read now", "Registret kan ikke læses lige nu"),
    "error_other": ("Something went wrong", "Noget gik galt"),
    "said_404": (
        "No page or score has this address. Check that the whole address was copied.",
        "Ingen side eller score har denne adresse. Se efter, om hele adressen er kopieret.",
    ),
    "said_410": (
        "What this score said was deleted: the person asked to be forgotten, or the time was over "
        "for which it is kept. Nobody can read it any more. That there was an entry here can "
        "still be proved, and the rest of the record is whole without it.",
        "Hvad denne score sagde, er slettet: personen har bedt om at blive glemt, eller tiden, den "
        "gemmes i, var udløbet. Ingen kan læse det mere. Det kan stadig bevises, at der var en "
        "post her, og resten af registret er intakt.",
    ),
    "said_422": (
        "Something in the address or the form is not as it should be: {detail}",
        "Noget i adressen eller formularen er ikke, som det skal være: {detail}",
    ),
    "said_503": (
        "Nothing is lost. Please try again in a moment.",
        "Intet er gået tabt. Prøv igen om lidt.",
    ),
    "said_other": (
        "The page could not be shown. The service's log says why.",
        "Siden kunne ikke vises. Servicens log fortæller hvorfor.",
    ),
    "back": ("To the overview", "Til overblikket"),
}

SIGN_IN: Phrases = {
    "sign_in": ("Sign in", "Log ind"),
    "sign_in_lead": (
        "These pages are for auditors: they show what each customer was scored, and why.",
        "Siderne er for revisorer: de viser, hvilken score hver kunde har fået, og hvorfor.",
    ),
    "key": ("Your key", "Din nøgle"),
    "key_hint": (
        "It begins with sk_ and must have the scope “audit”. Whoever runs the service makes it "
        "with: stamkunde keys add NAME --scope audit",
        "Den begynder med sk_ og skal have adgangen “audit”. Den, der driver servicen, laver den "
        "med: stamkunde keys add NAVN --scope audit",
    ),
    "key_wrong": (
        "This is no valid key for these pages. It may be mistyped, expired or revoked, or be "
        "without the scope “audit”.",
        "Det er ikke en gyldig nøgle til siderne. Den kan være tastet forkert, udløbet eller "
        "trukket tilbage, eller mangle adgangen “audit”.",
    ),
    "signed_for": (
        "You stay signed in for {hours} hours, or until you sign out or close the browser.",
        "Du er logget ind i {hours} timer, eller til du logger ud eller lukker browseren.",
    ),
}
