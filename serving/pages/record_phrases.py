"""What the page of the record says, in English and in Danish."""

from __future__ import annotations

from serving.pages.words import Phrases

RECORD: Phrases = {
    "record": ("The record", "Registret"),
    "record_lead": (
        "Every score is written down before it is given, and every change to models and keys too. "
        "The entries hang together: whoever changes, removes or adds one afterwards is found out.",
        "Hver score skrives ned, før den gives, og det samme gør hver ændring af modeller og "
        "nøgler. Posterne hænger sammen: ændrer, fjerner eller tilføjer nogen en bagefter, bliver "
        "det opdaget.",
    ),
    "in_it": ("What is in it", "Hvad der er i det"),
    "entries": ("Entries", "Poster"),
    "first": ("First entry", "Første post"),
    "last": ("Last entry", "Seneste post"),
    "kind": ("Kind", "Slags"),
    "count": ("How many", "Hvor mange"),
    "kind_score": ("Scores, one customer each", "Scorer, én kunde hver"),
    "kind_call": ("Scores of many customers at once", "Scorer af mange kunder på én gang"),
    "kind_batch": ("Scores of the whole customer base", "Scorer af hele kundebasen"),
    "kind_promotion": ("Models put to use", "Modeller sat i brug"),
    "kind_rollback": ("Models brought back", "Modeller taget i brug igen"),
    "kind_keys": ("Changes of keys", "Ændringer af nøgler"),
    "kind_erasure": ("People forgotten", "Personer glemt"),
    "kind_backup": ("Backups", "Sikkerhedskopier"),
    "kind_restore": ("Brought back from a backup", "Hentet tilbage fra en sikkerhedskopi"),
    "kind_retention": ("Old entries let go", "Gamle poster sluppet"),
    "root": ("Its fingerprint now", "Dets fingeraftryk nu"),
    "root_hint": (
        "It stands for every entry. Write it down: whatever is changed later, the record can "
        "never again be shown to have had this fingerprint at this size.",
        "Det står for hver eneste post. Skriv det ned: ændres noget senere, kan det aldrig mere "
        "vises, at registret havde dette fingeraftryk ved denne størrelse.",
    ),
    "empty": ("Nothing is on record yet.", "Intet er registreret endnu."),
    "whole": ("Is it whole?", "Er det intakt?"),
    "whole_lead": (
        "Computes every fingerprint again and compares. It reads the whole record, or of a long "
        "one the latest part.",
        "Beregner hvert fingeraftryk igen og sammenligner. Den læser hele registret, eller af et "
        "langt den seneste del.",
    ),
    "verify": ("Verify now", "Efterprøv nu"),
    "verify_again": ("Verify again", "Efterprøv igen"),
    "is_whole": (
        "Whole. All {entries} entries and {rows} rows of batches were computed again, and nothing "
        "has been changed, removed or added.",
        "Intakt. Alle {entries} poster og {rows} rækker i kørsler er beregnet igen, og intet er "
        "ændret, fjernet eller tilføjet.",
    ),
    "part_whole": (
        "The latest {entries} entries of {size} are whole, with {rows} rows of batches. To verify "
        "all, use the command below.",
        "De seneste {entries} poster af {size} er intakte, med {rows} rækker i kørsler. Brug "
        "kommandoen nedenfor for at efterprøve alt.",
    ),
    "not_whole": (
        "NOT whole. {count} faults were found:",
        "IKKE intakt. Der er fundet {count} fejl:",
    ),
    "more_faults": ("and {count} more", "og {count} mere"),
    "took": ("It took {seconds} seconds.", "Det tog {seconds} sekunder."),
    "checkpoints": ("Checkpoints", "Kontrolpunkter"),
    "checkpoints_lead": (
        "A checkpoint is the record's fingerprint at one moment, signed. Kept somewhere else, it "
        "shows even a record that was written anew from the beginning.",
        "Et kontrolpunkt er registrets fingeraftryk på et tidspunkt, underskrevet. Ligger det et "
        "andet sted, afslører det selv et register, der er skrevet forfra.",
    ),
    "no_checkpoints": (
        "None lies in this service's folder of checkpoints. Whoever runs it can make one: "
        "stamkunde audit checkpoint --to FOLDER",
        "Der ligger ingen i servicens mappe med kontrolpunkter. Den, der driver den, kan lave et: "
        "stamkunde audit checkpoint --to MAPPE",
    ),
    "checkpoint_at": ("Signed", "Underskrevet"),
    "checkpoint_size": ("At this size", "Ved denne størrelse"),
    "checkpoint_root": ("Fingerprint", "Fingeraftryk"),
    "checkpoints_used": (
        "When all of the record is verified, it is held against these too. Hold it against one "
        "kept elsewhere as well: whoever can change the record here may change these.",
        "Når hele registret efterprøves, holdes det også op mod disse. Hold det også op mod et, "
        "der ligger et andet sted: den, der kan ændre registret her, kan måske ændre disse.",
    ),
    "checkpoints_broken": (
        "These are not what was signed, or signed by somebody else: {files}",
        "Disse er ikke det, der blev underskrevet, eller er underskrevet af andre: {files}",
    ),
    "by_yourself": ("Check it without us", "Efterprøv det uden os"),
    "by_yourself_lead": (
        "You need not believe this page. These commands do the same on any machine that has the "
        "record; the last gives a proof of one score that a program of twenty lines checks, with "
        "nothing of ours in it.",
        "Du behøver ikke tro på siden. Kommandoerne gør det samme på enhver maskine, der har "
        "registret; den sidste giver et bevis for én score, som et program på tyve linjer "
        "kontrollerer uden noget af vores i sig.",
    ),
    "command_verify": ("The whole record", "Hele registret"),
    "command_checkpoint": ("Against a checkpoint kept elsewhere", "Mod et kontrolpunkt andetsteds"),
    "command_prove": ("A proof of one score", "Et bevis for én score"),
    "command_replay": ("One score computed again", "Én score beregnet igen"),
    "events": ("What was done besides scoring", "Hvad der er gjort ud over at score"),
    "no_events": ("Nothing yet.", "Intet endnu."),
    "when": ("When", "Hvornår"),
    "what": ("What", "Hvad"),
    "number": ("No.", "Nr."),
    "said_promotion": (
        "{task}: version {version} was put to use",
        "{task}: version {version} blev sat i brug",
    ),
    "said_rollback": (
        "{task}: version {version} was brought back",
        "{task}: version {version} blev taget i brug igen",
    ),
    "said_forced": ("against its tests, because: “{why}”", "trods sine prøver, fordi: “{why}”"),
    "said_add": (
        "Key {id} was made for “{name}”: {scopes}",
        "Nøglen {id} blev lavet til “{name}”: {scopes}",
    ),
    "said_rotate": ("Key {id} of “{name}” was renewed", "Nøglen {id} til “{name}” blev fornyet"),
    "said_revoke": ("Key {id} of “{name}” was ended", "Nøglen {id} til “{name}” blev lukket"),
    "said_erasure": (
        "A person was forgotten: what is about them can no longer be read",
        "En person er glemt: det, der handler om personen, kan ikke længere læses",
    ),
    "said_backup": ("The record was backed up", "Registret blev sikkerhedskopieret"),
    "said_restore": (
        "The record was brought back from a backup",
        "Registret blev hentet tilbage fra en sikkerhedskopi",
    ),
    "said_retention": (
        "What entries older than the company keeps them had said was let go; that they were there "
        "can still be proved",
        "Det, der stod i poster ældre end virksomheden gemmer dem, blev slettet; at de var der, "
        "kan stadig bevises",
    ),
    "latest_of": (
        "The latest {count} of each kind are shown.",
        "De seneste {count} af hver slags vises.",
    ),
}
