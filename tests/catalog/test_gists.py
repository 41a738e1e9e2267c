from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from registry.catalog.files import load_papers
from registry.catalog.gists import LONGEST_COPY, check_gist, longest_copy
from registry.core.errors import UsageError

ROOT = Path(__file__).parents[2]
ABSTRACTS = ROOT.parent / "shared" / "data" / "paper_facts.jsonl.gz"
ABSTRACT = "We invent a machine that counts the leaves of every tree in a made-up wood by night."


def test_a_gist_stands_on_one_line() -> None:
    said = check_gist("A counter of leaves\n  that works when it is dark outside.", ABSTRACT)
    assert said == "A counter of leaves that works when it is dark outside."


@pytest.mark.parametrize(
    ("gist", "said"),
    [("Too short.", "has 2 words"), (ABSTRACT.upper(), "copies the abstract, 18 words in a row")],
)
def test_a_short_gist_and_a_copied_one_are_refused(gist: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_gist(gist, ABSTRACT)


def test_no_gist_of_the_catalog_copies_its_abstract() -> None:
    if not ABSTRACTS.is_file():
        pytest.skip("the abstracts are not beside the repository")
    with gzip.open(ABSTRACTS, "rt", encoding="utf-8") as lines:
        abstracts = {row["id"]: row["abstract"] for row in map(json.loads, lines)}
    written = [p for p in load_papers(ROOT / "catalog").values() if p.gist and p.id in abstracts]
    assert written
    copied = {p.id: longest_copy(p.gist or "", abstracts[p.id]) for p in written}
    assert {id_: n for id_, n in copied.items() if n >= LONGEST_COPY} == {}
