"""The supervised loop: what is replayed, what of an old task is measured, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.finetune import loop, sft
from tests.engine.conftest import small_model
from tests.guards.small import play, small_task


def rows(first: int, count: int) -> list[Tokens]:
    return [Tokens((first + i, 4, 5), 1) for i in range(count)]


def test_a_step_takes_its_share_of_old_rows_and_the_rest_of_new_ones() -> None:
    old = loop.OldTask(small_task("small-b"), rows(100, 5), [])
    config = sft.Config(batch_size=8, old_task="x", replay=0.25)
    draw = loop._drawn(rows(0, 30), old, config, seed=0)
    taken = [draw(step) for step in (1, 2, 3, 4, 5)]
    assert all([r.ids[0] >= 100 for r in t] == [False] * 6 + [True] * 2 for t in taken)
    new = [r.ids[0] for t in taken for r in t if r.ids[0] < 100]
    assert sorted(new) == list(range(30))  # an epoch, each row once
    assert [r.ids for r in draw(3)] == [r.ids for r in taken[2]]  # from the step's number alone


def test_without_replay_the_rows_are_those_of_plain_training() -> None:
    old = loop.OldTask(small_task("small-b"), rows(100, 5), [])
    config = sft.Config(batch_size=4, old_task="x")
    with_old = loop._drawn(rows(0, 9), old, config, 3)
    assert with_old(2) == loop._drawn(rows(0, 9), None, sft.Config(batch_size=4), 3)(2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"replay": 0.5}, "give old_task too"),
        ({"replay": 0.01, "old_task": "gcd", "batch_size": 4}, "larger batch_size"),
        ({"replay": 0.99, "old_task": "gcd", "batch_size": 4}, "larger batch_size"),
        ({"replay": 1.0, "old_task": "gcd"}, "less than 1"),
    ],
)
def test_a_share_that_cannot_be_is_refused_when_the_configuration_is_read(options, said) -> None:
    with pytest.raises(ValidationError, match=said):
        sft.Config(**options)


def test_an_old_task_is_measured_before_and_after_and_changes_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = play("sft", tmp_path / "alone", monkeypatch)
    beside = play("sft", tmp_path / "beside", monkeypatch, old_task="small-b")
    assert alone.steps == beside.steps
    found = json.loads((beside.folder / "results.json").read_text())["measures"]
    names = [m["name"] for m in found]
    assert names == ["held_out_loss", "trained_loss", "old_task_loss"]
    old = found[-1]
    assert old["before"] != old["after"] and old["before"] != found[0]["before"]


def test_a_task_in_characters_that_the_start_does_not_know_is_refused() -> None:
    model = small_model()
    known = [Tokens((1, 4, 5, 2), 2)]
    loop._require_readable(model, known)
    with pytest.raises(MethodError, match="written alike"):
        loop._require_readable(model, [*known, Tokens((1, model.tokenizer.unk_token_id, 2), 1)])
