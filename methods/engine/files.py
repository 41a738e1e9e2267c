"""JSON files that are either the old one or the new one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from methods.engine.errors import MethodError


def write_json(path: Path, value: Any) -> None:
    """Replace ``path`` by ``value`` as JSON; a crash leaves the earlier file whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    with writing(path):
        try:
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(value, file, indent=1, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what a full or read-only disk says while ``path`` is written into a MethodError."""
    try:
        yield
    except OSError as error:
        raise MethodError(
            f"{path} cannot be written: {error.strerror or error}. Free some space or make the "
            "folder writable, then --resume."
        ) from error
