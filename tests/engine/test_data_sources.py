"""The same rows from every kind of file, one after another, and what is said of a broken file."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
import weakref

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.engine import data
from methods.engine.data import (
    Demonstration,
    Labelled,
    Prompt,
    fingerprint,
    load_demonstrations,
    load_labelled,
    load_pairs,
    load_prompts,
    load_steps,
)
from methods.engine.data.sources import rows_of
from methods.engine.errors import DataError
from tests.engine.chats import Chat, Plain, assistant, user

TEXTS = ['plain, with "quotes"', "two\nlines", " blanks ", "ümläut 中文", "a\tb\r\nc", "=1+1", "x"]


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def json_list(path, rows):
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def parquet(path, rows):
    names = dict.fromkeys(name for row in rows for name in row)
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path)


def comma_separated(path, rows):
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


WRITERS = {
    "rows.jsonl": jsonl,
    "rows.json": json_list,
    "rows.parquet": parquet,
    "rows.csv": comma_separated,
}


def zipped(path):
    target = path.with_name(path.name + ".gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def in_every_format(folder, rows, *, flat=True):
    """The same rows as each kind of file that can hold them, and their gzipped copies."""
    paths = []
    for name, write in WRITERS.items():
        if flat or not name.endswith(".csv"):
            write(folder / name, rows)
            paths.append(folder / name)
            if name != "rows.parquet":
                paths.append(zipped(folder / name))
    return paths


@pytest.mark.parametrize(
    ("load", "row"),
    [
        (load_demonstrations, {"prompt": "{}", "completion": "c{}"}),
        (load_demonstrations, {"text": "t{}"}),
        (load_demonstrations, {"instruction": "do {}", "input": "", "output": "{}"}),
        (load_pairs, {"prompt": "p", "chosen": "{}", "rejected": "not {}", "score": "3"}),
        (load_prompts, {"prompt": "{}", "answer": "{}"}),
        (load_labelled, {"prompt": "{}", "completion": "{}", "label": True}),
    ],
)
def test_the_same_rows_have_the_same_fingerprint_in_every_format(tmp_path, load, row):
    rows = [
        {k: v.format(text) if isinstance(v, str) else i % 2 == 0 for k, v in row.items()}
        for i, text in enumerate(TEXTS)
    ]
    paths = in_every_format(tmp_path, rows)
    assert len(paths) == 7
    found = [load(str(path), Plain()) for path in paths]
    assert len(found[0]) == len(TEXTS)
    assert {fingerprint(rows) for rows in found} == {fingerprint(found[0])}
    assert all(rows == found[0] for rows in found)


@pytest.mark.parametrize(
    ("load", "rows"),
    [
        (load_demonstrations, [{"messages": [user("a"), assistant("b")]}] * 2),
        (
            load_pairs,
            [{"prompt": [user("a")], "chosen": [assistant("b")], "rejected": [assistant("c")]}],
        ),
        (
            load_demonstrations,
            [{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}],
        ),
        (load_steps, [{"prompt": "p", "completions": ["a", "b"], "labels": [True, False]}]),
        # Parquet writes a null where a row lacks what another has.
        (load_prompts, [{"prompt": "a", "answer": 1}, {"prompt": "b"}]),
        (
            load_demonstrations,
            [{"prompt": "a", "completion": "b"}, {"messages": [user("a"), assistant("b")]}],
        ),
    ],
)
def test_lists_and_nulls_read_the_same_from_parquet_as_from_jsonl(tmp_path, load, rows):
    every = [*rows, *rows]
    paths = in_every_format(tmp_path, every, flat=False)
    found = [load(str(path), Chat()) for path in paths]
    assert {fingerprint(loaded) for loaded in found} == {fingerprint(found[0])}
    assert len(found[0]) == len(every)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(min_size=1).filter(lambda t: t.strip()), min_size=1, max_size=5))
def test_any_text_reads_the_same_from_every_format(tmp_path_factory, texts):
    rows = [{"prompt": text, "completion": text[::-1]} for text in texts]
    paths = in_every_format(tmp_path_factory.mktemp("any"), rows)
    expected = tuple(Demonstration(row["prompt"], row["completion"]) for row in rows)
    assert [load_demonstrations(str(path), Plain()) for path in paths] == [expected] * 7


def test_a_row_is_forgotten_before_the_next_few_are_read(tmp_path, monkeypatch):
    rows = [{"text": f"{i}"} for i in range(3000)]
    alive, most = weakref.WeakSet(), {}

    def watched(source):
        for row in rows_of(source):
            alive.add(row)
            most[source] = max(most.get(source, 0), len(alive))
            yield row

    monkeypatch.setattr(data.load, "rows_of", watched)
    monkeypatch.setattr("methods.engine.data.row.Row.__hash__", object.__hash__)
    for path in in_every_format(tmp_path, rows):
        assert len(load_demonstrations(str(path), Plain())) == 3000
    assert set(most.values()) <= {1, 2, 3}


def test_parquet_columns_that_no_layout_reads_stay_on_disk_and_the_rest_comes_in_pieces(tmp_path):
    path = tmp_path / "rows.parquet"
    count = 40_000
    table = pa.table(
        {
            "picture": [os.urandom(1000) for _ in range(count)],
            "prompt": [os.urandom(250).hex() for _ in range(count)],
            "completion": ["c"] * count,
        }
    )
    pq.write_table(table, path, row_group_size=count, compression="none")
    code = (
        "import sys, pyarrow as pa; from methods.engine.data import load_demonstrations\n"
        "rows = load_demonstrations(sys.argv[1], None)\n"
        "print(len(rows), pa.default_memory_pool().max_memory())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    rows, peak = map(int, done.stdout.split())
    assert rows == count
    assert table.nbytes > 60e6 and peak < 10e6


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


# Parquet


def test_a_parquet_file_without_a_column_names_those_it_has(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet(path, [{"prompt": "a", "score": 1}] * 3)
    said = "row 1: columns are prompt, score; needed: prompt and completion, or.*all 3 rows are bad"
    with pytest.raises(DataError, match=said):
        load_demonstrations(str(path), Plain())
    parquet(path, [{"question": "a"}])
    with pytest.raises(DataError, match="row 1: columns are question; needed: prompt and"):
        load_demonstrations(str(path), Plain())


def test_a_null_where_a_value_is_needed_is_said(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet(path, [{"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": None}])
    said = r"row 2: columns are prompt \(null here: completion\); needed"
    with pytest.raises(DataError, match=said):
        load_demonstrations(str(path), Plain())


def test_a_parquet_value_of_another_type_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet(path, [{"prompt": b"a", "completion": "b"}])
    with pytest.raises(DataError, match="row 1, column 'prompt': is bytes; allowed: text"):
        load_demonstrations(str(path), Plain())


def test_parquet_text_that_is_not_utf8_is_one_bad_row(tmp_path):
    path = tmp_path / "rows.parquet"
    raw = pa.array([b"a", b"\xff\xfe", b"c"]).view(pa.string())
    pq.write_table(pa.table({"text": raw}), path)
    with pytest.raises(DataError, match=r"row 2: not UTF-8.*1 of 3 rows is bad"):
        load_demonstrations(str(path), Plain())
    rows = load_demonstrations(str(path), Plain(), skip_bad_rows=True)
    assert [row.completion for row in rows] == ["a", "c"]


def test_a_parquet_file_that_is_none_is_cut_or_has_a_column_twice_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="not a whole Parquet file"):
        load_prompts(str(path), Plain())
    parquet(path, [{"prompt": os.urandom(50).hex()} for _ in range(100)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(DataError, match="not a whole Parquet file"):
        load_prompts(str(path), Plain())
    prompts = pa.table({"prompt": [os.urandom(50).hex() for _ in range(100)]})
    pq.write_table(prompts, path, compression="none", write_page_checksum=True)
    damaged = bytearray(path.read_bytes())
    damaged[2000] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"cannot be read .*CRC"):
        load_prompts(str(path), Plain())
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["prompt", "prompt"])
    pq.write_table(table, path)
    with pytest.raises(DataError, match="has more than one column prompt"):
        load_prompts(str(path), Plain())
    with pytest.raises(DataError, match=r"absent\.parquet: cannot be read \(.*No such file"):
        load_prompts(str(tmp_path / "absent.parquet"), Plain())


def test_parquet_rows_keep_their_order_over_batches_and_row_groups(tmp_path):
    path = tmp_path / "rows.parquet"
    table = pa.table({"prompt": [str(i) for i in range(2000)]})
    pq.write_table(table, path, row_group_size=300)
    rows = load_prompts(str(path), Plain())
    assert [row.prompt for row in rows] == [str(i) for i in range(2000)]


# Hub


def test_a_local_folder_is_streamed_where_that_is_asked(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    rows = [{"prompt": f"p{i}", "chosen": "a", "rejected": "b", "size": i} for i in range(5)]
    jsonl(folder / "train.jsonl", rows)
    parquet(folder / "test.parquet", rows[:2])
    code = (
        "import json, sys; from methods.engine.data import *\n"
        "from methods.engine.errors import DataError\n"
        "for source in sys.argv[1:]:\n"
        "    try: print(json.dumps([p.prompt for p in load_pairs(source, None)]))\n"
        "    except DataError as e: print(e)\n"
    )
    hub = f"hub:{folder}"
    only = f"hub:{tmp_path}/only"
    (tmp_path / "only").mkdir()
    parquet(tmp_path / "only" / "train.parquet", rows)
    sources = [f"{only}", f"{only}:stream", f"{only}:train:stream", f"{only}:train[:2]",
               f"{only}:train[:2]:stream", f"{hub}@main:none:stream"]  # fmt: skip
    # In a process of its own: the library reads its cache folder and the offline switch once.
    env = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *sources], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kept, streamed, split, two, slice_, absent = done.stdout.strip().splitlines()
    assert json.loads(kept) == [f"p{i}" for i in range(5)]
    assert kept == streamed == split
    assert json.loads(two) == ["p0", "p1"]
    assert "a slice of a split cannot be streamed" in slice_
    assert "cannot be loaded" in absent


def test_the_hub_is_asked_once_and_not_retried_where_it_does_not_answer(tmp_path):
    code = (
        "import time\n"
        "from methods.engine.data import load_pairs\n"
        "from methods.engine.errors import DataError\n"
        "import datasets, huggingface_hub.constants as constants\n"
        "start = time.monotonic()\n"
        "for source in ('hub:no/such-set', 'hub:no/such-set:stream'):\n"
        "    try: load_pairs(source, None)\n"
        "    except DataError as e: print(e)\n"
        "assert time.monotonic() - start < 12, time.monotonic() - start\n"
        "assert not constants.HF_HUB_OFFLINE and not datasets.config.HF_HUB_OFFLINE\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}
    env |= {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.strip().splitlines():
        assert "http://127.0.0.1:9 does not answer within 4 s" in line
    assert len(done.stdout.strip().splitlines()) == 2


def test_the_libraries_of_tables_are_imported_only_for_them():
    code = "import sys, methods.engine.data; print({'pyarrow', 'datasets'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
