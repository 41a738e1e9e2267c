"""Direct Preference Optimization (DPO): a preference is a statement about two log-ratios.

Paper: arXiv 2305.18290 (Rafailov et al., *Direct Preference Optimization: Your Language Model is
Secretly a Reward Model*), Eq. 7, and Section 6 for the controlled-sentiment experiment:

    L(theta) = -E log sigma( beta [log pi(y_w|x) - log ref(y_w|x)]
                           - beta [log pi(y_l|x) - log ref(y_l|x)] )

With no pairs given it makes them as Appendix C.1 does: the reference continues a review's first
words several times and the sentiment score of the whole says which continuation is preferred.

Departures from the paper
1. AdamW, where the paper uses RMSprop; the learning rate is scaled to the model (PRESETS).
2. The reference is the start itself. The paper first fine-tunes GPT-2-large on IMDb; our start is
   a model of review sentences (tiny) or the instruction-tuned SmolLM2-135M.
3. The gold reward is the VADER lexicon's score of prompt and continuation, in [-1, 1], where the
   paper uses a RoBERTa-large sentiment classifier.
4. Pairs with equal reward carry no preference and are dropped; the paper does not say.
5. A few hundred prefixes of four words; the paper: 25,000 prefixes of 2 to 8 tokens.

Checked against: ln 2 at step 0, antisymmetry under a swap, the closed-form gradient of Section 4
(-beta sigma(-margin)) in float64, TRL's DPOTrainer loss, value and gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Order, TokenBatch, Tokens, own_batches, pack
from methods.engine.distributed import total
from methods.engine.errors import MethodError
from methods.engine.examples import preference_pairs
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions, option
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.sample import Sample
from methods.engine.tasks.task import Task


class Config(TrainingOptions):
    """Options of Direct Preference Optimization."""

    task_only: ClassVar[tuple[str, ...]] = (
        "prompts", "samples_per_prompt", "max_new_tokens", "held_out_prompts",
    )  # fmt: skip

    task: str = option(
        "movie-reviews", "a built-in task whose score ranks sampled answers", source="ours"
    )
    data: str | None = option(
        None,
        "instead of sampled pairs: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt, "
        "chosen, rejected",
        source="ours",
    )
    beta: float = option(
        0.1, "strength of the pull to the reference", source="paper, Appendix B", gt=0, le=10
    )
    batch_size: int = option(
        64, "pairs of one optimiser step", source="paper, Appendix B", unit="pairs", ge=1
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="paper, Appendix B", gt=0, lt=1
    )
    warmup_steps: int = option(
        150, "linear warm-up from zero", source="paper, Appendix B", unit="steps", ge=0
    )
    steps: int = option(300, "optimiser steps", source="ours", unit="steps", ge=1)
    preference: Literal["reward", "flipped", "random"] = option(
        "reward",
        "who is preferred: the higher reward; flipped and random are controls",
        source="ours",
    )
    objective: Literal["dpo", "preferred-sft"] = option(
        "dpo",
        "preferred-sft raises the likelihood of the preferred answers alone: a control "
        "(Preferred-FT of Section 6)",
        source="ours",
    )
    prompts: int = option(
        500, "training prompts to sample pairs for", source="ours", unit="prompts", ge=1
    )
    samples_per_prompt: int = option(
        4,
        "answers sampled to each prompt",
        source="paper, Appendix C.1",
        unit="samples",
        ge=2,
        le=16,
    )
    max_new_tokens: int | None = option(
        None, "longest sampled answer; none takes the task's", source="ours", unit="tokens", ge=1
    )
    held_out_prompts: int = option(
        200, "held-out prompts the policy is sampled on", source="ours", unit="prompts", ge=2
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 1e-4, "batch_size": 32, "steps": 80, "warmup_steps": 10, "prompts": 400,
    },
    "smollm2-135m": {
        "precision": "bfloat16", "learning_rate": 3e-5, "batch_size": 16, "steps": 20,
        "warmup_steps": 2, "prompts": 60, "max_new_tokens": 16, "held_out_prompts": 100,
    },
}  # fmt: skip


def dpo_loss(
    chosen_logp: Tensor,
    rejected_logp: Tensor,
    ref_chosen_logp: Tensor,
    ref_rejected_logp: Tensor,
    beta: float,
) -> Tensor:
    """Eq. 7 for each pair, in nats, (B,). All arguments (B,): log-probs summed over the answer."""
    margin = (chosen_logp - ref_chosen_logp) - (rejected_logp - ref_rejected_logp)
    return -torch.nn.functional.logsigmoid(beta * margin)


def ranked_pairs(rewards: Sequence[float]) -> list[tuple[int, int]]:
    """(better, worse) for every two answers with different reward, as Appendix C.1 builds them."""
    pairs = itertools.combinations(range(len(rewards)), 2)
    ordered = ((i, j) if rewards[i] > rewards[j] else (j, i) for i, j in pairs)
    return [(win, lose) for win, lose in ordered if rewards[win] != rewards[lose]]


def run(run: Run, config: Config) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy."""
    task = None if config.data else run.task(config.task)
    policy = run.policy(config, task)
    reference = policy.frozen_copy()
    if task is None:
        pairs, judged = preference_pairs(run, config.data, policy, config.skip_bad_rows)
    else:
        pairs, judged = _sampled_pairs(run, config, policy, task), []
    pairs = _controlled(pairs, config.preference, run.generator("preference"))
    # The reference never moves, so its log-probs are computed once: (chosen, rejected) a pair.
    ref = _answer_logps(reference, [row for pair in pairs for row in pair])
    optimiser, order = Optimiser(policy, config), Order(len(pairs), run.seed)

    def evaluate(stage: str) -> dict[str, Any]:
        if task is None:
            return _pair_accuracy(policy, reference, judged, config.beta)
        return _reward_and_kl(run, config, policy, reference, task, stage)

    before = run.once("before", lambda: evaluate("before"))
    for step in run.steps(policy, optimiser, config):
        chosen = order.batch(step, config.batch_size)
        metrics: dict[str, float] = {"loss": 0.0, "margin": 0.0, "accuracy": 0.0}
        rows = [row for i in chosen for row in pairs[i]]
        ref_logps = torch.tensor([ref[2 * i : 2 * i + 2] for i in chosen], device=policy.device)
        for group in own_batches(rows, config.micro_batch_tokens, together=2):
            batch = pack(rows, group, policy.device)
            logp = completion_logprobs(policy, batch).sum(-1).view(-1, 2)
            ref_logp = ref_logps.flatten()[group].view(-1, 2)
            loss = _objective(config, logp, ref_logp, batch).sum() / len(chosen)
            optimiser.backward(loss)
            ratio = (logp - ref_logp).detach()
            margin = config.beta * (ratio[:, 0] - ratio[:, 1])
            metrics["loss"] += loss.item()
            metrics["margin"] += margin.sum().item() / len(chosen)
            metrics["accuracy"] += _won(margin) / len(chosen)
        run.log(step, sum(len(row.ids) for row in rows), **total(metrics), **optimiser.step(step))
    after = evaluate("after")
    run.finish(_results(before, after), policy if config.save_model else None)


def _objective(config: Config, logp: Tensor, ref_logp: Tensor, batch: TokenBatch) -> Tensor:
    """The loss of each pair, (B,), from (B, 2) answer log-probs, preferred first."""
    if config.objective == "preferred-sft":
        lengths = batch.completion_mask.sum(-1).view(-1, 2)[:, 0]
        return -logp[:, 0] / lengths
    return dpo_loss(logp[:, 0], logp[:, 1], ref_logp[:, 0], ref_logp[:, 1], config.beta)


def _sampled_pairs(
    run: Run, config: Config, reference: LanguageModel, task: Task
) -> list[tuple[Tokens, Tokens]]:
    """Pairs from the reference's own answers, kept in the folder so that a resume reads them."""
    problems = task.train[: config.prompts]
    longest = config.max_new_tokens or task.max_new_tokens(reference.tokenizer)

    def draw() -> list[list[Any]]:
        with run.stage("sampling pairs", len(problems) * config.samples_per_prompt) as bar:
            scores, drawn = measure.sampled_scores(
                reference, task, problems, per_prompt=config.samples_per_prompt,
                max_new_tokens=longest, generator=run.generator("pairs"),
                on_progress=lambda count: (run.check(), bar.advance(count)),
            )  # fmt: skip
        found = []
        for start, rewards in zip(
            range(0, len(drawn), config.samples_per_prompt), scores.tolist(), strict=True
        ):
            found += [
                [list(drawn[start + i].tokens.ids) for i in pair]
                + [drawn[start].tokens.prompt_length]
                for pair in ranked_pairs(rewards)
            ]
        return found

    kept = run.once("pairs", draw)
    if not kept:
        raise MethodError(f"no two answers to a prompt of {task.name} differ in reward: no pairs")
    return [(Tokens(tuple(win), n), Tokens(tuple(lose), n)) for win, lose, n in kept]


def _controlled(
    pairs: list[tuple[Tokens, Tokens]], preference: str, generator: torch.Generator
) -> list[tuple[Tokens, Tokens]]:
    if preference == "reward":
        return pairs
    if preference == "flipped":
        return [(lose, win) for win, lose in pairs]
    coins = torch.randint(2, (len(pairs),), generator=generator, device=generator.device).tolist()
    return [pair[::-1] if coin else pair for coin, pair in zip(coins, pairs, strict=True)]


def _answer_logps(model: LanguageModel, rows: Sequence[Tokens]) -> list[float]:
    return [float(lp.sum()) for lp in measure.row_logprobs(model, rows)]


def _reward_and_kl(
    run: Run,
    config: Config,
    policy: LanguageModel,
    reference: LanguageModel,
    task: Task,
    stage: str,
) -> dict[str, Any]:
    problems = task.held_out[: config.held_out_prompts]
    longest = config.max_new_tokens or task.max_new_tokens(policy.tokenizer)
    scores, drawn = measure.sampled_scores(
        policy, task, problems, per_prompt=2, max_new_tokens=longest,
        generator=run.generator("held out"), on_progress=lambda _: run.check(),
    )  # fmt: skip
    shown: list[Sample] = drawn[:16:2]
    prompts = [problems[s.prompt_index].prompt for s in shown]
    rewards = [float(scores[s.prompt_index, 0]) for s in shown]
    run.samples(stage, list(zip(prompts, [s.text for s in shown], rewards, strict=True)))
    return {
        "reward": Estimate.of_values(scores.mean(1).tolist()).to_json(),
        "kl": measure.kl_to(reference, policy, drawn).to_json(),
    }


def _pair_accuracy(
    policy: LanguageModel,
    reference: LanguageModel,
    judged: Sequence[tuple[str, tuple[Tokens, Tokens]]],
    beta: float,
) -> dict[str, Any]:
    rows = [row for _, pair in judged for row in pair]
    ours = torch.tensor(_answer_logps(policy, rows)).view(-1, 2)
    ratio = ours - torch.tensor(_answer_logps(reference, rows)).view(-1, 2)
    losses = dpo_loss(ratio[:, 0], ratio[:, 1], torch.zeros(()), torch.zeros(()), beta)
    wins: dict[str, list[float]] = {}
    pair_losses: dict[str, list[float]] = {}
    for (prompt, _), margin, loss in zip(judged, ratio[:, 0] - ratio[:, 1], losses, strict=True):
        # Prompts are the independent units: pairs of one prompt are averaged first.
        wins.setdefault(prompt, []).append(_won(margin))
        pair_losses.setdefault(prompt, []).append(float(loss))
    return {
        "pair_accuracy": Estimate.of_fractions([sum(v) / len(v) for v in wins.values()]).to_json(),
        "pair_loss": Estimate.of_values([sum(v) / len(v) for v in pair_losses.values()]).to_json(),
    }


def _won(margins: Tensor) -> float:
    """How many margins rank their pair right; one of exactly 0 says nothing and counts half."""
    return float((margins > 0).sum()) + 0.5 * float((margins == 0).sum())


def _results(before: dict[str, Any], after: dict[str, Any]) -> Results:
    facts = {
        "reward": ("Gold reward of held-out continuations", "score", True),
        "kl": ("KL to the reference", "nats per answer", False),
        "pair_accuracy": ("Held-out pairs ranked right", "fraction", True),
        "pair_loss": ("Held-out DPO loss", "nats per pair", False),
    }
    return Results(
        tuple(Measure.between(name, *facts[name], before[name], after[name]) for name in after)
    )
