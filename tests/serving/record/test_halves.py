"""Files that a killed process left half written."""

import os
import time
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from serving.destinations.place import destination_of
from serving.destinations.stamp import Stamp
from serving.record.ledger import Ledger
from serving.record.merkle import temporary_beside

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)
HOUR = 3_600


@pytest.fixture
def folder(tmp_path):
    """A folder with a half of two days ago, one of an hour ago, and a file of somebody else's."""
    held = tmp_path / "kept"
    made = []
    for hours in (48, 1):
        with temporary_beside(held / "batch.parquet") as temporary:
            left = held / temporary.name.replace(".part", f"{hours}.part")
            os.link(temporary, left)
        os.utime(left, (time.time() - hours * HOUR,) * 2)
        made.append(left)
    other = held / ".other.part"
    other.touch()
    os.utime(other, (time.time() - 48 * HOUR,) * 2)
    return held, *made, other


def test_the_next_batch_removes_what_one_that_was_killed_left_on_record(folder):
    held, old, young, other = folder
    ledger = Ledger(held / "ledger.db", "shop", held)
    ledger.append_batch("batch", [{"customer": "a"}], {}, AT)
    ledger.close()
    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)


def test_the_next_file_of_scores_removes_what_was_left_beside_it(folder):
    held, old, young, other = folder
    stamp = Stamp("shop", "0" * 64, AT.date(), 7)
    place = destination_of(str(held / "scores.csv"), stamp)
    place.begin(pa.schema([("customer_id", pa.string())]))
    place.abort()
    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)
