"""A curator at the terminal, on a real pseudo-terminal."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.standing import live, read_log
from tests.triage.typist import Typist
from tests.triage.waiting import CRITERIA, put

HOSTILE = "A \x1b]0;owned\x07\x1b[2J\x1b[31mStudy\x9b6n \u202eDees\u202c \r\nof Seeds"


@pytest.fixture
def env(settings: Settings, tmp_path: Path) -> dict[str, str]:
    editor = tmp_path / "editor"
    editor.write_text(
        "#!/bin/sh\necho 'In words of our own: it is all made up, twice.' >> \"$1\"\n"
    )
    editor.chmod(0o755)
    return os.environ | {
        "REGISTRY_DATABASE_URL": settings.database_url,
        "REGISTRY_CATALOG_DIR": str(settings.catalog_dir),
        "REGISTRY_CACHE_DIR": str(settings.cache_dir),
        "REGISTRY_REVIEWER": "ann",
        "REGISTRY_OFFLINE": "1",
        "EDITOR": str(editor),
        "TERM": "xterm-256color",
    }


def decided(store: Store) -> list[tuple[str, str]]:
    with store.read() as connection:
        return [(line.decision, line.preprint_id) for line in live(read_log(connection))]


def test_a_session_is_left_and_taken_up_again(
    store: Store, settings: Settings, env: dict[str, str]
) -> None:
    one, two, three = reversed(put(store, 3))
    with Typist(["triage", "--strategy", "newest"], env) as typist:
        assert f"Study {one}" in typist.wait("4 more wait; by newest; as ann")
        typist.press("r", "why: ")
        typist.press("off topic\r", f"rejected {one}: off topic")
        assert f"Study {two}" in typist.screen
        typist.press("a", "accept: ")
        typist.press("/", "leaf, others")
        typist.press("fruit/pears, roots/carrots\r", f"accepted {two} to fruit/pears")
        typist.press("s", f"skipped {three}")
        assert f"Study {three}" in typist.press("u", f"undone: ann skipped {three}")
        assert f"Study {two}" in typist.press("u", f"undone: ann accepted {two}")
        assert not (settings.catalog_dir / "papers" / f"{two}.yaml").exists()
        typist.press("a", "accept: ")
        typist.press("/", "leaf, others")
        typist.press("fruit/pears\r", f"accepted {two} to fruit/pears")
        assert typist.leave("q") == 0
        assert typist.raw.rstrip().endswith("stored: 2 accept, 1 reject, 1 skip, 2 undo; 3 wait")
        assert typist.cooked

    assert decided(store) == [("reject", one), ("accept", two)]
    with Typist(["triage", "--strategy", "newest"], env) as typist:
        assert f"Study {three}" in typist.wait("more wait")
        assert typist.leave("q") == 0


def test_any_text_fits_any_window_and_cannot_act_on_it(store: Store, env: dict[str, str]) -> None:
    [id_] = put(store, 1, abstract=HOSTILE + " word" * 900, authors=(HOSTILE,), comment=HOSTILE)
    with Typist(["triage", "--strategy", "newest"], env, columns=80, rows=30) as typist:
        typist.wait("more: space or j")
        for columns, rows in ((40, 12), (200, 60), (12, 4), (1, 1), (80, 24)):
            lines = typist.redraw(columns, rows)
            assert len(lines) <= rows
            assert max(map(len, lines)) <= columns
        typist.press("?", "any key goes back")
        typist.press("x", "more wait")
        top = typist.lines[:4]
        typist.press_until_top("\x1b[B\x1bOBj", top[3])
        typist.press_until_top("\x1b[A\x1b[A", top[1])
        typist.press(" " * 40, "leaves")  # the end of the card
        typist.press_until_top("\x1b[5~" * 40, top[0])
        typist.press("o", f"no browser was opened: https://arxiv.org/abs/{id_}")
        assert typist.leave("q") == 0
        for active in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "\u202e"):
            assert active not in typist.raw


def test_the_criteria_stay_on_the_screen_below_a_long_abstract(
    store: Store, settings: Settings, env: dict[str, str]
) -> None:
    put(store, 1, abstract="word " * 900)
    (settings.catalog_dir / "criteria.yaml").write_text(CRITERIA)
    with Typist(["triage", "--strategy", "newest"], env, columns=80, rows=24) as typist:
        shown = typist.wait("1:stone  2:fish")
        assert shown.index("more: space or j") < shown.index("a accept") < shown.index("1:stone")
        assert typist.leave("q") == 0


def test_ctrl_c_takes_a_question_back_and_otherwise_leaves_with_all_stored(
    store: Store, env: dict[str, str]
) -> None:
    one, two = reversed(put(store, 2))
    with Typist(["triage", "--strategy", "newest"], env) as typist:
        typist.wait(f"Study {one}")
        typist.press("d", "number or arXiv id")
        typist.press("\x03", "more wait")
        typist.press("m", f"left {one} open")
        assert f"Study {two}" in typist.screen
        assert typist.leave("\x03") == 130
        assert "stored: 1 maybe" in typist.raw
        assert typist.cooked
    assert decided(store) == [("maybe", one)]


def test_a_closed_window_and_a_kill_lose_nothing(store: Store, env: dict[str, str]) -> None:
    one, two = reversed(put(store, 2))
    words = ["triage", "--strategy", "newest"]
    for id_, number, code in ((one, signal.SIGHUP, 129), (two, signal.SIGKILL, -9)):
        with Typist(words, env) as typist:
            typist.wait(f"Study {id_}")
            typist.press("s", f"skipped {id_}")
            typist.send(number)
            assert typist.leave() == code
    assert [id_ for _, id_ in decided(store)] == [one, two]
