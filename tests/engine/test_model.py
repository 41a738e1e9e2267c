from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from methods.engine.errors import MethodError
from methods.engine.load import load
from methods.engine.model import LanguageModel
from methods.engine.sample import sample
from methods.engine.tiny import tokenizer
from tests.engine.conftest import ALPHABET, own_attention


def test_a_saved_model_loads_from_its_folder_with_the_same_logits(
    model: LanguageModel, tmp_path: Path
) -> None:
    model.save(tmp_path / "m")
    again = load(str(tmp_path / "m"), task=None, cache_dir=tmp_path)
    ids = torch.arange(3, 12)[None]
    with own_attention(model), own_attention(again):
        assert torch.equal(model.module(ids).logits, again.module(ids).logits)
    assert again.decode(again.encode_completion("12+3= ab")) == "12+3= ab"
    assert (tmp_path / "m" / "model.safetensors").is_file()


def test_a_model_that_caps_its_logits_is_refused(tmp_path: Path) -> None:
    characters = tokenizer(ALPHABET)
    config = Gemma2Config(
        vocab_size=len(characters), hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=16, final_logit_softcapping=0.05,
    )  # fmt: skip
    Gemma2ForCausalLM(config).save_pretrained(tmp_path / "g")
    characters.save_pretrained(tmp_path / "g")
    with pytest.raises(MethodError, match="soft-capping"):
        load(str(tmp_path / "g"), task=None, cache_dir=tmp_path)


def test_an_unknown_model_says_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MethodError, match=r"no/such-model.*HF_HUB_OFFLINE.*tiny, smollm2-135m"):
        load("no/such-model", task=None, cache_dir=tmp_path)


def test_tiny_needs_a_task_to_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(MethodError, match="name a task"):
        load("tiny", task=None, cache_dir=tmp_path)


def test_a_chat_models_end_of_turn_ends_a_sample_too(model: LanguageModel) -> None:
    turn = model.tokenizer.convert_tokens_to_ids("=")
    model.module.generation_config.eos_token_id = [model.eos_id, turn]
    assert model.stop_ids() == {model.eos_id, turn}


def test_sampling_defaults_that_transformers_will_not_save_do_not_lose_the_model(
    model: LanguageModel, tmp_path: Path
) -> None:
    model.module.generation_config.temperature = 0.6
    model.module.generation_config.do_sample = False
    model.save(tmp_path / "m")
    assert (tmp_path / "m" / "model.safetensors").is_file()


def test_a_row_longer_than_the_model_reads_is_refused(model: LanguageModel) -> None:
    limit = model.module.config.max_position_embeddings
    model.require_room(limit)
    with pytest.raises(MethodError, match=rf"{limit + 1} tokens.*at most {limit}"):
        model.require_room(limit + 1)
    with pytest.raises(MethodError, match="lower max_new_tokens"):
        sample(model, ["1+1="], max_new_tokens=limit)


def test_a_reference_does_not_follow_the_policy(model: LanguageModel) -> None:
    reference = model.frozen_copy()
    before = reference.fingerprint()
    with torch.no_grad():
        model.head_weight.add_(1.0)
    assert reference.fingerprint() == before != model.fingerprint()
    assert not any(p.requires_grad for p in reference.module.parameters())


def test_an_empty_prompt_still_has_a_token_to_start_from(model: LanguageModel) -> None:
    assert model.encode_prompt("") == [model.tokenizer.bos_token_id]
    assert model.encode_prompt("1")[0] == model.tokenizer.bos_token_id
    # A chat template that wrote the start token itself does not get a second one.
    assert model.encode_prompt(model.tokenizer.bos_token + "1") == model.encode_prompt("1")


def test_a_finished_answer_carries_its_end_once(model: LanguageModel) -> None:
    ids = model.encode_completion("42")
    assert ids.count(model.eos_id) == 1 and ids[-1] == model.eos_id
