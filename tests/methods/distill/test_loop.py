"""What distillation has around its losses: the teacher, the control, a run that goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from methods.distill import kd
from methods.distill import loop as distill_loop
from methods.distill.loop import (
    find_teacher,
    mean_divergence,
    prepare_teacher,
    require_one_tokenizer,
    shuffled,
)
from methods.engine import tiny
from methods.engine.batch import Tokens
from methods.engine.divergence import forward_kl, reverse_kl
from methods.engine.errors import MethodError
from methods.engine.run import Run
from tests.engine.conftest import ALPHABET, small_model
from tests.guards.small import play, small_task
from tests.methods.distill.steps import whole_logits


def spec(folder: Path) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    return Run(folder, {"seed": 3, "device": "cpu", "cache_dir": str(folder / "cache")})


def test_a_teacher_with_another_tokenizer_is_refused_and_the_difference_named() -> None:
    student, teacher = small_model(), small_model()
    require_one_tokenizer(student, teacher)
    teacher.tokenizer = tiny.tokenizer(ALPHABET.replace("j", "z"))
    with pytest.raises(MethodError, match=r"another tokenizer .* token 26"):
        require_one_tokenizer(student, teacher)


def test_no_teacher_is_made_for_a_model_that_has_none(tmp_path: Path) -> None:
    run, config = spec(tmp_path), kd.Config(model="smollm2-135m")
    with pytest.raises(MethodError, match="--teacher"):
        find_teacher(run, config, small_model(), small_task("small-a"))
    with pytest.raises(MethodError, match="on your data"):
        find_teacher(run, kd.Config(model="tiny", data="x"), small_model(), None)


def test_the_shuffled_teacher_has_the_start_s_weights_and_none_of_its_knowledge() -> None:
    student = small_model()
    before = [p.clone() for p in student.module.parameters()]
    teacher = shuffled(student, seed=1)
    for ours, theirs, kept in zip(
        student.module.parameters(), teacher.module.parameters(), before, strict=True
    ):
        assert torch.equal(ours, kept)
        assert torch.equal(ours.flatten().sort().values, theirs.flatten().sort().values)
        assert not theirs.requires_grad
    row = Tokens((5, 6, 7, 8, 9), 2)
    assert not torch.allclose(whole_logits(student, row), whole_logits(teacher, row), atol=0.1)
    again = shuffled(student, seed=1)
    assert torch.equal(whole_logits(again, row), whole_logits(teacher, row))


def test_the_mean_divergence_is_over_rows_each_the_mean_of_its_tokens() -> None:
    student, teacher = small_model(seed=0), small_model(seed=4)
    rows = [Tokens((5, 6, 7, 8, 9), 2), Tokens((8, 9, 4), 2), Tokens((6, 5, 5, 5, 5, 5, 5), 1)]
    found = mean_divergence(student, teacher, rows, reverse_kl)
    means = [
        reverse_kl(
            whole_logits(student, r).log_softmax(-1), whole_logits(teacher, r).log_softmax(-1)
        ).mean()
        for r in rows
    ]
    assert found.mean == pytest.approx(torch.stack(means).mean().item(), rel=1e-5)
    assert mean_divergence(student, student, rows, forward_kl).mean == pytest.approx(0, abs=1e-7)


def test_the_teacher_of_tiny_is_its_start_trained_further_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = small_model()
    loads: list[str] = []

    def load(name: str, **_):
        loads.append(name)
        return small_model()

    monkeypatch.setattr(distill_loop, "load", load)
    monkeypatch.setattr(distill_loop, "TEACHER_STEPS", 3)
    task = small_task("small-a")
    folder = prepare_teacher(task, tmp_path)
    assert (folder / "model.safetensors").is_file() and loads == ["tiny"]
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert prepare_teacher(task, tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    from transformers import AutoModelForCausalLM

    taught = AutoModelForCausalLM.from_pretrained(folder)
    moved = [
        (a - b).abs().max().item()
        for a, b in zip(taught.parameters(), start.module.parameters(), strict=True)
    ]
    assert max(moved) > 1e-5
    other = prepare_teacher(small_task("small-b"), tmp_path)
    assert other != folder


def test_the_teacher_does_not_move_while_the_student_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    find = distill_loop.find_teacher

    def watched(*args):
        taken.append(find(*args))
        return taken[-1]

    monkeypatch.setattr(distill_loop, "find_teacher", watched)
    played = play("gkd", tmp_path / "run", monkeypatch, teacher="another", steps=4)
    row = Tokens((5, 6, 7, 8, 9), 2)
    (teacher,) = taken
    assert torch.equal(whole_logits(teacher, row), whole_logits(small_model(seed=5), row))
    assert played.moved().abs().max() > 1e-3


def test_a_run_that_goes_on_with_another_teacher_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play("kd", tmp_path / "run", monkeypatch, teacher="another")
    path = tmp_path / "run" / "taught_by.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "value": "0" * 64}))
    run = Run(tmp_path / "run", json.loads((tmp_path / "run" / "spec.json").read_text()))
    monkeypatch.setattr("methods.engine.run.load", lambda *_, **__: small_model(seed=5))
    run.facts.update(model={"fingerprint": kept["origin"][0]})
    run.facts.update(data={"fingerprint": kept["origin"][1]})
    config = kd.Config(model="start", teacher="another")
    with pytest.raises(MethodError, match="no longer the one this run began with"):
        find_teacher(run, config, small_model(), small_task("small-a"))


@pytest.mark.parametrize("method", ["kd", "gkd", "minillm"])
def test_the_results_say_how_far_the_student_is_and_how_good_the_teacher(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(method, tmp_path / "run", monkeypatch)
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    measures = {m["name"]: m for m in found["measures"]}
    assert set(measures) == {"held_out_loss", "forward_kl", "reverse_kl", "teacher_held_out_loss"}
    assert measures["teacher_held_out_loss"]["before"] is None
    assert all(m["after"] >= 0 for m in measures.values())


@pytest.mark.parametrize(
    ("method", "alone"),
    [("kd", {"hard_weight": 0.0}), ("gkd", {"student_fraction": 1.0}),
     ("minillm", {"lm_weight": 0.0})],
)  # fmt: skip
def test_a_student_comes_to_its_teacher(
    method: str, alone: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random models, no labels: what falls is the divergence on the prompts that are taught."""
    steps = play(
        method, tmp_path / "run", monkeypatch, teacher="another", steps=30, batch_size=12,
        learning_rate=3e-3, max_grad_norm=1.0, **alone,
    ).steps  # fmt: skip
    first, last = (sum(s["divergence"] for s in part) for part in (steps[:5], steps[-5:]))
    assert last < 0.7 * first
