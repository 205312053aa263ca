"""The model bundle: what training produces, and all that serving loads.

A folder of XGBoost's own format, JSON and a page; nothing in it can run. ``manifest.json`` names
the SHA-256 of every other file, so that the manifest's own is the bundle's digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import StamkundeError
from features.schema import FeatureError, FeatureSchema
from training import calibrate
from training.additive import Additive
from training.blend import LINKS, Weighted
from training.if_stays import IfStays
from training.learned import Learned
from training.model import Model
from training.population import Population
from training.predictors import (
    Linear,
    Predictor,
    ProbabilityChurn,
    ProbabilityValue,
    Trees,
)
from training.recurring import RecurringRevenue
from training.segmenters.attributes import Attributes
from training.segmenters.centres import Centres
from training.segmenters.lifecycle import Lifecycle
from training.segmenters.mixture import Mixture
from training.segmenters.rfm import RfmGrid
from training.segmenters.segmenter import Segmenter
from training.segmenters.value import ValueTenths
from training.timing import Timing

FORMAT = 4
MANIFEST = "manifest.json"
_TIMING = "timing.json"  # of who churns in time; other bundles have none
_IF_STAYS = "if_stays.json"  # of a CLV that was fitted on enough who stayed
_SCORES = "scores.json"  # of churn and CLV
KINDS: dict[str, Any] = {
    kind.kind: kind
    for kind in (
        Additive,
        Linear,
        ProbabilityChurn,
        ProbabilityValue,
        RecurringRevenue,
        Trees,
    )
}
"""The predictors that a bundle may hold, by the name its manifest gives them."""

SEGMENTERS: dict[str, Any] = {
    kind.kind: kind for kind in (Attributes, Centres, Lifecycle, Mixture, RfmGrid, ValueTenths)
}
"""The ways to tell customers apart that a bundle may hold."""

_PLAIN_NAME = re.compile(r"[a-z0-9_]+\.(json|ubj|html)")


class BundleError(StamkundeError):
    """A bundle that is incomplete, altered, or of a format that is not known."""


@dataclass(frozen=True)
class Bundle:
    """A model with its papers, as read from a folder whose every hash held.

    Parameters
    ----------
    path : Path
        The folder.
    digest : str
        SHA-256 of its manifest, hence of all of it.
    manifest : dict
        Base, task, when, config, data, code, cut-offs, metrics, verdict, libraries, files.
    model : Model
        What predicts and explains.
    """

    path: Path
    digest: str
    manifest: Mapping[str, Any]
    model: Model

    @cached_property
    def reference(self) -> dict[str, Any]:
        """Binned training distributions by feature; no customer's row."""
        return json.loads((self.path / "reference.json").read_bytes())

    @cached_property
    def scores(self) -> dict[str, Any] | None:
        """The distribution of the values it served on the rows reported on; None of segments."""
        if _SCORES not in self.manifest["files"]:
            return None
        return json.loads((self.path / _SCORES).read_bytes())

    @property
    def tenths(self) -> tuple[float, ...] | None:
        """The nine values between the tenths of customers by CLV; None of other tasks."""
        if self.model.task != "clv" or self.scores is None:
            return None
        return tuple(self.scores["edges"][1:-1])

    @cached_property
    def ranges(self) -> Ranges:
        """What its inputs were in training: their least and greatest, and which were all there."""
        return Ranges.of(self.model.inputs, self.reference)

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model card as data."""
        return json.loads((self.path / "card.json").read_bytes())


_SELDOM = 0.01
"""The share of training rows below which it is odd for a feature to be missing."""


@dataclass(frozen=True)
class Ranges:
    """The training ranges of a model's inputs, in the schema's order.

    Parameters
    ----------
    least, greatest : ndarray, shape (features,)
        Infinite where there is no bound.
    present : ndarray of bool, shape (features,)
        Whether it was missing of fewer than a hundredth of the training rows.
    """

    least: np.ndarray
    greatest: np.ndarray
    present: np.ndarray

    @classmethod
    def of(cls, schema: FeatureSchema, reference: Mapping[str, Any]) -> Ranges:
        """Read a bundle's reference distributions."""
        held = [reference.get(name, {}) for name in schema.names]
        ends = [each.get("edges") or [-np.inf, np.inf] for each in held]
        rows = np.array([each.get("rows", 0) for each in held], dtype=float)
        missing = np.array([each.get("missing", 0) for each in held], dtype=float)
        return cls(
            np.array([float(edges[0]) for edges in ends]),
            np.array([float(edges[-1]) for edges in ends]),
            missing < _SELDOM * rows,
        )


def save(
    folder: Path, model: Model, papers: Mapping[str, Any], files: Mapping[str, bytes]
) -> Bundle:
    """Write a bundle into a new folder and read it back.

    Parameters
    ----------
    folder : Path
        Must not exist.
    model : Model
        What predicts.
    papers : mapping
        What the manifest says besides: base, made_at, config, data, metrics, verdict and so on.
    files : mapping of str to bytes
        The other files: reference.json, card.json, card.html; of churn and CLV scores.json.
    """
    content = {**_model_files(model), **files}
    folder.mkdir(parents=True)
    for name, held in content.items():
        (folder / name).write_bytes(held)
    manifest = {
        **papers,
        "format": FORMAT,
        "task": model.task,
        "model": model.name,
        "schema": model.schema.digest,
        "inputs": model.inputs.digest,
        "predictors": [
            {"file": _predictor_file(index, predictor.suffix), **_part(predictor)}
            for index, predictor in enumerate(model.predictors)
        ],
        "combine": "sum of margins",
        "segmenters": [
            {"file": _segmenter_file(held), "kind": held.kind, "way": held.way}
            for held in model.segmenters
        ],
        "population": asdict(model.population) if model.population else None,
        "floor": model.floor,
        "files": {name: sha256(held) for name, held in sorted(content.items())},
    }
    (folder / MANIFEST).write_bytes(to_json(manifest))
    return load(folder)


def load(folder: Path) -> Bundle:
    """Read a bundle, checking the hash of every file.

    Raises
    ------
    BundleError
        If a file is missing, altered or not named by the manifest, the format is not known, or a
        learned column is computed otherwise by now.
    """
    try:
        written = (folder / MANIFEST).read_bytes()
        manifest = json.loads(written)
        named = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}: no bundle: {MANIFEST} cannot be read ({error})") from None
    if manifest.get("format") != FORMAT:
        found = manifest.get("format")
        raise BundleError(f"{folder}: format {found!r}, expected {FORMAT}; train again")
    extra = {file.name for file in folder.iterdir()} - {*named, MANIFEST}
    if extra:
        raise BundleError(f"{folder}: holds {sorted(extra)}, which its manifest does not name")
    try:
        content = {name: _checked(folder, name, digest) for name, digest in named.items()}
        model = _model(manifest, content)
    except FeatureError as error:
        raise BundleError(f"{folder}: {error}") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BundleError(f"{folder / MANIFEST}: does not describe a model ({error!r})") from None
    return Bundle(folder, sha256(written), manifest, model)


def _load_pyfunc(path: str) -> Model:
    """Load a bundle as MLflow's generic model; scores are never served through it."""
    (manifest,) = Path(path).glob(f"**/{MANIFEST}")
    return load(manifest.parent).model


def _checked(folder: Path, name: str, digest: str) -> bytes:
    if not _PLAIN_NAME.fullmatch(name):
        raise BundleError(f"{folder}: {name!r} is no name of a bundle's file")
    try:
        held = (folder / name).read_bytes()
    except OSError:
        raise BundleError(f"{folder / name}: missing, though the manifest names it") from None
    if sha256(held) != digest:
        raise BundleError(
            f"{folder / name}: altered since the bundle was made (SHA-256 {sha256(held)[:12]}…, "
            f"expected {digest[:12]}…); restore it or promote another version"
        )
    return held


def _model_files(model: Model) -> dict[str, bytes]:
    files = {
        _predictor_file(index, predictor.suffix): predictor.to_bytes()
        for index, predictor in enumerate(model.predictors)
    }
    files |= {_segmenter_file(held): held.to_bytes() for held in model.segmenters}
    files["schema.json"] = to_json(model.schema.to_dict())
    files["calibration.json"] = to_json(calibrate.to_dict(model.calibration))
    files["intervals.json"] = to_json(model.intervals.to_dict() if model.intervals else {})
    files["learned.json"] = to_json(model.learned.to_dict() if model.learned else {})
    if model.timing:
        files[_TIMING] = to_json(model.timing.to_dict())
    if model.if_stays:
        files[_IF_STAYS] = to_json(model.if_stays.to_dict())
    return files


def _model(manifest: Mapping[str, Any], content: Mapping[str, bytes]) -> Model:
    intervals = json.loads(content["intervals.json"])
    learned = json.loads(content["learned.json"])
    population = manifest["population"]
    return Model(
        task=manifest["task"],
        name=manifest["model"],
        schema=FeatureSchema.from_dict(json.loads(content["schema.json"])),
        predictors=tuple(
            _predictor(named, content[named["file"]]) for named in manifest["predictors"]
        ),
        calibration=calibrate.from_dict(json.loads(content["calibration.json"])),
        intervals=calibrate.Intervals.from_dict(intervals) if intervals else None,
        population=Population(**population) if population else None,
        floor=manifest["floor"],
        learned=Learned.from_dict(learned) if learned else None,
        timing=Timing.from_dict(json.loads(content[_TIMING])) if _TIMING in content else None,
        segmenters=tuple(
            SEGMENTERS[named["kind"]].from_bytes(content[named["file"]])
            for named in manifest["segmenters"]
        ),
        if_stays=(
            IfStays.from_dict(json.loads(content[_IF_STAYS])) if _IF_STAYS in content else None
        ),
    )


def _part(predictor: Predictor) -> dict[str, Any]:
    """Return what the manifest says of a part of the margin."""
    if isinstance(predictor, Weighted):
        return {
            "kind": predictor.predictor.kind,
            "weight": predictor.weight,
            "link": predictor.link,
        }
    return {"kind": predictor.kind}


def _predictor(named: Mapping[str, Any], content: bytes) -> Predictor:
    held: Predictor = KINDS[named["kind"]].from_bytes(content)
    if "weight" not in named:
        return held
    if named["link"] not in LINKS:
        raise ValueError(f"no link is called {named['link']!r}")
    return Weighted(held, float(named["weight"]), named["link"])


def _predictor_file(index: int, suffix: str) -> str:
    return f"predictor_{index}.{suffix}"


def _segmenter_file(held: Segmenter) -> str:
    return f"segments_{held.way}.{held.suffix}"


def reference(model: Model, matrix: np.ndarray, bins: int = 10) -> dict[str, Any]:
    """Return the binned distributions of a model's training features, by name.

    Numbers: the deciles' edges and how many rows lie between them, the median, the missing; of a
    number with no more values than there are bins, those values and how many rows have each.
    Categories: how many rows have each.
    """
    held: dict[str, Any] = {}
    for index, column in enumerate(model.schema.columns):
        values = matrix[:, index]
        present = values[~np.isnan(values)]
        summary: dict[str, Any] = {"rows": len(values), "missing": int(np.isnan(values).sum())}
        if column.kind == "category":
            counts = np.bincount(present.astype(int), minlength=len(column.categories))
            summary["counts"] = dict(zip(column.categories, counts.tolist(), strict=True))
        elif len(present):
            edges = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)))
            summary["edges"] = edges.tolist()
            summary["counts"] = np.histogram(present, edges)[0].tolist() if len(edges) > 1 else []
            summary["median"] = float(np.median(present))
            values, rows_of = np.unique(present, return_counts=True)
            if len(values) <= bins:  # between the deciles of a flag there is nothing
                summary["values"] = values.tolist()
                summary["of_each"] = rows_of.tolist()
        held[column.name] = summary
    return held


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def to_json(held: Any) -> bytes:
    """Return data as the JSON that bundles hold: sorted, indented, no NaN."""
    return (json.dumps(held, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
