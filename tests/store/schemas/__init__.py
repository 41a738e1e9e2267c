"""Databases of every schema there has been, as SQL: ``0001.sqlite.sql``, ``0001.postgresql.sql``.

After adding a migration, keep what the one before it made::

    python -m tests.store.schemas 0001

A file is written once, with the program that wrote such databases, and never changed.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def kept(kind: str) -> dict[str, Path]:
    """The kept databases of a kind (``sqlite``, ``postgresql``) by their revision."""
    return {path.name.split(".")[0]: path for path in sorted(FOLDER.glob(f"*.{kind}.sql"))}
