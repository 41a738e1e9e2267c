"""LoRA: what is trained, what the reference is, what is saved; and the other training options."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from methods.engine import adapter
from methods.engine.batch import Tokens, own_batches, pack
from methods.engine.errors import MethodError
from methods.engine.load import load
from methods.engine.logprobs import completion_logprobs
from methods.engine.measure import row_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions, lora_settings
from tests.engine.conftest import gradients, relative, small_model


def adapted(settings: str = "r=4,alpha=8", seed: int = 0) -> LanguageModel:
    model = small_model()
    adapter.add(model, settings, seed)
    return model


def train(model: LanguageModel, rows: list[Tokens], steps: int = 3) -> Optimiser:
    optimiser = Optimiser(model, TrainingOptions(learning_rate=0.05))
    for step in range(1, steps + 1):
        for group in own_batches(rows, 60):
            optimiser.backward(-completion_logprobs(model, pack(rows, group)).mean())
        optimiser.step(step)
    return optimiser


def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_before_the_first_step_an_adapted_model_is_its_base(rows: list[Tokens]) -> None:
    assert same(row_logprobs(adapted(), rows), row_logprobs(small_model(), rows))


def test_the_reference_of_an_adapter_is_the_base_before_and_after_training(
    rows: list[Tokens],
) -> None:
    model = adapted()
    reference, base = model.frozen_copy(), row_logprobs(small_model(), rows)
    assert reference.module is model.module  # no second copy of the weights
    assert same(row_logprobs(reference, rows), base)
    train(model, rows)
    assert same(row_logprobs(reference, rows), base)
    assert not same(row_logprobs(model, rows), base)


def test_only_the_adapter_is_trained(rows: list[Tokens]) -> None:
    model = adapted()
    before = {n: p.detach().clone() for n, p in model.module.named_parameters()}
    optimiser = train(model, rows)
    moved = {n for n, p in model.module.named_parameters() if not torch.equal(p, before[n])}
    assert moved == set(optimiser.names) and all("lora_" in name for name in moved)
    assert model.parameter_count(trained=True) < model.parameter_count() / 2


def test_a_saved_adapter_is_peft_s_and_gives_the_trained_model(
    tmp_path: Path, rows: list[Tokens]
) -> None:
    from peft import PeftModel

    model = adapted()
    train(model, rows)
    model.save(tmp_path)
    assert {f.name for f in tmp_path.iterdir()} >= {
        "adapter_config.json", "adapter_model.safetensors", "tokenizer.json",
    }  # fmt: skip
    again = small_model()
    again.adapter = PeftModel.from_pretrained(again.module, tmp_path).eval()
    assert same(row_logprobs(again, rows), row_logprobs(model, rows))


def test_an_adapter_s_start_follows_from_the_seed() -> None:
    def start(seed: int) -> dict[str, torch.Tensor]:
        return adapter.tensors(adapted(seed=seed).module)

    one, again, other = start(1), start(1), start(2)
    assert all(torch.equal(one[k], again[k]) for k in one)
    assert any(not torch.equal(one[k], other[k]) for k in one)


def test_targets_can_be_named_and_a_wrong_name_says_which_there_are() -> None:
    names = adapter.tensors(adapted("r=2,targets=q_proj+v_proj").module)
    assert {n.split(".")[-3] for n in names} == {"q_proj", "v_proj"}
    with pytest.raises(MethodError, match=r"Allowed targets: all-linear, or .*q_proj"):
        adapted("targets=attention")


@pytest.mark.parametrize(
    ("text", "said"),
    [("rank=4", "allowed: r=..."), ("r", "allowed: r=..."), ("r=0", "greater"), ("r=x", "integer")],
)
def test_settings_that_are_none_are_refused_when_the_configuration_is_read(
    text: str, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        TrainingOptions(lora=text)


def test_settings_not_given_have_their_defaults() -> None:
    found = lora_settings("alpha=4,targets=q_proj")
    assert (found.r, found.alpha, found.targets, found.rslora) == (16, 4.0, ["q_proj"], False)


def step(model: LanguageModel, rows: list[Tokens]) -> torch.Tensor:
    return gradients(
        model, lambda: completion_logprobs(model, pack(rows, range(len(rows)))).mean().backward()
    )


def test_activation_checkpointing_changes_memory_and_not_the_gradient(rows: list[Tokens]) -> None:
    plain, again = small_model(dtype=torch.float64), small_model(dtype=torch.float64)
    calls = []
    for layer in again.module.base_model.layers:
        layer.self_attn.register_forward_hook(lambda *_: calls.append(1))
    expected = step(plain, rows)
    once = len(calls)
    again.checkpoint_activations()
    assert relative(step(again, rows), expected) < 1e-10
    layers = len(again.module.base_model.layers)
    assert len(calls) - once == 2 * layers  # each layer forward, and again going backward
    assert not any(m.training for m in again.module.modules() if isinstance(m, torch.nn.Dropout))


def test_layers_that_are_compiled_give_the_same_gradient_for_batches_of_any_shape(
    rows: list[Tokens],
) -> None:
    plain, compiled = small_model(), small_model()
    compiled.compile_layers()
    for part in (rows, rows[:4], rows[2:9]):
        assert relative(step(compiled, part), step(plain, part)) < 1e-5


def test_compiling_is_refused_where_it_cannot_work(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.ragged = False
    with pytest.raises(MethodError, match="does its own attention"):
        model.compile_layers()
    model.ragged = True
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MethodError, match="install g"):
        model.compile_layers()


def test_an_adapted_model_saved_whole_loads_from_its_folder(
    tmp_path: Path, rows: list[Tokens]
) -> None:
    """A folder with an adapter beside a base on disk is a model like any other."""
    small_model().save(tmp_path / "base")
    model = load(str(tmp_path / "base"), task=None, cache_dir=tmp_path)
    adapter.add(model, "r=2", 0)
    train(model, rows)
    model.save(tmp_path / "adapted")
    again = load(str(tmp_path / "adapted"), task=None, cache_dir=tmp_path)
    for a, b in zip(row_logprobs(again, rows), row_logprobs(model, rows), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-5)
