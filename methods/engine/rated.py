"""Sentences that people rated: 23,703 of them, from films, products, tweets and newspapers.

They travel in the source distribution of vaderSentiment 3.3.2 (Hutto and Gilbert, ICWSM 2014, MIT
licence), each with the mean of some twenty ratings between -4, extremely negative, and 4, extremely
positive. The archive is fetched once with pip, its hash checked, and only the sentences are kept.

Sentences of one review or editorial, and sentences that nearly repeat one another, share a ``key``;
a split by key has them on one side.
"""

from __future__ import annotations

import html
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from methods.engine.cache import build_once
from methods.engine.errors import TaskError
from methods.engine.package import download
from methods.engine.tasks.sentiment import NESTED, NESTED_MOST, SOURCE, member
from methods.engine.tasks.task import order_of

Domain = Literal["movies", "products", "tweets", "news"]
# The table of each domain, its number of rows, and whether its ids name a source: "12_3".
_TABLES: dict[str, tuple[str, int, bool]] = {
    "movies": ("movieReviewSnippets", 10_605, False),
    "products": ("amazonReviewSnippets", 3_708, True),
    "tweets": ("tweets", 4_200, False),
    "news": ("nytEditorialSnippets", 5_190, True),
}
_TABLE_MOST = 2_000_000  # bytes; the longest has 1.4 million
_LOW, _HIGH = -4.0, 4.0
_REPEATED_WORDS = 8  # two sentences that share so long a run of words are nearly one


@dataclass(frozen=True)
class Rated:
    """A sentence, the mean of its ratings in [-4, 4], and what it may not be parted from."""

    text: str
    rating: float
    domain: str
    key: str


def rated_sentences(domain: str, cache_dir: Path) -> tuple[Rated, ...]:
    """All sentences of ``domain`` in an order that looks random and never changes.

    Fetches them once into ``cache_dir``. Raises TaskError where there is no such domain or the
    archive is not as it should be, MethodError where it cannot be had.
    """
    if domain not in get_args(Domain):
        known = ", ".join(get_args(Domain))
        raise TaskError(f"no rated sentences of {domain!r}; allowed: {known}")
    path = cache_dir / "rated-sentences" / f"vadersentiment-{SOURCE.version}.jsonl"
    return _read(build_once(path, _extract), domain)


def split_rated(rows: Sequence[Rated], held_out: int) -> tuple[list[Rated], list[Rated]]:
    """(training rows, held-out rows): whole keys are held out until there are ``held_out`` rows.

    What a key has beyond that many is dropped, so that exactly ``held_out`` are there. Raises
    TaskError where more than half of the rows would be held out.
    """
    if not 1 <= held_out <= len(rows) // 2:
        raise TaskError(
            f"{len(rows)} rated sentences have 1 to {len(rows) // 2} held out, not {held_out}"
        )
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.key] = counts.get(row.key, 0) + 1
    held, total = set(), 0
    for key in sorted(counts, key=order_of):
        if total >= held_out:
            break
        held.add(key)
        total += counts[key]
    return (
        [row for row in rows if row.key not in held],
        [row for row in rows if row.key in held][:held_out],
    )


def near_duplicates(texts: Sequence[str], sources: Sequence[str]) -> list[int]:
    """For each text the place of the first one of its group.

    Texts are of one group where they share a run of eight words (a shorter text: all its words),
    capitals and punctuation aside, or have one source (an empty source is none), and so on from
    one text to the next.
    """
    first = list(range(len(texts)))

    def root(place: int) -> int:
        while first[place] != place:
            first[place] = first[first[place]]
            place = first[place]
        return place

    seen: dict[tuple[str, ...], int] = {}
    for place, (text, source) in enumerate(zip(texts, sources, strict=True)):
        words = re.findall(r"\w+", text.lower())
        last = max(1, len(words) - _REPEATED_WORDS + 1)
        marks = [tuple(words[i : i + _REPEATED_WORDS]) for i in range(last)]
        for mark in [*marks, *([("", source)] if source else [])]:
            one, other = sorted((root(seen.setdefault(mark, place)), root(place)))
            first[other] = one
    return [root(place) for place in range(len(texts))]


@lru_cache(maxsize=8)
def _read(path: Path, domain: str) -> tuple[Rated, ...]:
    with path.open(encoding="utf-8") as lines:
        return tuple(Rated(**row) for row in map(json.loads, lines) if row["domain"] == domain)


def _extract(target: Path) -> None:
    """Write every sentence of every domain, one JSON object a line, into the file ``target``."""
    with tempfile.TemporaryDirectory(prefix="rated-sentences-") as scratch:
        archive = download(SOURCE, Path(scratch)).read_bytes()
    nested = member(archive, NESTED, NESTED_MOST)
    rows = [row for domain in _TABLES for row in _table(nested, domain)]
    lines = (json.dumps(asdict(row), ensure_ascii=True) + "\n" for row in rows)
    target.write_text("".join(lines), encoding="utf-8")


def _table(nested: bytes, domain: str) -> list[Rated]:
    stem, count, has_sources = _TABLES[domain]
    name = f"hutto_ICWSM_2014/{stem}_GroundTruth.txt"
    lines = member(nested, name, _TABLE_MOST).decode("utf-8").splitlines()
    cells = [line.split("\t") for line in lines]
    if len(cells) != count or any(len(row) != 3 for row in cells):
        raise TaskError(f"{SOURCE.filename}: {name} does not have {count} rows of 3 columns")
    texts = [" ".join(html.unescape(text).split()) for _, _, text in cells]
    ratings = [float(rating) for _, rating, _ in cells]
    if any(not _LOW <= rating <= _HIGH for rating in ratings) or not all(texts):
        raise TaskError(f"{SOURCE.filename}: {name} has an empty sentence or a rating off [-4, 4]")
    sources = [number.partition("_")[0] if has_sources else "" for number, _, _ in cells]
    groups = near_duplicates(texts, sources)
    rows = [
        Rated(text, rating, domain, f"{domain}-{group + 1}")
        for text, rating, group in zip(texts, ratings, groups, strict=True)
    ]
    return sorted(rows, key=lambda row: order_of(row.text))
