"""Users' data files in every type, and what is said about a bad row."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pkgutil import iter_modules as walk

import pytest

from methods.engine import data
from methods.engine.data import (
    Demonstration,
    Pair,
    Prompt,
    fingerprint,
    load_demonstrations,
    load_pairs,
    load_prompts,
)
from methods.engine.errors import DataError
from tests.engine.chats import Chat, Plain, assistant, user


@pytest.fixture
def write(tmp_path):
    def write(*rows, name="rows.jsonl"):
        path = tmp_path / name
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    return write


def test_the_examples_in_the_docstrings_hold():
    modules = [importlib.import_module(f"{data.__name__}.{m.name}") for m in walk(data.__path__)]
    found = [doctest.testmod(module) for module in modules]
    assert sum(f.failed for f in found) == 0
    assert sum(f.attempted for f in found) >= 3


def test_plain_prompts_and_completions(write):
    path = write(
        {"prompt": "1+1=", "completion": "2", "extra": 1}, "", {"prompt": "", "completion": "x"}
    )
    assert load_demonstrations(path, Plain()) == (
        Demonstration("1+1=", "2"),
        Demonstration("", "x"),
    )


def test_plain_text_is_a_completion_without_a_prompt(write):
    assert load_demonstrations(write({"text": "Once."}), Plain()) == (Demonstration("", "Once."),)


def test_conversational_prompt_and_completion_are_rendered_without_the_end_token(write):
    path = write({"prompt": [user("hi")], "completion": [assistant(" yes ")]})
    expected = Demonstration("<user>hi<end>\n<assistant>", " yes ")
    assert load_demonstrations(path, Chat()) == (expected,)


def test_the_last_answer_of_messages_is_the_completion(write):
    messages = [user("a"), assistant("b"), user("c"), assistant("d")]
    (row,) = load_demonstrations(write({"messages": messages}), Chat())
    assert row.completion == "d"
    assert row.prompt == "<user>a<end>\n<assistant>b<end>\n<user>c<end>\n<assistant>"


def test_plain_pairs(write):
    path = write({"prompt": "p", "chosen": "a", "rejected": "b", "score": 3})
    assert load_pairs(path, Plain()) == (Pair("p", "a", "b"),)


def test_conversational_pairs_with_a_prompt(write):
    path = write({"prompt": [user("q")], "chosen": [assistant("a")], "rejected": [assistant("b")]})
    assert load_pairs(path, Chat()) == (Pair("<user>q<end>\n<assistant>", "a", "b"),)


def test_the_prompt_of_whole_conversations_is_what_they_share(write):
    shared = [user("q"), assistant("r"), user("s")]
    path = write({"chosen": [*shared, assistant("a")], "rejected": [*shared, assistant("b")]})
    (pair,) = load_pairs(path, Chat())
    assert pair.prompt.endswith("<user>s<end>\n<assistant>")
    assert (pair.chosen, pair.rejected) == ("a", "b")


def test_conversations_that_part_early_keep_their_later_turns(write):
    path = write(
        {
            "chosen": [user("q"), assistant("a"), user("more"), assistant("z")],
            "rejected": [user("q"), assistant("b")],
        }
    )
    (pair,) = load_pairs(path, Chat())
    assert pair.prompt == "<user>q<end>\n<assistant>"
    assert pair.chosen == "a<end>\n<user>more<end>\n<assistant>z"
    assert pair.rejected == "b"


def test_prompts_keep_their_answer_and_nothing_else(write):
    path = write({"prompt": "1+1=", "answer": 2, "level": 3}, {"prompt": "2+2="})
    assert load_prompts(path, Plain()) == (Prompt("1+1=", "2"), Prompt("2+2="))


def test_conversational_prompts_open_an_answer(write):
    (row,) = load_prompts(write({"prompt": [user("q")]}), Chat())
    assert row.prompt == "<user>q<end>\n<assistant>"


def test_rows_cannot_be_changed_and_their_fingerprint_sees_order_and_content(write):
    rows = load_pairs(
        write(
            {"prompt": "p", "chosen": "a", "rejected": "b"},
            {"prompt": "p", "chosen": "c", "rejected": "d"},
        ),
        Plain(),
    )
    with pytest.raises(FrozenInstanceError):
        rows[0].chosen = "x"
    prints = {
        fingerprint(rows),
        fingerprint(rows[::-1]),
        fingerprint(rows[:1]),
        fingerprint((Demonstration("p", "a"),)),
        fingerprint((Prompt("p", "a"),)),
    }
    assert len(prints) == 5
    assert fingerprint(rows) == fingerprint(tuple(rows))


def test_a_fingerprint_is_the_one_that_earlier_runs_recorded():
    assert fingerprint((Demonstration("q", "\u00fc"),)).startswith("20efee6e05c6c6a3")
    assert fingerprint((Pair("q", "a", "b"),)).startswith("cb4c1512c9e397bf")
    assert fingerprint((Prompt("q"), Prompt("q", "2"))).startswith("58e0f8e52b484ae7")


GOOD = {"prompt": "p", "completion": "c", "chosen": "a", "rejected": "b", "answer": "4"}


@pytest.mark.parametrize(
    ("load", "change", "column", "said"),
    [
        (load_demonstrations, {"completion": 5}, "completion", "is a number; allowed: text"),
        (load_demonstrations, {"completion": ""}, "completion", "is empty"),
        (load_demonstrations, {"completion": None}, "completion", "is null; allowed: text"),
        (load_demonstrations, {"prompt": {"a": 1}}, "prompt", "is an object; allowed: text"),
        (load_demonstrations, {"tools": [{}]}, "tools", "not supported"),
        (
            load_demonstrations,
            {"prompt": [user("q")]},
            "completion",
            "is text but 'prompt' is a list",
        ),
        (load_pairs, {"rejected": "a"}, "rejected", "is the same as 'chosen'"),
        (load_pairs, {"rejected": [assistant("b")]}, "rejected", "is a list but 'prompt' is text"),
        (load_pairs, {"chosen": "\ud800"}, "chosen", "half a surrogate pair at character 1"),
        (load_prompts, {"prompt": ""}, "prompt", "is empty"),
        (load_prompts, {"answer": True}, "answer", "is true or false; allowed: text"),
        (load_prompts, {"prompt": []}, "prompt", "allowed: a list of messages, not empty"),
        (load_prompts, {"prompt": [assistant("a")]}, "prompt", "role 'assistant'; allowed: user"),
        (load_prompts, {"prompt": [{"role": "bot", "content": "a"}]}, "prompt", "has role 'bot'"),
        (load_prompts, {"prompt": ["hi"]}, "prompt", "message 1 is not an object with role"),
        (load_prompts, {"prompt": [user(["x"])]}, "prompt", "message 1: content is a list"),
    ],
)
def test_a_bad_value_is_refused_with_file_row_and_column(write, load, change, column, said):
    path = write(GOOD, "", {**GOOD, **change})
    with pytest.raises(DataError) as caught:
        load(path, Chat())
    message = str(caught.value)
    assert message.startswith(f"{path}, row 3, column '{column}': ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("load", "row", "needed"),
    [
        (load_demonstrations, {"question": "a"}, "prompt and completion, or messages, or text"),
        (load_pairs, {"prompt": "p", "chosen": "a"}, "chosen and rejected"),
        (load_prompts, {"text": "a"}, "needed: prompt"),
    ],
)
def test_a_missing_column_is_named_with_those_that_are_there(write, load, row, needed):
    with pytest.raises(DataError) as caught:
        load(write(row), Plain())
    assert "row 1: columns are " + ", ".join(sorted(row)) in str(caught.value)
    assert needed in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "row 2: not JSON"),
        ("[1]", "row 2: a list, not an object of columns"),
        ("[" * 100_000, "row 2: nested too deeply"),
        ('{"text": ' + "9" * 5000 + "}", "row 2: not JSON"),
    ],
)
def test_a_line_that_is_no_object_is_refused(write, line, said):
    with pytest.raises(DataError, match=said):
        load_demonstrations(write(GOOD, line), Plain())


def test_bytes_that_are_not_utf8_are_refused_and_a_byte_order_mark_is_not(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\n{"text": "\xff"}\n')
    with pytest.raises(DataError, match=r"row 2: not UTF-8 \(byte 11 of the line\)"):
        load_demonstrations(str(path), Plain())
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\n')
    assert load_demonstrations(str(path), Plain()) == (Demonstration("", "a"),)


def test_pairs_without_a_prompt_must_be_conversations_that_begin_alike(write):
    with pytest.raises(DataError, match="only conversations can go without it"):
        load_pairs(write({"chosen": "a", "rejected": "b"}), Chat())
    with pytest.raises(DataError, match="they answer no common prompt"):
        load_pairs(
            write({"chosen": [user("a"), assistant("x")], "rejected": [user("b"), assistant("y")]}),
            Chat(),
        )
    with pytest.raises(DataError, match="does not end with a message of role 'assistant'"):
        load_pairs(
            write({"chosen": [user("a"), assistant("x")], "rejected": [user("a"), user("y")]}),
            Chat(),
        )


def test_a_conversation_needs_a_chat_template(write):
    path = write({"messages": [user("a"), assistant("b")]})
    with pytest.raises(DataError, match="the model has no chat template"):
        load_demonstrations(path, Plain())
    with pytest.raises(DataError, match="the model has no chat template"):
        load_prompts(write({"prompt": [user("a")]}), None)


def test_a_template_that_rewrites_the_prompt_is_refused(write):
    class Rewriting(Chat):
        def apply_chat_template(self, conversation, /, **options):
            return f"{len(conversation)} messages" + super().apply_chat_template(
                conversation, **options
            )

    with pytest.raises(DataError, match="renders the prompt otherwise"):
        load_demonstrations(write({"messages": [user("a"), assistant("b")]}), Rewriting())


def test_what_a_template_raises_is_said_with_the_row(write):
    class Strict(Chat):
        def apply_chat_template(self, conversation, /, **options):
            raise ValueError("roles must alternate")

    with pytest.raises(DataError, match=r"row 1, column 'prompt'.*roles must alternate"):
        load_prompts(write({"prompt": [user("a")]}), Strict())


def test_an_empty_or_absent_file_is_an_error(write, tmp_path):
    with pytest.raises(DataError, match="no rows"):
        load_prompts(write("", ""), Plain())
    with pytest.raises(DataError, match=r"absent\.jsonl: cannot be read \(No such file"):
        load_prompts(str(tmp_path / "absent.jsonl"), Plain())
    with pytest.raises(DataError, match=r"allowed: a path ending in \.jsonl"):
        load_prompts(str(tmp_path / "rows.txt"), Plain())
    with pytest.raises(DataError, match="names no data set"):
        load_prompts("hub::train", Plain())


def test_a_local_folder_is_read_as_a_hub_data_set(write, tmp_path, monkeypatch):
    folder = tmp_path / "set"
    folder.mkdir()
    write({"prompt": "a", "answer": "1"}, {"prompt": "b", "level": 2}, name="set/train.jsonl")
    write({"prompt": "c"}, name="set/test.jsonl")
    code = (
        "import sys; from methods.engine.data import *; from methods.engine.errors import *\n"
        f"s = 'hub:{folder}'\n"
        "assert load_prompts(s, None) == (Prompt('a', '1'), Prompt('b'))\n"
        "assert load_prompts(s + ':test', None) == (Prompt('c'),)\n"
        "for wrong in (s + ':none', 'hub:no/such-set'):\n"
        "    try: load_prompts(wrong, None)\n"
        "    except DataError as e: print(e)\n"
    )
    # In a process of its own: the library reads its cache folder and the offline switch once.
    env = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    split, absent = done.stdout.strip().splitlines()
    assert "none" in split and "train" in split
    assert absent.startswith("hub:no/such-set: cannot be loaded")
    assert "with the hub in reach" in absent


def test_the_library_of_the_hub_is_imported_only_for_it():
    code = "import sys, methods.engine.data; print('datasets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
