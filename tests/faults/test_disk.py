"""A disk that is full or read-only: one clear sentence, and the earlier checkpoint stays whole."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from methods.engine import checkpoint
from tests.faults import moments, workers
from tests.faults.saves import save_over

OPTIONS = {"steps": 6, "checkpoint_every": 2, "keep": 3, "save_model": False}
CAUSES = {errno.ENOSPC: "No space left", errno.EROFS: "Read-only"}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_save_that_fails_at_any_write_says_why_and_leaves_the_one_before(
    tmp_path: Path, cause: int
) -> None:
    failed = 0
    for number in range(1, 100):
        folder = tmp_path / str(number)
        folder.mkdir()
        code, said = save_over(folder, moments.fail_at, "checkpoints", number, cause)
        assert code == 0
        left = checkpoint.latest(folder / "checkpoints")
        assert left is not None and left.state == {"step": left.step}
        if not said:
            assert left.step == 2
            break
        failed += 1
        assert left.step == 1
        assert "checkpoint of step 2 cannot be written" in said and "--resume" in said
        assert CAUSES[cause] in said
        assert [p.name for p in (folder / "checkpoints").iterdir()] == ["step-000001"]
    assert failed >= 3  # the folder, its files, the renaming


def test_a_run_whose_disk_fills_up_during_a_checkpoint_goes_on_when_there_is_room(
    start: Path, tmp_path: Path, unbroken
) -> None:
    folder = workers.make_run(tmp_path / "run", start, "sft", **OPTIONS)
    writes = 14  # within the second checkpoint
    assert workers.finish(folder, moments.fail_at, "checkpoints", writes, errno.ENOSPC) == 1
    said = workers.manifest(folder)
    assert said["status"] == "failed" and "cannot be written" in said["error"]
    assert not (folder / "traceback.txt").exists()
    found = checkpoint.latest(folder / "checkpoints")
    assert found is not None and found.step == said["last_step"] - 2
    assert workers.finish(folder) == 0
    assert workers.logs(folder) == unbroken("sft", **OPTIONS)


def limit_file_size(folder: Path, size: int) -> None:
    """From now on no file of this process grows beyond ``size`` bytes, whoever writes it."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [20_000, 140_000])
def test_weights_that_the_disk_refuses_while_they_are_written_are_a_clear_error_too(
    tmp_path: Path, size: int
) -> None:
    """safetensors writes in Rust: what fails there is no OSError. Weights, then moments."""
    code, said = save_over(tmp_path, limit_file_size, size)
    assert code == 0
    assert "checkpoint of step 2 cannot be written" in said and "File too large" in said
    left = checkpoint.latest(tmp_path / "checkpoints")
    assert left is not None and left.step == 1


@pytest.mark.parametrize("log", ["metrics.jsonl", "before.json"])
def test_a_log_that_cannot_be_written_is_named_without_a_traceback(
    start: Path, tmp_path: Path, unbroken, log: str
) -> None:
    folder = workers.make_run(tmp_path / "run", start, "sft", **OPTIONS)
    below = log if log == "metrics.jsonl" else f".{log}"  # written beside its place
    assert workers.finish(folder, moments.fail_at, below, 2, errno.ENOSPC) in (0, 1)
    said = workers.manifest(folder)
    assert said["status"] == "failed" and "No space left" in said["error"]
    assert log in said["error"] and "--resume" in said["error"]
    assert not (folder / "traceback.txt").exists()
    assert workers.finish(folder) == 0
    assert workers.logs(folder) == unbroken("sft", **OPTIONS)


DISK = """
set -e
mount -t tmpfs -o size=$SIZE none "$DISK"
cp -a "$RUN/." "$DISK"
"$PYTHON" -m methods.engine.worker "$DISK" || echo "ended with $?"
cp -a "$DISK" "$OUT/full"
mount -o remount,size=64m "$DISK"
"$PYTHON" -m methods.engine.worker "$DISK"
cp -a "$DISK" "$OUT/room"
"""


@pytest.mark.nightly  # two starts from the command line
def test_a_disk_that_is_really_full_ends_the_run_clearly_and_more_room_lets_it_go_on(
    start: Path, tmp_path: Path, unbroken
) -> None:
    """A tmpfs that holds the first checkpoint and not the second, then grows."""
    if not _can_mount(tmp_path):
        pytest.skip("this machine lets nobody mount a disk of a given size")
    folder = workers.make_run(tmp_path / "run", start, "sft", **OPTIONS)
    one = workers.make_run(tmp_path / "one", start, "sft", **{**OPTIONS, "steps": 2})
    assert workers.finish(one) == 0
    used = sum(p.stat().st_blocks * 512 for p in one.rglob("*"))
    disk = tmp_path / "disk"
    disk.mkdir()
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "PYTHON": sys.executable, "RUN": str(folder),
        "DISK": str(disk), "OUT": str(tmp_path), "SIZE": str(int(used * 1.5)),
    }  # fmt: skip
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", DISK],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ended with 1" and "Traceback" not in done.stderr
    said = workers.manifest(tmp_path / "full")
    assert "No space left" in said["error"] and "--resume" in said["error"]
    left = checkpoint.latest(tmp_path / "full" / "checkpoints")
    assert left is not None and left.step == 2
    assert workers.logs(tmp_path / "room") == unbroken("sft", **OPTIONS)


def _can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
