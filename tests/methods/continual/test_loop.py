"""Whole streams of small tasks: which rows, which learning rate, what is kept and measured when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from methods import index
from methods.continual.loop import Stream, ends, places
from methods.continual.measures import Scores, estimate
from methods.continual.replay import Config
from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.engine.measure import token_loss
from tests.guards.small import play

METHODS = [  # those that learn a stream of tasks
    m.slug
    for m in index.METHODS
    if m.family == "continual" and "later_tasks" in index.read_config(m)[0].model_fields
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors this small are quickest on one thread, most of all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[Tokens]]]:
    """(step, rows) of everything that is learned."""
    seen: list[tuple[int, list[Tokens]]] = []
    learn = Stream.learn

    def keep(self: Stream, step: int, rows: Any, *rest: Any, **named: Any) -> None:
        seen.append((step, list(rows)))
        learn(self, step, rows, *rest, **named)

    monkeypatch.setattr(Stream, "learn", keep)
    return seen


def letter(rows: list[Tokens], stream: dict[str, set[Tokens]]) -> str:
    """Which task each row is of."""
    return "".join(name for r in rows for name, known in stream.items() if r in known)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[Tokens]]:
    """The training rows of each task of the last run, by the task's letter."""
    found: dict[str, set[Tokens]] = {}
    built = Stream.__init__

    def keep(self: Stream, *args: Any, **named: Any) -> None:
        built(self, *args, **named)
        found.update({held.name[-1]: set(held.train) for held in self.tasks})

    monkeypatch.setattr(Stream, "__init__", keep)
    return found


def results(folder: Path) -> dict[str, Any]:
    return {m["name"]: m for m in json.loads((folder / "results.json").read_text())["measures"]}


def test_steps_are_shared_equally_and_none_is_lost() -> None:
    assert ends(6, 3) == (2, 4, 6)
    assert ends(7, 3) == (3, 5, 7)
    assert ends(1, 3) == (1, 1, 1)
    for steps in range(1, 12):
        assert ends(steps, 4)[-1] == steps


def test_replayed_rows_take_turns_among_the_earlier_tasks() -> None:
    assert places(1, 3, 2) == [(0, 1), (1, 1), (0, 2)]
    drawn = [place for step in range(1, 5) for place in places(step, 3, 2)]
    assert sorted(drawn) == [(task, n) for task in (0, 1) for n in range(1, 7)]


def test_replay_trains_the_new_task_with_rows_of_the_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: list, stream: dict
) -> None:
    play("replay", tmp_path / "run", monkeypatch, later_tasks="small-b;small-c", steps=6,
         share=0.5, memory=2)  # fmt: skip
    said = [letter(rows, stream) for _, rows in watched]
    assert said == ["aaaa", "aaaa", "bbaa", "bbaa", "ccab", "ccab"]
    again = {r for _, rows in watched[2:] for r in rows if r in stream["a"]}
    assert len(again) == 2  # the memory


@pytest.mark.parametrize("method", METHODS)
def test_sequential_and_joint_controls_take_the_rows_they_say(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: list, stream: dict
) -> None:
    play(method, tmp_path / "sequential", monkeypatch, control="sequential")
    assert [letter(rows, stream) for _, rows in watched] == ["aaaa", "aaaa", "cccc", "cccc"]
    watched.clear()
    play(method, tmp_path / "joint", monkeypatch, control="joint")
    assert [letter(rows, stream) for _, rows in watched] == ["acac"] * 4
    assert "bwt_loss" not in results(tmp_path / "joint")


@pytest.mark.parametrize("method", METHODS)
def test_the_matrix_is_what_the_model_scores_after_each_task(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = play(method, tmp_path / "run", monkeypatch)
    rows = [json.loads((run.folder / f"after-{i}.json").read_text())["value"] for i in range(3)]
    table = [[estimate(Scores.from_json(e["loss"])).mean for e in row] for row in rows]
    found = results(run.folder)
    assert found["ap_loss"]["before"] == pytest.approx(sum(table[0][:2]) / 2)
    assert found["ap_loss"]["after"] == pytest.approx(sum(table[2][:2]) / 2)
    assert found["bwt_loss"]["after"] == pytest.approx(table[2][0] - table[1][0])
    assert found["fwt_loss"]["after"] == pytest.approx(table[1][1] - table[0][1])
    assert found["general_loss"]["after"] == pytest.approx(table[2][2])
    # Each entry of its own, but for what prompts leave alone by construction.
    alone = 3 if method == "progressive-prompts" else 0
    assert len({round(v, 9) for row in table for v in row}) == 9 - alone


def test_an_entry_of_the_matrix_is_the_engine_s_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Stream] = []
    finish = Stream.finish
    monkeypatch.setattr(Stream, "finish", lambda self: (kept.append(self), finish(self)))
    play("replay", tmp_path / "run", monkeypatch)
    (stream,) = kept
    for held, entry in zip(stream.tasks, stream.measured(2)[:-1], strict=True):
        ours, engine = estimate(Scores.from_json(entry["loss"])), token_loss(
            stream.policy, held.held_out
        )  # fmt: skip
        assert (ours.mean, *ours.interval) == pytest.approx((engine.mean, *engine.interval))


def test_each_task_begins_with_its_own_learning_rate_and_no_moments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = play("replay", tmp_path / "run", monkeypatch, schedule="linear", steps=8)
    rates = [step["learning_rate"] for step in run.steps]
    assert rates == pytest.approx([0.01, 0.0075, 0.005, 0.0025] * 2)


def test_two_tasks_that_are_one_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MethodError, match="are one task"):
        play("replay", tmp_path / "run", monkeypatch, general="small-c")
    with pytest.raises(ValidationError, match="each once"):
        Config(task="gcd", later_tasks="products;gcd")
    with pytest.raises(ValidationError, match="at least two tasks"):
        Config(later_tasks=" ; ")


def test_a_share_that_leaves_no_row_is_refused() -> None:
    with pytest.raises(ValidationError, match="without a row"):
        Config(share=0.01)
