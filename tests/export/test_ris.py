from __future__ import annotations

import rispy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.core.escape import one_line
from registry.export.names import split_name
from registry.export.ris import ris
from tests.catalog.fabricated import paper
from tests.export.hostile import TITLES, texts


def test_a_record_says_what_is_known_of_a_preprint() -> None:
    one = paper(authors=["Ada B. Example", "Example-AI"], doi="10.1000/x", venue="Workshop 2024")
    assert ris([one]) == (
        "TY  - UNPB\n"
        "ID  - example-2401.00001\n"
        "TI  - A Made-up Title 2401.00001\n"
        "AU  - Example, Ada B.\n"
        "AU  - Example-AI\n"
        "PY  - 2024\n"
        "DA  - 2024/01/02\n"
        "PB  - arXiv\n"
        "AN  - arXiv:2401.00001\n"
        "UR  - https://arxiv.org/abs/2401.00001\n"
        "DO  - 10.1000/x\n"
        "N1  - Workshop 2024\n"
        "KW  - fruit/apples\n"
        "ER  - \n"
    )


@given(st.lists(texts, min_size=1, max_size=3), texts)
@example(list(TITLES), "x\nER  - \nTY  - BOOK")
@settings(max_examples=60)
def test_titles_and_authors_come_back_from_the_file(titles: list[str], author: str) -> None:
    papers = [
        paper(f"2401.{n:05d}", title=title, authors=[author])
        for n, title in enumerate(titles, start=1)
    ]
    records = rispy.loads(ris(papers))
    assert [one["type_of_reference"] for one in records] == ["UNPB"] * len(papers)
    assert [one.get("title", "") for one in records] == [one_line(title) for title in titles]
    name = split_name(author)
    said = f"{name.family}, {name.given}" if name.given else name.family
    assert all(one.get("authors", [""]) == [said] for one in records)
