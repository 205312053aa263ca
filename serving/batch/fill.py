"""The feature store filled with the whole base as it is on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from configs.schema import Config
from features import consent
from features.build import build_known, schema_of
from features.schema import FeatureSchema
from features.source import Tables
from features.store import FeatureStore
from serving.releases.kept import still_asked
from serving.releases.release import Release
from serving.scoring.score import schemas


def fill_store(
    config: Config, tables: Tables, release: Release | None, as_of: date, store: FeatureStore
) -> int:
    """Put every customer's features as of a date into the store; return how many customers.

    They are stored under each schema of the release, or under the present one if nothing is
    promoted yet; and at the same instant under those by which a service answers until it has
    taken up the release. Sets of other schemas are taken away.

    Raises
    ------
    FeatureError
        If a feature is computed otherwise than when a model was trained.
    """
    present = schema_of(config, tables)
    wanted = schemas(release) if release else {present.digest: present}
    check_definitions(present, wanted)
    table = build_known(config, tables, as_of)
    ids = table["customer_id"].tolist()
    kept = {**still_asked(config.var, present), **wanted}
    store.replace_sets(
        config.name,
        str(as_of),
        ids,
        {digest: schema.plain(table) for digest, schema in kept.items()},
        [digest for digest in store.schemas(config.name) if digest not in kept],
        consent.given(config, tables, as_of),
    )
    return len(ids)


def check_definitions(present: FeatureSchema, wanted: Mapping[str, FeatureSchema]) -> None:
    """Check that features are computed as they were when models were trained.

    Raises
    ------
    FeatureError
        If one is not.
    """
    for schema in wanted.values():
        schema.check_definitions(present)
