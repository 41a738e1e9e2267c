"""Controlled sentiment, after section 6 of the DPO paper (2305.18290v3): ``movie-reviews``.

The prompt is the first words of a movie-review sentence, the gold reward VADER's compound score of
prefix and continuation together, in [-1, 1]. The paper continues IMDB reviews with GPT-2 large and
takes a trained classifier's score; ours are the 10,605 rated sentences (Hutto and Gilbert, ICWSM
2014) that travel in the source distribution of vaderSentiment 3.3.2, and the reward is a formula
that anybody can compute again. It can be fooled (a string of praise scores high): say so beside
a result.

Text is lower-cased ASCII, so that a character model has few symbols to learn. No held-out prompt
occurs in training: the split goes by the prefix, and each held-out prefix is there once.
"""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from methods.engine.cache import build_once
from methods.engine.errors import TaskError
from methods.engine.package import Archive, download
from methods.engine.tasks import MovieReviewOptions
from methods.engine.tasks.task import Problem, Task, order_of

SOURCE = Archive(
    name="vaderSentiment",
    version="3.3.2",
    filename="vaderSentiment-3.3.2.tar.gz",
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    kind="source",
)
NESTED = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_TABLE = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
NESTED_MOST, _TABLE_MOST = 4_000_000, 2_000_000  # bytes; the real ones are 2.3 and 1.4 million
_ROWS = 10_605

ALPHABET = " !'(),-.0123456789:;?abcdefghijklmnopqrstuvwxyz"
_FOREIGN = re.compile(f"[^{re.escape(ALPHABET)}]")
_WORDED = (
    ("\u2013", " - "),
    ("\u2019", "'"),
    ("`", "'"),
    ("''", " "),
    ("&", " and "),
    ("\u00bd", " half"),
)
_REST_WORDS = 2  # a sentence has at least this many words behind its prefix


def movie_reviews(name: str, options: MovieReviewOptions, cache_dir: Path) -> Task:
    """Review prefixes of ``prefix_words`` words, scored by VADER once continued."""
    score = _vader()
    target = cache_dir / "movie-reviews" / f"vadersentiment-{SOURCE.version}.txt"
    rows = build_once(target, _extract).read_text(encoding="utf-8").splitlines()
    problems = _problems(rows, options)
    held_keys = _held_out_keys(name, options, problems)
    firsts = {p.key: p for p in reversed(problems)}  # of each prefix the first in order
    return Task(
        name=name,
        kind="scored",
        train=tuple(p for p in problems if p.key not in held_keys),
        held_out=tuple(firsts[key] for key in firsts if key in held_keys),
        alphabet=ALPHABET,
        stop="\n",
        max_new_chars=max(len(str(p.answer)) for p in problems),
        score_range=(-1.0, 1.0),
        scorer=lambda problem, completion: score(problem.prompt + completion.split("\n", 1)[0]),
        pairs=lambda train: [("", f"{p.prompt}{p.answer}") for p in train],
    )


def clean(text: str) -> str:
    """Lower-case text of ``ALPHABET`` only, one blank between words.

    >>> clean("A  caf\\u00e9 \\u2013 ''charming''... & *warm*")
    'a cafe - charming... and warm'
    """
    for old, new in _WORDED:
        text = text.replace(old, new)
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r" +([,.;:!?])", r"\1", " ".join(_FOREIGN.sub(" ", plain).split()))


def _problems(rows: list[str], options: MovieReviewOptions) -> list[Problem]:
    """Distinct sentences as problems, in an order that looks random and never changes."""
    kept = []
    for sentence in sorted(set(map(clean, rows)), key=order_of):
        words = sentence.split(" ")
        if len(words) >= options.prefix_words + _REST_WORDS and len(sentence) <= options.max_chars:
            prefix = " ".join(words[: options.prefix_words])
            kept.append(Problem(prefix, sentence[len(prefix) :], prefix))
    return kept


def _held_out_keys(name: str, options: MovieReviewOptions, problems: list[Problem]) -> set[str]:
    keys = sorted({p.key for p in problems}, key=order_of)
    wanted = min(200, len(keys) // 4) if options.held_out == "auto" else options.held_out
    if wanted > len(keys) // 2:
        raise TaskError(
            f"task '{name}' has {len(keys)} prefixes, so held_out is at most {len(keys) // 2}, "
            f"not {wanted}"
        )
    return set(keys[:wanted])


def _extract(target: Path) -> None:
    """Write the review sentences, one a line, into the file ``target``."""
    with tempfile.TemporaryDirectory(prefix="movie-reviews-") as scratch:
        archive = download(SOURCE, Path(scratch)).read_bytes()
    table = member(member(archive, NESTED, NESTED_MOST), _TABLE, _TABLE_MOST)
    rows = [line.split("\t") for line in table.decode("utf-8").splitlines()]
    if len(rows) != _ROWS or any(len(row) != 3 for row in rows):
        raise TaskError(f"{SOURCE.filename}: {_TABLE} does not have {_ROWS} rows of 3 columns")
    target.write_text("".join(f"{row[2].strip()}\n" for row in rows), encoding="utf-8")


def member(archive: bytes, name: str, most: int) -> bytes:
    """One regular file of a gzipped tar, in memory; nothing is unpacked to disk."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                if member.name == name and member.isfile() and member.size <= most:
                    handle = tar.extractfile(member)
                    return handle.read() if handle else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise TaskError(f"{SOURCE.filename}: not a readable archive ({error})") from error
    raise TaskError(f"{SOURCE.filename}: no file '{name}' of at most {most} bytes in it")


@lru_cache(maxsize=1)
def _vader() -> Callable[[str], float]:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError as error:
        raise TaskError(
            "task 'movie-reviews' needs the package vaderSentiment: "
            "pip install 'posttrain-registry[run]'"
        ) from error
    analyzer = SentimentIntensityAnalyzer()
    return lambda text: float(analyzer.polarity_scores(text)["compound"])
