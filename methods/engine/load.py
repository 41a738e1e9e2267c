"""Loading a model: where its weights come from, and whether the engine may use it as it does.

Any decoder-only causal model of transformers: a path, a hub id with an optional revision, or a
built-in. Weights are float32 and come from safetensors; code from a hub is never run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from methods.engine import attention
from methods.engine.batch import TokenBatch, Tokens, pack
from methods.engine.errors import MethodError
from methods.engine.hub import hub_problem, in_hub_cache
from methods.engine.model import LanguageModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from methods.engine.tasks.task import Task

BUILT_IN = ("tiny", "smollm2-135m")


def load(
    name: str,
    *,
    task: Task | None,
    cache_dir: Path,
    device: str = "cpu",
    precision: str = "float32",
    check: Callable[[], None] = lambda: None,
) -> LanguageModel:
    """The model called ``name``: built-in, a folder, or ``org/name[@revision]`` on the hub.

    ``tiny`` is trained on ``task`` if it is not in the cache; ``check`` is called at each of its
    steps and may raise to stop. Raises MethodError where there is no such model or its kind is not
    supported.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # the engine has its own
    path, revision, source = _place(name, task, cache_dir, check)
    try:
        tokenizer = _tokenizer(path, revision)
        module = AutoModelForCausalLM.from_pretrained(
            path,
            revision=revision,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError) as error:
        raise MethodError(
            f"model {name!r} cannot be loaded: {str(error).partition(chr(10))[0]} Allowed: a "
            f"folder in the Hugging Face layout, a hub id, or one of {', '.join(BUILT_IN)}."
        ) from error
    if tokenizer.eos_token_id is None:
        raise MethodError(f"model {name!r}: its tokenizer names no end token; samples never end")
    # Dropout stays off: the policy that is trained is the policy that was sampled.
    model = LanguageModel(module.to(device).eval(), tokenizer, name, source, precision)
    _check_head(model)
    take_over(model)
    return model


def _place(
    name: str, task: Task | None, cache_dir: Path, check: Callable[[], None]
) -> tuple[str | Path, str | None, str]:
    """Where the weights lie (a folder or a hub id), which revision, and that in words."""
    if name == "tiny":
        from methods.engine import tiny

        if task is None:
            raise MethodError(
                "model 'tiny' is trained on a task's own text; name a task, or give another model"
            )
        folder = tiny.prepare(task, cache_dir, check=check)
        return folder, None, f"trained on the spot on {task.name}"
    if name == "smollm2-135m":
        from methods.engine import smollm2

        offline = os.environ.get("REGISTRY_OFFLINE", "") not in ("", "0")
        folder = smollm2.prepare(cache_dir, offline)
        return folder, None, smollm2.describe(folder)
    if Path(name).is_dir():
        return Path(name), None, f"folder {name}"
    repository, _, revision = name.partition("@")
    problem = None if in_hub_cache(repository, revision or None) else hub_problem()
    if problem:
        raise MethodError(
            f"model {name!r} is neither a folder nor in the hub's cache, and {problem}. "
            f"Allowed: a folder in the Hugging Face layout, a hub id, or {', '.join(BUILT_IN)}."
        )
    return repository, revision or None, f"hub {name}"


def _tokenizer(path: str | Path, revision: str | None) -> PreTrainedTokenizerBase:
    # tokenizer.json says exactly how text is cut. AutoTokenizer may rebuild the cutting from the
    # class that a config names, and then differ (transformers#45812); it is for models without one.
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        return PreTrainedTokenizerFast.from_pretrained(path, revision=revision)
    except (OSError, ValueError):
        return AutoTokenizer.from_pretrained(path, revision=revision, trust_remote_code=False)


def take_over(model: LanguageModel) -> None:
    """Let ``model`` run on ragged rows where that gives its own states; else leave it as it is.

    A model may do its own attention (ALiBi, learned sinks, capped scores), or count positions for
    itself: whether ours gives the same is measured, on two rows with a common beginning.
    """
    vocabulary = model.head_weight.shape[0]
    ids = [(7 * i + 3) % vocabulary for i in range(24)]
    rows = [Tokens((*ids[:16], *ids[n:]), 16) for n in (12, 18)]
    batch = pack(rows, range(2), model.device)
    own, precision = model.module.config._attn_implementation, model.precision
    # On a GPU bfloat16 takes another kernel than float32 does: both are measured.
    for model.precision, tolerance in ((precision, 5e-2), ("float32", 1e-3)):
        model.ragged = False
        model.module.set_attn_implementation(own)
        expected = _states(model, batch)
        model.ragged = True
        model.module.set_attn_implementation(attention.NAME)
        try:
            same = bool(((_states(model, batch) - expected).abs() < tolerance).all())
        except (NotImplementedError, RuntimeError, TypeError, ValueError):
            same = False
        if not same:
            model.ragged = False
            model.module.set_attn_implementation(own)
            break
    model.precision = precision


@torch.no_grad()
def _states(model: LanguageModel, batch: TokenBatch) -> Tensor:
    states = model.states(batch.input_ids, batch.position_ids, batch.layout).float()
    return states / states.abs().max()


def _check_head(model: LanguageModel) -> None:
    # Some families scale or cap logits behind the head; our chunked head would be wrong for them.
    ids = torch.tensor([[model.eos_id, 0, 1, 2]], device=model.device)
    with torch.no_grad():
        expected = model.module(ids, use_cache=False).logits
        states = model.module.base_model(ids, use_cache=False).last_hidden_state
        ours = torch.nn.functional.linear(states, model.head_weight, model.head_bias)
    if not torch.allclose(expected.float(), ours.float(), rtol=1e-3, atol=1e-3):
        raise MethodError(
            f"model {model.name!r} changes its logits behind the head (scaling or soft-capping), "
            "which the chunked head does not do; use a model without it"
        )
