"""Files that are either the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


def write_atomic(path: Path, data: str | bytes, *, durable: bool = True) -> None:
    """Replace ``path`` by ``data`` (text is UTF-8), durably, creating parent folders.

    A file that was there keeps who may read it; a new one is for everyone the umask allows. A crash
    at any moment leaves the earlier file whole. What can be made again need not be
    ``durable``: without it a loss of power may take the new file along. Raises OSError where the
    disk is full or the folder is read-only; the earlier file is untouched then too.
    """
    payload = data.encode() if isinstance(data, str) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.chmod(_mode_for(path))  # mkstemp makes files private
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        _sync_folder(path.parent)


def write_if_changed(path: Path, data: str | bytes, *, durable: bool = True) -> bool:
    """Write ``data`` only where it differs from the file; True where it was written."""
    payload = data.encode() if isinstance(data, str) else data
    if path.is_file() and path.read_bytes() == payload:
        return False
    write_atomic(path, payload, durable=durable)
    return True


def _mode_for(path: Path) -> int:
    if path.is_file() and not path.is_symlink():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    # The rename itself reaches the disk only with its folder. Some systems refuse to open one.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
