"""Loading a model: where its weights come from, and whether the engine may use it as it does.

Any decoder-only causal model of transformers: a path, a hub id with an optional revision, or a
built-in. Weights are float32 and come from safetensors; code from a hub is never run.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from methods.engine import attention, old_torchao
from methods.engine.batch import Tokens, pack
from methods.engine.errors import MethodError
from methods.engine.hub import hub_problem, in_hub_cache
from methods.engine.model import LanguageModel
from methods.engine.prefix import flat_row, tree
from methods.engine.slots import Prefill, Slots

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

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

    module, tokenizer, source = read(
        AutoModelForCausalLM, name, task=task, cache_dir=cache_dir, check=check
    )
    kinds = module.config.architectures or []
    if any(kind.endswith("ForSequenceClassification") for kind in kinds):
        raise MethodError(
            f"model {name!r} is {kinds[0]}: it scores texts and writes none. Give a causal "
            "language model here; a reward model is an option of its own."
        )
    # Dropout stays off: the policy that is trained is the policy that was sampled.
    model = LanguageModel(module.to(device).eval(), tokenizer, name, source, precision)
    _check_head(model)
    take_over(model)
    return model


def read(
    kind: Any,
    name: str,
    *,
    task: Task | None,
    cache_dir: Path,
    check: Callable[[], None] = lambda: None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, str]:
    """(module, tokenizer, where it came from) of ``name`` by the auto class ``kind``.

    In float32, from safetensors. Raises MethodError where that cannot be had.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # the engine has its own
    path, revision, source = _place(name, task, cache_dir, check)
    if (Path(path) / "adapter_config.json").is_file():
        _require_no_magnitudes(Path(path))
        old_torchao.tolerate()  # transformers lets PEFT load it
    try:
        tokenizer = _tokenizer(path, revision)
        module = kind.from_pretrained(
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
    return module, tokenizer, source


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


def _require_no_magnitudes(folder: Path) -> None:
    """transformers 5.23 leaves DoRA's magnitudes out when it loads an adapter, with a warning."""
    if json.loads((folder / "adapter_config.json").read_text()).get("use_dora"):
        raise MethodError(
            f"{folder} is a DoRA adapter, which transformers loads without its magnitudes. Load it "
            "with peft.PeftModel.from_pretrained, merge_and_unload(), save that, and give its "
            "folder."
        )


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

    A model may do its own attention (ALiBi, learned sinks, capped scores), count positions for
    itself, or attend twice in a layer: whether ours gives the same is measured, on two rows with a
    common beginning, read whole and token by token.
    """
    vocabulary = model.module.get_input_embeddings().weight.shape[0]
    ids = [(7 * i + 3) % vocabulary for i in range(24)]
    rows = [Tokens((*ids[:16], *ids[n:]), 16) for n in (12, 18)]
    own, precision = model.module.config._attn_implementation, model.precision
    with torch.no_grad(), _narrow_windows(model.module):
        # On a GPU bfloat16 takes another kernel than float32 does: both are measured.
        for model.precision in (precision, "float32"):
            model.ragged = False
            model.module.set_attn_implementation(own)
            expected = _whole(model, rows)
            model.ragged = True
            model.module.set_attn_implementation(attention.NAME)
            if not _gives(model, rows, expected):
                model.ragged = False
                model.module.set_attn_implementation(own)
                break
    model.precision = precision


def _gives(model: LanguageModel, rows: Sequence[Tokens], expected: Tensor) -> bool:
    try:
        found = _whole(model, rows), _decoded(model, rows)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever a foreign model raises: it does not run this way
        return False
    last = [row.completion_length for row in rows]
    wanted = expected, expected[torch.tensor(last).cumsum(0) - 1]
    if model.precision == "float32":
        # Each dimension by itself: trained models have a few that outshine the others.
        size, tolerance = expected.abs().amax(0), 1e-3
    else:
        size, tolerance = expected.abs().max(), 5e-2
    return all(
        bool(((a - b).abs() <= tolerance * size).all()) for a, b in zip(found, wanted, strict=True)
    )


def _whole(model: LanguageModel, rows: Sequence[Tokens]) -> Tensor:
    """(N, D) float32, the state that predicts each completion token."""
    batch = pack(rows, range(len(rows)), model.device)
    states = model.states(batch.input_ids, batch.position_ids, batch.layout)
    return states[batch.predictors].float()


def _decoded(model: LanguageModel, rows: Sequence[Tokens]) -> Tensor:
    """(rows, D) float32, the state that predicts each row's last token, by a step of decoding."""
    texts = [row.ids[:-2] for row in rows]
    segments, places = tree(texts)
    prefill = Prefill(segments, model.device)
    model.states(*flat_row(texts, places, model.device), prefill)
    slots = Slots(len(rows), max(len(row.ids) for row in rows), model.device)
    slots.fill(prefill, places)
    token = torch.tensor([[row.ids[-2] for row in rows]], device=model.device)
    return model.states(token, slots.begin(), slots).float()


@contextlib.contextmanager
def _narrow_windows(module: torch.nn.Module, width: int = 5) -> Iterator[None]:
    """Every sliding window and attention chunk at ``width`` tokens, so that short rows show them.

    Some models say the window in the mask alone, or attend within chunks: ours would look past it.
    """
    holders: dict[int, Any] = {}
    for part in module.modules():
        config = getattr(part, "config", None)
        inner = config.get_text_config() if hasattr(config, "get_text_config") else None
        holders |= {id(h): h for h in (part, config, inner) if h is not None}
    kept = [
        (holder, name, value)
        for holder in holders.values()
        for name in ("sliding_window", "attention_chunk_size")
        if isinstance(value := getattr(holder, name, None), int) and value > width
    ]
    try:
        for holder, name, _ in kept:
            setattr(holder, name, width)
        yield
    finally:
        for holder, name, value in kept:
            setattr(holder, name, value)


def _check_head(model: LanguageModel) -> None:
    # Some families scale or cap their logits behind the head: both are measured.
    ids = torch.tensor([[model.eos_id, 0, 1, 2]], device=model.device)
    head = model.module.get_output_embeddings()
    factor = 1.0

    def louder(module: torch.nn.Module, args: tuple, out: Tensor) -> Tensor:
        return out * factor

    hook = head.register_forward_hook(louder)
    try:
        with torch.no_grad():
            states = model.module.base_model(ids, use_cache=False).last_hidden_state
            ours = torch.nn.functional.linear(states, model.head_weight, model.head_bias).float()
            # As large as a trained model's: a cap would hardly touch the logits of a fresh one.
            factor = 50.0 / float(ours.abs().max().clamp(min=1e-30))
            expected = model.module(ids, use_cache=False).logits.float()
    except AttributeError as error:
        raise MethodError(
            f"model {model.name!r} does not give the states before its head ({error}); use a "
            "decoder-only causal language model"
        ) from error
    finally:
        hook.remove()
    ours = ours * factor
    # A constant factor (Granite, Cohere) is like a temperature; anything else is not for our head.
    model.logit_scale = float((expected * ours).sum() / ours.square().sum())
    if abs(model.logit_scale - 1.0) < 1e-4:  # rounding
        model.logit_scale = 1.0
    if not torch.allclose(expected, ours * model.logit_scale, rtol=1e-3, atol=1e-2):
        raise MethodError(
            f"model {model.name!r} bends its logits behind the head (soft-capping), which the "
            "chunked head does not do; use a model without it"
        )
