"""Answers of arXiv's services kept as they came, packed, to be read again without a network.

Each lies once, under the hash that the log of requests has for it. ``--from-file`` reads them.
"""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

from registry.core.atomic import write_atomic
from registry.core.errors import ArxivError

MOST_BYTES = 1 << 30  # of a folder; a day of three categories packs into a few megabytes


class KeptError(ArxivError):
    """An answer cannot be kept where it should be."""


class KeptAnswers:
    """A folder of answers, of at most ``most_bytes`` together: the oldest go first."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self._bytes: int | None = None  # counted at the first answer, then kept up

    def keep(self, content: bytes, sha256: str) -> None:
        """Keep an answer, once. Raises KeptError where it cannot be written."""
        path = self.folder / f"{sha256}.gz"
        if path.exists():
            return
        packed = gzip.compress(content, mtime=0)
        try:
            write_atomic(path, packed, durable=False)
        except OSError as error:
            raise KeptError(
                f"the answer cannot be kept in {self.folder}: {error.strerror}. Free some space, "
                "or name another folder with --keep-responses."
            ) from None
        if self._bytes is None:
            self._bytes = sum(size for _, size, _ in self._answers())
        else:
            self._bytes += len(packed)
        if self._bytes > self.most_bytes:
            self._make_room(path)

    def _make_room(self, newest: Path) -> None:
        answers = sorted(self._answers())
        self._bytes = sum(size for _, size, _ in answers)
        for _, size, path in answers:
            if self._bytes <= self.most_bytes:
                break
            if path != newest:
                path.unlink(missing_ok=True)
                self._bytes -= size

    def _answers(self) -> list[tuple[float, int, Path]]:
        """Each answer with its time and its size in bytes."""
        found = []
        for path in self.folder.glob("*.gz"):
            with contextlib.suppress(FileNotFoundError):  # another process made room
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found
