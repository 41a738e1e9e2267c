"""A checkpoint that is not as it was written is passed over, whatever is wrong with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from methods.engine import checkpoint
from tests.faults import moments, workers

OPTIONS = {"steps": 12, "checkpoint_every": 4, "keep": 2, "save_model": False}


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _remove(path: Path) -> None:
    path.unlink()


DAMAGES: tuple[Callable[[Path], None], ...] = (_truncate, _flip, _remove)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, start: Path) -> Path:
    """A run that was killed when it had written step 10, with checkpoints of steps 4 and 8."""
    folder = workers.make_run(tmp_path_factory.mktemp("killed"), start, "sft", **OPTIONS)
    assert workers.finish(folder, moments.die_at, "metrics.jsonl", 11) == -9
    assert [p.name for p in sorted((folder / "checkpoints").iterdir())] == [
        "step-000004", "step-000008",
    ]  # fmt: skip
    return folder


@pytest.fixture
def broken(killed: Path, tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    return Path(shutil.copytree(killed, tmp_path / "run"))


def files(folder: Path) -> list[str]:
    """Every file of a checkpoint, by its own record."""
    record = json.loads((folder / "checkpoint.json").read_text())
    found = sorted([*record["sha256"], "checkpoint.json"])
    assert found == sorted(p.name for p in folder.iterdir())  # none is without its sum
    return found


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_to_any_file_of_the_newest_checkpoint_makes_the_one_before_it_the_newest(
    broken: Path, damage
) -> None:
    newest = broken / "checkpoints" / "step-000008"
    for name in files(newest):
        if (name, damage) == ("checkpoint.json", _flip):
            continue  # below, at every byte
        whole = (newest / name).read_bytes()
        damage(newest / name)
        found = checkpoint.latest(broken / "checkpoints")
        assert found is not None and found.step == 4, name
        (newest / name).write_bytes(whole)
    found = checkpoint.latest(broken / "checkpoints")
    assert found is not None and found.step == 8


def test_a_flipped_bit_anywhere_in_a_checkpoint_s_record_is_noticed(broken: Path) -> None:
    record = broken / "checkpoints" / "step-000008" / "checkpoint.json"
    whole = record.read_bytes()
    genuine = checkpoint.latest(broken / "checkpoints")
    believed = []
    for place in range(len(whole)):
        if whole[place : place + 1].isspace():
            continue  # blanks between the entries say nothing
        record.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = checkpoint.latest(broken / "checkpoints")
        # The last digit of a long fraction may say nothing either: then it reads the same.
        if found is None or (found.step != 4 and found != genuine):
            believed.append(whole[max(0, place - 12) : place + 1])
    assert believed == []


def test_a_run_whose_newest_checkpoint_is_damaged_goes_on_from_the_last_good_one(
    killed: Path, tmp_path: Path, unbroken
) -> None:
    expected = unbroken("sft", **OPTIONS)
    for turn, name in enumerate(files(killed / "checkpoints" / "step-000008")):
        damage = DAMAGES[turn % len(DAMAGES)]
        damage = _truncate if (name, damage) == ("checkpoint.json", _flip) else damage
        folder = Path(shutil.copytree(killed, tmp_path / str(turn)))
        damage(folder / "checkpoints" / "step-000008" / name)
        assert workers.finish(folder) == 0
        assert workers.logs(folder) == expected, name


def test_where_no_checkpoint_is_whole_the_run_says_so_and_touches_no_log(broken: Path) -> None:
    for step in ("step-000004", "step-000008"):
        folder = broken / "checkpoints" / step
        _flip(folder / next(n for n in files(folder) if n.endswith(".safetensors")))
    before = (broken / "metrics.jsonl").read_bytes()
    assert workers.finish(broken) == 1
    said = workers.manifest(broken)
    assert said["status"] == "failed"
    assert "no checkpoint in" in said["error"] and "to start again" in said["error"]
    assert (broken / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_keep_bounds_the_checkpoints_of_a_run(start: Path, tmp_path: Path, keep: int) -> None:
    options = {**OPTIONS, "checkpoint_every": 3, "keep": keep}
    folder = workers.make_run(tmp_path / "run", start, "sft", **options)
    assert workers.finish(folder) == 0
    left = sorted(p.name for p in (folder / "checkpoints").iterdir())
    assert left == [f"step-{s:06d}" for s in (3, 6, 9, 12)][-keep:]
