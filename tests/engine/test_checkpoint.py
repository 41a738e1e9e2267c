from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from methods.engine import checkpoint
from methods.engine.batch import Tokens, pack
from methods.engine.errors import MethodError
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from tests.engine.conftest import small_model

CONFIG = TrainingOptions(learning_rate=0.01)


def trained(model: LanguageModel, steps: int, optimiser: Optimiser | None = None) -> Optimiser:
    optimiser = optimiser or Optimiser(model, CONFIG)
    for step in range(1, steps + 1):
        optimiser.backward(
            -completion_logprobs(model, pack([Tokens(tuple(range(4, 14)), 1)], [0])).mean()
        )
        optimiser.step(step)
    return optimiser


def weights(model: LanguageModel) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.module.parameters()]


def test_training_goes_on_from_a_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    unbroken = small_model()
    optimiser = trained(unbroken, 3)
    checkpoint.save(tmp_path, 3, unbroken, optimiser, {"log_bytes": {}}, keep=2)
    trained(unbroken, 2, optimiser)

    other = small_model(seed=9)
    fresh = Optimiser(other, CONFIG)
    found = checkpoint.latest(tmp_path)
    assert found is not None and found.step == 3
    checkpoint.restore(found, other, fresh)
    trained(other, 2, fresh)
    assert all(torch.equal(a, b) for a, b in zip(weights(unbroken), weights(other), strict=True))
    # Tied weights stay one tensor after a restore, or the head would stop learning.
    assert other.head_weight is other.module.get_input_embeddings().weight


def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path: Path) -> None:
    model = small_model()
    optimiser = trained(model, 1)
    for step in (1, 2):
        checkpoint.save(tmp_path, step, model, optimiser, {}, keep=5)
    victim = tmp_path / "step-000002" / "optimiser.safetensors"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(bytes(data))
    found = checkpoint.latest(tmp_path)
    assert found is not None and found.step == 1


def test_a_half_written_checkpoint_is_not_one(tmp_path: Path) -> None:
    model = small_model()
    checkpoint.save(tmp_path, 1, model, trained(model, 1), {}, keep=5)
    (tmp_path / "step-000001").rename(tmp_path / ".step-000001.partial")
    assert checkpoint.latest(tmp_path) is None


def test_checkpoints_of_which_none_is_whole_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "step-000007").mkdir()
    with pytest.raises(MethodError, match=r"no checkpoint .* is whole"):
        checkpoint.latest(tmp_path)


def test_what_a_killed_process_left_half_written_is_cleared_by_the_next(tmp_path: Path) -> None:
    model = small_model()
    (tmp_path / ".step-000003.partial").mkdir()
    checkpoint.save(tmp_path, 4, model, trained(model, 1), {}, keep=5)
    assert [p.name for p in tmp_path.iterdir()] == ["step-000004"]


def test_the_newest_is_newest_by_number_not_by_spelling(tmp_path: Path) -> None:
    model = small_model()
    optimiser = trained(model, 1)
    for step in (999_999, 1_000_000):
        checkpoint.save(tmp_path, step, model, optimiser, {}, keep=5)
    found = checkpoint.latest(tmp_path)
    assert found is not None and found.step == 1_000_000


def test_keep_bounds_their_number_and_keeps_the_newest(tmp_path: Path) -> None:
    model = small_model()
    optimiser = trained(model, 1)
    for step in range(1, 6):
        checkpoint.save(tmp_path, step, model, optimiser, {}, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-000004", "step-000005"]


def test_a_full_disk_leaves_the_earlier_checkpoint_whole_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model()
    optimiser = trained(model, 1)
    checkpoint.save(tmp_path, 1, model, optimiser, {}, keep=1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(MethodError, match=r"step 2 .*No space left.*--resume"):
        checkpoint.save(tmp_path, 2, model, optimiser, {}, keep=1)
    assert [p.name for p in tmp_path.iterdir()] == ["step-000001"]
    assert checkpoint.latest(tmp_path) is not None
