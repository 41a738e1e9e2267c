"""Adapters in a model: which layers have one, what is saved, what PEFT makes of it, resuming."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from methods.engine import adapter, checkpoint, old_torchao
from methods.engine.batch import Tokens, own_batches, pack
from methods.engine.errors import MethodError
from methods.engine.load import load
from methods.engine.logprobs import completion_logprobs
from methods.engine.measure import row_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.peft.loop import chosen
from methods.peft.pissa import pissa_as_lora
from tests.engine.conftest import small_model
from tests.methods.peft.layers import LAYERS, adapted

ROWS = [Tokens((5, 6, 7, 8, 9, 10, 11, 2)[:n], p) for n, p in ((3, 2), (7, 1), (8, 4), (2, 1))]
each_kind = pytest.mark.parametrize("kind", sorted(LAYERS))


def train(model: LanguageModel, steps: range = range(1, 4), done: Optimiser | None = None):
    optimiser = done or Optimiser(model, TrainingOptions(learning_rate=0.02))
    for step in steps:
        for group in own_batches(ROWS, 60):
            optimiser.backward(-completion_logprobs(model, pack(ROWS, group)).mean())
        optimiser.step(step)
    return optimiser


def apart(one: LanguageModel, other: LanguageModel) -> float:
    pairs = zip(row_logprobs(one, ROWS), row_logprobs(other, ROWS), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


@each_kind
def test_an_adapted_model_begins_as_its_base_and_its_reference_stays_that(kind: str) -> None:
    model, rounding = adapted(kind), 2e-5 if kind == "pissa" else 0.0
    reference = model.frozen_copy()
    assert apart(model, small_model()) <= rounding
    train(model)
    assert apart(reference, small_model()) <= rounding
    assert apart(model, small_model()) > 0.1


@each_kind
def test_only_the_adapter_is_trained(kind: str) -> None:
    model = adapted(kind)
    before = {n: p.detach().clone() for n, p in model.module.named_parameters()}
    optimiser = train(model)
    moved = {n for n, p in model.module.named_parameters() if not torch.equal(p, before[n])}
    assert moved == set(optimiser.names) and all(".lora_" in name for name in moved)
    assert model.parameter_count(trained=True) < model.parameter_count() / 2


@each_kind
@pytest.mark.parametrize(
    "options", [{}, {"rslora": True, "alpha": 3.0, "targets": "v_proj+up_proj"}]
)
def test_a_saved_adapter_loads_in_peft_to_the_same_numbers(
    kind: str, options: dict, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    old_torchao.tolerate()
    from peft import PeftModel

    model = adapted(kind, **options)
    train(model)
    model.save(tmp_path)
    again = small_model()
    again.adapter = PeftModel.from_pretrained(again.module, tmp_path).eval()
    assert apart(again, small_model()) > 0.1
    assert apart(again, model) < (2e-4 if kind == "pissa" else 1e-5)
    merged = small_model()
    merged.module = PeftModel.from_pretrained(merged.module, tmp_path).merge_and_unload()
    for name, layer in model.adapter.layers.items():
        theirs = merged.module.get_submodule(name).weight
        assert torch.allclose(theirs, layer.merged(), rtol=0, atol=1e-5)


def test_a_pissa_adapter_made_a_lora_of_twice_the_rank_loads_beside_the_base(
    tmp_path: Path,
) -> None:
    pytest.importorskip("peft")
    old_torchao.tolerate()
    from peft import PeftModel

    model = adapted("pissa", rank=4, alpha=4.0)
    train(model)
    model.save(tmp_path)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    for name, layer in model.adapter.layers.items():
        keys = [f"base_model.model.{name}.lora_{m}.weight" for m in "AB"]
        both = pissa_as_lora(*(tensors[k] for k in keys), layer.start_A, layer.start_B)
        tensors |= {k: t.contiguous() for k, t in zip(keys, both, strict=True)}
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    path = tmp_path / "adapter_config.json"
    config = json.loads(path.read_text())
    assert config.pop("init_lora_weights") == "pissa"
    path.write_text(json.dumps(config | {"r": 8, "lora_alpha": 8.0}))
    again = small_model()
    again.adapter = PeftModel.from_pretrained(again.module, tmp_path).eval()
    assert apart(again, model) < 2e-4


def test_a_folder_with_dora_is_refused_since_transformers_leaves_its_magnitudes_out(
    tmp_path: Path,
) -> None:
    small_model().save(tmp_path / "base")
    model = adapted("dora")
    model.adapter.config["base_model_name_or_path"] = str(tmp_path / "base")
    model.save(tmp_path / "adapted")
    with pytest.raises(MethodError, match="merge_and_unload"):
        load(str(tmp_path / "adapted"), task=None, cache_dir=tmp_path)


@pytest.mark.parametrize("kind", ["lora", "pissa"])
def test_a_folder_with_an_adapter_beside_a_base_on_disk_is_a_model_like_any_other(
    kind: str, tmp_path: Path
) -> None:
    small_model().save(tmp_path / "base")
    model = adapted(kind)
    model.adapter.config["base_model_name_or_path"] = str(tmp_path / "base")
    train(model)
    model.save(tmp_path / "adapted")
    again = load(str(tmp_path / "adapted"), task=None, cache_dir=tmp_path)
    assert apart(again, model) < (2e-4 if kind == "pissa" else 1e-5)


@each_kind
def test_training_that_was_stopped_goes_on_to_the_bit(kind: str, tmp_path: Path) -> None:
    unbroken = adapted(kind)
    train(unbroken, range(1, 6))
    stopped = adapted(kind)
    checkpoint.save(tmp_path, 3, stopped, train(stopped), {}, keep=1)
    found = checkpoint.latest(tmp_path)
    assert found is not None
    resumed = adapted(kind)
    optimiser = Optimiser(resumed, TrainingOptions(learning_rate=0.02))
    checkpoint.restore(found, resumed, optimiser)
    train(resumed, range(4, 6), optimiser)
    for a, b in zip(resumed.module.parameters(), unbroken.module.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_a_start_follows_from_the_seed_alone(kind: str) -> None:
    one, again, other = (adapter.tensors(adapted(kind, seed=s).module) for s in (1, 1, 2))
    assert all(torch.equal(one[k], again[k]) for k in one)
    assert any(not torch.equal(one[k], other[k]) for k in one)


def test_targets_are_all_linear_layers_but_the_head_or_those_named() -> None:
    model = small_model()
    everything = chosen(model, "all-linear")
    assert len(everything) == 2 * 7 and "lm_head" not in everything
    named = chosen(model, "q_proj+down_proj")
    assert {n.rpartition(".")[2] for n in named} == {"q_proj", "down_proj"} and len(named) == 4


@pytest.mark.parametrize("targets", ["lm_head", "attention", "q_proj+nothing"])
def test_a_target_that_is_no_layer_says_which_there_are(targets: str) -> None:
    with pytest.raises(MethodError, match=r"Allowed: all-linear, down_proj, .*q_proj"):
        chosen(small_model(), targets)


def test_a_target_without_a_name_is_refused_when_the_configuration_is_read() -> None:
    with pytest.raises(ValueError, match="empty name"):
        adapted("lora", targets="q_proj+")
