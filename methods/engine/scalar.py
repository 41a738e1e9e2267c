"""A number beside the words: a linear head that reads one scalar from a hidden state.

A reward model gives a text one number, read at the text's last token and never behind it. A critic
gives every completion token one: what the state *before* the token is worth (known when the token
is chosen), or what the text is worth *after* it (how a verifier or a process reward model reads).
There is no padding, so no number depends on it; all are float32 or wider, whatever computes.

The head is ``score`` on the policy's module, so the optimiser trains it and checkpoints hold it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from methods.engine import adapter, load
from methods.engine.batch import TokenBatch, Tokens, each_row, pack
from methods.engine.errors import MethodError
from methods.engine.logprobs import CHUNK, head_logprobs
from methods.engine.model import LanguageModel
from methods.engine.tasks.task import steps_of

NAME = "score"  # as transformers names the head of its models for sequence classification
STEP_END = "step_end"  # where a judge of steps keeps in its config what ends each of them


@dataclass(frozen=True)
class WholeBatch(TokenBatch):
    """Rows whose last tokens are read too, so that a text can be judged at its end."""

    readers: Tensor  # (N,) int64, where in S the state of each completion token itself stands
    ends: Tensor  # (B,) int64, where in S the state of each row's last token stands


def add_scalar_head(policy: LanguageModel, *, seed: int | None = None) -> None:
    """Give ``policy`` a head of one output and no bias; call it before the optimiser is made.

    Its weights are zero, so that every number begins at 0, or with ``seed`` drawn from a normal
    distribution of standard deviation 1/sqrt(D + 1). Raises MethodError where there is a head
    already or the model is cut among processes.
    """
    if policy.sharded is not None:
        raise MethodError("a scalar head must be added before the model is cut among processes")
    if getattr(policy.module, NAME, None) is not None:
        raise MethodError(f"model {policy.name!r} has a part called {NAME!r} already")
    embedding = policy.module.get_input_embeddings().weight
    width = policy.module.config.get_text_config().hidden_size
    head = nn.Linear(width, 1, bias=False, device=embedding.device, dtype=embedding.dtype)
    with torch.no_grad():
        if seed is None:
            head.weight.zero_()
        else:
            draw = torch.Generator().manual_seed(seed)
            values = torch.randn(1, width, generator=draw) / (width + 1) ** 0.5
            head.weight.copy_(values)
    setattr(policy.module, NAME, head)


def drop_scalar_head(policy: LanguageModel) -> None:
    """Take the head away, so that the policy is saved as the language model it is."""
    scalar_weight(policy)
    delattr(policy.module, NAME)


def scalar_weight(policy: LanguageModel) -> Tensor:
    """(1, D), the head's weight. Raises MethodError where the model has no head of one output."""
    head = getattr(policy.module, NAME, None)
    if not isinstance(head, nn.Linear) or head.out_features != 1:
        raise MethodError(
            f"model {policy.name!r} has no scalar head; add one (add_scalar_head), or give a "
            "reward model with num_labels=1"
        )
    return head.weight


def pack_whole(
    rows: Sequence[Tokens],
    indices: Sequence[int],
    device: torch.device | str = "cpu",
    *,
    share: bool = True,
) -> WholeBatch:
    """``pack`` with the rows' last tokens read as well."""
    # A batch leaves the last token of a row out, as it predicts nothing: here it is the one added.
    longer = [Tokens((*rows[i].ids, 0), rows[i].prompt_length) for i in indices]
    found = pack(longer, range(len(longer)), device, share=share)
    first, last = [], []
    start = 0
    for row in longer:
        first.extend(range(start, start + row.completion_length - 1))
        start += row.completion_length
        last.append(start - 1)
    before = torch.tensor(first, device=device)
    values = {f.name: getattr(found, f.name) for f in fields(TokenBatch)}
    return WholeBatch(
        **values
        | {
            "rows": tuple(indices),
            "predictors": found.predictors[before],
            "labels": found.labels[before],
            "completion_mask": found.completion_mask[:, 1:],
        },
        readers=found.predictors[before + 1],
        ends=found.predictors[torch.tensor(last, device=device)],
    )


def text_scores(policy: LanguageModel, batch: WholeBatch) -> Tensor:
    """One number a row, (B,), read at the row's last token: its end token where it has one."""
    return policy.through(lambda: _scalars(policy, _states(policy, batch)[batch.ends]))


def values_before(policy: LanguageModel, batch: TokenBatch) -> Tensor:
    """The number of the state before each completion token, (B, C), zero beside the mask.

    The first is that of the prompt alone: what a critic expects before anything was done.
    """
    return batch.by_row(
        policy.through(lambda: _scalars(policy, _states(policy, batch)[batch.predictors]))
    )


def values_after(policy: LanguageModel, batch: WholeBatch) -> Tensor:
    """The number of the state after each completion token, (B, C), zero beside the mask.

    A row's last is its ``text_scores``.
    """
    return batch.by_row(
        policy.through(lambda: _scalars(policy, _states(policy, batch)[batch.readers]))
    )


def logprobs_and_values(
    policy: LanguageModel,
    batch: TokenBatch,
    *,
    temperature: float = 1.0,
    after: bool = False,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    """(``completion_logprobs``, ``values_before``) from one pass over the trunk, each (B, C).

    With ``after`` the second is ``values_after``, and the batch must be whole.
    """

    def compute() -> Tensor:
        states = _states(policy, batch)
        logps = head_logprobs(
            states[batch.predictors],
            policy.head_weight,
            batch.labels,
            temperature=temperature / policy.logit_scale,
            chunk=chunk,
            bias=policy.head_bias,
            dtype=policy.compute_dtype,
        )
        places = batch.readers if after else batch.predictors  # type: ignore[attr-defined]
        return torch.stack([logps, _scalars(policy, states[places])])

    logps, values = policy.through(compute)
    return batch.by_row(logps), batch.by_row(values)


@torch.no_grad()
def row_scores(policy: LanguageModel, rows: Sequence[Tokens]) -> list[float]:
    """``text_scores`` of any number of rows, in their order, shared among processes."""

    def scores(group: list[int]) -> list[float]:
        found: list[float] = text_scores(policy, pack_whole(rows, group, policy.device)).tolist()
        return found

    return each_row(rows, scores)


@torch.no_grad()
def row_values(policy: LanguageModel, rows: Sequence[Tokens]) -> list[list[float]]:
    """``values_after`` of any number of rows, one a completion token, shared among processes."""

    def values(group: list[int]) -> list[list[float]]:
        batch = pack_whole(rows, group, policy.device)
        table = values_after(policy, batch).tolist()
        lengths = batch.completion_mask.sum(-1).tolist()
        return [line[:n] for line, n in zip(table, lengths, strict=True)]

    return each_row(rows, values)


def as_reward_model(policy: LanguageModel, step_end: str = "") -> LanguageModel:
    """The trunk and the head of ``policy`` as its family's model for sequence classification.

    What is saved of it ``AutoModelForSequenceClassification`` reads, with one label, and gives the
    same number for a text that ends as ours do. An adapter is merged into the weights, which are
    otherwise shared. ``step_end``, what ends each step of an answer, makes it a judge of steps: its
    config keeps it. Raises MethodError where the family has no such model.
    """
    from transformers import AutoModelForSequenceClassification

    require_reward_class(policy)
    config = copy.deepcopy(policy.module.config)
    config.num_labels = 1
    # transformers looks for the last token that is no padding: where padding is the end token it
    # would read the one before. Without a padding token it takes one text at a time, and the last.
    config.pad_token_id = None if policy.pad_id == policy.eos_id else policy.pad_id
    if step_end:
        setattr(config, STEP_END, step_end)
    weights = _merged(policy)
    device, dtype = policy.device, scalar_weight(policy).dtype
    module = AutoModelForSequenceClassification.from_config(config, dtype=dtype)
    module.load_state_dict(weights, assign=True)
    return replace(
        policy, module=module.to(device).eval(), adapter=None, sharded=None, without_adapter=False
    )


def require_reward_class(policy: LanguageModel) -> None:
    """Raise MethodError where ``policy`` could not be saved as a reward model."""
    from transformers import AutoModelForSequenceClassification

    if type(policy.module.config) not in AutoModelForSequenceClassification._model_mapping:
        raise MethodError(
            f"model {policy.name!r}: transformers has no {type(policy.module).__name__} for "
            "sequence classification, so a reward model of it could not be saved; use another "
            "model, or save_model=false"
        )


def load_reward_model(
    name: str, *, cache_dir: Path, device: str = "cpu", precision: str = "float32"
) -> LanguageModel:
    """The reward model ``name``: a run's folder, a folder in the Hugging Face layout, a hub id.

    It gives ``text_scores`` and has no head for tokens. Raises MethodError where there is none, or
    where it has not exactly one output.
    """
    from transformers import AutoModelForSequenceClassification

    inside = Path(name) / "model"
    place = str(inside) if inside.is_dir() else name
    module, tokenizer, source = load.read(
        AutoModelForSequenceClassification, place, task=None, cache_dir=cache_dir
    )
    kinds = module.config.architectures or []
    if not any(kind.endswith("ForSequenceClassification") for kind in kinds):
        raise MethodError(
            f"model {name!r} is {', '.join(kinds) or 'of no known kind'}, not a reward model: its "
            "head would be random. Train one with bt-rm, orm or prm and give its run folder."
        )
    model = LanguageModel(module.to(device).eval(), tokenizer, name, source, precision)
    scalar_weight(model)
    load.take_over(model)
    return model


def text_rewards(model: LanguageModel, texts: Sequence[tuple[str, str]]) -> list[float]:
    """The reward of each (prompt, answer), read at the end token that follows every answer.

    A judge of steps says of an answer what it says of its worst step. A model that does not say
    where steps end, as none did before they were kept, is read at the end token alone.
    """
    from methods.engine.examples import row, stepped_row

    step_end = getattr(model.module.config, STEP_END, "")
    if not step_end:
        return row_scores(model, [row(model, prompt, answer) for prompt, answer in texts])
    found = [stepped_row(model, p, steps_of(answer, step_end) or [""]) for p, answer in texts]
    values = row_values(model, [tokens for tokens, _ in found])
    return [min(line[end] for end in ends) for line, (_, ends) in zip(values, found, strict=True)]


def _states(policy: LanguageModel, batch: TokenBatch) -> Tensor:
    return policy.states(batch.input_ids, batch.position_ids, batch.layout)


def _scalars(policy: LanguageModel, states: Tensor) -> Tensor:
    """(N, D) -> (N,), in the head's own precision whatever the trunk computes in."""
    weight = scalar_weight(policy)
    return nn.functional.linear(states.to(weight.dtype), weight)[:, 0]


def _merged(policy: LanguageModel) -> dict[str, Tensor]:
    """Trunk and head under their plain names, an adapter's share added to what it adapts."""
    module = policy.module
    kept = (f"{module.base_model_prefix}.", f"{NAME}.")
    found: dict[str, Tensor] = {}
    for name, tensor in module.state_dict().items():
        plain = name.replace(".base_layer.", ".")
        if "lora_" in name or not name.startswith(kept):
            continue
        layer = module.get_submodule(name.rpartition(".base_layer.")[0]) if plain != name else None
        if layer is not None and name.endswith(".base_layer.weight"):
            tensor = tensor + layer.get_delta_weight(adapter.NAME).to(tensor.dtype)
        found[plain] = tensor.detach()
    return found
