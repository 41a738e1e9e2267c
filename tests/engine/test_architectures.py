"""Many kinds of models, each from a saved folder: what we compute is what transformers computes.

Three tables in ``architectures.py`` say which run on ragged rows, which on padded ones and which
are refused, and why; ``-s`` prints what was measured beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from methods.engine.batch import micro_batches, pack
from methods.engine.load import load
from methods.engine.logprobs import completion_logprobs
from methods.engine.measure import row_logprobs
from methods.engine.model import LanguageModel
from methods.engine.sample import sample
from tests.engine.architectures import PADDED, RAGGED, plain, plain_logprobs, saved
from tests.engine.steps import ragged_rows

KINDS = RAGGED | {name: (kind, given) for name, (kind, given, _) in PADDED.items()}
PROMPTS = ["1+2=", "12+34=", "a", "", "abc def 99+1="]
NATS = 1e-4


@dataclass
class Pair:
    """A model as the engine loads it, and as transformers does."""

    name: str
    ours: LanguageModel
    theirs: PreTrainedModel


@pytest.fixture(scope="module", params=sorted(KINDS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder: Path = saved(*KINDS[request.param], tmp_path_factory.mktemp("model"))
    ours = load(str(folder), task=None, cache_dir=folder)
    return Pair(request.param, ours, plain(folder))


def gradient(module: PreTrainedModel, loss: Tensor) -> Tensor:
    loss.backward()
    flat = [
        (torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in module.parameters()
    ]
    module.zero_grad(set_to_none=True)
    return torch.cat(flat)


def test_log_probs_and_gradients_are_those_of_plain_transformers_row_by_row(pair: Pair) -> None:
    rows = ragged_rows()
    weights = torch.linspace(-1, 2, len(rows))
    expected = [plain_logprobs(pair.theirs, row) for row in rows]
    wanted = gradient(
        pair.theirs, sum(w * lp.sum() for w, lp in zip(weights, expected, strict=True))
    )
    batches = [pack(rows, group) for group in micro_batches(rows, 60)]
    assert len(batches) > 1
    worst, loss = 0.0, torch.zeros(())
    for batch in batches:
        found = completion_logprobs(pair.ours, batch)
        for place, i in enumerate(batch.rows):
            difference = found[place, : rows[i].completion_length] - expected[i]
            worst = max(worst, float(difference.detach().abs().max()))
        loss = loss + (found.sum(-1) * weights[list(batch.rows)]).sum()
    ours = gradient(pair.ours.module, loss)
    error = float((ours - wanted).norm() / wanted.norm())
    layout = "ragged" if pair.ours.ragged else f"padded: {PADDED[pair.name][2]}"
    print(f"{pair.name:22s} log-probs {worst:.0e} nats, gradient {error:.0e}, {layout}")
    assert torch.cat(expected).std() > 0.1  # not all alike, or little would be shown
    assert worst < NATS and error < 1e-4
    assert pair.ours.ragged == (pair.name in RAGGED)


@torch.no_grad()
def test_what_the_sampler_records_is_what_training_computes_and_transformers_too(
    pair: Pair,
) -> None:
    # What a temperature does has nothing to do with the kind of model: a few are enough.
    several = pair.name in ("llama", "gemma3-mixed-windows", "gpt2", "bloom")
    for temperature in (0.5, 1.0, 1.7) if several else (1.0,):
        drawn = sample(
            pair.ours, PROMPTS, per_prompt=3, max_new_tokens=12, temperature=temperature,
            stop="=", batch_size=7, generator=torch.Generator().manual_seed(1),
        )  # fmt: skip
        again = row_logprobs(pair.ours, [s.tokens for s in drawn], temperature)
        for s, recomputed in zip(drawn, again, strict=True):
            recorded = torch.tensor(s.logprobs)
            expected = plain_logprobs(pair.theirs, s.tokens, temperature)
            assert torch.allclose(recorded, recomputed, rtol=0, atol=NATS)
            assert torch.allclose(recorded, expected, rtol=0, atol=NATS)
        # Places were given back and taken again, or it shows little.
        assert len({s.tokens.completion_length for s in drawn}) > 1


@torch.no_grad()
def test_greedy_decoding_is_the_argmax_without_a_cache(pair: Pair) -> None:
    for s in sample(pair.ours, PROMPTS, max_new_tokens=10, temperature=0.0):
        ids = torch.tensor([s.tokens.ids])
        logits = pair.theirs(ids, use_cache=False).logits[0, s.tokens.prompt_length - 1 : -1]
        taken = logits.gather(-1, ids[0, s.tokens.prompt_length :, None])[:, 0]
        # The likeliest; where two are as likely to rounding, either.
        assert (logits.max(-1).values - taken < 1e-4).all()
        assert s.finished or s.tokens.completion_length == 10


def test_the_tables_hold_each_kind_of_layout() -> None:
    assert len(RAGGED) > 30 and len(PADDED) > 10
    assert not RAGGED.keys() & PADDED.keys()


def test_the_rows_reach_past_every_narrow_window_and_share_beginnings() -> None:
    rows = ragged_rows()
    assert max(len(row.ids) for row in rows) > 20
    assert pack(rows, range(len(rows))).layout.tokens < sum(len(row.ids) - 1 for row in rows)
