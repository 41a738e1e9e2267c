from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from registry.ingest.kept import KeptAnswers, KeptError


def kept(folder: Path, content: bytes, **options: int) -> Path:
    name = hashlib.sha256(content).hexdigest()
    KeptAnswers(folder, **options).keep(content, name)
    return folder / f"{name}.gz"


def test_an_answer_lies_once_under_its_hash_and_packed(tmp_path: Path) -> None:
    path = kept(tmp_path / "new" / "folder", b"an answer" * 1000)
    written = path.stat().st_mtime_ns

    assert kept(tmp_path / "new" / "folder", b"an answer" * 1000) == path
    assert path.stat().st_mtime_ns == written
    assert gzip.decompress(path.read_bytes()) == b"an answer" * 1000
    assert path.stat().st_size < 100


def test_the_oldest_go_where_there_are_too_many(tmp_path: Path) -> None:
    contents = [os.urandom(1000) for _ in range(6)]
    paths = []
    for age, content in enumerate(contents[:5]):
        paths.append(kept(tmp_path, content))
        os.utime(paths[-1], (1_700_000_000 + age, 1_700_000_000 + age))
    (tmp_path / "notes.txt").write_bytes(bytes(9000))  # somebody else's

    paths.append(kept(tmp_path, contents[5], most_bytes=3500))

    assert [path.exists() for path in paths] == [False] * 3 + [True] * 3
    assert (tmp_path / "notes.txt").exists()


def test_the_newest_stays_however_large_it_is(tmp_path: Path) -> None:
    folder = KeptAnswers(tmp_path, most_bytes=10)
    for content in (b"one", b"two"):
        folder.keep(content, hashlib.sha256(content).hexdigest())

    [left] = tmp_path.glob("*.gz")
    assert gzip.decompress(left.read_bytes()) == b"two"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(KeptError, match=r"cannot be kept in .*file.*--keep-responses"):
        kept(tmp_path / "file", b"an answer")
