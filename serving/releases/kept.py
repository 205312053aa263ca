"""Which sets of features the store keeps beside the current release's: those a service uses."""

from __future__ import annotations

from pathlib import Path

from configs.errors import StamkundeError
from features.schema import FeatureError, FeatureSchema
from serving.record.merkle import put, sync, temporary_beside
from serving.releases.release import Release, release_by_digest
from serving.scoring.assessment import schemas


def note_served(var_folder: Path, release: Release) -> None:
    """Note, as the service, which release answers by now; it may wait long for the next.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    file = _file(var_folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    with temporary_beside(file) as temporary:
        temporary.write_text(f"{release.digest}\n")
        sync(temporary)
        put(temporary, file)


def still_asked(var_folder: Path, present: FeatureSchema) -> dict[str, FeatureSchema]:
    """Return the schemas of the release that a service last answered by, by digest.

    It may do so until it has taken up the current one. Those whose features are computed otherwise
    by now are left out.
    """
    try:
        release = release_by_digest(var_folder, _file(var_folder).read_text().strip())
    except (OSError, StamkundeError):
        return {}  # no service has run, or its bundles are no more
    return {
        digest: schema
        for digest, schema in schemas(release).items()
        if _is_computed_so(schema, present)
    }


def _is_computed_so(schema: FeatureSchema, present: FeatureSchema) -> bool:
    try:
        schema.check_definitions(present)
    except FeatureError:
        return False
    return True


def _file(var_folder: Path) -> Path:
    return var_folder / "releases" / "served"
