"""Write the database that a revision makes, filled with made-up rows, as SQL for both kinds."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from alembic import command

from registry.store.engine import Store, _engine, _normalise
from registry.store.migrations import config
from tests import throwaway_postgres
from tests.store.schemas import FOLDER
from tests.store.schemas.rows import fill


def main(revision: str) -> None:
    """Write both files of ``revision``; refuses to overwrite one."""
    paths = [FOLDER / f"{revision}.{kind}.sql" for kind in ("sqlite", "postgresql")]
    if there := [path.name for path in paths if path.exists()]:
        sys.exit(f"{', '.join(there)}: kept already; a kept database is never changed")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.db"
        _make(f"sqlite:///{file}", revision)
        paths[0].write_text("\n".join(_lines(file)) + "\n")
    with throwaway_postgres.server() as server, throwaway_postgres.database(server) as url:
        _make(url, revision)
        paths[1].write_text(_postgresql(url))


def _make(url: str, revision: str) -> None:
    # Not open_store: that would go on to the newest schema.
    with Store(_engine(_normalise(url), 10.0)) as store, store.write() as connection:
        command.upgrade(config(connection), revision)
        fill(connection)


def _lines(file: Path) -> Iterator[str]:
    """The database as statements; a full-text index is made again from the table it covers."""
    source = sqlite3.connect(file)
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    master = source.execute(query).fetchall()
    virtual = [name for _, name, sql in master if sql.startswith("CREATE VIRTUAL")]
    shadow = tuple(f"{name}_" for name in virtual)
    for kind, name, sql in master:
        if kind == "table" and name not in virtual and not name.startswith(shadow):
            yield f"{sql};"
            yield from _inserts(source, name)
    for kind, name, sql in master:
        if kind == "index" or name in virtual:
            yield f"{sql};"
    for name in virtual:
        yield f"INSERT INTO {name} ({name}) VALUES ('rebuild');"
    # Last, or the rows above would set them off.
    for kind, _, sql in master:
        if kind == "trigger":
            yield f"{sql};"
    source.close()


def _inserts(source: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = [row[1] for row in source.execute(f'PRAGMA table_info("{table}")')]
    quoted = ", ".join(f'quote("{column}")' for column in columns)
    named = ", ".join(f'"{column}"' for column in columns)
    for row in source.execute(f'SELECT {quoted} FROM "{table}" ORDER BY 1'):
        yield f'INSERT INTO "{table}" ({named}) VALUES ({", ".join(row)});'


def _postgresql(url: str) -> str:
    dump = [str(throwaway_postgres.programs() / "pg_dump"), "--inserts", "--no-owner", url]
    text = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    # Comments, psql's own commands, and settings that only another server version has.
    kept = [
        line for line in text.splitlines() if not re.match(r"--|\\|SET transaction_timeout", line)
    ]
    return re.sub(r"\n{2,}", "\n", "\n".join(kept)).lstrip() + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__ + "\nGive one revision, for example 0001.")
    main(sys.argv[1])
