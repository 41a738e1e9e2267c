"""Records to measure with: real titles and abstracts recombined, or made-up ones without the data.

Real are the words and how often each comes, the lengths, the categories and the dates; the pairing
of a title with an abstract is not, and above some 277,000 records titles are recombined too.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.store.preprints import Preprint

_BESIDE = (folder / "shared" / "data" / "arxiv" for folder in Path(__file__).parents[3:5])
ARXIV = next((folder for folder in _BESIDE if folder.is_dir()), Path("shared/data/arxiv"))
SEEN = datetime(2026, 11, 1, tzinfo=UTC)


class Corpus:
    """Endless records; the same numbers give the same records."""

    def __init__(self, folder: Path = ARXIV) -> None:
        self.real = (folder / "background.jsonl.gz").is_file()
        if self.real:
            with gzip.open(folder / "background.jsonl.gz", "rt", encoding="utf-8") as lines:
                rows = [json.loads(line) for line in lines]
            self.abstracts = [row["abstract"] for row in rows]
            self.categories = [tuple(row["categories"]) for row in rows]
            with gzip.open(folder / "id_title_index.tsv.gz", "rt", encoding="utf-8") as lines:
                pairs = dict(line.rstrip("\n").split("\t", 1) for line in lines)
            self.pairs = list(pairs.items())
            random.Random(7).shuffle(self.pairs)
        else:
            self._make_up()

    def _make_up(self) -> None:
        chance = random.Random(7)
        words = [_made_up_word(n) for n in range(30_000)]
        weights = [1 / (n + 10) for n in range(len(words))]
        pool = chance.choices(words, weights, k=300_000)
        self.abstracts = [" ".join(chance.choices(pool, k=180)) for _ in range(1_500)]
        fields = ("cs.LG", "cs.CL", "cs.AI", "stat.ML")
        self.categories = [tuple(chance.sample(fields, 2)) for _ in range(1_000)]
        self.pairs = [
            (f"{20 + n // 90_000:02}{1 + n // 7_500 % 12:02}.{n % 7_500:05}",
             " ".join(chance.choices(pool, k=9)))
            for n in range(20_000)
        ]  # fmt: skip

    def titles(self) -> list[str]:
        """All real titles, or all made-up ones."""
        return [title for _, title in self.pairs]

    def records(self, count: int) -> Iterator[Preprint]:
        """``count`` records with rising numbers."""
        for number in range(count):
            yield self.record(number)

    def record(self, number: int) -> Preprint:
        """The record of that number."""
        again, place = divmod(number, len(self.pairs))
        id_, title = self.pairs[place]
        one = self.abstracts[number % len(self.abstracts)]
        two = self.abstracts[(number * 7919 + 13) % len(self.abstracts)]
        if again:
            other = self.pairs[(place * 31 + again) % len(self.pairs)][1]
            title = f"{title[: len(title) // 2]} {other[len(other) // 2 :]}"
            id_ = f"{30 + again}{place // 25_000:02}.{place % 25_000:05}"
        published = _submitted(id_, number)
        return Preprint(
            id=id_,
            version=1,
            title=title,
            abstract=f"{one[: len(one) // 2]} {two[len(two) // 2 :]}",
            authors=tuple(f"{_NAMES[(number * k) % 97]} {_made_up_word(number * k % 5003).title()}"
                          for k in (1, 3, 7, 11)),
            categories=self.categories[number % len(self.categories)],
            published=published,
            updated=published,
            seen_at=SEEN,
        )  # fmt: skip


_NAMES = [f"{a}{b}" for a in ("Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hana", "Ira", "Jo")
          for b in ("", "n", "ra", "la", "ne", "ro", "ta", "vi", "wen", "xa")]  # fmt: skip


def _made_up_word(number: int) -> str:
    syllables = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe")
    parts = []
    for _ in range(4):
        number, place = divmod(number, len(syllables))
        parts.append(syllables[place])
    return "".join(parts)


def _submitted(id_: str, number: int) -> datetime:
    digits = id_.rpartition("/")[2]
    year, month = int(digits[:2]), int(digits[2:4])
    year += 1900 if year > 90 else 2000
    start = datetime(year, min(max(month, 1), 12), 1, tzinfo=UTC)
    return start + timedelta(minutes=number * 37 % 40_000)
