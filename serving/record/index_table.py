"""The tables of the index: derived from the record, and made anew where they are lost.

A score's row stands in a *group*: the scores of one set of bundles in one band. A search by model
or band thus reads a few ranges of one B-tree, newest first, and never a row that it does not show.
"""

from __future__ import annotations

import sqlalchemy as sa

from features.database import Prepared

_HELD = sa.MetaData()

STATE = sa.Table(
    "index_state",
    _HELD,
    sa.Column("base", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
)
"""Up to which entry each base's record is in the index."""

GROUPS = sa.Table(
    "index_groups",
    _HELD,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("base", sa.String, nullable=False),
    sa.Column("bundles", sa.String, nullable=False),
    sa.Column("band", sa.String, nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("base", "bundles", "band"),
)
"""Each set of bundles and band, with the times of its first and last score; no band is ``""``."""

BATCHES = sa.Table(
    "index_batches",
    _HELD,
    sa.Column("base", sa.String, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("as_of", sa.String),
    sa.Column("bundles", sa.String, nullable=False),
    sa.Column("bands", sa.String, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
)
"""Batches whose rows lie in columns: those are looked up where they are."""

SCORES = sa.Table(
    "index_scores",
    _HELD,
    sa.Column("group", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("customer", sa.LargeBinary, nullable=False),
    sa.Column("as_of", sa.String),
    sa.Column("probability", sa.Double),
    sa.Column("value", sa.Double),
    sqlite_with_rowid=False,
)
"""Scores that are entries, or rows of small calls: row 0 is the entry itself."""

sa.Index("index_scores_of_customer", SCORES.c.customer, SCORES.c.at)

TABLES = (STATE, GROUPS, BATCHES, SCORES)

_OLDER = sa.tuple_(SCORES.c.at, SCORES.c.seq, SCORES.c.row) < sa.tuple_(
    sa.bindparam("at"), sa.bindparam("seq"), sa.bindparam("row")
)
NEWEST = (
    sa.select(SCORES)
    .where(_OLDER, SCORES.c.at >= sa.bindparam("since"))
    .order_by(SCORES.c.at.desc(), SCORES.c.seq.desc(), SCORES.c.row.desc())
    .limit(sa.bindparam("limit"))
)
"""The newest scores before a place, and not before a time."""

OF_GROUP = Prepared(NEWEST.where(SCORES.c.group == sa.bindparam("group")))
"""The newest scores of a group before a place."""

INSERT = Prepared(
    sa.insert(SCORES).values({held.name: sa.bindparam(held.name) for held in SCORES.columns})
)
