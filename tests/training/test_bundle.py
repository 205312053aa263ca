import json
from pathlib import Path

import numpy as np
import pytest

from tests.factories import make_bundle, make_bundles, make_config
from tests.training.bases import make_schema
from training import bundle as bundles
from training.bundle import MANIFEST, Bundle, BundleError
from training.calibrate import Exponential, Intervals
from training.model import Model
from training.population import Population
from training.predictors import Linear, ProbabilityValue, Term
from training.probability import BGNBD, GammaGamma

TASKS = ("churn", "clv", "segments")
FILES = (
    "calibration.json",
    "card.html",
    "card.json",
    "intervals.json",
    "learned.json",
    "manifest.json",
    "predictor_0.json",
    "reference.json",
    "schema.json",
    "scores.json",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, Path]:
    """A bundle of each task: trees, weights, centres."""
    folder = tmp_path_factory.mktemp("bundles")
    return make_bundles(folder / "made", make_config(folder))


def make_small(folder: Path) -> Path:
    """A bundle of a linear model of two numbers."""
    schema = make_schema("recency", "spend", group=("a", "b"))
    terms = (Term(0, "log1p", 1.0, 2.0, 0.5), Term(2, "equals", 0.5, 0.5, 0.1, argument=1.0))
    model = Model(
        "clv",
        "linear",
        schema,
        (Linear(3, 1.0, terms),),
        Exponential(1.1),
        intervals=Intervals(10.0, (), {"80": ((-0.4, 0.4),)}),
        population=Population("recency", 90.0),
        floor=0.0,
    )
    config = make_config(folder / "base")
    return make_bundle(folder / "bundle", config, model, make_matrix()).path


def make_matrix(rows: int = 200) -> np.ndarray:
    rng = np.random.default_rng(0)
    matrix = rng.gamma(2.0, 20.0, (rows, 3))
    matrix[:, 2] = rng.integers(0, 2, rows)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    return matrix


def rewritten(folder: Path, **changes) -> Path:
    """Change what the manifest says, as somebody might by hand."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(bundles.to_json({**manifest, **changes}))
    return folder


def held(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


# What is loaded is what was saved.


@pytest.mark.parametrize("task", TASKS)
def test_a_loaded_model_predicts_and_explains_the_same_bits(made, task, tmp_path):
    loaded = bundles.load(made[task])
    again = make_again(tmp_path / "again", loaded)
    width = len(loaded.model.schema.columns)
    matrix = np.random.default_rng(0).gamma(2.0, 10.0, (300, width))
    matrix[:, [column.kind == "category" for column in loaded.model.schema.columns]] = 1.0
    assert again.model.segmenters == loaded.model.segmenters
    if task != "segments":
        for name in ("margin", "served", "contributions", "served_contributions"):
            before = getattr(loaded.model.explain(matrix), name)
            assert getattr(again.model.explain(matrix), name).tobytes() == before.tobytes()
    assert again.model.schema == loaded.model.schema
    assert again.model.intervals == loaded.model.intervals
    assert again.model.population == loaded.model.population
    assert again.model.floor == loaded.model.floor


def make_again(folder: Path, loaded: Bundle) -> Bundle:
    names = {"reference.json", "scores.json", "card.json", "card.html"} & set(
        loaded.manifest["files"]
    )
    files = {name: (loaded.path / name).read_bytes() for name in names}
    return bundles.save(folder, loaded.model, loaded.manifest, files)


@pytest.mark.parametrize("task", TASKS)
def test_the_same_model_makes_the_same_bundle_to_the_byte(made, task, tmp_path):
    loaded = bundles.load(made[task])
    again = make_again(tmp_path / "again", loaded)
    assert again.digest == loaded.digest
    assert held(again.path) == held(loaded.path)


def test_a_probability_model_is_a_bundle_too(tmp_path):
    predictor = ProbabilityValue(
        4,
        0,
        1,
        2,
        3,
        90.0,
        BGNBD(0.25, 31.0, 0.8, 2.4),
        GammaGamma(6.0, 3.7, 15.0),
        (4, 60, 200, 35),
    )
    schema = make_schema("purchase_days", "active_span", "tenure", "spend_per_purchase_day")
    model = Model("clv", "bgnbd_gg", schema, (predictor,), Exponential(1.0))
    matrix = np.array([[3.0, 50.0, 100.0, 20.0], [1.0, 0.0, 9.0, np.nan]])
    config = make_config(tmp_path / "base")
    loaded = make_bundle(tmp_path / "bundle", config, model, matrix).model
    assert loaded.margin(matrix).tobytes() == model.margin(matrix).tobytes()
    assert loaded == model


def test_the_digest_is_of_the_manifest_which_names_every_other_file(made):
    for folder in made.values():
        loaded = bundles.load(folder)
        content = held(folder)
        written = content.pop(MANIFEST)
        assert loaded.digest == bundles.sha256(written)
        assert loaded.manifest["files"] == {
            name: bundles.sha256(content[name]) for name in sorted(content)
        }
        assert loaded.manifest["schema"] == loaded.model.schema.digest
        assert loaded.manifest["combine"] == "sum of margins"


def test_a_bundle_is_never_written_over_another(tmp_path):
    folder = make_small(tmp_path)
    with pytest.raises(FileExistsError):
        make_again(folder, bundles.load(folder))


# What is altered is refused.


@pytest.mark.parametrize("name", [name for name in FILES if name != MANIFEST])
def test_an_altered_byte_anywhere_is_refused_by_the_files_name(tmp_path, name):
    folder = make_small(tmp_path)
    assert sorted(held(folder)) == sorted(FILES)
    whole = (folder / name).read_bytes()
    for at in sorted({0, len(whole) // 2, len(whole) - 1}):
        altered = bytearray(whole)
        altered[at] ^= 1
        (folder / name).write_bytes(altered)
        with pytest.raises(BundleError, match=rf"{name}: altered since"):
            bundles.load(folder)
    (folder / name).write_bytes(whole)
    bundles.load(folder)


def test_an_altered_byte_of_the_trees_is_refused(made, tmp_path):
    folder = make_again(tmp_path / "again", bundles.load(made["churn"])).path
    altered = bytearray((folder / "predictor_0.ubj").read_bytes())
    altered[-5] ^= 1
    (folder / "predictor_0.ubj").write_bytes(altered)
    with pytest.raises(BundleError, match=r"predictor_0\.ubj: altered since"):
        bundles.load(folder)


def test_an_altered_byte_of_the_manifest_is_refused_or_makes_it_another_bundle(tmp_path):
    folder = make_small(tmp_path)
    written, digest = (folder / MANIFEST).read_bytes(), bundles.load(folder).digest
    refused = 0
    for at in range(0, len(written), 7):
        altered = bytearray(written)
        altered[at] ^= 1
        (folder / MANIFEST).write_bytes(altered)
        try:
            assert bundles.load(folder).digest != digest
        except BundleError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path, name):
    folder = make_small(tmp_path)
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name):
        bundles.load(folder)


@pytest.mark.parametrize("name", ["extra.json", "predictor_1.ubj", "model.pkl", ".hidden"])
def test_a_file_that_the_manifest_does_not_name_is_refused(tmp_path, name):
    folder = make_small(tmp_path)
    (folder / name).write_bytes(b"{}")
    with pytest.raises(BundleError, match=name):
        bundles.load(folder)


def test_a_folder_within_a_bundle_is_refused(tmp_path):
    folder = make_small(tmp_path)
    (folder / "more").mkdir()
    with pytest.raises(BundleError, match="more"):
        bundles.load(folder)


@pytest.mark.parametrize(
    "name", ["../secret.json", "/etc/hostname", "a/b.json", "a\\b.json", "card.json\n", "x.pkl", ""]
)
def test_a_name_that_could_lead_elsewhere_is_refused_unread(tmp_path, name):
    folder = make_small(tmp_path)
    secret = b"{}"
    (tmp_path / "secret.json").write_bytes(secret)
    files = json.loads((folder / MANIFEST).read_bytes())["files"]
    rewritten(folder, files={**files, name: bundles.sha256(secret)})
    with pytest.raises(BundleError, match="no name of a bundle's file"):
        bundles.load(folder)


@pytest.mark.parametrize("value", [1, 3, 0, "4", None])
def test_an_unknown_format_is_named(tmp_path, value):
    folder = rewritten(make_small(tmp_path), format=value)
    with pytest.raises(BundleError, match=r"format .*, expected 4; train again"):
        bundles.load(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"predictors": [{"kind": "os.system", "file": "predictor_0.json"}]},
        {"predictors": [{"kind": "linear", "file": "predictor_9.json"}]},
        {"predictors": [{"kind": "linear", "file": "../secret.json"}]},
        {"predictors": None},
        {"population": {"feature": "recency"}},
        {"files": {}},
        {"files": ["card.json"]},
        {"files": None},
        {"files": {"card.json": 5}},
    ],
    ids=repr,
)
def test_a_manifest_that_describes_no_model_is_refused(tmp_path, changes):
    folder = rewritten(make_small(tmp_path), **changes)
    with pytest.raises(BundleError):
        bundles.load(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff\xfe"])
def test_a_manifest_that_cannot_be_read_is_no_bundle(tmp_path, content):
    folder = make_small(tmp_path)
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match=r"no bundle: manifest\.json cannot be read"):
        bundles.load(folder)


def test_no_folder_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="no bundle"):
        bundles.load(tmp_path / "nowhere")


# What it holds.


def test_nothing_in_it_can_run(made):
    for folder in made.values():
        for name, content in held(folder).items():
            assert Path(name).suffix in (".json", ".html", ".ubj")
            # A pickle begins with the opcode PROTO, a compiled module with its magic, and so on.
            assert not content.startswith((b"\x80", b"PK", b"\x7fELF", b"#!"))
            if name.endswith(".json"):
                json.loads(content)
            if name.endswith(".ubj"):
                assert content.startswith(b"{")
                assert b"__reduce__" not in content


def test_the_reference_holds_counts_by_bin_and_no_customers_row():
    schema = make_schema("recency", "spend", group=("a", "b"))
    model = Model("clv", "linear", schema, (Linear(3, 1.0, ()),), Exponential(1.0))
    matrix = make_matrix(1000)
    told = bundles.reference(model, matrix)
    assert set(told) == set(schema.names)
    for index, name in enumerate(schema.names):
        missing = int(np.isnan(matrix[:, index]).sum())
        assert (told[name]["rows"], told[name]["missing"]) == (1000, missing)
    for name in ("recency", "spend"):
        assert len(told[name]["edges"]) == 11
        assert sum(told[name]["counts"]) == 1000 - told[name]["missing"]
        assert min(told[name]["counts"]) >= 50
    assert sum(told["group"]["counts"].values()) == 1000 - told["group"]["missing"]
    # Of a thousand distinct numbers a column, the bins' edges and the median are all there is.
    values = json.dumps(told)
    told_of = sum(repr(float(value)) in values for value in matrix[:, 1] if not np.isnan(value))
    assert told_of <= 12


def test_a_constant_and_an_absent_feature_have_a_reference():
    schema = make_schema("constant", "absent")
    model = Model("clv", "linear", schema, (Linear(2, 1.0, ()),), Exponential(1.0))
    told = bundles.reference(model, np.column_stack([np.full(20, 3.0), np.full(20, np.nan)]))
    assert told["constant"]["median"] == 3.0
    assert told["absent"] == {"rows": 20, "missing": 20}


def test_numbers_that_json_has_not_are_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        bundles.to_json({"x": np.inf})


def test_mlflows_loader_reads_the_bundle_within_its_folder(made, tmp_path):
    data = tmp_path / "data" / "bundle"
    again = make_again(data, bundles.load(made["churn"]))
    loaded = bundles._load_pyfunc(str(tmp_path))
    assert loaded.schema == again.model.schema
