"""What is said of a broken CSV, JSON or gzip file, and what is read of a whole one."""

from __future__ import annotations

import gzip
import os

import pytest

from methods.engine.data import (
    Demonstration,
    Labelled,
    Prompt,
    load_demonstrations,
    load_labelled,
    load_prompts,
)
from methods.engine.errors import DataError
from tests.engine.chats import Plain
from tests.engine.data_files import TEXTS, json_list

# CSV


def test_a_csv_cell_is_text_an_empty_answer_is_none_and_unnamed_columns_are_ignored(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbf,prompt,answer\r\n0,1+1=,2\r\n\r\n1,2+2=,\r\n")
    assert load_prompts(str(path), Plain()) == (Prompt("1+1=", "2"), Prompt("2+2=", None))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompt,completion\na,b\na,b,c\n", "line 3: 3 cells where the header names 2 columns"),
        ('prompt,completion\n"a\nb",c\nd\n', "line 4: 1 cells where the header names 2 columns"),
        ('prompt,completion\n"a"b,c\n', r"line 2: not CSV \(.*expected after"),
        ('prompt,completion\na,"b\n', r"line 2: not CSV \(unexpected end of data"),
        ("prompt,completion,prompt\na,b,c\n", "line 1: the header names prompt more than once"),
        ('"prompt"x,completion\na,b\n', "line 1: not CSV"),
        ("prompt,answer\na,b\n", "line 2: columns are answer, prompt; needed: prompt and"),
        ("prompt,completion\na,\n", "line 2, column 'completion': is empty"),
        ("messages\n[]\n", "line 2, column 'messages': is text, as every CSV cell; a list of mess"),
        ("prompt;completion\na;b\n", "line 2: columns are prompt;completion; needed"),
        ("prompt,completion\n", "no rows"),
        ("", "no rows"),
    ],
)
def test_a_broken_csv_file_is_refused_by_line(tmp_path, text, said):
    path = tmp_path / "rows.csv"
    path.write_text(text, newline="")
    with pytest.raises(DataError, match=said) as caught:
        load_demonstrations(str(path), Plain())
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["true", "True", "FALSE", " false "])
def test_a_label_in_a_csv_cell_is_a_word(tmp_path, word):
    path = tmp_path / "rows.csv"
    path.write_text(f"prompt,completion,label\np,c,{word}\n")
    expected = Labelled("p", "c", word.strip().lower() == "true")
    assert load_labelled(str(path), Plain()) == (expected,)


def test_a_label_that_is_no_such_word_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("prompt,completion,label\np,c,1\n")
    with pytest.raises(DataError, match="line 2, column 'label': is '1'; allowed: true, false"):
        load_labelled(str(path), Plain())


def test_a_csv_row_behind_one_that_is_not_utf8_is_still_read(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"prompt,completion\na,\xff\nb,c\n")
    with pytest.raises(DataError, match=r"line 2: not UTF-8 \(byte 3 of the line\)"):
        load_demonstrations(str(path), Plain())
    assert load_demonstrations(str(path), Plain(), skip_bad_rows=True) == (Demonstration("b", "c"),)
    path.write_bytes(b"prompt,c\xff\na,b\n")
    with pytest.raises(DataError, match="line 1: not UTF-8"):
        load_demonstrations(str(path), Plain())


def test_an_unclosed_quote_does_not_swallow_a_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr("methods.engine.data.files.MOST_CELL", 1000)
    path = tmp_path / "rows.csv"
    path.write_text('prompt,completion\n"a,b\n' + "c,d\n" * 2000)
    with pytest.raises(DataError, match=r"line 2: not CSV \(field larger than field limit"):
        load_demonstrations(str(path), Plain())


# JSON


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"prompt": "a"}\n{"prompt": "b"}', "not a list of rows; a file of one object a line"),
        ('[{"prompt": "a"}, {"prompt": }]', "row 2: not JSON"),
        ('[{"prompt": "a"}', "row 1: the list does not end"),
        ('[{"prompt": "a"} {"prompt": "b"}]', "row 1: not followed by a comma"),
        ('[{"prompt": "a"}, 3]', "row 2: a number, not an object"),
        ('[{"prompt": "a", "prompt": "b"}]', "row 1: the name 'prompt' stands twice"),
        ("[]", "no rows"),
        (" ", "no rows"),
        ("[" * 100_000, "row 1: nested too deeply"),
    ],
)
def test_a_broken_json_file_is_refused_by_row(tmp_path, text, said):
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        load_prompts(str(path), Plain())


@pytest.mark.parametrize("chunk", [1, 2, 7, 50])
def test_a_json_list_may_be_cut_anywhere_between_two_reads(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr("methods.engine.data.files._CHUNK", chunk)
    path = tmp_path / "rows.json"
    rows = [{"prompt": f"{text}{i}", "answer": i * 1000} for i, text in enumerate(TEXTS)]
    json_list(path, rows)
    expected = tuple(Prompt(row["prompt"], str(row["answer"])) for row in rows)
    assert load_prompts(str(path), Plain()) == expected


def test_json_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"prompt": "\xff"}]')
    with pytest.raises(DataError, match="not UTF-8"):
        load_prompts(str(path), Plain())


def test_a_name_that_stands_twice_in_a_jsonl_row_is_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a", "prompt": "b"}\n')
    with pytest.raises(DataError, match="row 1: the name 'prompt' stands twice in one object"):
        load_prompts(str(path), Plain())


def test_a_line_too_long_to_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("methods.engine.data.files.MOST_BYTES", 1 << 20)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a"}\n' + "x" * (1 << 21))
    with pytest.raises(DataError, match="line 2: longer than 1 MiB"):
        load_prompts(str(path), Plain())


# gzip


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.csv.gz", "rows.json.gz"])
def test_a_file_that_is_no_gzip_or_a_cut_one_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text('{"prompt": "a"}\n')
    with pytest.raises(DataError, match="not a whole gzip file"):
        load_prompts(str(path), Plain())
    whole = gzip.compress(os.urandom(5000).hex().encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a whole gzip file"):
        load_prompts(str(path), Plain())
