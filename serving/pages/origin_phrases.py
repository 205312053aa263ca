"""What a score's page says of its origin and of checking it, in English and in Danish."""

from __future__ import annotations

from serving.pages.words import Phrases

ORIGIN: Phrases = {
    "origin": ("Where the answer comes from", "Hvor svaret kommer fra"),
    "origin_said": (
        "Each fingerprint stands for one exact file or set of rows: if a single byte were "
        "changed, it would be another.",
        "Hvert fingeraftryk står for netop én fil eller ét sæt rækker: blev en eneste byte "
        "ændret, var det et andet.",
    ),
    "bundle": ("Model file", "Modelfil"),
    "made_at": ("Made", "Lavet"),
    "promoted": ("Put to use", "Taget i brug"),
    "forced": ("Against the checks, because", "Trods kontrollen, fordi"),
    "version": ("version {version}", "version {version}"),
    "run": ("Training run", "Træningskørsel"),
    "run_unknown": ("not on record", "ikke registreret"),
    "data": ("Data it learnt from", "Data, den lærte af"),
    "data_rows": ("{rows} rows", "{rows} rækker"),
    "tested_on": ("Tested on what came after", "Prøvet på det, der skete efter"),
    "config": ("Settings", "Indstillinger"),
    "commit": ("Version of the program", "Programmets version"),
    "commit_unknown": ("not known", "ukendt"),
    "check": ("Check it yourself", "Kontrollér det selv"),
    "replay": ("Compute it again", "Beregn den igen"),
    "replay_said": (
        "Has the model of then answer once more from what is on record, and compares.",
        "Lader modellen fra dengang svare igen ud fra det registrerede og sammenligner.",
    ),
    "replay_same": (
        "Computed again just now: the answer and all its reasons are the same, to the last digit.",
        "Netop beregnet igen: svaret og alle dets grunde er de samme, til sidste ciffer.",
    ),
    "replay_gone": (
        "It cannot be computed again: the model is no longer kept here.",
        "Den kan ikke beregnes igen: modellen er ikke længere gemt her.",
    ),
    "replay_other": (
        "Computed again, the answer is NOT the same. It moved by:",
        "Beregnet igen er svaret IKKE det samme. Det flyttede sig:",
    ),
    "replay_libraries": (
        "These programs have another version now than when the model was made:",
        "Disse programmer har en anden version nu, end da modellen blev lavet:",
    ),
    "verify": ("Check that it was not changed", "Kontrollér, at den ikke er ændret"),
    "verify_said": (
        "Computes the entry's fingerprint again, and follows it to that of the whole record.",
        "Beregner postens fingeraftryk igen og følger det til hele registrets.",
    ),
    "verify_held": (
        "Checked just now: this is entry {number}, as it was written, and the fingerprint of the "
        "record of {size} entries holds it.",
        "Netop kontrolleret: det er post {number}, som den blev skrevet, og fingeraftrykket af "
        "registret med {size} poster rummer den.",
    ),
    "verify_failed": (
        "Entry {number} is NOT as it was written: the fingerprint of the record of {size} entries "
        "does not hold it.",
        "Post {number} er IKKE, som den blev skrevet: fingeraftrykket af registret med {size} "
        "poster rummer den ikke.",
    ),
    "prove": ("Download the proof", "Hent beviset"),
    "prove_said": (
        "A file that shows the same to whoever holds a checkpoint of the record.",
        "En fil, der viser det samme for den, der har et kontrolpunkt af registret.",
    ),
    "prove_script": (
        "The script that checks it with nothing but Python",
        "Scriptet, der efterprøver den med Python alene",
    ),
    "verify_all": ("Check the whole record", "Kontrollér hele registret"),
    "entry_hash": ("The entry's fingerprint", "Postens fingeraftryk"),
    "root": ("The record's fingerprint", "Registrets fingeraftryk"),
    "others": ("Other scores of the same customer", "Kundens andre scorer"),
    "others_none": ("None is on record.", "Der er ikke registreret nogen."),
    "others_all": ("All scores of this customer", "Alle kundens scorer"),
}
