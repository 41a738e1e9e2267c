"""Labelled and stepwise rows, and the Alpaca and ShareGPT layouts as TRL's types."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest

from methods.engine.data import (
    Demonstration,
    Labelled,
    Pair,
    Prompt,
    Steps,
    fingerprint,
    load_demonstrations,
    load_labelled,
    load_pairs,
    load_prompts,
    load_steps,
)
from methods.engine.errors import DataError
from tests.engine.chats import Chat, Plain, assistant, user

OPENED = "<user>q<end>\n<assistant>"


@pytest.fixture
def write(tmp_path):
    def write(*rows):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    return write


def human(text):
    return {"from": "human", "value": text}


def gpt(text):
    return {"from": "gpt", "value": text}


# Labelled


def test_labelled_rows_are_plain_or_conversations(write):
    plain = write({"prompt": "q", "completion": "a", "label": True})
    assert load_labelled(plain, Plain()) == (Labelled("q", "a", True),)
    talk = write(
        {"prompt": [user("q")], "completion": [assistant("a")], "label": False},
        {"messages": [user("q"), assistant("b")], "label": True},
        {"instruction": "q", "output": "c", "label": True},
        {"conversations": [human("q"), gpt("d")], "label": False},
    )
    assert load_labelled(talk, Chat()) == (
        Labelled(OPENED, "a", False),
        Labelled(OPENED, "b", True),
        Labelled(OPENED, "c", True),
        Labelled(OPENED, "d", False),
    )


@pytest.mark.parametrize("label", [1, "true", None, [True]])
def test_a_label_is_true_or_false(write, label):
    path = write({"prompt": "q", "completion": "a", "label": label})
    with pytest.raises(DataError, match=r"row 1, column 'label': is .*; allowed: true, false"):
        load_labelled(path, Plain())


def test_a_label_that_is_missing_is_named(write):
    with pytest.raises(DataError, match=r"columns are completion, prompt; needed: .*and label"):
        load_labelled(write({"prompt": "q", "completion": "a"}), Plain())


# Steps


def test_an_answer_in_steps_keeps_them_with_their_labels(write):
    row = {"completions": ["a", "b"], "labels": [True, False]}
    path = write({"prompt": "q", **row}, {"prompt": [user("q")], **row})
    rows = load_steps(path, Chat())
    assert rows == (
        Steps("q", ("a", "b"), (True, False)),
        Steps(OPENED, ("a", "b"), (True, False)),
    )
    with pytest.raises(FrozenInstanceError):
        rows[0].labels = ()
    assert len({fingerprint(rows), fingerprint(rows[:1]), fingerprint(rows[::-1])}) == 3


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        ({"completions": []}, "completions", "is an empty list; allowed: a list of texts"),
        ({"completions": "a"}, "completions", "is text; allowed: a list of texts"),
        ({"completions": ["a", " "]}, "completions", "step 2 is empty"),
        ({"completions": ["a", 3]}, "completions", "step 2 is a number; allowed: text"),
        ({"labels": [True]}, "labels", "has 1 entries for 2 completions"),
        ({"labels": [True, 0]}, "labels", "label 2 is a number; allowed: true, false"),
        ({"labels": None}, "labels", "is null"),
        ({"prompt": 3}, "prompt", "is a number; allowed: text"),
    ],
)
def test_bad_steps_are_refused_with_row_and_column(write, change, column, said):
    row = {"prompt": "q", "completions": ["a", "b"], "labels": [True, False]}
    path = write(row, {**row, **change})
    with pytest.raises(DataError) as caught:
        load_steps(path, Plain())
    assert str(caught.value).startswith(f"{path}, row 2, column '{column}': {said}")


# Alpaca


def test_alpaca_rows_are_conversations_where_the_model_has_a_chat_template(write):
    path = write(
        {"instruction": "q", "input": "", "output": "a"},
        {"instruction": "add", "input": "1, 2", "output": "3", "system": "be brief"},
    )
    assert load_demonstrations(path, Chat()) == (
        Demonstration(OPENED, "a"),
        Demonstration("<system>be brief<end>\n<user>add\n1, 2<end>\n<assistant>", "3"),
    )
    assert load_demonstrations(path, Plain()) == (
        Demonstration("q\n", "a"),
        Demonstration("be brief\nadd\n1, 2\n", "3"),
    )


def test_alpaca_preferences_and_prompts_are_read_too(write):
    path = write({"instruction": "q", "chosen": "a", "rejected": "b", "answer": 7})
    assert load_pairs(path, Chat()) == (Pair(OPENED, "a", "b"),)
    assert load_pairs(path, Plain()) == (Pair("q\n", "a", "b"),)
    assert load_prompts(path, Chat()) == (Prompt(OPENED, "7"),)
    assert load_prompts(path, None) == (Prompt("q\n", "7"),)


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        ({"instruction": ""}, "instruction", "is empty"),
        ({"output": " \n"}, "output", "is only blanks; at least one visible character"),
        ({"output": None}, "output", "is null; allowed: text"),
        ({"input": ["x"]}, "input", "is a list; allowed: text"),
        ({"history": [["a", "b"]]}, "history", "earlier turns are not supported"),
        ({"tools": "[{}]"}, "tools", "tool definitions are not supported"),
    ],
)
def test_a_bad_alpaca_row_is_named_by_the_files_own_column(write, change, column, said):
    row = {"instruction": "q", "input": None, "output": "a", "history": [], "tools": "[]"}
    path = write(row, {**row, **change})
    for tokenizer in (Chat(), Plain()):
        with pytest.raises(DataError) as caught:
            load_demonstrations(path, tokenizer)
        assert str(caught.value).startswith(f"{path}, row 2, column '{column}': {said}")


# ShareGPT


def test_sharegpt_conversations_are_messages_and_their_last_answer_the_completion(write):
    talk = [human("q"), gpt("a"), human("r"), gpt("b")]
    path = write({"conversations": talk}, {"conversations": talk, "system": "s"})
    first, second = load_demonstrations(path, Chat())
    assert first == Demonstration(f"{OPENED}a<end>\n<user>r<end>\n<assistant>", "b")
    assert second == Demonstration("<system>s<end>\n" + first.prompt, "b")


def test_sharegpt_and_trl_names_of_speakers_give_the_same_rows(write):
    share = write({"conversations": [{"from": "system", "value": "s"}, human("q"), gpt("a")]})
    expected = load_demonstrations(share, Chat())
    for talk in (
        [{"role": "system", "content": "s"}, user("q"), assistant("a")],
        [{"from": "system", "value": "s"}, {"from": "user", "value": "q"}, gpt("a")],
    ):
        assert load_demonstrations(write({"conversations": talk}), Chat()) == expected
    messages = [{"role": "system", "content": "s"}, user("q"), assistant("a")]
    assert load_demonstrations(write({"messages": messages}), Chat()) == expected


def test_sharegpt_preferences_and_prompts_are_read_too(write):
    path = write({"conversations": [human("q")], "chosen": gpt("a"), "rejected": gpt("b")})
    assert load_pairs(path, Chat()) == (Pair(OPENED, "a", "b"),)
    assert load_prompts(path, Chat()) == (Prompt(OPENED),)
    whole = write({"conversations": [human("q"), gpt("dropped")], "answer": "a"})
    assert load_prompts(whole, Chat()) == (Prompt(OPENED, "a"),)


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        ([], "is an empty list; allowed: a list of messages, not empty"),
        ("hi", "is text; allowed: a list of messages"),
        ([human("q"), {"from": "bing", "value": "a"}], "message 2 is from 'bing'; allowed: human"),
        ([human("q"), {"from": None, "value": "a"}], "message 2 is from None; allowed: human"),
        ([human("q"), {"value": "a"}], "message 2 is not an object with from and value"),
        ([human("q"), "a"], "message 2 is text, not an object"),
        ([human("q"), gpt(3)], "message 2: content is a number; allowed: text"),
        ([human("q"), gpt("")], "the answer is empty"),
        ([human("q")], "does not end with a message of role 'assistant'"),
        ([gpt("q"), gpt("a")], "the prompt ends with an assistant's message"),
    ],
)
def test_a_bad_sharegpt_row_is_named_by_the_files_own_column(write, talk, said):
    path = write({"conversations": [human("q"), gpt("a")]}, {"conversations": talk})
    with pytest.raises(DataError) as caught:
        load_demonstrations(path, Chat())
    assert str(caught.value).startswith(f"{path}, row 2, column 'conversations': {said}")


def test_a_system_text_beside_a_system_message_is_refused(write):
    talk = [{"from": "system", "value": "s"}, human("q"), gpt("a")]
    with pytest.raises(DataError, match="column 'system': is given beside a system message"):
        load_demonstrations(write({"conversations": talk, "system": "t"}), Chat())


# Ambiguity


@pytest.mark.parametrize(
    ("load", "row", "first", "second"),
    [
        (
            load_demonstrations,
            {"instruction": "q", "output": "a", "text": "q a"},
            "text",
            "instruction and output (Alpaca)",
        ),
        (
            load_demonstrations,
            {"conversations": [human("q"), gpt("a")], "messages": [user("q"), assistant("a")]},
            "messages",
            "conversations (ShareGPT)",
        ),
        (
            load_demonstrations,
            {"prompt": "q", "completion": "a", "text": "q a"},
            "prompt and completion",
            "text",
        ),
        (
            load_pairs,
            {"prompt": "q", "instruction": "r", "chosen": "a", "rejected": "b"},
            "prompt",
            "instruction (Alpaca)",
        ),
        (
            load_prompts,
            {"prompt": "q", "conversations": [human("r")]},
            "prompt",
            "conversations (ShareGPT)",
        ),
        (
            load_labelled,
            {"prompt": "q", "completion": "a", "messages": [user("q")], "label": True},
            "prompt and completion and label",
            "messages and label",
        ),
    ],
)
def test_columns_that_can_be_read_in_two_ways_are_refused_with_both(
    write, load, row, first, second
):
    path = write(row)
    with pytest.raises(DataError) as caught:
        load(path, Chat())
    message = str(caught.value)
    assert message.startswith(f"{path}, row 1: the columns can be read as {first} and as {second};")


def test_the_layout_behind_a_source_says_which_way_is_meant(write):
    path = write({"instruction": "q", "output": "a", "text": "q a"})
    with pytest.raises(DataError, match="say which with #text or #alpaca behind the source"):
        load_demonstrations(path, Chat())
    assert load_demonstrations(f"{path}#text", Chat()) == (Demonstration("", "q a"),)
    assert load_demonstrations(f"{path}#alpaca", Chat()) == (Demonstration(OPENED, "a"),)
    with pytest.raises(DataError, match=r"columns are .*; needed: conversations"):
        load_demonstrations(f"{path}#sharegpt", Chat())
    with pytest.raises(DataError, match="cannot be read as #text here; allowed: #prompt"):
        load_pairs(f"{write({'chosen': 'a', 'rejected': 'b'})}#text", Chat())


def test_whole_conversations_are_pairs_though_the_prompt_has_a_column_of_its_own(write):
    row = {"prompt": "q", "chosen": [user("q"), assistant("a")]}
    path = write({**row, "rejected": [user("q"), assistant("b")]})
    with pytest.raises(DataError, match="put #messages behind the source"):
        load_pairs(path, Chat())
    assert load_pairs(f"{path}#messages", Chat()) == (Pair(OPENED, "a", "b"),)
