"""One score as its page tells it: the recorded body, put beside the bundles that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from features.schema import FeatureColumn
from serving.pages.explained import Told
from serving.pages.placed import Place, place_of
from serving.record.merkle import Entry
from serving.releases.release import ReleaseError
from serving.scoring.score import BundleLookup
from training.bundle import Bundle, BundleError
from training.model import TASKS
from training.quantities import Language, Value
from training.reasons import Options, Row, Vocabulary, ranked

EXPLAINED = ("churn", "clv")
_APART = 3  # of what puts a customer in a segment


@dataclass(frozen=True)
class Feature:
    """One feature as it was used.

    Parameters
    ----------
    column : FeatureColumn
    value : Value
    told, typical : str
        It, and that of the typical customer in training, in words; the latter may be empty.
    place : Place, optional
        Where it lies among the customers that the model learnt from.
    added : dict of task to float
        What it added on the scale of each value.
    learned : bool
        Whether the model computed it from the others.
    """

    column: FeatureColumn
    value: Value
    told: str
    typical: str
    place: Place | None
    added: Mapping[str, float]
    learned: bool


@dataclass(frozen=True)
class ToldScore:
    """A score on record, and what it takes to tell it.

    Parameters
    ----------
    entry : Entry
    body : mapping
        What is on record.
    bundles : mapping of task to Bundle
        Those it names that are still kept.
    """

    entry: Entry
    body: Mapping[str, Any]
    bundles: Mapping[str, Bundle]

    @classmethod
    def of(cls, entry: Entry, bundle_of: BundleLookup) -> ToldScore:
        """Read an entry and the bundles that it names; one that is not kept is left out."""
        body = entry.body
        found: dict[str, Bundle] = {}
        for task in TASKS:
            if task in body["bundles"]:
                try:
                    found[task] = bundle_of(body["bundles"][task])
                except (ReleaseError, BundleError):
                    continue
        return cls(entry, body, found)

    @cached_property
    def lost(self) -> list[str]:
        """The tasks whose bundle is no longer kept."""
        return [task for task in self.body["bundles"] if task not in self.bundles]

    @cached_property
    def tasks(self) -> dict[str, Told]:
        """Churn and lifetime value, where there is an answer and its bundle."""
        scores = self.body["scores"]
        return {
            task: Told.of(self.bundles[task], self.body)
            for task in EXPLAINED
            if task in self.bundles and "code" not in scores.get(task, {"code": None})
        }

    def features(self, language: Language) -> list[Feature]:
        """Return all features as used, those that added most first."""
        added = self._added()
        found: dict[str, Feature] = {}
        for task, bundle in self.bundles.items():
            told = self.tasks.get(task)
            words = told.vocabulary if told else Vocabulary.of(bundle)
            values = told.values if told else self.body["features"][bundle.model.inputs.digest]
            for index, value in enumerate(values):
                name = words.schema.names[index]
                if name not in found:
                    sums = added.get(name, {})
                    found[name] = _feature(words, bundle, index, value, language, sums)
        return sorted(
            found.values(),
            key=lambda held: tuple(-abs(held.added.get(task, 0.0)) for task in EXPLAINED),
        )

    def _added(self) -> dict[str, dict[str, float]]:
        """Return what each feature added on the scale of each value."""
        sums: dict[str, dict[str, float]] = {}
        for task, told in self.tasks.items():
            for name, by in zip(told.vocabulary.schema.names, told.served or (), strict=False):
                sums.setdefault(name, {})[task] = by
        return sums

    def segments(self, language: Language) -> list[dict[str, Any]]:
        """Return the segment of each way, with what puts the customer there."""
        ways, bundle = self.body["scores"].get("segments") or {}, self.bundles.get("segments")
        held = {segmenter.way: segmenter for segmenter in bundle.model.segmenters} if bundle else {}
        told = []
        for way, said in ways.items():
            segment = said.get("segment")
            name = None if segment is None else _named(held.get(way), segment, language)
            told.append(
                {
                    "way": way,
                    "id": segment and segment["id"],
                    "name": name,
                    "code": said.get("code"),
                    "potential": segment and segment["potential"],
                    "reasons": self._apart(bundle, said, language),
                }
            )
        return told

    def _apart(
        self, bundle: Bundle | None, said: Mapping[str, Any], language: Language
    ) -> list[str]:
        if bundle is None or "contributions" not in said:
            return []
        values = self.body["features"][bundle.model.inputs.digest]
        row = Row(values, said["contributions"], said["contributions"])
        found = ranked(Vocabulary.of(bundle), row, 1, Options(_APART, language))
        return [reason["text"] for reason in found]


def _named(segmenter: Any, segment: Mapping[str, Any], language: Language) -> str:
    """Return a segment's name in a language; as it was recorded where the bundle is gone."""
    for known in getattr(segmenter, "segments", ()):
        if known.id == segment["id"]:
            return str(known.name_da if language == "da" else known.name)
    return str(segment["name"])


def _feature(
    words: Vocabulary,
    bundle: Bundle,
    index: int,
    value: Value,
    language: Language,
    added: Mapping[str, float],
) -> Feature:
    column, typical = words.schema.columns[index], words.typical[index]
    return Feature(
        column,
        value,
        words.told(column, value, language),
        "" if typical is None else words.told(column, typical, language),
        place_of(value, bundle.reference.get(column.name)),
        added,
        index >= len(bundle.model.inputs.names),
    )
