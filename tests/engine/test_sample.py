from __future__ import annotations

import pytest
import torch

from methods.engine.measure import row_logprobs
from methods.engine.model import LanguageModel
from methods.engine.sample import draw, sample
from tests.engine.conftest import own_attention, small_model

PROMPTS = ["1+2=", "12+34=", "a", "", "abc def 99+1="]


def greedy_without_cache(model: LanguageModel, prompt: str, limit: int) -> list[int]:
    ids = model.encode_prompt(prompt)
    out: list[int] = []
    for _ in range(limit):
        with own_attention(model):
            logits = model.module(torch.tensor([[*ids, *out]]), use_cache=False).logits[0, -1]
        out.append(int(logits.argmax()))
        if out[-1] == model.eos_id:
            break
    return out


@torch.no_grad()
def test_greedy_decoding_is_the_argmax_of_each_prompt_alone(model: LanguageModel) -> None:
    drawn = sample(model, PROMPTS, max_new_tokens=12, temperature=0.0)
    for prompt, s in zip(PROMPTS, drawn, strict=True):
        assert list(s.tokens.completion) == greedy_without_cache(model, prompt, 12)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.5])
def test_recorded_log_probs_are_those_of_training_on_the_same_tokens(
    model: LanguageModel, temperature: float
) -> None:
    drawn = sample(
        model, PROMPTS, per_prompt=4, max_new_tokens=15, temperature=temperature,
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    again = row_logprobs(model, [s.tokens for s in drawn], temperature)
    for s, recomputed in zip(drawn, again, strict=True):
        assert torch.allclose(torch.tensor(s.logprobs), recomputed, rtol=0, atol=1e-4)


def test_answers_come_grouped_by_prompt_in_the_order_asked(model: LanguageModel) -> None:
    drawn = sample(model, PROMPTS, per_prompt=3, max_new_tokens=4, batch_size=6)
    assert [s.prompt_index for s in drawn] == [i for i in range(len(PROMPTS)) for _ in range(3)]
    for s in drawn:
        ids = model.encode_prompt(PROMPTS[s.prompt_index])
        assert list(s.tokens.ids[: len(ids)]) == ids == list(s.tokens.ids[: s.tokens.prompt_length])


def test_the_same_generator_state_gives_the_same_answers(model: LanguageModel) -> None:
    def draw(seed: int) -> list[tuple[int, ...]]:
        g = torch.Generator().manual_seed(seed)
        return [
            s.tokens.ids
            for s in sample(model, PROMPTS, per_prompt=2, max_new_tokens=8, generator=g)
        ]

    assert draw(5) == draw(5) != draw(6)


def test_tokens_are_drawn_with_the_models_own_probabilities(model: LanguageModel) -> None:
    ids = model.encode_prompt("12+3")
    with torch.no_grad(), own_attention(model):
        p = torch.softmax(model.module(torch.tensor([ids])).logits[0, -1] / 0.8, -1)
    n = 4000
    drawn = sample(
        model, ["12+3"], per_prompt=n, max_new_tokens=1, temperature=0.8, batch_size=n,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    counts = torch.bincount(torch.tensor([s.tokens.ids[-1] for s in drawn]), minlength=len(p))
    deviation = (counts / n - p).abs() / (p * (1 - p) / n).sqrt()
    # Some 27 frequencies: the largest of them lies beyond 4.5 standard errors once in 5,000 tries.
    assert deviation.max() < 4.5


def test_an_answer_ends_at_its_stop_and_says_whether_it_ended() -> None:
    model = small_model(seed=3)
    g = torch.Generator().manual_seed(0)
    drawn = sample(model, ["1"], per_prompt=200, max_new_tokens=6, stop="=", generator=g)
    stops = model.stop_ids("=")
    assert stops == {model.eos_id, model.tokenizer.convert_tokens_to_ids("=")}
    assert any(s.finished for s in drawn) and any(not s.finished for s in drawn)
    for s in drawn:
        completion = s.tokens.completion
        assert not stops.intersection(completion[:-1])
        assert s.finished == (completion[-1] in stops)
        assert len(completion) == 6 or s.finished
        assert "=" not in s.text
        assert len(s.logprobs) == len(completion)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 100])
def test_no_more_rows_than_the_batch_size_are_decoded_at_once_and_none_is_left_waiting(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    seen = []

    def watched(policy, states, *rest):
        seen.append(len(states))
        return draw(policy, states, *rest)

    monkeypatch.setattr("methods.engine.sample.draw", watched)
    drawn = sample(model, PROMPTS, per_prompt=3, max_new_tokens=9, batch_size=batch_size)
    assert max(seen) == min(batch_size, 15)
    assert sum(seen) == sum(s.tokens.completion_length for s in drawn)
    assert [s.prompt_index for s in drawn] == [i for i in range(5) for _ in range(3)]


@pytest.mark.parametrize("batch_size", [1, 4, 7])
def test_what_is_drawn_does_not_depend_on_how_answers_are_batched(
    model: LanguageModel, batch_size: int
) -> None:
    def draw_all(size: int):
        return sample(
            model, PROMPTS, per_prompt=4, max_new_tokens=12, batch_size=size,
            generator=torch.Generator().manual_seed(2),
        )  # fmt: skip

    whole, cut = draw_all(100), draw_all(batch_size)
    assert [s.tokens for s in cut] == [s.tokens for s in whole]
    assert len({s.tokens.completion_length for s in whole}) > 2


def test_the_tail_of_the_distribution_is_reached_and_never_passed(model: LanguageModel) -> None:
    """The ends of [0, 1) pick the first and the last token that have any probability."""
    states = torch.randn(2, model.head_weight.shape[1], generator=torch.Generator().manual_seed(0))
    uniform = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    token, logprob = draw(model, states, 1.0, uniform)
    assert token.tolist() == [0, model.head_weight.shape[0] - 1]
    assert torch.isfinite(logprob).all()
