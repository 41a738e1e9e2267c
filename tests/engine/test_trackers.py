"""Trackers beside metrics.jsonl: read back what each one kept, also after a kill."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from methods.engine import trackers
from methods.engine.errors import MethodError
from methods.engine.trackers import open_trackers, read_names

ROOT = Path(__file__).parents[2]
SPEC = {
    "run_id": "dpo-20260102-030405-ab12", "method": "dpo", "paper": "2305.18290", "seed": 7,
    "device": "cpu", "config": {"beta": 0.1, "task": "chain-sum:digits=1"},
    "command": "registry run dpo --model /home/someone/secret",
}  # fmt: skip
RESULTS = {
    "key": "accuracy", "curves": [], "notes": [], "train_seconds": 4.5,
    "measures": [
        {"name": "accuracy", "before": 0.25, "after": 0.75, "after_interval": [0.5, 0.875]},
        {"name": "kl", "before": None, "after": 0.5, "after_interval": [0.25, 0.625]},
    ],
}  # fmt: skip

# One worker: cuts the record to `keep` steps as a resume does, logs, then ends or is killed.
PLAY = """
import json, os, resource, signal, sys, time
from pathlib import Path
from methods.engine.trackers import open_trackers
job = json.loads(sys.argv[1])
folder = Path(job["folder"])
record = folder / "metrics.jsonl"
kept = record.read_text().splitlines(True)[: job["keep"]] if record.exists() else []
record.write_text("".join(kept))
live = open_trackers(job["names"], folder, job["spec"])
if job["file_limit"]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_limit"],) * 2)
for step in range(job["keep"] + 1, job["last"] + 1):
    with record.open("a") as file:
        file.write(json.dumps({"step": step, "loss": job["loss"] / step, "accuracy": 0.5}) + "\\n")
    live.log(step, {"loss": job["loss"] / step, "accuracy": 0.5})
if job["kill"]:
    time.sleep(job["kill"])
    os.kill(os.getpid(), signal.SIGKILL)
live.results(job["results"])
live.close("finished")
live.log(99, {"loss": 0.0})
"""


def play(
    name: str, folder: Path, last: int, *, keep: int = 0, loss: float = 1.0, kill: float = 0,
    file_limit: int = 0, env: Mapping[str, str] | None = None, resume: bool = False,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        "names": [name], "folder": str(folder), "spec": {**SPEC, "resume": resume}, "last": last,
        "keep": keep, "loss": loss, "kill": kill, "file_limit": file_limit, "results": RESULTS,
    }  # fmt: skip
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "TRACKIO_"))}
    return subprocess.run(
        [sys.executable, "-c", PLAY, json.dumps(job)], capture_output=True, text=True, cwd=ROOT,
        stdin=subprocess.DEVNULL, timeout=240, env={**clean, "REGISTRY_OFFLINE": "1", **(env or {})},
    )  # fmt: skip


@contextlib.contextmanager
def counted_network() -> Iterator[tuple[dict[str, str], list[str]]]:
    """A proxy that every request of a child must pass, and what it was asked for; it serves none."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    with caller:
                        asked.append(caller.recv(200).decode(errors="replace"))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        env = {n: address for name in names for n in (name, name.lower())}
        yield {**env, "NO_PROXY": "", "no_proxy": "", "HF_HUB_OFFLINE": "0"}, asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


# --- names and packages -------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["none", "", " "])
def test_none_means_no_tracker(text: str) -> None:
    assert read_names(text) == ()


def test_several_trackers_are_read_once_each_in_their_order() -> None:
    assert read_names("wandb, tensorboard,wandb") == ("wandb", "tensorboard")


@pytest.mark.parametrize("text", ["tensorbord", "none,wandb", "wandb;trackio"])
def test_an_unknown_tracker_is_refused_with_those_allowed(text: str) -> None:
    with pytest.raises(MethodError, match=r"Allowed: none, or some of tensorboard, trackio, wandb"):
        read_names(text)


def test_a_missing_package_is_refused_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MethodError, match=r"--log-to wandb needs .* pip install wandb"):
        open_trackers(["wandb"], tmp_path, SPEC)
    assert not any(tmp_path.iterdir())


def test_a_folder_called_like_the_package_does_not_pass_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sometracker").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert importlib.util.find_spec("sometracker") is not None
    with pytest.raises(MethodError, match="pip install sometracker"):
        trackers.require(["sometracker"])


def test_without_a_name_nothing_is_imported_and_nothing_written(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from methods.engine.trackers import open_trackers\n"
        f"live = open_trackers((), Path({str(tmp_path)!r}), {{}})\n"
        "live.log(1, {'loss': 1.0}); live.results({'measures': [], 'train_seconds': 0}); live.close('failed')\n"
        "print([n for n in ('torch', 'tensorboard', 'trackio', 'wandb') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
    assert not any(tmp_path.iterdir())


def test_final_numbers_hold_value_interval_start_and_time() -> None:
    assert trackers.final_numbers(RESULTS) == {
        "initial/accuracy": 0.25, "final/accuracy": 0.75, "final/accuracy_low": 0.5,
        "final/accuracy_high": 0.875, "final/kl": 0.5, "final/kl_low": 0.25, "final/kl_high": 0.625,
        "final/train_seconds": 4.5,
    }  # fmt: skip


# --- a tracker that fails -----------------------------------------------------------------------


class Failing:
    def __init__(self) -> None:
        self.asked = 0

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.asked += 1
        print("chatter")
        raise ConnectionError("the server\nis gone.")

    def results(self, final: Mapping[str, float]) -> None:
        raise AssertionError("a dropped tracker is asked nothing")

    close = results


class Keeping:
    def __init__(self) -> None:
        self.kept: list[Any] = []

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.kept.append(step)

    def results(self, final: Mapping[str, float]) -> None:
        self.kept.append("results")

    def close(self, status: str) -> None:
        self.kept.append(status)


def test_a_tracker_that_fails_is_named_once_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad, good = Failing(), Keeping()
    live = trackers.Trackers({"wandb": bad, "tensorboard": good})
    for step in (1, 2, 3):
        live.log(step, {"loss": 1.0})
    live.results(RESULTS)
    live.close("finished")
    live.close("failed")
    said = capsys.readouterr()
    assert bad.asked == 1 and good.kept == [1, 2, 3, "results", "finished"]
    assert said.out == ""
    assert said.err.splitlines() == [
        "chatter",
        "--log-to wandb failed and is left out from here on: the server is gone. "
        "metrics.jsonl has every step",
    ]


# --- tensorboard --------------------------------------------------------------------------------


def events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
    return read.Reload()


def text(read: Any, tag: str) -> str:
    return read.Tensors(f"{tag}/text_summary")[-1].tensor_proto.string_val[0].decode()


def test_tensorboard_holds_every_step_the_config_and_what_was_found(tmp_path: Path) -> None:
    done = play("tensorboard", tmp_path, 5)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    read = events(tmp_path)
    points = [(e.step, round(e.value, 6)) for e in read.Scalars("loss")]
    assert points == [(s, round(1 / s, 6)) for s in range(1, 6)]
    assert [e.value for e in read.Scalars("final/accuracy")] == [0.75]
    assert [e.step for e in read.Scalars("final/accuracy")] == [5]
    rows = (row.removeprefix("    ") for row in text(read, "run").splitlines())
    told = json.loads("\n".join(rows))
    assert told == {k: v for k, v in SPEC.items() if k != "command"}
    assert text(read, "status") == "finished"


def test_tensorboard_shows_each_step_once_after_a_kill_and_a_resume(tmp_path: Path) -> None:
    killed = play("tensorboard", tmp_path, 10, kill=0.001)
    assert killed.returncode == -9
    assert [e.step for e in events(tmp_path).Scalars("loss")] == list(range(1, 11))
    done = play("tensorboard", tmp_path, 12, keep=6, loss=2.0, resume=True)
    assert done.returncode == 0, done.stderr
    read = events(tmp_path)
    points = [(e.step, round(e.value * e.step)) for e in read.Scalars("loss")]
    assert points == [(s, 1 if s <= 6 else 2) for s in range(1, 13)]
    assert "2305.18290" in text(read, "run")


def test_a_full_disk_drops_the_tracker_and_the_run_goes_on(tmp_path: Path) -> None:
    done = play("tensorboard", tmp_path, 200, file_limit=12000)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("--log-to tensorboard failed and is left out") == 1
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 200


def test_a_new_run_whose_tracker_does_not_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file where the folder should be")
    with pytest.raises(MethodError, match=r"--log-to tensorboard does not open: .*start the run"):
        open_trackers(["tensorboard"], tmp_path, SPEC)


def test_a_resumed_run_whose_tracker_does_not_open_goes_on_without_it(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file where the folder should be")
    done = play("tensorboard", tmp_path, 3, resume=True)
    assert done.returncode == 0
    assert done.stderr.count("--log-to tensorboard did not open and is left out") == 1


# --- wandb --------------------------------------------------------------------------------------

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
