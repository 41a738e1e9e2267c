"""Where the text of a domain comes from, and how near domains are to one another."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from methods.continual import domains
from methods.continual.domains import ALPHABET, docstrings, plain, read
from methods.continual.similarity import chain, cosine, tf_idf, words
from methods.engine.errors import DataError

LONG = "A sentence that goes on. " * 8


def test_docstrings_are_those_of_modules_classes_and_functions_and_nothing_else() -> None:
    source = (
        f'"""{LONG}M"""\nclass A:\n    """{LONG}C"""\n    async def f(self):\n'
        f'        """{LONG}F"""\n        return """{LONG}R"""\ndef short():\n    """Too short."""\n'
    )
    assert sorted(text[-1] for text in docstrings(source)) == ["C", "F", "M"]
    assert docstrings("def broken(:") == []


def test_text_is_plain_characters_without_indentation() -> None:
    assert plain("First.\n\n        Sécond → line\n          kept\n    ") == (
        "First.\n\nScond  line\n  kept"
    )
    assert set(plain("a\tb\u2026")) <= set(ALPHABET)


def test_a_package_is_read_without_being_imported() -> None:
    code = (
        "import json, sys\nfrom methods.continual.domains import read\n"
        "d = read('sympy.stats', 3000, 500)\n"
        "print(json.dumps([len(d.train), len(d.held_out), d.version, 'sympy' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    train, held_out, version, imported = json.loads(done.stdout)
    assert (train, held_out, imported) == (3000, 500, False)
    assert version.startswith("sympy 1.")


def test_held_out_text_is_of_other_files_and_stays_where_more_is_learned() -> None:
    some, more = read("networkx.generators", 2000, 800), read("networkx.generators", 9000, 800)
    assert some.held_out == more.held_out and more.train.startswith(some.train)
    assert len(more.train) == 9000
    lines = [line for line in more.held_out.splitlines() if len(line) > 60]
    assert lines and not any(line in more.train for line in lines)
    assert some.fingerprint != more.fingerprint


def test_several_places_are_one_domain() -> None:
    both = read("networkx.generators+networkx.readwrite", 4000, 600)
    alone = read("networkx.generators", 2000, 300)
    assert both.train.startswith(alone.train) and both.held_out.startswith(alone.held_out)
    assert len(both.train) == 4002


def test_a_file_of_one_s_own_is_a_domain(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("\n\n".join(f"Paragraph {i} of my own text." for i in range(40)))
    found = read(str(path), 400, 100)
    assert found.version == "own.txt" and "Paragraph" in found.train
    assert len(found.held_out) == 100


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_package.x", "no text file and no place"),
        ("sympy.no_such_part", "no text file and no place"),
        ("../outside", "no text file and no place"),
        ("networkx.readwrite.json_graph", "too few"),
    ],
)
def test_what_is_no_domain_is_refused_with_what_would_be(name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(name, 1000, 50_000)


def test_the_version_is_that_of_the_distribution_or_of_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert domains._version("json").startswith("Python 3.")
    assert domains._version("numpy").startswith("numpy 2.")
    known = {"sklearn": ["scikit-learn"]}
    monkeypatch.setattr(domains.importlib.metadata, "packages_distributions", lambda: known)
    assert domains._version("sklearn").startswith("sklearn 1.")
    assert domains._version("nowhere_installed") == "nowhere_installed"


# --- similarity -------------------------------------------------------------------------------


def test_tf_idf_worked_by_hand() -> None:
    a, b = tf_idf([{"tree": 2, "leaf": 1}, {"tree": 1}])
    rare = 1 + math.log(2)
    length = math.hypot(2, rare)
    assert a == pytest.approx({"tree": 2 / length, "leaf": rare / length})
    assert b == {"tree": 1.0}
    assert cosine(a, b) == pytest.approx(2 / length)
    assert cosine(a, a) == pytest.approx(1) and cosine(b, a) == cosine(a, b)
    assert tf_idf([{}, {"x": 1}]) == [{}, {"x": 1.0}]


def test_words_are_counted_in_lower_case_from_three_letters_on() -> None:
    assert words("The tree; the TREE, an x_axis of trees") == {
        "the": 2, "tree": 2, "axis": 1, "trees": 1,
    }  # fmt: skip


def test_a_chain_takes_the_nearest_that_is_left_and_the_earlier_of_two_alike() -> None:
    x, y, between = {"x": 1.0}, {"y": 1.0}, {"x": 0.6, "y": 0.8}
    assert chain(x, [y, between, x]) == [2, 1, 0]
    assert chain(x, [y, y]) == [0, 1]
