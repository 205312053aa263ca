"""What goes on record of a call of many: a batch's columns, and how each customer was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from serving.batch import record as of_batch
from serving.record.batch_layout import Layout
from serving.record.batch_row import AS_OF, FOUND, GIVEN, PLACE
from serving.record.tokens import customer_tokens
from serving.releases.release import Release
from serving.scoring.assessment import Assessments
from serving.scoring.gathered import Gathered
from training.reasons import Options


@dataclass(frozen=True)
class CallRecord:
    """Lays calls of a release, told in one way, out for the record.

    Parameters
    ----------
    release : Release
    options : Options
    """

    release: Release
    options: Options

    @cached_property
    def layout(self) -> Layout:
        """The columns of the rows."""
        held = of_batch.layout(self.release, self.options)
        numbers = dict(sorted({**held.numbers, PLACE: 1}.items()))
        return Layout(numbers, tuple(sorted((*held.texts, AS_OF, FOUND, GIVEN))))

    def body(self, key: str | None) -> dict[str, Any]:
        """Return what the entry says of all rows.

        Parameters
        ----------
        key : str or None
            The id of the key that asked.
        """
        said = {**self._body, "key": key}
        return said if key else self._body

    @cached_property
    def _body(self) -> dict[str, Any]:
        said = of_batch.said(self.release, self.options)
        return {**said, "terms": of_batch.terms(self.release, self.options)}

    def rows(self, assessed: Assessments, gathered: Gathered, secret: bytes) -> pa.Table:
        """Return the rows, one a customer who has a score, in the order asked.

        Parameters
        ----------
        assessed : Assessments
        gathered : Gathered
            Whom, and how their features were come by.
        secret : bytes
            The key under which the record names customers.
        """
        tokens = customer_tokens(secret, self.release.base, assessed.customer_ids)
        flags = [json.dumps(list(held)) if held else None for held in gathered.flags]
        asked = {
            PLACE: np.array(gathered.places, dtype=float),
            AS_OF: of_batch.texts(assessed.as_of),
            FOUND: of_batch.texts(flags),
            GIVEN: of_batch.texts(gathered.rows),
        }
        return of_batch.recorded(assessed, gathered.columns, tokens, self.layout, asked)
