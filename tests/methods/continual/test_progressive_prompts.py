"""Progressive prompts: packed attention carries them, only the newest is trained, nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from methods.continual.measures import Scores
from methods.continual.progressive_prompts import prompted, virtual_ids
from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.sample import sample
from tests.engine.conftest import own_attention, small_model
from tests.guards.small import play

F64 = torch.float64
ROWS = [Tokens((1, 5, 6, 7, 8, 2), 3), Tokens((1, 9, 4, 4, 6, 11, 12, 2), 5), Tokens((1, 7), 1)]


def behind(ids: tuple[int, ...], rows: list[Tokens]) -> list[Tokens]:
    return [Tokens((*ids, *r.ids), len(ids) + r.prompt_length) for r in rows]


def embedded(model, prompt: Tensor, row: Tokens) -> Tensor:  # type: ignore[no-untyped-def]
    """log-probs of the answer where ``prompt`` (n, D) stands before the embedded text, whole."""
    words = model.module.get_input_embeddings().base(torch.tensor(row.ids))
    with own_attention(model):
        logits = model.module(inputs_embeds=torch.cat([prompt, words])[None]).logits[0]
    logp = torch.log_softmax(logits[len(prompt) + row.prompt_length - 1 : -1], -1)
    return logp.gather(-1, torch.tensor(row.completion)[:, None])[:, 0]


def test_the_newest_prompt_stands_first_and_the_trained_one_has_the_first_ids() -> None:
    assert virtual_ids(100, 2, 0, 0) == ()
    assert virtual_ids(100, 2, 1, 0) == (100, 101)
    assert virtual_ids(100, 2, 3, 2) == (100, 101, 104, 105, 102, 103)
    # Of an earlier task's text, when the third is being trained: its own and those before.
    assert virtual_ids(100, 2, 2, 2) == (104, 105, 102, 103)


@pytest.mark.parametrize("share", [True, False])
def test_value_and_gradient_are_those_of_the_vectors_before_the_embedded_text(share: bool) -> None:
    model, embedding = prompted(small_model(dtype=F64), 9)
    g = torch.Generator().manual_seed(0)
    embedding.prompt.data = torch.randn(9, 32, dtype=F64, generator=g)
    embedding.freeze(torch.randn(9, 32, dtype=F64, generator=g))
    ids = virtual_ids(embedding.height, 9, 2, 1)
    batch = pack(behind(ids, ROWS), range(3), share=share)
    found = completion_logprobs(model, batch)
    leaf = embedding.prompt.detach().clone().requires_grad_()
    joined = torch.cat([leaf, embedding.frozen])
    expected = [embedded(model, joined, r) for r in ROWS]
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours[: len(theirs)], theirs, rtol=0, atol=1e-10)
    (slope,) = torch.autograd.grad(found.sum(), embedding.prompt)
    (wanted,) = torch.autograd.grad(torch.cat(expected).sum(), leaf)
    assert float(wanted.abs().max()) > 1e-3
    assert torch.allclose(slope, wanted, rtol=0, atol=1e-9)


def test_without_virtual_tokens_the_model_is_the_one_that_was_frozen() -> None:
    plain = completion_logprobs(small_model(dtype=F64), pack(ROWS, range(3)))
    model, _ = prompted(small_model(dtype=F64), 4)
    assert torch.equal(completion_logprobs(model, pack(ROWS, range(3))), plain)
    assert [n for n, p in model.module.named_parameters() if p.requires_grad] == [
        "model.embed_tokens.prompt"
    ]


def test_answers_are_sampled_behind_the_prompts_too() -> None:
    model, embedding = prompted(small_model(), 4)
    embedding.prompt.data = 3 * torch.randn(4, 32, generator=torch.Generator().manual_seed(0))
    model.before = virtual_ids(embedding.height, 4, 1, 0)
    (drawn,) = sample(model, ["1+2="], max_new_tokens=6, temperature=0.0)
    logp = completion_logprobs(model, pack([drawn.tokens], [0])).detach()[0]
    assert torch.allclose(logp, torch.tensor(drawn.logprobs), atol=1e-4)
    assert drawn.tokens.ids[:4] == model.before
    assert max(drawn.tokens.completion) < embedding.height


def rows(folder: Path, count: int) -> list[list[Scores]]:
    return [
        [
            Scores.from_json(entry["loss"])
            for entry in json.loads((folder / f"after-{i}.json").read_text())["value"]
        ]
        for i in range(count)
    ]


def test_what_was_learned_does_not_change_by_a_bit_and_a_single_prompt_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"later_tasks": "small-c;small-d", "steps": 9, "learning_rate": 0.1}
    run = play("progressive-prompts", tmp_path / "run", monkeypatch, **options)
    table = rows(run.folder, 4)
    for task in range(3):
        own = table[task + 1][task]
        assert all(later[task].values == pytest.approx(own.values, rel=1e-5)
                   for later in table[task + 1 :])  # fmt: skip
        assert table[task][task] != own  # it was learned
    assert len({row[3].values for row in table}) == 1  # the general task is read behind nothing
    alone = play(
        "progressive-prompts", tmp_path / "alone", monkeypatch, control="sequential", **options
    )
    forgotten = rows(alone.folder, 4)
    assert forgotten[3][0].values != pytest.approx(forgotten[1][0].values, rel=1e-3)


def test_what_is_kept_of_the_stream_loads_in_peft_to_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peft = pytest.importorskip("peft")
    run = play("progressive-prompts", tmp_path / "run", monkeypatch, save_model=True)
    height = run.policy.module.get_input_embeddings().height
    (row,) = behind(virtual_ids(height, 3, 2, 1), ROWS[:1])
    ours = completion_logprobs(run.policy, pack([row], [0])).detach()[0]
    with own_attention(run.start):
        theirs = peft.PeftModel.from_pretrained(run.start.module, run.folder / "model")
        logits = theirs(torch.tensor([ROWS[0].ids])).logits[0]
    start = 6 + ROWS[0].prompt_length - 1
    logp = torch.log_softmax(logits[start:-1], -1)
    logp = logp.gather(-1, torch.tensor(ROWS[0].completion)[:, None])[:, 0]
    assert torch.allclose(ours, logp, rtol=0, atol=1e-5)
