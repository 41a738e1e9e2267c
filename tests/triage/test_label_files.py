from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path

import pytest

from registry.core.errors import UsageError
from registry.triage.documents import Document, Example, merge
from registry.triage.label_files import read_background, read_labels

LINES = [
    {"arxiv_id": "2602.00002", "title": "On  Apples", "leaves": ["fruit/apples"], "negative": False,
     "evidence": {"fruit/apples": ["one list", "another"]}, "abstract": "Round."},
    {"arxiv_id": "2601.00001", "title": "On Stones", "leaves": [], "negative": True,
     "evidence": {"NEG": ["one list"]}, "abstract": None},
]  # fmt: skip


def write(path: Path, lines: list[object]) -> Path:
    text = "\n".join(json.dumps(line) for line in lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.jsonl.gz"])
def test_labels_say_what_belongs_where_and_who_says_so(tmp_path: Path, name: str) -> None:
    stones, apples = read_labels(write(tmp_path / name, LINES))

    assert (stones.relevant, stones.leaves, stones.document.abstract) == (False, (), "")
    assert (apples.relevant, apples.leaves) == (True, ("fruit/apples",))
    assert apples.sources == {"one list", "another"}
    assert apples.document == Document("2602.00002", "On Apples", "Round.", day=date(2026, 2, 1))


def test_background_is_what_nobody_decided_on(tmp_path: Path) -> None:
    line = {"id": "cs/9901001", "title": "T", "abstract": "A", "authors": [" Ada Example"]}
    [one] = read_background(write(tmp_path / "b.jsonl", [line]))
    assert (one.relevant, one.decided) == (False, False)
    assert (one.document.authors, one.document.day) == (("Ada Example",), date(1999, 1, 1))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{not json}\n", "x.jsonl:1 is no JSON"),
        (b'{"id": "2601.00001", "title": "T"}\n[1]\n', "x.jsonl:2 holds no object"),
        (b'\n{"title": "T"}\n', "x.jsonl:2 has no id or no title"),
        (b"\xff\xfe\n", "cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_background(path)


def test_a_missing_or_cut_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl")
    whole = write(tmp_path / "cut.jsonl.gz", LINES).read_bytes()
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-20])
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "cut.jsonl.gz")


def test_a_decision_stands_before_none_and_an_abstract_is_never_lost() -> None:
    waiting = Example(Document("2601.00001", "T", "An abstract."), False, decided=False)
    accepted = Example(Document("2601.00001", "T"), True, leaves=("fruit/apples",))
    rejected = Example(Document("2601.00001", "T"), False)

    for order in ((waiting, accepted), (accepted, waiting)):
        [one] = merge(order)
        assert (one.relevant, one.decided, one.document.abstract) == (True, True, "An abstract.")
    [first] = merge([rejected], [accepted])
    assert not first.relevant
    assert first.leaves == ()
