"""Gradients of each family's step by plain transformers, and the numbers of them that are kept.

Nothing of the engine or of the methods is used here: rows are padded, transformers attends, logits
are whole, and the losses are written out once more. Write ``gradients.json`` again with

    python -m tests.golden.make

which is only right where the meaning of a step was meant to change.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from tests.engine.steps import (
    ADVANTAGES,
    BETA,
    CLIP,
    FAMILIES,
    KL_BETA,
    LEARNING_RATE,
    policy64,
    ragged_rows,
)  # fmt: skip

FILE = Path(__file__).with_name("gradients.json")
PROBES = 12
KIND = "gpt2"  # in float64 throughout: rotary angles are float32 and differ by machine

Logps = list[Tensor]


def logps(module: Any, rows: Sequence[Any], side: str, extra: int) -> Logps:
    """Log-probs of each row's completion tokens, in nats, from one padded batch."""
    width = max(len(row.ids) for row in rows) + extra
    ids = torch.full((len(rows), width), module.config.pad_token_id)
    mask = torch.zeros(len(rows), width, dtype=torch.int64)
    for place, row in enumerate(rows):
        first = width - len(row.ids) if side == "left" else 0
        ids[place, first : first + len(row.ids)] = torch.tensor(row.ids)
        mask[place, first : first + len(row.ids)] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = module(ids, attention_mask=mask, position_ids=positions, use_cache=False).logits
    found = torch.log_softmax(logits[:, :-1], -1).gather(-1, ids[:, 1:, None])[..., 0]
    out = []
    for place, row in enumerate(rows):
        last = width - 1 if side == "left" else len(row.ids) - 1
        out.append(found[place, last - len(row.completion) : last])
    return out


def stored(values: Logps) -> Logps:
    """As a run keeps log-probs beside its rows: float32."""
    return [v.detach().float().double() for v in values]


def sft_loss(now: Logps, old: Logps, ref: Logps) -> Tensor:
    """Minus the mean over all answer tokens."""
    return -torch.cat(now).mean()


def dpo_loss(now: Logps, old: Logps, ref: Logps) -> Tensor:
    """Minus log sigma(beta (chosen's log-ratio - rejected's)), the mean over pairs."""
    # Of the reference one number an answer is kept: the sum, in float32.
    ratio = [a.sum() - b.sum().float().double() for a, b in zip(now, ref, strict=True)]
    pairs = zip(ratio[::2], ratio[1::2], strict=True)
    return -torch.stack([logsigmoid(BETA * (win - lose)) for win, lose in pairs]).mean()


def preferred_loss(now: Logps, old: Logps, ref: Logps) -> Tensor:
    """Minus each preferred answer's mean log-prob, the mean over pairs."""
    return -torch.stack([a.mean() for a in now[::2]]).mean()


def grpo_loss(beta: float) -> Callable[[Logps, Logps, Logps], Tensor]:
    """Minus Eq. 3 of DeepSeekMath: the mean over answers of each answer's mean over its tokens."""

    def loss(now: Logps, old: Logps, ref: Logps) -> Tensor:
        answers = []
        for a, before, start, advantage in zip(now, old, ref, ADVANTAGES, strict=True):
            tokens = []
            for lp, was, at_start in zip(a, before, start, strict=True):
                ratio = (lp - was).exp()
                held = min(max(ratio, ratio.new_tensor(1 - CLIP)), ratio.new_tensor(1 + CLIP))
                gain = min(ratio * advantage, held * advantage)
                away = (at_start - lp).exp() - (at_start - lp) - 1
                tokens.append(gain - beta * away)
            answers.append(torch.stack(tokens).mean())
        return -torch.stack(answers).mean()

    return loss


def reference(
    family: str, kind: str = "llama", side: str = "right", extra: int = 0
) -> list[tuple[float, Tensor]]:
    """(loss, flat gradient) of each update of ``family``'s step, rows padded on ``side``.

    ``extra`` is padding beyond the longest row. Off policy there are two updates.
    """
    modules = [policy64(kind, seed).module for seed in (0, 1)]
    for module in modules:
        module.set_attn_implementation("sdpa")
    module, start = modules
    rows = ragged_rows()
    if family in ("dpo", "preferred-sft"):
        rows = rows[:-1]
    with torch.no_grad():
        ref = logps(start, rows, side, extra)
        before = stored(logps(module, rows, side, extra))
    if family.startswith("grpo"):
        ref = stored(ref)
    loss = {"sft": sft_loss, "dpo": dpo_loss, "preferred-sft": preferred_loss}.get(
        family, grpo_loss(KL_BETA if family.endswith("kl") else 0.0)
    )
    parameters = list(module.parameters())
    adamw = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.0)
    out = []
    for _ in range(2 if "off" in family else 1):
        now = logps(module, rows, side, extra)
        old = before if "off" in family else [a.detach() for a in now]
        value = loss(now, old, ref)
        value.backward()
        flat = torch.cat([p.grad.flatten() for p in parameters])
        out.append((value.item(), flat.clone()))
        adamw.step()
        adamw.zero_grad()
    return out


def probes(flat: Tensor) -> list[float]:
    """A few numbers that depend on the whole gradient: its products with fixed cosines."""
    place = torch.arange(len(flat), dtype=torch.float64)
    return [float(flat @ torch.cos(place * math.sqrt(k + 2))) for k in range(PROBES)]


def record() -> dict[str, Any]:
    """What ``gradients.json`` holds."""
    found: dict[str, Any] = {}
    for family in FAMILIES:
        found[family] = [
            {"loss": loss, "grad_norm": float(flat.norm()), "probes": probes(flat)}
            for loss, flat in reference(family, KIND)
        ]
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=1) + "\n")
    print(f"wrote {FILE}")
