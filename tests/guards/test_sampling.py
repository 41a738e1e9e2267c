"""What is sampled is the policy as it is, and each answer keeps its prompt, group and score."""

from __future__ import annotations

import inspect
import json
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from methods.engine import adapter, examples
from methods.engine.errors import DataError
from methods.engine.measure import row_logprobs
from methods.engine.sample import draw, sample
from methods.engine.tasks import arithmetic
from methods.engine.tasks.task import Problem
from methods.index import METHODS
from methods.rl import grpo
from methods.rl import loop as rl_loop
from tests.engine.conftest import small_model
from tests.guards.small import play

PROMPTS = ["12+3=", "4+", "77+8="]
ON_POLICY = [m.slug for m in METHODS if m.family == "rl"]
each_on_policy_method = pytest.mark.parametrize("method", ON_POLICY)


# --- the distribution ------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_every_token_is_drawn_in_its_own_share_and_the_shares_add_up_to_one(
    temperature: float,
) -> None:
    """So the mean ratio of policy to sampler is 1: a cut-off tail would lack its mass."""
    model = small_model()
    states = torch.randn(1, model.head_weight.shape[1], generator=torch.Generator().manual_seed(1))
    logits = (states @ model.head_weight.detach().T)[0]
    exact = torch.softmax(logits.double() / temperature, -1)
    ends = exact.cumsum(0)
    middles = ends - exact / 2
    many = states.expand(len(exact), -1)
    token, logprob = draw(model, many, temperature, middles)
    assert token.tolist() == list(range(len(exact)))
    assert torch.allclose(logprob.double(), exact.log(), atol=1e-5)
    # E_sampler[policy / sampler] is the policy's mass on what the sampler can draw.
    assert float(exact[token].sum()) == pytest.approx(1, abs=1e-9)
    assert float(logprob.double().exp().sum()) == pytest.approx(1, abs=1e-6)


def test_no_sampler_setting_of_a_hub_model_cuts_or_sharpens_what_is_drawn() -> None:
    def answers(**settings: Any) -> list[Any]:
        model = small_model()
        for name, value in settings.items():
            setattr(model.module.generation_config, name, value)
        return [
            (s.tokens, s.logprobs)
            for s in sample(
                model, PROMPTS, per_prompt=8, max_new_tokens=6,
                generator=torch.Generator().manual_seed(0),
            )
        ]  # fmt: skip

    assert answers(top_k=2, top_p=0.3, temperature=0.1, do_sample=False) == answers()


def test_top_k_and_top_p_are_no_option_of_sampling_or_of_any_method() -> None:
    from methods.index import read_config

    names = set(inspect.signature(sample).parameters)
    for info in METHODS:
        names |= set(read_config(info)[0].model_fields)
    assert not {n for n in names if n.startswith(("top_", "min_p", "typical", "repetition"))}


# --- the same policy in sampling and in training ---------------------------------------------


@each_on_policy_method
def test_the_gap_between_sampler_and_training_is_logged_each_step_and_is_nothing(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over steps that move the policy far: a sampler with old weights would show at once."""
    played = play(method, tmp_path / "run", monkeypatch, steps=4, learning_rate=0.05)
    gaps = [step["sampler_gap"] for step in played.steps]
    assert len(gaps) == 4 and max(gaps) < 1e-4
    rows = [s.tokens for s in sample(played.start, PROMPTS, per_prompt=4, max_new_tokens=6)]
    before, after = row_logprobs(played.start, rows), row_logprobs(played.policy, rows)
    assert max(float((a - b).abs().max()) for a, b in zip(before, after, strict=True)) > 0.1


@each_on_policy_method
def test_a_sampler_that_disagrees_with_training_shows_in_the_gap(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(*args: Any) -> Any:
        token, logprob = draw(*args)
        return token, logprob - 0.3

    monkeypatch.setattr("methods.engine.sample.draw", off)
    played = play(method, tmp_path / "run", monkeypatch, steps=1)
    assert played.steps[0]["sampler_gap"] == pytest.approx(0.3, abs=1e-3)


def test_a_changed_weight_changes_what_is_sampled_next() -> None:
    model = small_model()

    def answers() -> list[tuple[int, ...]]:
        g = torch.Generator().manual_seed(0)
        return [s.tokens.ids for s in sample(model, PROMPTS, max_new_tokens=6, generator=g)]

    before = answers()
    assert answers() == before
    with torch.no_grad():
        model.module.base_model.layers[0].mlp.down_proj.weight.mul_(-3)
    assert answers() != before


def test_a_changed_adapter_changes_what_is_sampled_next() -> None:
    model = small_model()

    def answers() -> list[tuple[int, ...]]:
        g = torch.Generator().manual_seed(0)
        return [s.tokens.ids for s in sample(model, PROMPTS, max_new_tokens=6, generator=g)]

    before = answers()
    adapter.add(model, "r=4", seed=0)
    assert answers() == before  # an adapter begins as no change
    with torch.no_grad():
        for name, p in model.module.named_parameters():
            if "lora_B" in name:
                p.fill_(0.5)
    assert answers() != before


# --- groups ----------------------------------------------------------------------------------


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What reaches GRPO's update: (answers, advantages) of each step."""
    kept: list[Any] = []
    update = rl_loop.update

    def watched(config, policy, reference, optimiser, step, drawn, advantages, *functions):
        kept.append((drawn, advantages.flatten()))
        return update(config, policy, reference, optimiser, step, drawn, advantages, *functions)

    monkeypatch.setattr(rl_loop, "update", watched)
    return kept


@pytest.mark.parametrize("prompts", [3, 12])
def test_an_answer_s_advantage_is_against_the_answers_to_its_own_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: list[Any], prompts: int
) -> None:
    """Grouped here by the prompt's own tokens, from scores that differ widely among prompts."""
    from tests.guards import small

    level = {p.prompt: 100.0 * i for i, p in enumerate(small.small_task("small-a").train)}
    scores: dict[tuple[str, str], float] = {}

    def scorer(problem: Problem, text: str) -> float:
        value = level.get(problem.prompt, 0.0) + len(text) + sum(map(ord, text)) % 7
        scores[problem.prompt, text] = value
        return value

    whole = small.small_task
    monkeypatch.setattr(small, "small_task", lambda name: replace(whole(name), scorer=scorer))
    played = play("grpo", tmp_path / "run", monkeypatch, prompts_per_step=prompts, kl_beta=0.0)
    for drawn, advantages in seen:
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for i, s in enumerate(drawn):
            groups[s.tokens.ids[: s.tokens.prompt_length]].append(i)
        assert len(groups) == prompts and all(len(g) == 4 for g in groups.values())
        for ids, members in groups.items():
            prompt = played.policy.decode(ids)
            rewards = [scores[prompt, drawn[i].text] for i in members]
            mean = sum(rewards) / 4
            deviation = math.sqrt(sum((r - mean) ** 2 for r in rewards) / 4)
            for i, r in zip(members, rewards, strict=True):
                assert advantages[i].item() == pytest.approx(
                    (r - mean) / (deviation + 1e-4), abs=1e-4
                )


def test_permuting_the_groups_permutes_their_advantages_and_nothing_else() -> None:
    rewards = torch.tensor([[1, 0, 0, 0], [5, 7, 7, 5], [2, 2, 2, 2], [0, 1, 2, 3]]).double()
    golden = torch.tensor([
        [1.73165, -0.57722, -0.57722, -0.57722],
        [-0.99990, 0.99990, 0.99990, -0.99990],
        [0, 0, 0, 0],
        [-1.34152, -0.44717, 0.44717, 1.34152],
    ]).double()  # fmt: skip
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        found = grpo.group_advantages(rewards[order])
        assert torch.allclose(found, golden[order], atol=1e-5)


# --- scores ----------------------------------------------------------------------------------


@pytest.mark.parametrize("gold", [None, "", "   ", "\n\t"])
def test_a_gold_answer_that_says_nothing_is_an_error_and_never_a_reward(
    tmp_path: Path, gold: str | None
) -> None:
    """An answer of blanks would otherwise be matched by an empty completion: reward 1."""
    rows = [{"prompt": f"{i}+1=", "answer": str(i + 1)} for i in range(8)]
    rows[3]["answer"] = gold  # type: ignore[assignment]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    run: Any = SimpleNamespace(data=lambda *args: None)
    with pytest.raises(DataError, match="answer"):
        examples.answered_prompts(run, str(path), small_model())


@pytest.mark.parametrize("text", ["", " ", "None", "nan", "5or6", "5 6", "=5", "5.0", "\u0665"])
def test_what_is_no_right_answer_scores_nothing(text: str) -> None:
    assert arithmetic.score_exactly(Problem("2+3=", "5", "2 3"), text) == 0.0
