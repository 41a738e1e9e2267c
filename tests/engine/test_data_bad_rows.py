"""What becomes of bad rows: the first ends the load, or all are skipped, counted and told of."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from methods.engine.data import (
    LAYOUTS,
    SUFFIXES,
    Demonstration,
    fingerprint,
    load_demonstrations,
    load_labelled,
    load_pairs,
    load_prompts,
    load_steps,
)
from methods.engine.errors import DataError
from tests.engine.chats import Chat, Plain, assistant, user
from tests.engine.conftest import small_model

GOOD = '{"prompt": "p", "completion": "c"}'
BAD = '{"prompt": "p", "completion": ""}'


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return str(path)

    return write


def said(load, *arguments, **options):
    with pytest.raises(DataError) as caught:
        load(*arguments, **options)
    assert type(caught.value) is DataError
    return str(caught.value)


# Refused


def test_the_first_bad_row_ends_the_load_and_says_how_many_there_are(write):
    path = write(GOOD, BAD, GOOD, "{", GOOD)
    message = said(load_demonstrations, path, Plain())
    assert message.startswith(f"{path}, row 2, column 'completion': is empty; ")
    assert message.endswith(
        "; 2 of 5 rows are bad: mend what is bad, or leave it out with --skip-bad-rows"
    )
    assert "; 1 of 2 rows is bad: " in said(load_demonstrations, write(GOOD, BAD), Plain())


def test_where_every_row_is_bad_skipping_is_not_offered(write):
    assert said(load_demonstrations, write(BAD, BAD), Plain()).endswith("; all 2 rows are bad")
    assert said(load_demonstrations, write(BAD), Plain()).endswith("character is needed")


def test_bad_rows_of_a_long_source_are_counted_among_the_first_rows(write, monkeypatch):
    monkeypatch.setattr("methods.engine.data.load.LOOK_ON", 1000)
    path = write(*[GOOD] * 500, BAD, *[GOOD, BAD] * 2000)
    message = said(load_demonstrations, path, Plain())
    assert "row 501, column" in message
    assert "; 501 of the first 1,501 rows are bad: " in message
    message = said(load_demonstrations, write(*[BAD] * 3000), Plain())
    assert message.endswith("; all of the first 1,001 rows are bad")


def test_a_bad_row_is_said_before_a_break_that_comes_later(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    packed = gzip.compress(f"{GOOD}\n{BAD}\n".encode() * 3 + b"x" * 10)
    path.write_bytes(packed[:-4])
    message = said(load_demonstrations, str(path), Plain())
    assert "row 2, column 'completion': is empty" in message
    assert "of the first " in message
    skipping = said(load_demonstrations, str(path), Plain(), skip_bad_rows=True)
    assert "not a whole gzip file" in skipping


# Skipped


def test_skipped_rows_are_counted_and_the_first_five_told_of(write, capsys):
    path = write(GOOD, *[BAD] * 7, "{", GOOD)
    rows = load_demonstrations(path, Plain(), skip_bad_rows=True)
    assert rows == (Demonstration("p", "c"),) * 2
    assert rows.skipped == 8
    assert [reason.split(":")[0] for reason in rows.reasons] == [
        f"{path}, row {number}, column 'completion'" for number in range(2, 7)
    ]
    out, err = capsys.readouterr()
    assert out == ""
    *told, count = err.splitlines()
    assert told == [f"skipped: {reason}" for reason in rows.reasons]
    assert count == f"{path}: 8 of 10 rows are bad and are skipped"


def test_of_several_processes_only_the_first_tells_of_skipped_rows(write, capsys, monkeypatch):
    path = write(GOOD, BAD)
    monkeypatch.setenv("RANK", "1")
    assert load_demonstrations(path, Plain(), skip_bad_rows=True).skipped == 1
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("RANK", "0")
    load_demonstrations(path, Plain(), skip_bad_rows=True)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_good_rows_are_loaded_in_silence_whether_or_not_bad_ones_may_be_skipped(write, capsys):
    path = write(GOOD, GOOD)
    strict, lax = (load_demonstrations(path, Plain(), skip_bad_rows=skip) for skip in (False, True))
    assert strict == lax and fingerprint(strict) == fingerprint(lax)
    assert (strict.skipped, strict.reasons) == (lax.skipped, lax.reasons) == (0, ())
    assert capsys.readouterr() == ("", "")


def test_skipping_every_row_is_an_error_with_the_first_reason(write):
    message = said(load_demonstrations, write(BAD, "{"), Plain(), skip_bad_rows=True)
    assert "no rows are left, all 2 are bad and were skipped; the first: " in message
    assert "row 1, column 'completion': is empty" in message


@pytest.mark.parametrize(
    ("load", "good"),
    [
        (load_demonstrations, {"prompt": "p", "completion": "c"}),
        (load_pairs, {"prompt": "p", "chosen": "a", "rejected": "b"}),
        (load_prompts, {"prompt": "p"}),
        (load_labelled, {"prompt": "p", "completion": "c", "label": True}),
        (load_steps, {"prompt": "p", "completions": ["c"], "labels": [True]}),
    ],
)
def test_every_kind_of_example_can_be_skipped(write, load, good):
    path = write(json.dumps(good), json.dumps({**good, "prompt": 3}), json.dumps(good))
    assert "row 2, column 'prompt': is a number" in said(load, path, Plain())
    rows = load(path, Plain(), skip_bad_rows=True)
    assert (len(rows), rows.skipped) == (2, 1)


def test_an_answer_that_is_needed_and_missing_is_a_bad_row(write):
    path = write('{"prompt": "1+1=", "answer": 2}', '{"prompt": "2+2="}')
    assert len(load_prompts(path, None)) == 2
    message = said(load_prompts, path, None, need_answer=True)
    assert f"{path}, row 2, column 'answer': is missing" in message
    assert load_prompts(path, None, need_answer=True, skip_bad_rows=True).skipped == 1


def test_a_number_that_is_none_is_no_answer(write):
    message = said(load_prompts, write('{"prompt": "p", "answer": NaN}'), None)
    assert "column 'answer': is nan; allowed: text or a finite number" in message


# What reaches a terminal or a log


def test_what_a_row_holds_cannot_act_on_a_terminal_or_break_the_line(write):
    row = {"\x1b[31mred\n": 1, "x" * 500: 2, **{f"c{i}": i for i in range(40)}}
    message = said(load_demonstrations, write(json.dumps(row)), Plain())
    assert message.isprintable()
    assert "and 22 more" in message and len(message) < 1000
    role = [{"role": "\x1b]0;title\x07" + "y" * 1000, "content": "a"}]
    message = said(load_prompts, write(json.dumps({"prompt": role})), Chat())
    assert message.isprintable() and len(message) < 500


# The assistant's part is never empty


@pytest.mark.parametrize("content", ["", " ", "\n\t"])
def test_an_answer_is_never_blank(write, content):
    talk = json.dumps({"messages": [user("q"), assistant(content)]})
    assert "the answer is empty" in said(load_demonstrations, write(talk), Chat())
    asked = json.dumps({"prompt": [user("q")], "completion": [assistant(content)]})
    assert "the answer is empty" in said(load_demonstrations, write(asked), Chat())
    text = json.dumps({"prompt": "q", "completion": content})
    assert "at least one visible character" in said(load_demonstrations, write(text), Plain())


def test_an_answer_that_the_template_drops_or_only_dresses_up_is_a_bad_row(write):
    class Dropping(Chat):
        def apply_chat_template(self, conversation, /, **options):
            kept = [m if m["role"] == "user" else assistant("") for m in conversation]
            return super().apply_chat_template(kept, **options)

    class Dressing(Chat):
        def apply_chat_template(self, conversation, /, **options):
            worn = [m if m["role"] == "user" else assistant("<think></think>" + m["content"])
                    for m in conversation]  # fmt: skip
            return super().apply_chat_template(worn, **options)

    dropped = write(json.dumps({"messages": [user("q"), assistant("a")]}))
    assert "the answer is empty" in said(load_demonstrations, dropped, Dropping())
    assert load_demonstrations(dropped, Dressing())[0].completion == "<think></think>a"
    empty = write(json.dumps({"messages": [user("q"), assistant("")]}))
    assert "the answer is empty" in said(load_demonstrations, empty, Dressing())


@pytest.mark.parametrize(
    "talk", [[user("q")], [user("q"), assistant("a"), user("r")], [assistant("a"), user("q")]]
)
def test_a_conversation_that_does_not_end_with_an_answer_is_a_bad_row(write, talk):
    message = said(load_demonstrations, write(json.dumps({"messages": talk})), Chat())
    assert "column 'messages': does not end with a message of role 'assistant'" in message


def test_a_template_in_jinja_that_rewrites_history_makes_bad_rows_of_those_it_rewrites(write):
    tokenizer = small_model().tokenizer
    # As reasoning models' templates do: thoughts stay in the last turn only.
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}>"
        "{% if m.role == 'assistant' and not loop.last %}{{ m.content.split('|')[-1] }}"
        "{% else %}{{ m.content }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    fine = {"messages": [user("q"), assistant("hm|a"), user("r"), assistant("so|b")]}
    (row,) = load_demonstrations(write(json.dumps(fine)), tokenizer)
    assert row == Demonstration("<user>q<assistant>a<user>r<assistant>", "so|b")
    # One that judges by the last message of all rewrites the prompt once an answer follows.
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "not loop.last", "messages[-1].role == 'assistant'"
    )
    message = said(load_demonstrations, write(json.dumps(fine), json.dumps(fine)), tokenizer)
    assert "column 'messages': the chat template renders the prompt otherwise" in message
    single = {"messages": [user("q"), assistant("a")]}
    rows = load_demonstrations(
        write(json.dumps(fine), json.dumps(single)), tokenizer, skip_bad_rows=True
    )
    assert (len(rows), rows.skipped) == (1, 1)


def test_the_guide_names_every_kind_of_file_and_layout_and_quotes_the_error_as_it_is(tmp_path):
    root = Path(__file__).resolve().parents[2]
    guide = (root / "site" / "docs" / "guide" / "data.md").read_text(encoding="utf-8")
    assert [s for s in SUFFIXES if f"{s}`" not in guide] == []
    assert [name for name in LAYOUTS if f"`#{name}`" not in guide] == []
    (tmp_path / "rows.jsonl").write_text("\n".join([GOOD, BAD, GOOD, BAD, GOOD]))
    message = said(load_demonstrations, str(tmp_path / "rows.jsonl"), Plain())
    assert message.removeprefix(f"{tmp_path}/") in " ".join(guide.split())
