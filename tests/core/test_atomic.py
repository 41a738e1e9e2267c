from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from registry.core.atomic import write_atomic, write_if_changed


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "entry.yaml"
    write_atomic(path, "first\n")
    write_atomic(path, "second \u00e9\n")
    assert path.read_bytes() == "second \u00e9\n".encode()
    assert names(path.parent) == ["entry.yaml"]


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_crash_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "entry.yaml"
    write_atomic(path, "old\n")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, call, crash)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, "new\n")
    monkeypatch.undo()
    assert path.read_text() == "old\n"
    assert names(tmp_path) == ["entry.yaml"]


def test_a_full_disk_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "entry.yaml"
    write_atomic(path, "old\n")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, "new " * 10_000)
    assert path.read_text() == "old\n"
    assert names(tmp_path) == ["entry.yaml"]


def test_a_file_that_cannot_be_written_in_full_is_never_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new.yaml"
    seen: list[bool] = []
    replace = os.replace

    def watch(source: object, target: object) -> None:
        seen.append(path.exists())
        replace(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", watch)
    write_atomic(path, "whole")
    assert seen == [False]
    assert path.read_text() == "whole"


def test_the_file_has_the_permissions_the_umask_allows(tmp_path: Path) -> None:
    path = tmp_path / "entry.yaml"
    before = os.umask(0o022)
    try:
        write_atomic(path, "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("mine")
    path.chmod(0o600)
    write_atomic(path, "text")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_replaced_and_what_it_points_at_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    link = tmp_path / "entry.yaml"
    link.symlink_to(target)
    write_atomic(link, "ours")
    assert target.read_text() == "mine"
    assert not link.is_symlink()


def test_an_equal_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    assert write_if_changed(path, "text")
    os.utime(path, ns=(1, 1))
    assert not write_if_changed(path, b"text")
    assert path.stat().st_mtime_ns == 1
    assert write_if_changed(path, "other")
