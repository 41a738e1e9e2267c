"""The same rows written as every kind of file."""

from __future__ import annotations

import csv
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq

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
