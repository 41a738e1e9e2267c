"""Group Relative Policy Optimization (GRPO): an answer is as good as it is against its group.

Paper: arXiv 2402.03300 (Shao et al., *DeepSeekMath*), Eq. 3 and 4, Section 4.1. For each prompt a
group of G answers o_1..o_G is sampled and scored r_1..r_G; then, to be raised,

    J(theta) = E 1/G sum_i 1/|o_i| sum_t { min[ rho_it A_i, clip(rho_it, 1-eps, 1+eps) A_i ]
                                           - beta k3_it }
    A_i  = (r_i - mean(r)) / std(r)             rho_it = pi(o_it) / pi_old(o_it)
    k3_it = ref/pi - log(ref/pi) - 1            (Eq. 4, per token, inside the loss)

Departures from the paper
1. The reward is a verifier (1 where the answer is right), or the task's score; the paper trains a
   reward model. Outcome supervision only, no process rewards, no iterated reward model.
2. std divides by G and 1e-4 is added to it; the paper does not say. A group without spread gets
   advantage 0 and, where beta is 0, is not computed at all; it still counts in the mean.
3. The clip range is not in the paper; 0.2 as in PPO. With one update a batch it never acts.
4. The presets are far smaller than the paper's (64 answers a prompt, 1024 a batch, 7B
   parameters), use larger learning rates, and for speed beta 0, so no reference model there.

Checked against: hand-worked advantages and losses on a ragged batch in float64, the on-policy
gradient against REINFORCE's, autograd, and TRL's GRPOTrainer loss (`grpo`), value and gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Order, TokenBatch, own_batches, pack
from methods.engine.distributed import total
from methods.engine.examples import answered_prompts
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions, option
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.sample import Sample, sample
from methods.engine.tasks.task import Task
from methods.inference.best_of_n import pass_at_k


class Config(TrainingOptions):
    """Options of Group Relative Policy Optimization."""

    task: str = option(
        "chain-sum:digits=2,held_out=1000", "a built-in task that scores answers", source="ours"
    )
    data: str | None = option(
        None,
        "instead of a task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt and "
        "answer, matched exactly",
        source="ours",
    )
    reward: Literal["task", "random"] = option(
        "task", "random is a coin for each answer: a control that must not learn", source="ours"
    )
    prompts_per_step: int = option(
        16,
        "prompts of one step",
        source="ours: 1024 / 64 of Section 4.2, a batch read as answers",
        unit="prompts",
        ge=1,
    )
    group_size: int = option(
        64, "answers sampled to each prompt", source="paper, Section 4.2", unit="samples", ge=2
    )
    updates_per_batch: int = option(
        1, "optimiser updates on each sampled batch", source="paper, Section 4.2", ge=1, le=16
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="paper, Section 4.2", gt=0, lt=1
    )
    kl_beta: float = option(
        0.04, "weight of the KL to the start", source="paper, Section 4.2", ge=0, le=10
    )
    clip_range: float = option(
        0.2, "epsilon of the clipped ratio", source="ours, 0.2 as in PPO", gt=0, lt=1
    )
    temperature: float = option(1.0, "of sampling and of the loss alike", source="ours", gt=0, le=5)
    max_new_tokens: int | None = option(
        None, "longest answer; none takes the task's", source="ours", unit="tokens", ge=1
    )
    steps: int = option(100, "sampled batches", source="ours", unit="steps", ge=1)
    pass_k: int = option(
        8, "samples a held-out prompt for pass@1 and pass@k", source="ours", unit="samples", ge=2
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 10, "prompts_per_step": 256, "group_size": 8,
        "steps": 60, "kl_beta": 0.0,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 16, "group_size": 8, "steps": 8, "kl_beta": 0.0,
    },
}  # fmt: skip


def group_advantages(rewards: Tensor, epsilon: float = 1e-4) -> Tensor:
    """(P, G) rewards -> (P, G): distance from the group's mean in its standard deviations.

    The deviation divides by G. A group of equal rewards gets exactly 0.
    """
    centred = rewards - rewards.mean(-1, keepdim=True)
    # Equal rewards can miss their own mean by a rounding; that is not a preference.
    centred = centred * (rewards.amax(-1, keepdim=True) > rewards.amin(-1, keepdim=True))
    return centred / (rewards.std(-1, correction=0, keepdim=True) + epsilon)


def clipped_loss(logp: Tensor, old_logp: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """-min(rho A, clip(rho) A) of each token, (B, C), from (B, C) log-probs in nats and (B,)."""
    ratio = (logp - old_logp).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return -torch.minimum(ratio * advantages[:, None], clipped * advantages[:, None])


def k3(logp: Tensor, ref_logp: Tensor) -> Tensor:
    """Eq. 4 of each token, in nats: unbiased for KL(pi || ref) and never negative."""
    log_ratio = ref_logp - logp
    return torch.expm1(log_ratio) - log_ratio


def grpo_loss(
    logp: Tensor,
    old_logp: Tensor,
    mask: Tensor,
    advantages: Tensor,
    total_answers: int,
    clip_range: float,
    kl_beta: float = 0.0,
    ref_logp: Tensor | None = None,
) -> Tensor:
    """One micro-batch's part of -J (Eq. 3), a scalar.

    Log-probs (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_answers``: answers
    of the *whole* step, so that parts add up to the mean over answers of each answer's own mean.
    """
    per_token = clipped_loss(logp, old_logp, advantages, clip_range)
    if kl_beta > 0:
        if ref_logp is None:
            raise ValueError("kl_beta > 0 needs the reference's log-probs")
        per_token = per_token + kl_beta * k3(logp, ref_logp)
    per_answer = (per_token * mask).sum(-1) / mask.sum(-1)
    return per_answer.sum() / total_answers


def run(run: Run, config: Config) -> None:
    """Sample, score, compare within groups, update; held-out accuracy before and after."""
    task = None if config.data else run.task(config.task)
    policy = run.policy(config, task)
    task = task or answered_prompts(run, str(config.data), policy, config.skip_bad_rows)
    reference = policy.frozen_copy() if config.kl_beta > 0 else None
    longest = config.max_new_tokens or task.max_new_tokens(policy.tokenizer)
    optimiser, order = Optimiser(policy, config), Order(len(task.train), run.seed)
    before = run.once("before", lambda: _evaluate(run, config, policy, task, longest))

    for step in run.steps(policy, optimiser, config):
        problems = [task.train[i] for i in order.batch(step, config.prompts_per_step)]
        drawn = sample(
            policy, [p.prompt for p in problems], per_prompt=config.group_size,
            max_new_tokens=longest, temperature=config.temperature, stop=task.stop,
            generator=run.generator("sample", step),
        )  # fmt: skip
        scores = torch.tensor([task.score(problems[s.prompt_index], s.text) for s in drawn])
        rewards = scores if config.reward == "task" else _coins(len(drawn), run, step)
        groups = rewards.double().view(-1, config.group_size)
        advantages = group_advantages(groups).flatten().float()
        metrics = _update(config, policy, reference, optimiser, step, drawn, advantages)
        spread = (groups.amax(-1) > groups.amin(-1)).double().mean()
        if step == 1 or step % 10 == 0:
            run.samples(step, [(problems[s.prompt_index].prompt, s.text, float(r))
                               for s, r in zip(drawn[:4], rewards[:4], strict=True)])  # fmt: skip
        run.log(
            step,
            sum(len(s.tokens.ids) for s in drawn),
            reward=rewards.mean().item(),
            score=scores.mean().item(),
            groups_with_spread=spread.item(),
            answer_tokens=sum(s.tokens.completion_length for s in drawn) / len(drawn),
            cut_off=sum(not s.finished for s in drawn) / len(drawn),
            **metrics,
        )

    after = _evaluate(run, config, policy, task, longest)
    run.finish(_results(before, after, config.pass_k), policy if config.save_model else None)


def _update(
    config: Config,
    policy: LanguageModel,
    reference: LanguageModel | None,
    optimiser: Optimiser,
    step: int,
    drawn: Sequence[Sample],
    advantages: Tensor,  # (N,)
) -> dict[str, float]:
    """The optimiser updates of one sampled batch; every gradient is over all ``drawn``."""
    rows, recorded = [s.tokens for s in drawn], [s.logprobs for s in drawn]
    # Without a KL term a row of advantage 0 has no gradient: it is counted and not computed.
    live = [i for i in range(len(rows)) if reference is not None or advantages[i] != 0]
    at = config.temperature
    old = measure.row_logprobs(policy, rows, at) if config.updates_per_batch > 1 else None
    ref = measure.row_logprobs(reference, rows, at) if reference is not None else None
    metrics = {"loss": 0.0, "kl": 0.0, "outside_clip_range": 0.0, "sampler_gap": 0.0}
    tokens = max(1, sum(rows[i].completion_length for i in live))
    for update in range(config.updates_per_batch):
        for group in own_batches([rows[i] for i in live], config.micro_batch_tokens):
            batch = pack(rows, [live[g] for g in group], policy.device)
            logp = completion_logprobs(policy, batch, temperature=at)
            # On policy the old log-probs are these very ones: no second pass.
            old_logp = logp.detach() if old is None else measure.padded(old, batch, policy.device)
            ref_logp = None if ref is None else measure.padded(ref, batch, policy.device)
            weights = advantages[list(batch.rows)].to(policy.device)
            mask = batch.completion_mask
            loss = grpo_loss(
                logp, old_logp, mask, weights, len(rows), config.clip_range, config.kl_beta,
                ref_logp,
            )  # fmt: skip
            optimiser.backward(loss)
            if update == 0:
                metrics["loss"] += loss.item()
                _observe(metrics, logp.detach(), ref_logp, batch, recorded, tokens)
            else:
                outside = ((logp.detach() - old_logp).exp() - 1).abs() > config.clip_range
                part = (outside & mask).sum().item() / tokens
                metrics["outside_clip_range"] += part / config.updates_per_batch
        numbers = optimiser.step(step)
    return {**total(metrics), **numbers}


def _observe(
    metrics: dict[str, float],
    logp: Tensor,
    ref_logp: Tensor | None,
    batch: TokenBatch,
    recorded: Sequence[Sequence[float]],
    tokens: int,
) -> None:
    """Add a micro-batch's share to the KL and to how far training and sampler disagree.

    ``sampler_gap`` is the mean over tokens of the difference in nats, without its sign.
    """
    mask = batch.completion_mask
    sampled = measure.padded(recorded, batch, logp.device)
    metrics["sampler_gap"] += ((logp - sampled).abs() * mask).sum().item() / tokens
    if ref_logp is not None:
        metrics["kl"] += (k3(logp, ref_logp) * mask).sum().item() / tokens


def _coins(count: int, run: Run, step: int) -> Tensor:
    generator = run.generator("coins", step)
    return torch.randint(2, (count,), generator=generator, device=generator.device).float().cpu()


def _evaluate(
    run: Run, config: Config, policy: LanguageModel, task: Task, longest: int
) -> dict[str, Any]:
    greedy = measure.greedy_scores(policy, task, task.held_out, longest, run.check)
    scores, drawn = measure.sampled_scores(
        policy, task, task.held_out, per_prompt=config.pass_k, max_new_tokens=longest,
        generator=run.generator("held out"), on_progress=lambda _: run.check(),
    )  # fmt: skip
    k = config.pass_k
    run.samples(
        "held out",
        [(task.held_out[s.prompt_index].prompt, s.text, None) for s in drawn[: 8 * k : k]],
    )
    if task.kind == "scored":
        return {
            "held_out_score": Estimate.of_values(greedy).to_json(),
            "sampled_score": Estimate.of_values(scores.mean(-1).tolist()).to_json(),
        }
    right = (scores >= 1).sum(-1).tolist()
    found = {"held_out_accuracy": measure.fraction_right(greedy).to_json()}
    for n in (1, k):
        values = [pass_at_k(k, int(c), n) for c in right]
        found[f"pass_at_{n}"] = Estimate.of_fractions(values).to_json()
    return found


def _results(before: dict[str, Any], after: dict[str, Any], k: int) -> Results:
    facts = {
        "held_out_accuracy": ("Held-out greedy accuracy", "fraction", True),
        "pass_at_1": ("Held-out pass@1, sampled at T = 1", "fraction", True),
        f"pass_at_{k}": (f"Held-out pass@{k}, sampled at T = 1", "fraction", True),
        "held_out_score": ("Held-out score, greedy", "score", True),
        "sampled_score": ("Held-out score, sampled at T = 1", "score", True),
    }
    return Results(
        tuple(Measure.between(name, *facts[name], before[name], after[name]) for name in after)
    )
