"""Parquet files and hub data sets: what is read, what stays on disk, what is said of damage."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from methods.engine.data import load_demonstrations, load_prompts
from methods.engine.errors import DataError
from tests.engine.chats import Plain
from tests.engine.data_files import jsonl, parquet

# Parquet


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
