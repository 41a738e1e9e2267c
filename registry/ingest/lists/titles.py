"""Which title belongs to which identifier, looked up quickly among hundreds of thousands.

A file of ``identifier<tab>title`` lines (plain or gzip, an identifier may stand on several lines)
becomes a small SQLite database in the user's cache, made once for each state of the file: titles
by identifier, by their letters, and by their words through FTS5.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.ingest.lists.likeness import Likeness, key_of, likeness, words_of

_FORM = "1"  # of the database; a new form is a new file
_RAREST = 4  # words of a title by which others are looked up
_MOST = 400  # titles looked up for one, by each of its words
_COMPARED = 24  # of them, those that share most, compared letter by letter
_TOO_COMMON = 0.05  # of the titles: such a word finds nothing


@dataclass(frozen=True)
class Match:
    """A title of the index and how like it is to the one looked up."""

    id: str
    title: str
    likeness: Likeness


class TitleIndex:
    """Pairs of identifier and title. Use it as a context manager, or ``close()`` it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        counts = connection.execute("SELECT count(*), count(DISTINCT id) FROM titles").fetchone()
        self.pairs, self.ids = int(counts[0]), int(counts[1])
        self._months = {
            row[0]: (int(row[1]), int(row[2]))
            for row in connection.execute("SELECT month, known, last FROM months")
        }
        self.weight = lru_cache(maxsize=65536)(self._weight)

    @classmethod
    def open(cls, path: Path, cache: Path) -> TitleIndex:
        """The index of the file at ``path``; made in the folder ``cache`` where it is not there.

        Raises UsageError where there is no such file or it has no such lines.
        """
        if not path.is_file():
            raise UsageError(
                f"--titles {path}: no such file. Give lines of identifier, tab, title; gzip too."
            )
        state = path.stat()
        name = f"{path.resolve()}\0{state.st_size}\0{state.st_mtime_ns}\0{_FORM}"
        made = cache / "titles" / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.db"
        if not made.is_file():
            _make_file(path, made)
        return cls(sqlite3.connect(f"file:{made}?mode=ro", uri=True, check_same_thread=False))

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> TitleIndex:
        """An index in memory."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        _fill(connection, pairs)
        return cls(connection)

    def titles(self, id_: str) -> tuple[str, ...]:
        """Every title known of an identifier."""
        rows = self._connection.execute("SELECT title FROM titles WHERE id = ? ORDER BY n", (id_,))
        return tuple(row[0] for row in rows)

    def nearest(self, title: str, count: int = 3) -> list[Match]:
        """The most like titles, best first; none where no rare word is shared."""
        found = dict(self._exact(title)) or self._sharing(title)
        rated = [
            Match(id_, other, likeness(title, other, self.weight)) for id_, other in found.values()
        ]
        rated.sort(key=lambda m: (-m.likeness.same, -m.likeness.score, -m.likeness.closeness, m.id))
        return rated[:count]

    def month(self, id_: str) -> tuple[int, int]:
        """How many identifiers of that month are known, and the last number among them."""
        return self._months.get(id_.partition(".")[0], (0, 0))

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def _weight(self, word: str) -> float:
        """How much a word tells: 1 for one never seen, near 0 for one in every title."""
        total = max(2, self.pairs)
        return max(0.01, math.log(total / (1 + self._frequency(word))) / math.log(total))

    def _frequency(self, word: str) -> int:
        row = self._connection.execute("SELECT n FROM words WHERE word = ?", (word,)).fetchone()
        return int(row[0]) if row else 0

    def _exact(self, title: str) -> Iterator[tuple[int, tuple[str, str]]]:
        query = "SELECT n, id, title FROM titles WHERE key = ? LIMIT ?"
        for n, id_, other in self._connection.execute(query, (_hash(words_of(title)), _MOST)):
            if key_of(other) == key_of(title):
                yield n, (id_, other)

    def _sharing(self, title: str) -> dict[int, tuple[str, str]]:
        """Titles that share rare words, those that share most: two of the rare ones, or one."""
        words = set(words_of(title))
        counted = {word: self._frequency(word) for word in sorted(words)}
        few = max(20, int(_TOO_COMMON * self.pairs))
        rare = sorted((w for w, n in counted.items() if 0 < n <= few), key=counted.__getitem__)
        rare = rare[:_RAREST]
        pairs = [f'("{a}" AND "{b}")' for i, a in enumerate(rare) for b in rare[i + 1 :]]
        asked = [" OR ".join(pairs)] if pairs else []
        asked += [f'"{word}"' for word in rare[:2] if counted[word] <= _MOST]
        query = (
            "SELECT t.n, t.id, t.title, t.words FROM found JOIN titles t ON t.n = found.rowid "
            "WHERE found MATCH ? LIMIT ?"
        )
        shared: dict[int, tuple[float, str, str]] = {}
        for one in asked:
            for n, id_, other, text in self._connection.execute(query, (one, _MOST)):
                theirs = text.split()
                both = sum(self.weight(word) for word in words.intersection(theirs))
                shared[n] = (-both / (len(words) + len(theirs)), id_, other)
        best = sorted(shared, key=shared.__getitem__)[:_COMPARED]
        return {n: shared[n][1:] for n in best}


def _hash(words: Iterable[str]) -> int:
    digest = hashlib.blake2b("".join(words).encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def read_pairs(path: Path) -> Iterator[tuple[str, str]]:
    """The pairs in a file. Raises UsageError at a line that has no tab."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                id_, tab, title = line.rstrip("\n").partition("\t")
                if not tab:
                    raise UsageError(
                        f"--titles {path}:{number}: no tab in the line. Each line is an "
                        "identifier, a tab and a title."
                    )
                yield id_, title
    except (EOFError, gzip.BadGzipFile) as error:
        raise UsageError(f"--titles {path}: the gzip file is damaged ({error}).") from None


def _make_file(path: Path, made: Path) -> None:
    made.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two processes may make the same index at once; the last rename stands.
    draft = made.with_name(f".{made.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    connection = sqlite3.connect(draft)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        _fill(connection, read_pairs(path))
        connection.close()
        draft.replace(made)
    finally:
        connection.close()
        draft.unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection, pairs: Iterable[tuple[str, str]]) -> None:
    connection.executescript(
        """
        CREATE TABLE titles (n INTEGER PRIMARY KEY, id TEXT NOT NULL, title TEXT NOT NULL,
                             words TEXT NOT NULL,
                             key INTEGER NOT NULL);
        CREATE TABLE words (word TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE months (month TEXT PRIMARY KEY, known INTEGER NOT NULL, last INTEGER NOT NULL);
        CREATE VIRTUAL TABLE found USING fts5(words, content='', detail=none,
                                              tokenize='unicode61 remove_diacritics 0');
        """
    )
    counted: Counter[str] = Counter()
    months: dict[str, set[int]] = {}
    rows: list[tuple[int, str, str, str, int]] = []
    for n, (raw, title) in enumerate(pairs, start=1):
        id_ = _canonical(raw)
        words = words_of.__wrapped__(title)  # every title once: no use in remembering them
        counted.update(set(words))
        rows.append((n, id_, title, " ".join(words), _hash(words)))
        month, point, number = id_.partition(".")
        if point and number.isdigit():
            months.setdefault(month, set()).add(int(number))
    with connection:
        connection.executemany("INSERT INTO titles VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("INSERT INTO found (rowid, words) SELECT n, words FROM titles")
        connection.executemany("INSERT INTO words VALUES (?, ?)", sorted(counted.items()))
        connection.executemany(
            "INSERT INTO months VALUES (?, ?, ?)",
            [(month, len(numbers), max(numbers)) for month, numbers in sorted(months.items())],
        )
        connection.execute("CREATE INDEX titles_id ON titles (id)")
        connection.execute("CREATE INDEX titles_key ON titles (key)")


def _canonical(raw: str) -> str:
    try:
        return ArxivId.parse(raw).base
    except UsageError:
        return raw.strip()
