"""Small random models of many kinds, saved as a hub would have them, beside plain transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging

from methods.engine.batch import Tokens
from methods.engine.tiny import tokenizer
from tests.engine.conftest import ALPHABET

CHARACTERS = tokenizer(ALPHABET)
_SIZE = len(CHARACTERS)
_COMMON = {
    "vocab_size": _SIZE, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
_EXPERTS = {
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16, "n_shared_experts": 1,
    "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1,
}  # fmt: skip
_LATENT = {
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4,
    "v_head_dim": 8, "num_key_value_heads": 4,
}  # fmt: skip
_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
_SSM = {
    "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1,
    "mamba_chunk_size": 8,
}  # fmt: skip
_MIXED = {"num_hidden_layers": 4, "layer_types": ["sliding_attention", "full_attention"] * 2}
_WINDOW = {"sliding_window": 6}
_HEAD = {"head_dim": 8}

# name -> (model type, what its configuration has beside the common sizes)
RAGGED: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama-yarn": ("llama", {"rope_parameters": {
        "rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0,
        "original_max_position_embeddings": 64}}),
    "qwen2": ("qwen2", {}),
    "qwen2-window": ("qwen2", {"use_sliding_window": True, "max_window_layers": 1, **_WINDOW}),
    "qwen2-moe": ("qwen2_moe", _EXPERTS),
    "qwen3": ("qwen3", _HEAD),
    "qwen3-moe": ("qwen3_moe", _HEAD | _EXPERTS),
    "mistral-window": ("mistral", _WINDOW),
    "mistral-wide-window": ("mistral", {"sliding_window": 200}),
    "ministral3": ("ministral3", _HEAD),
    "mixtral-window": ("mixtral", _EXPERTS | _WINDOW),
    "gemma": ("gemma", _HEAD),
    "gemma3-mixed-windows": ("gemma3_text", _HEAD | _MIXED | _WINDOW),
    "phi": ("phi", {}),
    "phi3-window": ("phi3", _WINDOW),
    "phimoe": ("phimoe", _EXPERTS),
    "olmo2": ("olmo2", {}),
    "olmo3-mixed-windows": ("olmo3", _MIXED | _WINDOW),
    "olmoe": ("olmoe", _EXPERTS),
    "smollm3": ("smollm3", {}),
    "starcoder2-window": ("starcoder2", _WINDOW),
    "cohere2": ("cohere2", _MIXED | _WINDOW | {"logit_scale": 2.0}),
    "granite": ("granite", {"logits_scaling": 0.5}),
    "glm4": ("glm4", _HEAD),
    "glm4-moe": ("glm4_moe", _HEAD | _EXPERTS),
    "deepseek-v3": ("deepseek_v3", _EXPERTS | _LATENT),
    "exaone4": ("exaone4", {}),
    "ernie4.5": ("ernie4_5", _HEAD),
    "hunyuan-dense": ("hunyuan_v1_dense", _HEAD),
    "seed-oss": ("seed_oss", _HEAD),
    "minimax-m2": ("minimax_m2", _HEAD | _EXPERTS),
    "apertus": ("apertus", {}),
    "gpt2": ("gpt2", _GPT2),
    "gpt-bigcode": ("gpt_bigcode", _GPT2),
    "gpt-neox": ("gpt_neox", {}),
    "opt": ("opt", {"ffn_dim": 48, "word_embed_proj_dim": 16}),
}  # fmt: skip

# name -> (model type, configuration, why it keeps its own attention)
PADDED: dict[str, tuple[str, dict[str, Any], str]] = {
    "qwen2-moe-wide-window": ("qwen2_moe", _EXPERTS | {
        "use_sliding_window": True, "max_window_layers": 1, "sliding_window": 40},
        "says its window in the mask alone"),
    "phimoe-wide-window": ("phimoe", _EXPERTS | {"sliding_window": 40},
                           "says its window in the mask alone"),
    "stablelm": ("stablelm", {}, "hands nothing on to its attention"),
    "gpt-oss": ("gpt_oss", _HEAD | _EXPERTS | _WINDOW, "attention with learned sinks"),
    "diffllama": ("diffllama", _HEAD, "attends twice in a layer: no place in the cache"),
    "gpt-neo": ("gpt_neo", {"num_layers": 2, "num_heads": 4, "window_size": 6,
                            "attention_types": [[["global", "local"], 1]]}, "own attention"),
    "gptj": ("gptj", _GPT2 | {"rotary_dim": 8}, "own attention"),
    "bloom": ("bloom", {"n_layer": 2, "n_head": 4}, "ALiBi"),
    "mpt": ("mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 256}, "ALiBi"),
    "falcon": ("falcon", {"alibi": False}, "own attention"),
    "falcon-alibi": ("falcon", {"alibi": True}, "ALiBi"),
    "mamba": ("mamba", {"state_size": 4}, "recurrent"),
    "lfm2": ("lfm2", {"layer_types": ["conv", "full_attention"]}, "convolutions over time"),
    "bamba": ("bamba", {"attn_layer_indices": [1], **_SSM}, "recurrent layers"),
    "qwen3-next": ("qwen3_next", _HEAD | _EXPERTS | {
        "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8,
        "linear_value_head_dim": 8, "layer_types": ["linear_attention", "full_attention"]},
        "recurrent layers"),
}  # fmt: skip

# name -> (model type, configuration, what the refusal says)
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "gemma2": ("gemma2", _HEAD | _WINDOW, "soft-capping"),
    "nanochat": ("nanochat", {}, "soft-capping"),
    "llama4": ("llama4_text", _HEAD | _EXPERTS | {"intermediate_size_mlp": 48},
               "states before its head"),
}  # fmt: skip


def saved(kind: str, given: dict[str, Any], folder: Path, *, fresh: bool = False) -> Path:
    """A model of transformers' ``kind`` with random weights in ``folder``, with our characters.

    ``fresh`` leaves the weights as the library draws them: so small that every token is as likely.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config = AutoConfig.for_model(kind, **(_COMMON | given))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = AutoModelForCausalLM.from_config(config).float()
        if not fresh:
            with torch.no_grad():
                for p in module.parameters():
                    p.add_(torch.randn_like(p) * 0.1)
    module.save_pretrained(folder)
    CHARACTERS.save_pretrained(folder)
    return folder


def plain(folder: Path) -> PreTrainedModel:
    """The model in ``folder`` as transformers runs it."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def plain_logprobs(module: PreTrainedModel, row: Tokens, temperature: float = 1.0) -> Tensor:
    """Log-probs of a row's completion, in nats, from the whole logits of that row alone."""
    ids = torch.tensor([row.ids])
    logits = module(ids, use_cache=False).logits[0].float() / temperature
    logp = torch.log_softmax(logits[:-1], -1).gather(-1, ids[0, 1:, None])[:, 0]
    return logp[row.prompt_length - 1 :]
