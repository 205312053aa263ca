"""The ways that are rules find their features in a base as it is built."""

import numpy as np

from configs.segmentation import AttributeSegments, LifecycleSegments
from features.build import schema_of
from tests.factories import make_config, make_features, make_tables
from training.segmenters import attributes, lifecycle, rfm
from training.segmenters.segmenter import NOBODY


def test_customers_of_a_built_base_are_told_apart(tmp_path):
    config = make_config(tmp_path)
    schema, windows = schema_of(config, make_tables(config)), config.features.windows
    frame = make_features(config)
    matrix = schema.encode(frame)
    grid = rfm.fit(
        "rfm",
        schema,
        matrix,
        "days_since_purchase",
        f"purchases_in_{windows[-1]}d",
        f"spend_in_{windows[-1]}d",
        None,
    )
    stages = lifecycle.fit("stages", schema, LifecycleSegments(kind="lifecycle"), windows)
    asked = AttributeSegments(kind="attributes", of=("income", "newsletter"))
    households = attributes.fit("households", schema, matrix, asked)

    silent = frame["days_since_purchase"].to_numpy(dtype=float)
    scores, places = grid.scores(matrix)[:, 0], stages.assign(matrix)
    assert silent[scores == 5].max() < np.nanmin(silent[scores == 1])
    assert set(places[silent > 120]) == {lifecycle.ASLEEP}
    assert lifecycle.COOLING not in places[silent <= 60]
    (returns_only,) = frame.index[frame["customer_id"] == "005"]
    assert places[returns_only] == NOBODY
    names = [households.segments[place].name for place in households.assign(matrix)]
    told = dict(zip(frame["customer_id"], names, strict=True))
    assert told["001"] == "Income: low · gets the newsletter: yes"  # as its row in the file says
    assert told["003"] == "Income: unknown · gets the newsletter: unknown"  # it has no row
