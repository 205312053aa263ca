"""The phrases of the report's page, in English and in Danish."""

from __future__ import annotations

from collections.abc import Mapping

from training.segmentation.migration import NO_LONGER, NO_LONGER_DA, NOT_YET, NOT_YET_DA

PHRASES: Mapping[str, tuple[str, str]] = {
    # The page
    "title": ("Retention", "Fastholdelse"),
    "heading": (
        "Who stays, who leaves, and what it costs",
        "Hvem bliver, hvem går, og hvad koster det",
    ),
    "span": ("{days} days to {last}", "{days} dage til og med {last}"),
    "contents": ("Contents", "Indhold"),
    "cautions": ("Before you use this report", "Før du bruger rapporten"),
    "withheld": ("withheld", "tilbageholdt"),
    "everybody": ("everybody", "alle"),
    "unknown": ("unknown", "ukendt"),
    "in_none": ("in no segment", "i intet segment"),
    "yes": ("yes", "ja"),
    "no": ("no", "nej"),
    "points": ("points", "point"),
    "as_table": ("The same as a table", "Det samme som tabel"),
    # The headline
    "headline_customers": (
        "{count} customers at the end of {day}",
        "{count} kunder ved udgangen af den {day}",
    ),
    "headline_snapshot": ("{count} customers are in the table", "{count} kunder er i tabellen"),
    "headline_kept": (
        "{share} of the customers there were at the start stayed",
        "{share} af kunderne ved periodens begyndelse blev",
    ),
    "headline_kept_snapshot": ("{share} of them stayed", "{share} af dem blev"),
    "headline_lost": ("{count} left", "{count} gik"),
    "headline_revenue": ("Customers brought {money}", "Kunderne købte for {money}"),
    "headline_mrr_end": (
        "Subscriptions bring {money} a month",
        "Abonnementerne giver {money} om måneden",
    ),
    "headline_risk": (
        "{money} is at risk: {count} customers are expected to leave.",
        "{money} er i fare: {count} kunder ventes at gå.",
    ),
    "headline_risk_within": (
        "{money} is at risk: {count} customers are expected to leave within {days} days.",
        "{money} er i fare: {count} kunder ventes at gå inden for {days} dage.",
    ),
    "since": ("{change} compared with the {days} days before", "{change} mod de {days} dage før"),
    "unchanged": ("as in the {days} days before", "som i de {days} dage før"),
    "of_clv": ("{share} of lifetime value", "{share} af kundeværdien"),
    # Titles of sections, and what is said under them
    "section_risk": ("Money at stake", "Penge på spil"),
    "about_risk": (
        "Value at risk is the probability that customers leave times what they would bring if they "
        "stayed, added up: what it would cost to lose those who are expected to go.",
        "Værdi i fare er sandsynligheden for, at kunder går, gange det, de ville købe for, hvis de "
        "blev, lagt sammen: hvad det ville koste at miste dem, der ventes at gå.",
    ),
    "about_stake": (
        "Segments are ranked by all that is at stake: value at risk, and what customers like them "
        "spend at their best but they do not, less what it costs to serve them.",
        "Segmenterne er ordnet efter alt, hvad der er på spil: værdi i fare og det, som kunder som "
        "dem køber for, når de køber mest, men de ikke selv gør, minus hvad de koster at betjene.",
    ),
    "section_calls": ("Whom to call first", "Hvem der skal ringes til først"),
    "about_calls": (
        "The customers with the most value at risk, and what raises their risk. The list names "
        "people: keep it as personal data, and check that they may be contacted.",
        "Kunderne med mest værdi i fare, og hvad der øger deres risiko. Listen nævner personer: "
        "behandl den som persondata, og undersøg, om de må kontaktes.",
    ),
    "calls_recorded": (
        "These scores are on record as {entry}/1 and on, by their rank.",
        "Disse scorer står i registret som {entry}/1 og frem, efter rang.",
    ),
    "section_figures": ("The figures of all customers", "Tal for alle kunder"),
    "about_figures": (
        "Each figure with what it means. The files beside this page hold them for machines.",
        "Hvert tal med sin betydning. Filerne ved siden af rapporten har tallene til maskiner.",
    ),
    "about_change": (
        "The change is from the period before: of shares in percentage points, else in percent.",
        "Ændringen er fra perioden før: af andele i procentpoint, ellers i procent.",
    ),
    "section_segments": ("The segments", "Segmenterne"),
    "about_segments": (
        "Each customer is in one segment of each way of telling them apart.",
        "Hver kunde er i ét segment af hver inddeling.",
    ),
    "section_groups": ("The figures by group", "Tal for grupper"),
    "about_groups": (
        "Every customer is in one group of each table, so that counts add up to the whole.",
        "Hver kunde er i én gruppe i hver tabel, så antal kan lægges sammen til det hele.",
    ),
    "about_withheld": (
        "A figure of fewer than {least} customers is withheld, so that it gives nobody away, and "
        "with it the next ones where it could be had by subtraction.",
        "Et tal om færre end {least} kunder tilbageholdes, så det ikke røber nogen, og med det de "
        "næste, hvor det ellers kunne regnes ud ved at trække fra.",
    ),
    "segments_at_end": (
        "Customers are in the segment they have at the period's end. Where only present customers "
        "are in a segment, all of its customers at the start stayed, and retention is 100 %.",
        "Kunderne er i det segment, de har ved periodens slutning. Hvor kun nuværende kunder er i "
        "et segment, blev alle dets kunder fra begyndelsen, og fastholdelsen er 100 %.",
    ),
    "section_cohorts": (
        "Cohorts, and how long customers stay",
        "Årgange, og hvor længe kunder bliver",
    ),
    "about_cohorts": (
        "A cohort is the customers who came in the same {unit}. The first may hold some who came "
        "before the data begin.",
        "En årgang er de kunder, der kom i samme {unit}. Den første kan rumme nogle, der kom, før "
        "data begynder.",
    ),
    "month": ("month", "måned"),
    "quarter": ("quarter", "kvartal"),
    "year": ("year", "år"),
    "months": ("months", "måneder"),
    "quarters": ("quarters", "kvartaler"),
    "years": ("years", "år"),
    "section_value": ("How lifetime value is spread", "Hvordan kundeværdien fordeler sig"),
    "about_value": (
        "Lifetime value is the money a customer is expected to bring in the time ahead that the "
        "model is asked about.",
        "Kundeværdi er det, en kunde ventes at købe for i den tid frem, modellen spørges om.",
    ),
    "about_value_within": (
        "Lifetime value is the money a customer is expected to bring in the next {days} days.",
        "Kundeværdi er det, en kunde ventes at købe for i de næste {days} dage.",
    ),
    "section_track_record": (
        "How good the predictions have been",
        "Hvor gode forudsigelserne har været",
    ),
    "about_track_record": (
        "The models of now scored the customers as they were known then; this is what they said "
        "beside what then happened.",
        "De nuværende modeller vurderede kunderne, som de var kendt dengang; her er det, de sagde, "
        "ved siden af det, der så skete.",
    ),
    "section_origin": ("What this report is made from", "Hvad rapporten er lavet af"),
    "about_origin": (
        "The same data, settings and models give the same report.",
        "De samme data, indstillinger og modeller giver den samme rapport.",
    ),
    "about_zone": ("Days are those of {zone}.", "Dage regnes i tidszonen {zone}."),
    "about_customer": (
        "Whoever bought within {days} days counts as a customer.",
        "Den, der har købt inden for {days} dage, tæller som kunde.",
    ),
    # Tables
    "figure": ("Figure", "Tal"),
    "now": ("Now", "Nu"),
    "before": ("Before", "Før"),
    "change": ("Change", "Ændring"),
    "whole_caption": ("All customers in the period", "Alle kunder i perioden"),
    "by_caption": ("{name}: chief figures", "{name}: hovedtal"),
    "further_caption": ("{name}: further figures", "{name}: flere tal"),
    "further": ("{name}: further figures", "{name}: flere tal"),
    "left_out": (
        "{count} smaller groups are only in the files beside this page.",
        "{count} mindre grupper er kun i filerne ved siden af rapporten.",
    ),
    "customers": ("Customers", "Kunder"),
    "risk_caption": ("{name}: money at stake", "{name}: penge på spil"),
    "risk_whole": ("Money at stake in the whole base", "Penge på spil blandt alle kunder"),
    "at_stake": ("At stake", "På spil"),
    "value_at_risk": ("Value at risk", "Værdi i fare"),
    "unrealised": ("Potential not realised", "Uudnyttet potentiale"),
    "cost_to_serve": ("Cost to serve", "Pris for betjening"),
    "expected_leavers": ("Expected to leave", "Ventes at gå"),
    "mean_churn": ("Mean risk", "Gennemsnitlig risiko"),
    "high_band": ("At high risk", "I høj risiko"),
    "clv": ("Lifetime value", "Kundeværdi"),
    "calls_caption": (
        "Whom to call first, the most value at risk on top",
        "Hvem der skal ringes til først, mest værdi i fare øverst",
    ),
    "calls_open": ("Show the {count} customers", "Vis de {count} kunder"),
    "call_customer_id": ("Customer", "Kunde"),
    "call_churn": ("Risk of leaving", "Risiko for at gå"),
    "call_value_at_risk": ("Value at risk", "Værdi i fare"),
    "call_clv": ("Lifetime value", "Kundeværdi"),
    "call_last_purchase": ("Last purchase", "Seneste køb"),
    "call_last_contact": ("Last contact", "Seneste kontakt"),
    "consent": ("Consent to {purpose}", "Samtykke til {purpose}"),
    "channel": ("Channel", "Kanal"),
    "cohort": ("Cohort", "Årgang"),
    # Segments
    "way_behaviour": ("Behaviour", "Adfærd"),
    "way_rfm": ("Recency, frequency and money", "Hvornår, hvor ofte og for hvor meget"),
    "way_lifecycle": ("Lifecycle", "Livsforløb"),
    "way_value": ("Lifetime value", "Kundeværdi"),
    "way_attributes": ("Attributes", "Kendetegn"),
    "persona_customers": ("Customers", "Kunder"),
    "persona_usual_gap": ("Days between purchases", "Dage mellem køb"),
    "persona_channel": ("Main channel", "Vigtigste kanal"),
    "persona_apart": ("What sets it apart: {said}.", "Det særlige: {said}."),
    "persona_share": ("Share of customers", "Andel af kunder"),
    "persona_revenue_share": ("Share of revenue", "Andel af omsætning"),
    "persona_clv_share": ("Share of lifetime value", "Andel af kundeværdi"),
    "persona_churn": ("Risk of leaving", "Risiko for at gå"),
    "persona_order_value": ("A typical order", "En typisk ordre"),
    "persona_potential": ("Potential of one", "Potentiale for én"),
    "persona_unrealised": ("Not realised, in all", "Uudnyttet i alt"),
    "stayed": (
        "{share} of those in a segment at both ends of the period kept theirs.",
        "{share} af dem, der var i et segment ved begge ender af perioden, er i det samme.",
    ),
    "moves_caption": (
        "Customers by their segment when the period began (down) and as it ended (across)",
        "Kunder efter segment, da perioden begyndte (ned) og sluttede (hen)",
    ),
    "from_to": ("From ↓ to →", "Fra ↓ til →"),
    "before_all": ("In all before", "I alt før"),
    "then": ("In all after", "I alt efter"),
    "nowhere_before": (NOT_YET, NOT_YET_DA),
    "nowhere_after": (NO_LONGER, NO_LONGER_DA),
    # Cohorts and survival
    "cohorts_kept": ("Who is still there", "Hvem der stadig er der"),
    "cohorts_bought_caption": (
        "The share of each cohort that bought in later {units}.",
        "Andelen af hver årgang, der købte i senere {units}.",
    ),
    "cohorts_kept_caption": (
        "The share of each cohort that still subscribed in later {units}.",
        "Andelen af hver årgang, der stadig abonnerede i senere {units}.",
    ),
    "cohorts_revenue": ("What each cohort brings", "Hvad hver årgang bringer"),
    "cohorts_revenue_caption": (
        "Net revenue, by when customers came.",
        "Nettoomsætning efter, hvornår kunderne kom.",
    ),
    "cohorts_mrr_caption": (
        "Monthly recurring revenue, by when customers came.",
        "Månedlig abonnementsomsætning efter, hvornår kunderne kom.",
    ),
    "grid_caption": (
        "Share of each cohort that was there, by how long after it came",
        "Andel af hver årgang, der var der, efter hvor længe efter den kom",
    ),
    "survival": ("How long customers stay", "Hvor længe kunder bliver"),
    "survival_caption": (
        "The share who stay longer than so many days (Kaplan–Meier), with its "
        "95\N{NO-BREAK SPACE}% band.",
        "Andelen, der bliver længere end så mange dage (Kaplan–Meier), med "
        "95\N{NO-BREAK SPACE}%-bånd.",
    ),
    "about_survival": (
        "Whoever has not bought for {days} days is held to have left at the last purchase: those "
        "who bought only once stayed for no days, so that the curve begins below 100 %.",
        "Den, der ikke har købt i {days} dage, regnes for at være gået ved sit seneste køb: den, "
        "der kun købte én gang, blev i ingen dage, så kurven begynder under 100 %.",
    ),
    "about_subscribing": (
        "Whoever has no subscription running any more has left.",
        "Den, der ikke længere har et løbende abonnement, er gået.",
    ),
    # Value
    "value_caption": ("Lifetime value by share of customers", "Kundeværdi efter andel af kunder"),
    "value_said": (
        "Half of {count} customers are worth {middle} or more; the mean is {mean}.",
        "Halvdelen af {count} kunder er {middle} eller mere værd; gennemsnittet er {mean}.",
    ),
    "of_customers": ("Of customers", "Af kunderne"),
    "quantile": ("the top {share}", "de øverste {share}"),
    "at_least": ("are worth at least", "er mindst værd"),
    # Pictures
    "trend": ("Period by period", "Periode for periode"),
    "trend_caption": (
        "Each point is a period that ends there.",
        "Hvert punkt er en periode, der slutter der.",
    ),
    "flow": ("Customers who came and who left", "Kunder, der kom, og kunder, der gik"),
    "flow_mrr": ("Monthly revenue won and lost", "Månedlig omsætning, vundet og tabt"),
    "flow_caption": (
        "From the start of the period to its end.",
        "Fra periodens begyndelse til dens slutning.",
    ),
    "stake": ("What each segment has at stake", "Hvad hvert segment har på spil"),
    "short_value_at_risk": ("At risk", "I fare"),
    "short_unrealised": ("Not realised", "Uudnyttet"),
    "short_customers": ("Customers", "Kunder"),
    "migration": ("Who moved", "Hvem der flyttede"),
    "migration_caption": (
        "Of each segment before, where its customers are now.",
        "Hvor kunderne i hvert segment er nu.",
    ),
    "value_picture": ("Lifetime values", "Kundeværdier"),
    "value_picture_caption": (
        "How many customers are worth how much.",
        "Hvor mange kunder er hvor meget værd.",
    ),
    # The track record
    "task_churn": ("Who would leave", "Hvem der ville gå"),
    "task_clv": ("What customers would bring", "Hvad kunderne ville bringe"),
    "judged": (
        "{customers} customers as of {cutoff}, judged by what happened until {until}.",
        "{customers} kunder pr. {cutoff}, bedømt på det, der skete indtil {until}.",
    ),
    "expected_churn": (
        "{expected} were expected to leave; {actual} did.",
        "{expected} ventedes at gå; {actual} gik.",
    ),
    "expected_clv": (
        "{expected} was expected; {actual} came.",
        "{expected} ventedes; {actual} kom.",
    ),
    "metric": ("Measure", "Mål"),
    "value": ("Value", "Værdi"),
    "interval": ("95 % interval", "95 %-interval"),
    "metrics_caption": ("How good they were", "Hvor gode de var"),
    "metric_roc_auc": (
        "Ranking of churners above stayers (ROC AUC)",
        "Rangordning af dem, der går, over dem, der bliver (ROC AUC)",
    ),
    "metric_log_loss": ("Mean surprise (log loss)", "Gennemsnitlig overraskelse (log loss)"),
    "metric_ece": ("Calibration error (ECE, ten bins)", "Kalibreringsfejl (ECE, ti dele)"),
    "metric_lift_at_10": (
        "Churn in the top tenth over the average",
        "Afgang i den øverste tiendedel i forhold til gennemsnittet",
    ),
    "metric_normalised_gini": (
        "Ranking by value (normalised Gini)",
        "Rangordning efter værdi (normaliseret Gini)",
    ),
    "metric_total_bias": ("Excess of the predicted total", "Forudsagt i alt ud over det faktiske"),
    "metric_spearman": ("Rank correlation (Spearman)", "Rangkorrelation (Spearman)"),
    "part": ("Part", "Del"),
    "band": ("Band", "Bånd"),
    "predicted": ("Predicted", "Forudsagt"),
    "actual": ("Actual", "Faktisk"),
    "parts_caption": ("By rising prediction", "Efter stigende forudsigelse"),
    "bands_caption": ("By band of risk", "Efter risikobånd"),
    "low": ("low", "lav"),
    "middle": ("middle", "mellem"),
    "high": ("high", "høj"),
    "calibration": ("Predicted beside actual", "Forudsagt ved siden af faktisk"),
    # Where it comes from
    "table_transactions": ("Transactions", "Transaktioner"),
    "table_customers": ("Customers", "Kunder"),
    "table_events": ("Events", "Hændelser"),
    "table_subscriptions": ("Subscriptions", "Abonnementer"),
    "table_snapshot": ("Snapshot", "Øjebliksbillede"),
    "named_churn": ("churn", "kundeafgang"),
    "named_clv": ("lifetime value", "kundeværdi"),
    "named_segments": ("segments", "segmenter"),
    "rows": ("rows", "rækker"),
    "days": ("Days", "Dage"),
    "fingerprint": ("Fingerprint of the data", "Dataenes fingeraftryk"),
    "config": ("Fingerprint of the settings", "Indstillingernes fingeraftryk"),
    "release": ("Release", "Udgivelse"),
    "bundle": ("Model of {task}", "Model for {task}"),
    # Cautions
    "caution_nothing_promoted": (
        "No model is promoted yet, so that nothing is told of risk, value and segments. To add "
        "them, run: stamkunde train all, then stamkunde promote for each task.",
        "Ingen model er taget i brug endnu, så intet fortælles om risiko, værdi og segmenter. "
        "Tilføj dem med: stamkunde train all og derefter stamkunde promote for hver opgave.",
    ),
    "caution_no_model": (
        "No model of {tasks} is promoted: what it would tell is left out. Run: stamkunde train "
        "and stamkunde promote.",
        "Ingen model for {tasks} er taget i brug: det, den ville fortælle, er udeladt. Kør: "
        "stamkunde train og stamkunde promote.",
    ),
    "caution_data_end": (
        "The data end on {last}, before the period does: customers look as though they left.",
        "Data slutter {last}, før perioden gør: kunderne ser ud, som om de er gået.",
    ),
    "caution_no_time": (
        "The data have no time: there are no periods, cohorts or predictions to look back on.",
        "Data har ingen tid: der er ingen perioder, årgange eller forudsigelser at se tilbage på.",
    ),
    "caution_young": (
        "The data begin on {first}. Nobody can have lapsed before {from}, so that more customers "
        "seem to have stayed in this period than will in later ones.",
        "Data begynder {first}. Ingen kan være faldet fra før {from}, så flere kunder ser ud til "
        "at være blevet i denne periode, end der vil i senere.",
    ),
    "caution_short": (
        "The period begins before the data do ({first}): who was a customer before is not known.",
        "Perioden begynder før data ({first}): hvem der var kunde før, vides ikke.",
    ),
}
"""Each phrase by its name: English, Danish. Braces are filled with what it names."""
