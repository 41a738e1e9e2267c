"""Step labels by trying, and the loss at the ends of steps, worked by hand."""

from __future__ import annotations

import doctest
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from methods.engine.batch import own_batches
from methods.engine.scalar import (
    add_scalar_head,
    as_reward_model,
    load_reward_model,
    pack_whole,
    row_values,
    text_rewards,
)
from methods.engine.tasks.task import Problem
from methods.reward import loop, prm
from methods.reward.loop import Answer
from methods.reward.prm import (
    Config,
    Stepped,
    part_of,
    shuffled,
    step_label,
    step_loss,
    step_values,
    tried_steps,
)
from tests.engine.conftest import gradients, relative, small_model
from tests.engine.steps import policy64
from tests.guards.small import play, small_task

F64 = torch.float64


def headed():
    policy = policy64()
    add_scalar_head(policy, seed=2)
    return policy


def answers(policy) -> list[Stepped]:
    return [
        Stepped.of(policy, "1+2+3=", ["3=", "6"], [1.0, 0.25]),
        Stepped.of(policy, "4+", ["abc="], [0.0]),
        Stepped.of(policy, "1+2+3=", ["4=", "77=", ""], [0.0, 1.0, 0.5]),
    ]


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(prm).failed == doctest.testmod(loop).failed == 0


def test_a_step_is_read_at_its_last_token_and_the_last_at_the_end_token() -> None:
    model = policy64()
    found = Stepped.of(model, "1+2+3=", ["3=", "6"], [1.0, 0.0])
    ids = found.tokens.completion
    assert [model.decode([ids[end]]) for end in found.ends[:1]] == ["="]
    assert ids[found.ends[-1]] == model.eos_id and found.ends == (1, 3)
    assert model.decode(ids) == "3=6"
    empty = Stepped.of(model, "1+", [""], [0.0])
    assert empty.ends == (0,) and empty.tokens.completion == (model.eos_id,)


def test_hard_labels_say_whether_any_completion_is_right_and_soft_ones_how_many() -> None:
    for right, n in ((0, 4), (1, 4), (3, 8), (8, 8)):
        results = [1.0] * right + [0.0] * (n - right)
        assert step_label(results, "hard") == float(right > 0)
        assert step_label(results, "soft") == right / n


def test_the_loss_of_three_steps_worked_by_hand_and_its_closed_form_gradient() -> None:
    values = torch.tensor([0.5, -1.0, 2.0], dtype=F64, requires_grad=True)
    labels = torch.tensor([1.0, 0.0, 0.25], dtype=F64)
    loss = step_loss(values, labels)
    expected = [math.log1p(math.exp(-0.5)), math.log1p(math.exp(-1.0)),
                math.log1p(math.exp(2.0)) - 0.5]  # fmt: skip
    assert loss.tolist() == pytest.approx(expected)
    loss.sum().backward()
    assert torch.allclose(values.grad, torch.sigmoid(values.detach()) - labels, rtol=1e-13)
    assert torch.autograd.gradcheck(lambda v: step_loss(v, labels), (values,))


def test_a_number_of_zero_costs_ln_2_whatever_the_label() -> None:
    loss = step_loss(torch.zeros(3, dtype=F64), torch.tensor([0.0, 0.3, 1.0], dtype=F64))
    assert loss.tolist() == pytest.approx([math.log(2)] * 3)


def test_a_step_is_the_mean_over_all_steps_however_it_is_cut() -> None:
    policy = headed()
    chosen = answers(policy)
    rows = [s.tokens for s in chosen]

    def run(budget: int) -> tuple[torch.Tensor, float]:
        total = 0.0

        def go() -> None:
            nonlocal total
            part = part_of(policy, chosen)
            for group in own_batches(rows, budget):
                loss, _ = part(pack_whole(rows, group))
                loss.backward()
                total += loss.item()

        return gradients(policy, go), total

    values = [v for line in step_values(policy, chosen) for v in line]
    labels = [1.0, 0.25, 0.0, 0.0, 1.0, 0.5]
    expected = float(step_loss(torch.tensor(values, dtype=F64),
                               torch.tensor(labels, dtype=F64)).mean())  # fmt: skip
    whole, said = run(10**6)
    assert said == pytest.approx(expected, rel=1e-9) and whole.norm() > 1e-3
    for budget in (1, 12):
        cut, found = run(budget)
        assert relative(cut, whole) < 1e-10
        assert found == pytest.approx(said)


def test_the_values_of_steps_are_those_of_their_last_tokens() -> None:
    policy = headed()
    chosen = answers(policy)
    lines = row_values(policy, [s.tokens for s in chosen])
    assert step_values(policy, chosen) == [
        [line[end] for end in s.ends] for line, s in zip(lines, chosen, strict=True)
    ]


def test_labels_come_from_completing_what_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A completer whose every second completion says what the step before it was."""
    task, model = small_task("small-a"), small_model()
    begun: list[str] = []

    def sample(policy, prompts, *, per_prompt, **_):
        begun.extend(prompts)
        return [
            SimpleNamespace(prompt_index=i, text="99999" if j == 1 and "5" in p else "")
            for i, p in enumerate(prompts)
            for j in range(per_prompt)
        ]

    monkeypatch.setattr(loop, "sample", sample)
    run = SimpleNamespace(
        once=lambda name, compute: compute(), generator=lambda *_: None, check=lambda: None,
        stage=SmallStage,
    )  # fmt: skip
    problem = Problem("7+1=", "8", "7 1")
    given = [Answer(problem, "5+a+b", 0.25), Answer(problem, "a+", 0.5), Answer(problem, "", 0.0)]
    hard, soft = (
        tried_steps(run, Config(completions=3, estimation=kind), model, task, given)
        for kind in ("hard", "soft")
    )
    assert begun[:2] == ["7+1=5+", "7+1=5+a+"] and len(begun) == 4
    # The last step leaves nothing to complete and has the answer's own outcome.
    assert hard[0].labels == (1.0, 1.0, 0.25)
    share = (1 / 6 + 1.0 + 1 / 6) / 3  # the step's own digit counts in this task
    assert soft[0].labels == pytest.approx((share, share, 0.25))
    assert [s.labels for s in hard[1:]] == [(0.5,), (0.0,)]


class SmallStage:
    def __init__(self, title: str, total: int) -> None:
        pass

    def __enter__(self) -> SmallStage:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, count: int) -> None:
        pass


def test_the_shuffled_control_keeps_every_label_and_gives_it_to_another_step() -> None:
    known = answers(policy64()) * 5
    mixed = shuffled(known, torch.Generator().manual_seed(0))
    assert [s.tokens for s in mixed] == [s.tokens for s in known]
    labels = [[y for s in found for y in s.labels] for found in (known, mixed)]
    assert sorted(labels[0]) == sorted(labels[1]) and labels[0] != labels[1]


# --- what is measured -------------------------------------------------------------------------


def test_the_vote_is_for_the_result_and_not_for_how_it_was_reached() -> None:
    task = small_task("small-a")
    assert loop.result_of(task, "1+2+ 7 ") == "7"
    assert loop.vote(["7", "7", "5"], [1.0, 1.0, 0.0]) == 1.0
    assert loop.vote(["a", "b", "c", "a", "b"], [1.0, 0.0, 0.0, 1.0, 0.0]) == 0.5


def test_a_ranking_takes_the_best_scored_answer_and_shares_ties() -> None:
    task = small_task("small-a")
    problem = Problem("7+1=", "8", "7 1")
    drawn = [Answer(problem, "", gold) for gold in (0.0, 1.0, 0.5, 1.0, 0.0, 0.0)]
    found = loop.ranking(task, drawn, [3.0, 2.0, 1.0, 1.0, 1.0, 0.0], 3)
    assert found["best_of_n"]["mean"] == pytest.approx((0.0 + 0.5) / 2)
    assert found["auc"]["mean"] == pytest.approx((0.5 + 0.75) / 2)


def test_the_area_under_the_curve_is_that_of_every_pair() -> None:
    assert loop.auc([1.0, 1.0, 0.0], [True, False, False]) == 0.75
    assert loop.auc([0.0, 1.0], [True, False]) == 0.0
    assert loop.auc([1.0, 2.0], [True, True]) is None


def test_a_correlation_is_pearson_s_with_an_interval_of_the_independent_units() -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(50, generator=draw, dtype=F64)
    y = x + torch.randn(50, generator=draw, dtype=F64)
    found = loop.correlation(x.tolist(), y.tolist(), 50)
    assert found.mean == pytest.approx(float(torch.corrcoef(torch.stack([x, y]))[0, 1]))
    low, high = found.interval
    assert low < found.mean < high
    fewer = loop.correlation(x.tolist(), y.tolist(), 10)
    assert fewer.interval[0] < low and high < fewer.interval[1]
    assert loop.correlation([1.0, 1.0], [0.0, 2.0], 9).mean == 0.0


# --- as a reward ------------------------------------------------------------------------------


def test_a_run_s_model_gives_an_answer_what_its_worst_step_is_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small task's steps end in a plus sign, and so do those of the saved model."""
    found = play("prm", tmp_path / "run", monkeypatch, save_model=True, learning_rate=0.1)
    again = load_reward_model(str(found.folder), cache_dir=tmp_path)
    said = [
        (p.prompt, text) for p in small_task("small-a").held_out for text in ("1+22+b", "ab+c+")
    ]
    stepped = [
        Stepped.of(
            found.policy, prompt, ["1+", "22+", "b"] if text[0] == "1" else ["ab+", "c+"], []
        )
        for prompt, text in said
    ]
    values = step_values(found.policy, stepped)
    assert any(min(line) < line[-1] for line in values)
    worst = [min(line) for line in values]
    assert text_rewards(again, said) == pytest.approx(worst, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_model_that_does_not_say_where_steps_end_is_read_at_the_end_of_the_answer(
    recorded: bool, tmp_path: Path
) -> None:
    model = small_model()
    add_scalar_head(model, seed=2)
    as_reward_model(model, step_end="+" if recorded else "").save(tmp_path)
    again = load_reward_model(str(tmp_path), cache_dir=tmp_path)
    texts = [("7+2=", "9+9++1"), ("5=", "")]
    values = step_values(
        model,
        [Stepped.of(model, "7+2=", ["9+", "9+", "+", "1"], []), Stepped.of(model, "5=", [""], [])],
    )
    assert min(values[0]) < values[0][-1]
    read = [min(line) if recorded else line[-1] for line in values]
    assert text_rewards(again, texts) == pytest.approx(read, rel=1e-4, abs=1e-5)
