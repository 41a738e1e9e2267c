from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.errors import UsageError
from registry.ingest.lists.likeness import likeness, words_of
from registry.ingest.lists.titles import TitleIndex

PAIRS = [
    ("2401.00001", "Patient Snails Learn Slowly: A Study of Gardens"),
    ("2401.00002", "Hasty Snails Forget Quickly in Wet Gardens"),
    ("2401.00002", "Quick Forgetting of Snails in the Rain"),
    ("2402.00003", "SlugNet: Crossing Lawns with Attention"),
]


@pytest.fixture
def index():
    with TitleIndex.of(PAIRS) as made:
        yield made


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Patient Snails Learn Slowly", "patient snails learn SLOWLY."),
        ("Patient Snails Learn Slowly", "Patient Snails Learn Slowly: A Study of Gardens"),
        ("LR${}^{2}$Snail: A Test of Lawns", "LR2Snail: A Test of Lawns"),
        ("Fine-tuning Snails on Lawns", "Finetuning Snails on Lawns"),
        ("SlugNet: Crossing Lawns", "SlugNet: How to Pass over Grass"),
        ("SlugNet", "SlugNet: Crossing Lawns with Attention"),
        ("Patient Snials Learn Slowly in Gardens", "Patient Snails Learn Slowly in Gardens"),
        ("Caf\u00e9 Snails and Their Gardens", "Cafe Snails and Their Gardens"),
    ],
)
def test_titles_of_one_paper_are_recognised(one: str, other: str) -> None:
    assert likeness(one, other).same
    assert likeness(other, one).same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Patient Snails Learn Slowly", "Generative Gardens: Interactive Lawns"),
        ("A Survey of Snails", "A Survey of Concrete"),
        ("Snails", "Patient Snails Learn Slowly in the Rain"),
    ],
)
def test_titles_of_two_papers_are_not(one: str, other: str) -> None:
    assert not likeness(one, other).same


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_a_share_and_a_title_is_like_itself(one: str, other: str) -> None:
    like = likeness(one, other)
    assert 0 <= like.score <= 1
    assert 0 <= like.closeness <= 1
    assert likeness(one, one).same


def test_words_lose_case_accents_tex_and_marks() -> None:
    assert words_of("The $K$-wise Caf\u00e9's \\emph{Snail}") == (
        "the",
        "k",
        "wise",
        "cafes",
        "snail",
    )


def test_an_index_gives_every_title_of_an_identifier(index: TitleIndex) -> None:
    assert index.titles("2401.00002") == (PAIRS[1][1], PAIRS[2][1])
    assert index.titles("2401.09999") == ()
    assert (index.pairs, index.ids) == (4, 3)
    assert index.month("2401.00017") == (2, 2)


def test_the_nearest_title_survives_a_slip_and_a_missing_part(index: TitleIndex) -> None:
    assert index.nearest("slugnet crossing lawns with attention")[0].id == "2402.00003"
    assert index.nearest("Hasty Snails Forget Quickly in Weet Gardens")[0].id == "2401.00002"
    assert index.nearest("Concrete under load") == []


def test_rare_words_tell_more_than_common_ones(index: TitleIndex) -> None:
    assert index.weight("unheard") == 1.0
    assert index.weight("snails") < index.weight("slugnet") < 1.0


def test_an_index_is_made_once_for_each_state_of_its_file(tmp_path: Path) -> None:
    path, cache = tmp_path / "titles.tsv.gz", tmp_path / "cache"
    path.write_bytes(gzip.compress("".join(f"{i}\t{t}\n" for i, t in PAIRS).encode()))
    for _ in range(2):
        with TitleIndex.open(path, cache) as index:
            assert index.pairs == 4
    (made,) = (cache / "titles").iterdir()

    path.write_bytes(gzip.compress(b"2401.00009\tAnother Made-up Title\n"))
    with TitleIndex.open(path, cache) as index:
        assert index.titles("2401.00009") == ("Another Made-up Title",)
    assert made.exists()


@pytest.mark.parametrize("content", [b"2401.00001 no tab\n", b"\x1f\x8b damaged"])
def test_a_file_of_another_form_is_refused_and_leaves_nothing(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / ("titles.tsv.gz" if content[0] == 0x1F else "titles.tsv")
    path.write_bytes(content)
    with pytest.raises(UsageError, match="--titles"):
        TitleIndex.open(path, tmp_path / "cache")
    assert list((tmp_path / "cache" / "titles").iterdir()) == []
    with pytest.raises(UsageError, match="no such file"):
        TitleIndex.open(tmp_path / "none.tsv", tmp_path / "cache")
