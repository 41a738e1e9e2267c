"""One way to open the database, and the two ways to use it: ``store.read()``, ``store.write()``.

SQLite is set up per connection: busy timeout first, then WAL, foreign keys on, synchronous NORMAL.
A writer takes the write lock when it begins (``BEGIN IMMEDIATE``; an advisory lock on
PostgreSQL), so that what it has read still holds when it writes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from registry.core.errors import StoreError
from registry.core.settings import Settings
from registry.store.schema import REVISION

log = logging.getLogger(__name__)

BUSY_SECONDS = 10.0
_CACHED = 16 << 20  # bytes of pages a connection keeps; a mapped file would count as memory
_WRITER_LOCK = 0x706F7374  # any constant: every writer of ours asks for the same one


@dataclass(frozen=True)
class Store:
    """An open, migrated database. Use it as a context manager, or ``close()`` it."""

    engine: Engine

    @property
    def is_sqlite(self) -> bool:
        """True for SQLite, False for PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a transaction that only reads. Raises StoreError."""
        with _spoken(self.engine), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """A connection that holds the write lock; committed at the end, or rolled back whole.

        ``durable`` also waits for the disk, for what could not be fetched or derived again: what
        a person decided outlives a power cut.
        """
        writer = self.engine.execution_options(writes=True, durable=durable)
        with _spoken(self.engine), writer.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})"))
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_store(settings: Settings, *, busy_seconds: float = BUSY_SECONDS) -> Store:
    """The store at ``settings.database_url``, created and migrated where that is needed.

    ``busy_seconds`` is how long to wait for another process's write. Raises StoreError where the
    address is wrong, the file cannot be opened or is locked, or its schema is newer than we are.
    """
    url = _normalise(settings.database_url)
    if url.get_backend_name() == "sqlite":
        _make_folder(url)
    store = Store(_engine(url, busy_seconds))
    try:
        _bring_up_to_date(store)
    except BaseException:
        store.close()
        raise
    return store


def _normalise(text_url: str) -> URL:
    try:
        url = make_url(text_url)
    except ArgumentError:
        raise StoreError(
            "REGISTRY_DATABASE_URL is not a database address. Allowed: sqlite:///path/to/file.db "
            "or postgresql://user@host/name."
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            f"database kind {url.drivername!r} is not served. Allowed in REGISTRY_DATABASE_URL: "
            "sqlite:///path/to/file.db or postgresql://user@host/name."
        )
    return url


def _make_folder(url: URL) -> None:
    name = url.database or ""
    if not name or name.startswith(("file:", ":memory:")):
        return
    try:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder of the database {name} cannot be made: {error.strerror}. Choose another "
            "place with REGISTRY_DATABASE_URL=sqlite:///path/to/file.db."
        ) from None


def _engine(url: URL, busy_seconds: float) -> Engine:
    if url.get_backend_name() == "postgresql":
        try:
            engine = create_engine(url, connect_args={"connect_timeout": 10})
        except (ModuleNotFoundError, NoSuchModuleError):
            raise StoreError(
                "REGISTRY_DATABASE_URL names PostgreSQL, whose driver is not installed. Install "
                "it: pip install 'posttrain-registry[postgres]'."
            ) from None
        event.listen(engine, "before_cursor_execute", _take_bytes)
        return engine
    import sqlite3

    engine = create_engine(url, connect_args={"timeout": busy_seconds})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        # The driver's own implicit BEGIN breaks DDL in transactions; we begin ourselves below.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
        _ask_for_wal(cursor)
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute(f"PRAGMA cache_size = -{_CACHED // 1024}")
        cursor.close()

    @event.listens_for(engine, "invalidate")
    def let_go(connection: Any, _record: Any, _error: BaseException | None) -> None:
        # After Ctrl-C within a statement. To be closed is not enough: as long as that statement is
        # held by the traceback, SQLite keeps the connection, and with it the lock.
        with suppress(sqlite3.Error):
            connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        writes = options.get("writes", False)
        if options.get("durable", False):
            connection.exec_driver_sql("PRAGMA synchronous = FULL")  # until the connection closes
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _take_bytes(
    _connection: Connection, cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
) -> None:
    """Have the rows of a statement with the option ``binary`` sent as they are on PostgreSQL.

    As text, which is the driver's way, bytes are twice as many, written and read one by one.
    """
    if context is not None and context.execution_options.get("binary"):
        cursor.format = 1  # psycopg.pq.Format.BINARY


def _ask_for_wal(cursor: Any) -> None:
    import sqlite3

    try:
        mode = cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except sqlite3.OperationalError as error:
        # A read-only file or a network disk: reading still works in the mode the file has.
        log.debug("no write-ahead log: %s", error)
        return
    if mode not in ("wal", "memory"):
        log.warning("the database stays in journal mode %s: its disk has no shared memory", mode)


def _bring_up_to_date(store: Store) -> None:
    found = _revision(store)
    if found == REVISION:
        return
    # Alembic takes a quarter of a second to import: only for a database that needs it.
    from registry.store.migrations import known_revisions, upgrade

    if found is not None and found not in known_revisions():
        raise StoreError(
            f"the database {_shown(store.engine)} has schema {found}, newer than this program "
            f"knows (it knows up to {REVISION}). Update posttrain-registry, or name another "
            "database with REGISTRY_DATABASE_URL."
        )
    with _spoken(store.engine), _without_references(store) as connection:
        upgrade(connection)


@contextmanager
def _without_references(store: Store) -> Iterator[Connection]:
    """A writing connection that SQLite lets rebuild a table others refer to.

    SQLite changes a constraint only by a new table in the place of the old one, and while foreign
    keys are on the old one cannot go. They are checked as a whole before the end instead.
    """
    writer = store.engine.execution_options(writes=True)
    with writer.connect() as connection:
        if store.is_sqlite:
            # Through the driver: within a transaction this statement does nothing.
            connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                if not store.is_sqlite:
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})"))
                yield connection
                if store.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                    raise StoreError("a migration would leave rows that refer to nothing")
        finally:
            if store.is_sqlite:
                connection.connection.cursor().execute("PRAGMA foreign_keys = ON")


def _revision(store: Store) -> str | None:
    with store.read() as connection:
        if not store.engine.dialect.has_table(connection, "alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def _spoken(engine: Engine) -> Iterator[None]:
    """Turn a driver's error into one that says what to do."""
    try:
        yield
    except DBAPIError as error:
        cause = str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
        raise StoreError(
            f"the database {_shown(engine)} cannot serve: {cause}. {_remedy(cause)}"
        ) from error


def _remedy(cause: str) -> str:
    remedies = {
        "locked": "Another process is writing; wait for it, then try again.",
        "readonly": "Make the file and its folder writable, or name another database with "
        "REGISTRY_DATABASE_URL.",
        "read-only": "The server lets nobody write; ask whoever keeps it, or name another database "
        "with REGISTRY_DATABASE_URL.",
        "no space left": "The disk is full; free some space, then try again.",
        "unable to open": "Check that the path exists and may be read and written.",
        "not a database": "The file is something else; name another with REGISTRY_DATABASE_URL.",
        "malformed": "The file is damaged; move it away: it is built anew from the catalog.",
        "disk": "The disk is full or failing; free some space, then try again.",
        "connect": "Check that the server runs and that REGISTRY_DATABASE_URL names it.",
    }
    return next(
        (remedy for word, remedy in remedies.items() if word in cause.lower()),
        "Run with --debug for the statement.",
    )


def _shown(engine: Engine) -> str:
    # Never the password.
    url = engine.url
    return str(url.database) if engine.dialect.name == "sqlite" else url.render_as_string()
