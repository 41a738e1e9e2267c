"""The loop of reinforcement learning: sample, score, advantage, update; measured before and after.

A method writes the loop out and calls these pieces; what differs are its functions:

    loop = Loop(run, config)
    for step in loop.steps():
        drawn = loop.sample(step)
        advantages = group_advantages(drawn.rewards)
        loop.log(step, drawn, loop.update(step, drawn, advantages, loss))
    loop.finish()

Every gradient is a sum over the answers of one update, divided by totals of that whole update: it
is the same however the update is cut into micro-batches or shared among processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Order, TokenBatch, own_batches, pack
from methods.engine.distributed import total
from methods.engine.examples import answered_prompts
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.run import Run
from methods.engine.sample import Sample, sample
from methods.engine.scalar import load_reward_model, logprobs_and_values, text_rewards
from methods.engine.tasks.task import Problem, Task
from methods.rl.drawn import Critic, Drawn, Part
from methods.rl.measures import entropy_estimate, evaluate, lengths_by_outcome, results
from methods.rl.options import KlOptions, ReuseOptions, RlOptions

Advantages = Tensor | Sequence[Tensor]
Loss = Callable[[Part], Tensor]  # to a scalar, the part's share of the update's loss
Outside = Callable[[Part], Tensor]  # (B, C) bool, tokens whose ratio is beyond the clip


class Loop:
    """What the steps of one run share: policy, task, optimiser, order of prompts."""

    def __init__(
        self,
        run: Run,
        config: RlOptions,
        prepare: Callable[[LanguageModel], None] = lambda policy: None,
    ) -> None:
        """``prepare`` may add parts to the policy that the start and reference do not have."""
        task = None if config.data else run.task(config.task)
        self.run, self.config = run, config
        self.policy = run.policy(config, task)
        self.task: Task = task or answered_prompts(
            run, str(config.data), self.policy, config.skip_bad_rows
        )
        pulled = isinstance(config, KlOptions) and config.kl_beta > 0
        # Of a scored task the reward says little without the distance it was bought with.
        measured = self.task.kind == "scored"
        self.start = self.policy.frozen_copy() if pulled or measured else None
        self.reference = self.start if pulled else None
        self.judge = None
        if config.reward not in ("task", "random"):
            self.judge = load_reward_model(
                config.reward, cache_dir=run.cache_dir, device=run.device,
                precision=config.precision,
            )  # fmt: skip
        self.longest = config.max_new_tokens or self.task.max_new_tokens(self.policy.tokenizer)
        prepare(self.policy)
        self.optimiser = Optimiser(self.policy, config)
        self.order = Order(len(self.task.train), run.seed)
        self._before: dict[str, Any] = run.once("before", self.measured)

    def steps(self) -> Iterator[int]:
        """Step numbers, each to be closed by ``log``."""
        return self.run.steps(self.policy, self.optimiser, self.config)

    def sample(self, step: int, attempt: int = 0, attempts: int = 1) -> Drawn:
        """Answers to the step's prompts, scored; of ``attempts`` each takes further prompts."""
        config, run = self.config, self.run
        place = (step - 1) * attempts + attempt + 1
        problems = [self.task.train[i] for i in self.order.batch(place, config.prompts_per_step)]
        purpose = ("sample", step, attempt) if attempt else ("sample", step)
        drawn = sample(
            self.policy, [p.prompt for p in problems], per_prompt=config.group_size,
            max_new_tokens=self.longest, temperature=config.temperature, stop=self.task.stop,
            generator=run.generator(*purpose),
        )  # fmt: skip
        scores = torch.tensor([self.task.score(problems[s.prompt_index], s.text) for s in drawn])
        rewards = self._rewards(problems, drawn, scores, ("coins", *purpose[1:]))
        shape = (len(problems), config.group_size)
        return Drawn(
            tuple(problems), tuple(drawn), scores.double().view(shape), rewards.double().view(shape)
        )

    def greedy(self, step: int, drawn: Drawn) -> Tensor:
        """(P,) float64: the reward of the policy's likeliest answer to each prompt of ``drawn``."""
        problems = drawn.problems
        found = sample(
            self.policy, [p.prompt for p in problems], max_new_tokens=self.longest,
            temperature=0.0, stop=self.task.stop,
        )  # fmt: skip
        scores = torch.tensor([self.task.score(problems[s.prompt_index], s.text) for s in found])
        return self._rewards(problems, found, scores, ("greedy coins", step)).double()

    def log_ratios(self, drawn: Drawn) -> list[Tensor]:
        """log pi - log ref of each answer's tokens in nats, by the policy that wrote them.

        Zeros where the run keeps no reference.
        """
        if self.reference is None:
            return [torch.zeros(a.tokens.completion_length) for a in drawn.answers]
        rows = [a.tokens for a in drawn.answers]
        ref = measure.row_logprobs(self.reference, rows, self.config.temperature)
        return [torch.tensor(a.logprobs) - r for a, r in zip(drawn.answers, ref, strict=True)]

    def kl(self, drawn: Drawn) -> Tensor:
        """(P, G) float64: log pi(y) - log ref(y) of each whole answer in nats."""
        sums = [float(ratio.double().sum()) for ratio in self.log_ratios(drawn)]
        return torch.tensor(sums, dtype=torch.float64).view_as(drawn.rewards)

    def per_token(self, kl: Tensor, drawn: Drawn) -> float:
        """``kl`` of whole answers as nats a token, for the log."""
        return (kl.sum() / drawn.lengths.sum()).item()

    def update(
        self,
        step: int,
        drawn: Drawn,
        advantages: Advantages,
        loss: Loss,
        outside: Outside | None = None,
        *,
        kl_in_loss: bool = False,
        critic: Critic | None = None,
    ) -> dict[str, float]:
        """The optimiser updates of the step; see ``update``."""
        reference = self.reference if kl_in_loss else None
        return update(
            self.config, self.policy, reference, self.optimiser, step, drawn.answers, advantages,
            loss, outside, critic,
        )  # fmt: skip

    def log(self, step: int, drawn: Drawn, metrics: dict[str, float]) -> None:
        """Close the step: what was sampled and what the update said."""
        answers, rewards = drawn.answers, drawn.rewards
        size = drawn.group_size
        if step == 1 or step % 10 == 0:
            shown = zip(answers[:4], rewards.flatten()[:4].tolist(), strict=True)
            self.run.samples(
                step,
                [(drawn.problems[i // size].prompt, s.text, r) for i, (s, r) in enumerate(shown)],
            )
        self.run.log(
            step,
            sum(len(s.tokens.ids) for s in answers),
            reward=rewards.mean().item(),
            score=drawn.scores.mean().item(),
            groups_with_spread=drawn.with_spread.double().mean().item(),
            answer_tokens=drawn.lengths.mean().item(),
            **lengths_by_outcome(drawn.lengths, drawn.scores, self.task),
            cut_off=sum(not s.finished for s in answers) / len(answers),
            entropy_estimate=entropy_estimate(answers),
            **metrics,
        )

    def finish(self) -> None:
        """Measure again, write the results and, where asked, the model."""
        found = results(self._before, self.measured(), self.config.pass_k)
        self.run.finish(found, self.policy if self.config.save_model else None)

    def measured(self) -> dict[str, Any]:
        """The held-out measures of the policy as it is."""
        return evaluate(
            self.run, self.config, self.policy, self.task, self.longest, self.start, self.judge
        )

    def _rewards(
        self,
        problems: Sequence[Problem],
        drawn: Sequence[Sample],
        scores: Tensor,
        purpose: tuple[str | int, ...],
    ) -> Tensor:
        """What the method is told of each answer, (N,)."""
        if self.judge is not None:
            return torch.tensor(
                text_rewards(self.judge, [(problems[s.prompt_index].prompt, s.text) for s in drawn])
            )
        if self.config.reward == "random":
            g = self.run.generator(*purpose)
            return torch.randint(2, (len(drawn),), generator=g, device=g.device).float().cpu()
        return scores


def update(
    config: RlOptions,
    policy: LanguageModel,
    reference: LanguageModel | None,
    optimiser: Optimiser,
    step: int,
    answers: Sequence[Sample],
    advantages: Advantages,
    loss: Loss,
    outside: Outside | None = None,
    critic: Critic | None = None,
) -> dict[str, float]:
    """The optimiser updates of one sampled batch: each pass over its parts, one after another.

    ``advantages``: one number an answer, or a tensor of one number a token for each answer.
    ``reference``: the model whose log-probs ``loss`` reads, None where it reads none; an answer of
    advantage 0 then has no gradient: it is counted and not computed, unless ``critic`` gives its
    values something to learn.
    """
    rows, recorded = [s.tokens for s in answers], [s.logprobs for s in answers]
    given = advantages.flatten() if isinstance(advantages, Tensor) else list(advantages)
    every = reference is not None or critic is not None
    live = [i for i in range(len(rows)) if every or bool((given[i] != 0).any())]
    at, (passes, parts) = config.temperature, _reuse(config)
    old = None if critic is None else critic.logprobs
    if old is None and passes * parts > 1:
        old = measure.row_logprobs(policy, rows, at)
    ref = measure.row_logprobs(reference, rows, at) if reference is not None else None
    metrics = {"loss": 0.0, "kl": 0.0, "outside_clip_range": 0.0, "sampler_gap": 0.0}
    live_tokens = max(1, sum(rows[i].completion_length for i in live))
    numbers: dict[str, float] = {}
    for number, chosen in enumerate(_parts(config, len(rows))):
        taken = [i for i in live if i in chosen]
        tokens = sum(rows[i].completion_length for i in chosen)
        for group in own_batches([rows[i] for i in taken], config.micro_batch_tokens):
            batch = pack(rows, [taken[g] for g in group], policy.device)
            logp, values = _forward(policy, batch, at, critic)
            part = Part(
                logp,
                # On policy the old log-probs are these very ones: no second pass.
                logp.detach() if old is None else measure.padded(old, batch, policy.device),
                None if ref is None else measure.padded(ref, batch, policy.device),
                batch.completion_mask, _beside(given, batch, logp), len(chosen), tokens, *values,
            )  # fmt: skip
            value = loss(part)
            optimiser.backward(value)
            if number < parts:  # the first pass
                metrics["loss"] += value.item() / parts
                _observe(metrics, part, batch, recorded, live_tokens)
            if number > 0 and outside is not None:
                beyond = (outside(part) & part.mask).sum().item() / live_tokens
                metrics["outside_clip_range"] += beyond / passes
        numbers = optimiser.step(step)
    return {**total(metrics), **numbers}


def _forward(
    policy: LanguageModel, batch: TokenBatch, temperature: float, critic: Critic | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Log-probs and, with a value head, what ``Part`` holds of values; each (B, C)."""
    if critic is None:
        return completion_logprobs(policy, batch, temperature=temperature), ()
    logp, values = logprobs_and_values(policy, batch, temperature=temperature)
    old, aim = (measure.padded(v, batch, policy.device) for v in (critic.values, critic.returns))
    return logp, (values, old, aim)


def _reuse(config: RlOptions) -> tuple[int, int]:
    """(passes over a batch, parts of a pass)."""
    if isinstance(config, ReuseOptions):
        return config.updates_per_batch, config.minibatches
    return 1, 1


def _parts(config: RlOptions, count: int) -> Iterator[range]:
    """The answers of each optimiser update: passes over the parts, whole prompts in each."""
    prompts, (passes, parts) = count // config.group_size, _reuse(config)
    for _ in range(passes):
        for i in range(parts):
            first, last = i * prompts // parts, (i + 1) * prompts // parts
            end = count if i == parts - 1 else last * config.group_size
            yield range(first * config.group_size, end)


def _beside(given: Tensor | list[Tensor], batch: TokenBatch, logp: Tensor) -> Tensor:
    """The advantages of the batch's answers, (B,) or (B, C), as ``logp`` is."""
    if isinstance(given, Tensor):
        return given[list(batch.rows)].to(logp)
    flat = torch.cat([given[i] for i in batch.rows]).to(logp)
    return torch.zeros_like(logp).masked_scatter(batch.completion_mask, flat)


def _observe(
    metrics: dict[str, float],
    part: Part,
    batch: TokenBatch,
    recorded: Sequence[Sequence[float]],
    tokens: int,
) -> None:
    """Add a micro-batch's share to the KL and to how far training and sampler disagree.

    ``sampler_gap`` is the mean over tokens of the difference in nats, without its sign.
    """
    sampled = measure.padded(recorded, batch, part.logp.device)
    metrics["sampler_gap"] += ((part.old_logp - sampled).abs() * part.mask).sum().item() / tokens
    if part.ref_logp is not None:
        log_ratio = part.ref_logp - part.logp.detach()
        k3 = torch.expm1(log_ratio) - log_ratio
        metrics["kl"] += (k3 * part.mask).sum().item() / tokens
