from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path

import pytest

from registry.catalog.criteria import load_criteria, split_reason
from registry.catalog.files import load_taxonomy
from registry.cli.app import COMMANDS, load_command, main
from tests.catalog import fabricated
from tests.fake_arxiv import corpus, entry, feed

GIST = "The title is drawn by lot, and so is everything that stands below it."
CRITERIA = """\
question: Is it fruit?
include:
  - code: fruit
    text: It is.
exclude:
  - code: stone
    text: It is a stone.
"""


@pytest.fixture
def ids(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> list[str]:
    """The ids of four candidates in a made-up workplace, the newest first."""
    fabricated.write(tmp_path / "catalog", fabricated.paper())
    (tmp_path / "catalog" / "criteria.yaml").write_text(CRITERIA)
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(tmp_path / "catalog"))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", database_url)
    monkeypatch.setenv("REGISTRY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("REGISTRY_REVIEWER", "ann")
    page = tmp_path / "page.xml"
    page.write_bytes(feed("".join(map(entry, corpus(4))), "search_query=x", 4))
    assert main(("ingest", "--from-file", str(page))) == 0
    capsys.readouterr()
    assert main(("triage", "list", "--strategy", "newest", "--json")) == 0
    return [row["id"] for row in json.loads(capsys.readouterr().out)]


def say(capsys, *words: str) -> tuple[int, str, str]:
    code = main(("triage", *words))
    out, err = capsys.readouterr()
    return code, out, err


def facts(capsys, *words: str) -> object:
    code, out, err = say(capsys, *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_every_decision_is_a_command_and_stands_in_the_log(
    ids: list[str], tmp_path: Path, capsys
) -> None:
    one, two, three, four = ids
    done = [
        ("accept", one, "--leaf", "fruit/apples", "--gist", GIST),
        ("reject", two, "--reason", "stone: a grey one"),
        ("maybe", three, "--note", "wait"),
        ("retag", four, "--leaf", "fruit/pears", "--by", "bob"),
        ("duplicate", four, "--of", one),
        ("skip", three),
        ("undo",),
    ]
    for words in done:
        code, _, err = say(capsys, *words)
        assert code == 0, err

    rows = facts(capsys, "log")
    assert [(row["decision"], row["by"], row["undone"]) for row in rows] == [
        ("accept", "ann", False), ("reject", "ann", False), ("maybe", "ann", False),
        ("retag", "bob", False), ("duplicate", "ann", False), ("skip", "ann", True),
        ("undo", "ann", False),
    ]  # fmt: skip
    assert (tmp_path / "catalog" / "papers" / f"{one}.yaml").is_file()
    counts = facts(capsys, "status")
    assert (counts["included"], counts["excluded"], counts["maybe"]) == (1, {"stone": 1}, 1)
    [rejected] = facts(capsys, "list", "--state", "rejected")
    assert (rejected["id"], rejected["why"]) == (two, "stone: a grey one")
    [twice] = facts(capsys, "list", "--state", "duplicate")
    assert (twice["id"], twice["why"]) == (four, one)


def test_the_old_commands_write_the_same_log(ids: list[str], capsys) -> None:
    one, two, *_ = ids
    assert main(("accept", one, "--leaf", "fruit/apples", "--gist", GIST, "--by", "bob")) == 0
    assert main(("reject", two, "--reason", "stone")) == 0
    capsys.readouterr()

    rows = facts(capsys, "log")
    assert [(row["id"], row["by"], row["detail"].get("code")) for row in rows] == [
        (one, "bob", None), (two, "ann", "stone"),
    ]  # fmt: skip


def test_the_next_candidate_is_shown_whole(ids: list[str], capsys) -> None:
    code, out, _ = say(capsys, "next", "--strategy", "newest")
    assert (code, out.split()[0]) == (0, ids[0])
    found = facts(capsys, "show", f"https://arxiv.org/abs/{ids[1]}v1")
    assert (found["id"], found["state"], found["log"]) == (ids[1], "open", [])
    assert found["abstract"]
    assert facts(capsys, "next", "--strategy", "newest")["id"] == ids[0]


def test_reviewers_who_disagree_are_listed_until_one_settles_it(ids: list[str], capsys) -> None:
    say(capsys, "reject", ids[0], "--reason", "stone")
    code, _, err = say(capsys, "maybe", ids[0], "--by", "bob")
    assert (code, "--beside puts yours next to it" in err) == (2, True)
    words = ("accept", ids[0], "--leaf", "fruit/pears", "--gist", GIST, "--by", "bob")
    code, out, err = say(capsys, *words, "--beside")
    assert (code, out) == (0, "")
    assert "no file was written" in err

    found = facts(capsys, "conflicts")
    assert [c["id"] for c in found["conflicts"]] == [ids[0]]
    assert found["agreement"][0]["papers"] == 1
    assert "agreed on 0 of 1 paper" in say(capsys, "conflicts")[2]

    assert say(capsys, "reject", ids[0], "--reason", "stone", "--settle", "--by", "cy")[0] == 0
    assert facts(capsys, "conflicts")["conflicts"] == []


def test_a_log_moves_to_another_database(
    ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    say(capsys, "reject", ids[0], "--reason", "stone")
    file = tmp_path / "log.jsonl"
    assert say(capsys, "export-decisions", str(file))[0] == 0
    assert say(capsys, "export-decisions")[1] == file.read_text()

    assert say(capsys, "import-decisions", str(file))[2] == "0 decisions added, 1 here already\n"
    (tmp_path / "latin").write_bytes(b"\xe9")
    for wrong in ("latin", "absent"):
        code, _, err = say(capsys, "import-decisions", str(tmp_path / wrong))
        assert (code, "cannot be read" in err) == (2, True)
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    code, _, err = say(capsys, "import-decisions", str(file))
    assert code == 3
    assert f"registry ingest --ids {ids[0]}" in err


def test_without_a_terminal_keys_are_read_as_lines(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("r\n1\ns\nq\n"))

    code, out, err = say(capsys, "--strategy", "newest")

    assert code == 0
    assert ids[0] in out
    assert err == "stored: 1 reject, 1 skip; 2 wait\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
    assert "3 wait" in say(capsys, "--strategy", "newest", "--again")[2]


def test_an_empty_queue_says_how_to_fill_it(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("s\n" + "r\n1\n" * 3))
    assert say(capsys, "--strategy", "newest")[2].endswith("left open: --again shows them\n")
    say(capsys, "reject", ids[0], "--reason", "stone")
    assert say(capsys, "--strategy", "newest")[2].endswith(
        "0 wait; `registry ingest` brings more\n"
    )


def test_an_output_that_cannot_show_a_letter_shows_its_number(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    say(capsys, "reject", ids[0], "--reason", "sch\u00f6n, aber Stein")
    shown = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(shown, encoding="ascii"))

    assert main(("triage", "log")) == 0
    assert b"sch\\xf6n, aber Stein" in shown.getvalue()


def test_words_that_are_no_text_in_the_encoding_are_a_wrong_use(ids: list[str], capsys) -> None:
    code, _, err = say(capsys, "reject", ids[0], "--reason", "sch\udcc3\udcb6n")

    assert code == 2
    assert "is not text in the encoding of this terminal" in err
    assert facts(capsys, "log") == []


def test_what_the_queue_cannot_take_is_a_wrong_use(ids: list[str], capsys) -> None:
    for words, expected in (
        (("--strategy", "newset"), "Did you mean 'newest'"),
        (("--by", "bob", "status"), "options before 'status'"),
        (("--by", " "), "no name of a reviewer"),
        (("list", "--state", "gone"), "unknown state"),
        (("reject", ids[0], "--reason", "stone", "--beside", "--settle"), "contradict each other"),
        (("show", "2603.09999"), "was never ingested"),
        (("accept", ids[0], "--leaf", "fruit/aples", "--gist", GIST), "Did you mean"),
    ):
        code, out, err = say(capsys, *words)
        assert (code, out) == (2, ""), words
        assert expected in err


def test_the_criteria_are_shown(ids: list[str], capsys) -> None:
    assert facts(capsys, "criteria")["exclude"] == [{"code": "stone", "text": "It is a stone."}]
    assert "out\tstone\tIt is a stone." in say(capsys, "criteria")[1]


def test_every_command_in_the_guide_is_one(ids: list[str]) -> None:
    root = Path(__file__).parents[2]
    text = (root / "site" / "docs" / "guide" / "triage.md").read_text(encoding="utf-8")
    printed = [shlex.split(line) for line in re.findall(r"^registry .*$", text, re.MULTILINE)]
    group = load_command("triage", COMMANDS["triage"][0])
    criteria = load_criteria(root / "catalog")
    assert criteria is not None

    assert {words[1] for words in printed} == {"triage"}
    for words in printed:
        command = group.commands[words[2]] if len(words) > 2 else group
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words
        if "--reason" in words:
            reason = words[words.index("--reason") + 1]
            assert split_reason(reason, criteria)[0], words
        if "--leaf" in words:
            assert words[words.index("--leaf") + 1] in load_taxonomy(root / "catalog").leaf_slugs
