"""Whether the catalog's files have changed, asked without reading them.

Apart from ``registry.catalog.files`` because a search asks this on every start and must not pay
for pydantic to hear "no".
"""

from __future__ import annotations

import hashlib
from pathlib import Path

PATTERNS = ("taxonomy.yaml", "papers/*.yaml", "surveys/*.yaml", "evidence/*/*.json")


def catalog_fingerprint(root: Path, without: Path | None = None) -> str:
    """A hash that changes when a file is added, removed or written: names, sizes and times.

    ``without`` is a file whose changes do not count.
    """
    digest = hashlib.sha256()
    for path in (path for pattern in PATTERNS for path in sorted(root.glob(pattern))):
        if path == without:
            continue
        state = path.stat()
        name = path.relative_to(root).as_posix()
        digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
