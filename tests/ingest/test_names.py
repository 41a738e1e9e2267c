from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ingest.names import split_authors, untex


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("Ada Example", ["Ada Example"]),
        ("Ada Example and Bo Sample", ["Ada Example", "Bo Sample"]),
        ("Ada Example, Bo Sample, and Cy Placeholder",
         ["Ada Example", "Bo Sample", "Cy Placeholder"]),
        ("Ada Example, Bo Sample & Cy P. Holder", ["Ada Example", "Bo Sample", "Cy P. Holder"]),
        ("Ada Example (1 and 2), Bo Sample (2) ((1) Nowhere, (2) Elsewhere and Beyond)",
         ["Ada Example", "Bo Sample"]),
        ("Bo Sample, Jr., Cy Placeholder III, Di Fixture, IV",
         ["Bo Sample Jr.", "Cy Placeholder III", "Di Fixture IV"]),
        ("The Made-Up Collaboration: Ada Example, Bo Sample",
         ["The Made-Up Collaboration", "Ada Example", "Bo Sample"]),
        (r"Fran\c{c}ois \'Etude, J\"org {\O}ster, Vladim\'{\i}r \v{C}ech",
         ["Fran\u00e7ois \u00c9tude", "J\u00f6rg \u00d8ster", "Vladim\u00edr \u010cech"]),
        ("Ada\n  Example,\n Bo Sample", ["Ada Example", "Bo Sample"]),
        ("Sandy Anderson, Randy And", ["Sandy Anderson", "Randy And"]),
        (" , ", []),
    ],
)  # fmt: skip
def test_names_are_split_as_they_were_typed(typed: str, names: list[str]) -> None:
    assert list(split_authors(typed)) == names


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (r"Poincar\'e and Erd\H{o}s", "Poincar\u00e9 and Erd\u0151s"),
        (r"na{\"\i}ve, na\"{\i}ve", "na\u00efve, na\u00efve"),
        (r"stra{\ss}e, \AA ngstrom", "stra\u00dfe, \u00c5ngstrom"),
        (r"of $\hat{x}$ and $\v{y}$", r"of $\hat{x}$ and $\v{y}$"),
        (r"\emph{not} an accent, \hat x", r"\emph{not} an accent, \hat x"),
        (r"a \{set\} of 5\% at \$3", r"a \{set\} of 5\% at \$3"),
        ("nothing to do", "nothing to do"),
    ],
)
def test_accents_become_letters_outside_of_formulas(typed: str, read: str) -> None:
    assert untex(typed) == read


@given(st.text(alphabet="abc\\'\"{}$ ~^vcHo,()", max_size=40))
def test_any_text_is_read_in_one_way(text: str) -> None:
    assert untex(untex(text)) == untex(untex(untex(text)))
    assert all(name.strip() == name and name for name in split_authors(text))
