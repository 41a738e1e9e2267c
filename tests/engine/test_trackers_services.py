"""Weights & Biases and Trackio, as they keep a run here; nothing leaves the machine."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.tracker_play import SPEC, counted_network, play

needs_wandb = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb is not installed"
)


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of a ``.wandb`` file: 7 bytes, then LevelDB's log of protobufs in 32 KiB blocks."""
    from wandb.proto import wandb_internal_pb2 as pb

    data, at, parts = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        if kind == 0:
            return
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = pb.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def history(folder: Path) -> list[tuple[int, float]]:
    rows = []
    for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb")):
        for record in wandb_records(path):
            if record.WhichOneof("record_type") == "history":
                items = {i.key or ".".join(i.nested_key): i.value_json for i in record.history.item}
                rows.append((record.history.step.num, float(items["loss"])))
    return rows


@needs_wandb
def test_wandb_offline_keeps_everything_in_the_run_folder_and_asks_no_network(
    tmp_path: Path,
) -> None:
    home, folder = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    with counted_network() as (env, asked):
        done = play("wandb", folder, 5, env={**env, "HOME": str(home)})
    assert (done.returncode, done.stdout, asked) == (0, "", []), done.stderr
    assert history(folder) == [(s, 1 / s) for s in range(1, 6)]
    (path,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    records = list(wandb_records(path))
    (run,) = [r.run for r in records if r.WhichOneof("record_type") == "run"]
    config = {i.key: json.loads(i.value_json) for i in run.config.update if i.key != "_wandb"}
    assert (run.run_id, run.run_group) == (SPEC["run_id"], "dpo")
    assert config == {k: v for k, v in SPEC.items() if k != "command"}
    summary = {
        i.key or ".".join(i.nested_key): json.loads(i.value_json)
        for r in records if r.WhichOneof("record_type") == "summary" for i in r.summary.update
    }  # fmt: skip
    assert summary["final/accuracy"] == 0.75 and summary["status"] == "finished"
    kept = b"".join(p.read_bytes() for p in (folder / "wandb").rglob("*") if p.is_file())
    assert (run.host, b"secret" in kept) == ("", False)


@needs_wandb
@pytest.mark.parametrize("seconds", [0.001, 1.5])
def test_wandb_logs_each_step_once_after_a_kill_and_a_resume(
    tmp_path: Path, seconds: float
) -> None:
    env = {"WANDB__TRANSACTION_LOG_FLUSH_INTERVAL": "0.3"}  # seconds; 15 unless told
    assert play("wandb", tmp_path, 10, kill=seconds, env=env).returncode == -9
    if seconds > 1:  # by then wandb's file holds steps, also some after the checkpoint
        assert history(tmp_path)
    done = play("wandb", tmp_path, 12, keep=6, resume=True)
    assert done.returncode == 0, done.stderr
    assert history(tmp_path) == [(s, 1 / s) for s in range(1, 13)]


@needs_wandb
def test_wandb_without_a_key_is_refused_with_what_to_do(tmp_path: Path) -> None:
    done = play("wandb", tmp_path, 2, env={"REGISTRY_OFFLINE": "0", "HOME": str(tmp_path)})
    assert done.returncode == 1
    assert "MethodError: --log-to wandb does not open" in done.stderr
    assert "WANDB_MODE=offline" in done.stderr
    assert (tmp_path / "metrics.jsonl").read_text() == ""


# --- trackio ------------------------------------------------------------------------------------

needs_trackio = pytest.mark.skipif(
    importlib.util.find_spec("trackio") is None, reason="trackio is not installed"
)


def trackio_rows(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    (path,) = (folder / "trackio").glob("*.db")
    with contextlib.closing(sqlite3.connect(path)) as store:
        found = store.execute("SELECT run_name, step, metrics FROM metrics ORDER BY id").fetchall()
    assert {name for name, _, _ in found} == {SPEC["run_id"]}
    return [(step, json.loads(metrics)) for _, step, metrics in found]


@needs_trackio
def test_trackio_writes_in_the_run_folder_and_never_asks_the_hub(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    given = {"HOME": str(home), "HF_TOKEN": "hf_notreal", "REGISTRY_OFFLINE": "0"}
    with counted_network() as (env, asked):
        done = play("trackio", folder, 5, env={**env, **given})
    assert (done.returncode, done.stdout, asked) == (0, "", []), done.stderr
    rows = trackio_rows(folder)
    assert [(s, m["loss"]) for s, m in rows[:5]] == [(s, 1 / s) for s in range(1, 6)]
    assert (rows[5][0], rows[5][1]["final/accuracy"], len(rows)) == (5, 0.75, 6)
    (path,) = (folder / "trackio").glob("*.db")
    with contextlib.closing(sqlite3.connect(path)) as store:
        (config,) = store.execute("SELECT config FROM configs").fetchone()
    told = {k: v for k, v in json.loads(config).items() if not k.startswith("_")}
    assert told == {k: v for k, v in SPEC.items() if k != "command"}


@needs_trackio
@pytest.mark.parametrize("seconds", [0.001, 1.5])  # trackio writes to its store every 0.5 s
def test_trackio_logs_each_step_once_after_a_kill_and_a_resume(
    tmp_path: Path, seconds: float
) -> None:
    assert play("trackio", tmp_path, 10, kill=seconds).returncode == -9
    done = play("trackio", tmp_path, 12, keep=6, resume=True)
    assert done.returncode == 0, done.stderr
    steps = [step for step, metrics in trackio_rows(tmp_path) if "loss" in metrics]
    assert steps == list(range(1, 13))


@needs_trackio
def test_offline_keeps_trackio_here_even_where_a_space_is_set(tmp_path: Path) -> None:
    done = play("trackio", tmp_path, 2, env={"TRACKIO_SPACE_ID": "someone/space"})
    assert done.returncode == 0, done.stderr
    assert len(trackio_rows(tmp_path)) == 3
