"""What pages say of metrics, checks and simple models that a card names by their keys."""

from __future__ import annotations

from serving.pages.words import Phrases, Words
from training import wording

_SWAPPED = str.maketrans(",.", ".,")
_MONEY = ("currency", "money")

METRICS: Phrases = {
    "roc_auc": (
        "Ranking of those who leave above those who stay (ROC AUC)",
        "Rangordning af dem, der går, over dem, der bliver (ROC AUC)",
    ),
    "pr_auc": ("Average precision (PR AUC)", "Gennemsnitlig præcision (PR AUC)"),
    "log_loss": ("Mean surprise (log loss)", "Gennemsnitlig overraskelse (log loss)"),
    "brier": ("Squared error of the chance (Brier)", "Kvadreret fejl på chancen (Brier)"),
    "ece": ("Calibration error (ECE)", "Kalibreringsfejl (ECE)"),
    "lift_at_10": (
        "Leaving in the top tenth over the average",
        "Afgang i den øverste tiendedel i forhold til gennemsnittet",
    ),
    "normalised_gini": (
        "Ranking by value (normalised Gini)",
        "Rangordning efter værdi (normaliseret Gini)",
    ),
    "rmse": ("Typical error, large ones weigh most (RMSE)", "Typisk fejl, store vejer mest (RMSE)"),
    "mae": ("Average error for one customer (MAE)", "Gennemsnitlig fejl for én kunde (MAE)"),
    "spearman": ("Rank correlation (Spearman)", "Rangkorrelation (Spearman)"),
    "total_bias": ("Excess of the predicted total", "Forudsagt i alt ud over det faktiske"),
    "top_tenth_share": ("Value in the top tenth", "Værdi i den øverste tiendedel"),
    "silhouette": ("How far apart the segments are", "Hvor langt segmenterne er fra hinanden"),
    "stability": ("How stable the segments are", "Hvor stabile segmenterne er"),
    "smallest": ("Share of the smallest segment", "Det mindste segments andel"),
    "smallest_share": ("Share of the smallest segment", "Det mindste segments andel"),
    "mean_predicted": ("Predicted", "Forudsagt"),
    "mean_actual": ("What came", "Hvad der skete"),
    "mean_excess": ("Predicted less what came", "Forudsagt minus faktisk"),
}

SHORT_DA = {
    "lift_at_10": "Løft øverst",
    "top_tenth_share": "Øverste tiendedel",
    "total_bias": "Skævhed i alt",
    "normalised_gini": "Gini",
}

HELP: Phrases = {
    "roc_auc": (
        "0.5 is a coin toss, 1 is perfect",
        "0,5 er plat eller krone, 1 er perfekt",
    ),
    "pr_auc": (
        "a random order gets the share who leave, 1 is perfect",
        "en tilfældig orden giver andelen, der går; 1 er perfekt",
    ),
    "log_loss": ("lower is better", "lavere er bedre"),
    "brier": ("0 is perfect", "0 er perfekt"),
    "ece": ("0 is perfect", "0 er perfekt"),
    "lift_at_10": ("1 is no better than chance", "1 er ikke bedre end tilfældet"),
    "normalised_gini": ("0 is a random order, 1 is perfect", "0 er tilfældig orden, 1 er perfekt"),
    "rmse": ("lower is better", "lavere er bedre"),
    "mae": ("lower is better", "lavere er bedre"),
    "spearman": ("0 is no agreement, 1 is full", "0 er ingen enighed, 1 er fuld"),
    "total_bias": ("0 is best", "0 er bedst"),
    "top_tenth_share": ("higher is better", "højere er bedre"),
    "silhouette": ("0 is overlapping, 1 is fully apart", "0 er overlap, 1 er helt adskilt"),
    "stability": ("1 is the same every time", "1 er ens hver gang"),
    "smallest": ("too small is of no use", "for lille er ubrugelig"),
    "smallest_share": ("too small is of no use", "for lille er ubrugelig"),
}

CHECKS: Phrases = {
    "naive_rule": ("Better than a rule of thumb", "Bedre end en tommelfingerregel"),
    "best_baseline": (
        "No worse than the best simple model",
        "Ikke dårligere end den bedste simple model",
    ),
    "champion": (
        "No worse than the model in use before",
        "Ikke dårligere end modellen, der var i brug",
    ),
    "calibration": (
        "Its numbers can be taken at their word",
        "Dens tal kan tages for pålydende",
    ),
    "slices": (
        "Not far off for any group of customers",
        "Ikke langt ved siden af for nogen kundegruppe",
    ),
    "explanations": ("Its reasons add up to the score", "Dens begrundelser summer til scoren"),
    "stability": ("The segments come out alike again", "Segmenterne bliver ens igen"),
    "smallest": ("No segment is too small", "Intet segment er for lille"),
}

MODELS: Phrases = {
    "ensemble": ("Blend of models", "Blanding af modeller"),
    "recency": ("Rule of thumb: days since last purchase", "Tommelfingerregel: dage siden køb"),
    "base_rate": ("Rule of thumb: the same for all", "Tommelfingerregel: ens for alle"),
    "last_spend": ("Rule of thumb: as last period", "Tommelfingerregel: som sidste periode"),
    "rfm_logistic": ("Logistic on recency, frequency, spend", "Logistisk på tid, antal og beløb"),
    "subscription_logistic": ("Logistic on subscriptions", "Logistisk på abonnementer"),
    "logistic": ("Logistic on all attributes", "Logistisk på alle oplysninger"),
    "bgnbd": ("Purchase model (BG/NBD)", "Købsmodel (BG/NBD)"),
    "bgnbd_gg": ("Purchase and value model", "Købs- og værdimodel"),
    "champion": ("The model in use before", "Modellen, der var i brug"),
    "xgboost": ("Decision trees", "Beslutningstræer"),
    "linear": ("Linear model", "Lineær model"),
    "segments": ("Segments", "Segmenter"),
}


def named(table: Phrases, name: str, words: Words, otherwise: str | None = None) -> str:
    """Return what a key is called; as it is called elsewhere, or as a heading, if not here."""
    if name in table:
        return table[name][words.language == "da"]
    return otherwise or wording.title(name)


def short(name: str, words: Words) -> str:
    """Return a metric as the head of a narrow column."""
    if words.language == "da" and name in SHORT_DA:
        return SHORT_DA[name]
    if name in wording.LEVELS:
        return named(METRICS, name, words)
    return wording.SHORT.get(name, wording.title(name))


def figure(value: float | None, unit: str, currency: str, words: Words) -> str:
    """Return a metric's value as people read it."""
    if value is not None and unit in _MONEY:
        return words.money(value, currency)
    said = wording.measured(value) if unit in ("", "nats") else wording.number(value, unit)
    if unit == "times":
        said = said.replace("times", ("times", "gange")[words.language == "da"])
    return said.translate(_SWAPPED) if words.language == "da" else said


def tick(value: float, unit: str, currency: str, words: Words) -> str:
    """Return a value on an axis, where whole money needs no cents."""
    said = figure(value, unit, currency, words)
    cents = (".00", ",00")[words.language == "da"]
    return said.replace(cents, "") if unit in _MONEY else said


def between(low: float | None, high: float | None, unit: str, words: Words) -> str:
    """Return an interval; nothing where it is not known."""
    if low is None or high is None:
        return ""
    bare = unit if unit in ("share", "probability", "percent") else ""
    ends = (figure(end, bare, "", words) for end in (low, high))
    return (" to ", " til ")[words.language == "da"].join(ends)
