"""A catalog file and a line of the log, changed together or not at all.

The file is in place before the line is committed. A kill between the two leaves the file alone:
the same command, given again, then finds it and adds the line.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from registry.catalog.files import load_catalog, save_entry
from registry.catalog.fingerprint import catalog_fingerprint
from registry.catalog.models import Paper, Survey
from registry.core.atomic import write_atomic
from registry.core.errors import RegistryError, UsageError
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.sync import mark_mirrored, mirror_entry, mirrored, write_mirror


def require_writable(settings: Settings) -> None:
    """Raises UsageError where the catalog is the one inside the installed package."""
    if not settings.catalog_is_writable:
        raise UsageError(
            f"the catalog {settings.catalog_dir} is the copy inside the installed package, which "
            "is not written to. Run in a checkout, or name another catalog in "
            "REGISTRY_CATALOG_DIR."
        )


def change_entry(
    store: Store,
    root: Path,
    path: Path,
    id_: str,
    change: Callable[[Connection], Paper | None],
) -> None:
    """Make the entry ``id_`` at ``path`` what ``change`` gives; None removes it.

    ``change`` decides and writes its line on the connection it is given, while no other process of
    ours writes. Raises what it raises, and RegistryError where the file cannot be written; the
    file, the log and the mirror are then as they were.
    """
    before: bytes | None = None
    touched = False
    try:
        with store.write(durable=True) as connection:
            before = path.read_bytes() if path.is_file() else None
            current, others = mirrored(connection, root), catalog_fingerprint(root, path)
            paper = change(connection)
            touched = True
            if paper is None:
                path.unlink(missing_ok=True)
            else:
                save_entry(root, paper)
            if current and catalog_fingerprint(root, path) == others:
                mirror_entry(connection, id_, paper, survey=isinstance(paper, Survey))
                mark_mirrored(connection, root)
            else:  # somebody edits the catalog at this moment
                write_mirror(connection, load_catalog(root))
    except OSError as error:
        _restore(path, before, touched)
        raise RegistryError(
            f"{path} cannot be written: {error.strerror}. Make the folder writable or free some "
            "space, then try again; nothing was changed."
        ) from None
    except BaseException:
        _restore(path, before, touched)
        raise


def _restore(path: Path, before: bytes | None, touched: bool) -> None:
    if not touched:
        return
    if before is None:
        path.unlink(missing_ok=True)
    elif not path.is_file() or path.read_bytes() != before:
        write_atomic(path, before)
