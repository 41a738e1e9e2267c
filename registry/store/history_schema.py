"""The tables of a preprint's history upstream, and of what it may be a duplicate of.

::

    revisions      when each version came, how large, of which kind: also of texts never seen
    primaries      the primary categories a version was seen under, where there were several
    absences       ids that arXiv deleted, or did not return when they were asked for
    announcements  what a feed announced: a hint, never a source of truth
    match_keys     what duplicates are found by
    duplicates     pairs that may be the same paper, with the reason; nothing merges them by itself
    notices        which events and new papers the daily summaries have told
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from registry.store.columns import JsonText, UtcDateTime
from registry.store.schema import metadata as metadata

revisions = Table(
    "revisions",
    metadata,
    Column("preprint_id", ForeignKey("preprints.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("submitted", UtcDateTime),
    Column("kilobytes", Integer),
    Column("source_type", String(10)),  # arXiv's letters; I: withdrawn
    Column("licence", Text),
    CheckConstraint("version >= 1", name="version"),
)

primaries = Table(
    "primaries",
    metadata,
    Column("preprint_id", ForeignKey("preprints.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("category", String(40), primary_key=True),
    Column("last_seen", UtcDateTime, nullable=False),
)

absences = Table(
    "absences",
    metadata,
    Column("preprint_id", String(40), primary_key=True),  # not always one that was ever seen
    Column("kind", String(10), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("last", UtcDateTime, nullable=False),
    Column("times", Integer, nullable=False),
    CheckConstraint("kind IN ('deleted', 'unseen')", name="kind"),
)

announcements = Table(
    "announcements",
    metadata,
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("preprint_id", String(40), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("announce_type", String(20), primary_key=True),
    Column("announced", Date, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    CheckConstraint(
        "announce_type IN ('new', 'cross', 'replace', 'replace-cross', 'absonly')",
        name="announce_type",
    ),
)

match_keys = Table(
    "match_keys",
    metadata,
    Column("ref", String(60), primary_key=True),  # an id
    Column("sha256", String(64), nullable=False),  # of the text the keys were made from
    Column("doi", Text),
    Column("title", String(32)),
    Column("year", Integer, nullable=False),
    Index(None, "doi"),
    Index(None, "title"),
)

duplicates = Table(
    "duplicates",
    metadata,
    Column("one", String(40), primary_key=True),  # the smaller of the two ids
    Column("other", String(40), primary_key=True),
    Column("reason", String(10), primary_key=True),
    Column("detail", JsonText, nullable=False),
    Column("found_at", UtcDateTime, nullable=False),
    CheckConstraint("reason IN ('doi', 'title')", name="reason"),
)

notices = Table(
    "notices",
    metadata,
    Column("preprint_id", String(40), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("noticed", UtcDateTime, nullable=False),
)
