"""What the methods of preference learning share: pairs, one step over them, what is measured.

A method is its loss of each pair (``Loss``) and, in one line, ``train(run, config, loss)``. The
functions below ``train`` are for methods whose loop is another: they take pairs from elsewhere
(``update``), or answers that have no counterpart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Order, TokenBatch, Tokens, own_batches, pack
from methods.engine.distributed import total
from methods.engine.divergence import compare, forward_kl
from methods.engine.errors import MethodError
from methods.engine.examples import Pair, preference_pairs
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.sample import Sample
from methods.engine.tasks.task import Task
from methods.preference.options import PreferenceOptions

_SHIFTED = 256  # pairs whose preferred answer's log-ratio is measured before and after


@dataclass(frozen=True)
class Pairs:
    """P pairs as a loss reads them; of the axis of two the preferred answer is the first.

    Log-probs in nats of each answer token, zero where ``mask`` is False. Without a reference its
    fields are None, and whatever needs them raises.
    """

    logp: Tensor  # (P, 2, C)
    mask: Tensor  # (P, 2, C) bool
    ref_logp: Tensor | None = None  # (P, 2, C)
    ref_sum: Tensor | None = None  # (P, 2) float32, each answer's sum
    kl: Tensor | None = None  # (P, 2, C) KL(reference || policy) of the next token, where asked for

    @classmethod
    def of(
        cls, logp: Tensor, mask: Tensor, rows: Sequence[int], ref: Sequence[Tensor] | None
    ) -> Pairs:
        """From (2P, C) log-probs and mask of ``rows``, and each row's under the reference."""
        shape = (-1, 2, mask.shape[-1])
        if ref is None:
            return cls(logp.view(shape), mask.view(shape))
        # What a step needs of the reference most often, its sums, is summed row by row: the
        # number does not depend on which rows stand beside it.
        sums = torch.tensor([float(ref[i].sum()) for i in rows], device=logp.device)
        tokens = torch.cat([ref[i] for i in rows]).float().to(logp.device)
        padded = torch.zeros(mask.shape, device=logp.device).masked_scatter(mask, tokens)
        return cls(logp.view(shape), mask.view(shape), padded.view(shape), sums.view(-1, 2))

    def summed(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Log-probs of whole answers, (P,) each: chosen, rejected, the same by the reference."""
        logp, ref = self.logp.sum(-1), self._required(self.ref_sum)
        return logp[:, 0], logp[:, 1], ref[:, 0], ref[:, 1]

    def averaged(self) -> tuple[Tensor, Tensor]:
        """The policy's mean log-prob of an answer's tokens, (P,) each: chosen, rejected."""
        mean = self.logp.sum(-1) / self.mask.sum(-1)
        return mean[:, 0], mean[:, 1]

    def sequential_kl(self) -> tuple[Tensor, Tensor]:
        """The sum over an answer's tokens of KL(reference || policy), (P,): chosen, rejected."""
        kl = self._required(self.kl).sum(-1)
        return kl[:, 0], kl[:, 1]

    @staticmethod
    def _required(value: Tensor | None) -> Tensor:
        if value is None:
            raise ValueError("these pairs carry no numbers of a reference")
        return value


Loss = Callable[[Pairs], Tensor]  # the loss of each pair, (P,)
Margin = Callable[[Pairs], Tensor]  # by how much each pair is ranked right, (P,)
Source = Callable[[Run, PreferenceOptions, LanguageModel, Task], list[Pair]]


def log_ratio_margin(pairs: Pairs) -> Tensor:
    """The chosen answer's log-ratio to the reference less the rejected one's, in nats, (P,)."""
    chosen, rejected, ref_chosen, ref_rejected = pairs.summed()
    return (chosen - ref_chosen) - (rejected - ref_rejected)


def train(
    run: Run,
    config: PreferenceOptions,
    loss: Loss,
    *,
    margin: Margin = log_ratio_margin,
    held_out_loss: Loss | None = None,
    needs_reference: bool = True,
    needs_kl: bool = False,
    source: Source | None = None,
    also: Callable[[LanguageModel, Task], dict[str, Any]] | None = None,
) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy.

    ``loss`` and ``margin`` see the reference's log-probs where ``needs_reference``; in training
    they see the KL to it at every token where ``needs_kl``. ``held_out_loss`` is ``loss`` unless
    given. ``source`` makes the pairs of a task, ``sampled_pairs`` unless given; what ``also``
    measures is added to the held-out numbers of a task.
    """
    task = None if config.data else run.task(config.task)
    policy = run.policy(config, task)
    reference = policy.frozen_copy()
    if task is None:
        pairs, judged = preference_pairs(run, str(config.data), policy, config.skip_bad_rows)
    else:
        pairs, judged = (source or sampled_pairs)(run, config, policy, task), []
    shown = pairs[:_SHIFTED] if task else [pair for _, pair in judged]
    pairs = controlled(pairs, config.preference, run.generator("preference"))
    pairs = noisy(pairs, config.flip_share, run.generator("flips"))
    # The reference never moves, so its log-probs are computed once.
    rows = [row for pair in pairs for row in pair]
    ref = measure.row_logprobs(reference, rows) if needs_reference else None
    optimiser, order = Optimiser(policy, config), Order(len(pairs), run.seed)

    def evaluate(stage: str) -> dict[str, Any]:
        if task is None:
            against = reference if needs_reference else None
            found = pair_accuracy(policy, against, judged, held_out_loss or loss, margin)
        else:
            found = reward_and_kl(run, config, policy, reference, task, stage)
            found |= also(policy, task) if also else {}
        return found | {"chosen_log_ratio": chosen_log_ratio(policy, reference, shown)}

    before = run.once("before", lambda: evaluate("before"))
    for step in run.steps(policy, optimiser, config):
        taken = order.batch(step, config.batch_size)
        batch = [pairs[i] for i in taken]
        known = None if ref is None else [ref[2 * i + side] for i in taken for side in (0, 1)]
        against = reference if needs_kl else None
        metrics = update(policy, optimiser, step, config, batch, known, loss, margin, against)
        run.log(step, sum(len(row.ids) for pair in batch for row in pair), **metrics)
    run.finish(results(before, evaluate("after")), policy if config.save_model else None)


def update(
    policy: LanguageModel,
    optimiser: Optimiser,
    step: int,
    config: TrainingOptions,
    pairs: Sequence[Pair],
    ref: Sequence[Tensor] | None,
    loss: Loss,
    margin: Margin = log_ratio_margin,
    kl_from: LanguageModel | None = None,
) -> dict[str, float]:
    """One optimiser step over ``pairs``: its loss, accuracy and margin, each a mean over pairs.

    ``ref``: token log-probs under the reference, one tensor a row, chosen and rejected in turn, as
    ``measure.row_logprobs`` gives them. With ``kl_from`` the loss also sees the KL from that model
    at every token. The rest of what is given back is the optimiser's.
    """
    rows = [row for pair in pairs for row in pair]
    metrics = {"loss": 0.0, "accuracy": 0.0, "margin": 0.0}
    for group in own_batches(rows, config.micro_batch_tokens, together=2):
        batch = pack(rows, group, policy.device)
        part = _read(policy, batch, ref, kl_from)
        value = loss(part).sum() / len(pairs)
        optimiser.backward(value)
        with torch.no_grad():
            margins = margin(part)
        metrics["loss"] += value.item()
        metrics["accuracy"] += won(margins) / len(pairs)
        metrics["margin"] += margins.sum().item() / len(pairs)
    return {**total(metrics), **optimiser.step(step)}


def _read(
    policy: LanguageModel,
    batch: TokenBatch,
    ref: Sequence[Tensor] | None,
    kl_from: LanguageModel | None,
) -> Pairs:
    mask = batch.completion_mask
    if kl_from is None:
        return Pairs.of(completion_logprobs(policy, batch), mask, batch.rows, ref)
    found = compare(policy, kl_from, batch, forward_kl)
    pairs = Pairs.of(found.logp, mask, batch.rows, ref)
    return replace(pairs, kl=found.divergence.view(pairs.mask.shape))


# --- where pairs come from --------------------------------------------------------------------


def ranked_pairs(rewards: Sequence[float]) -> list[tuple[int, int]]:
    """(better, worse) for every two answers with different reward: of equal ones nothing is said.

    >>> ranked_pairs([0.1, 0.5, 0.5])
    [(1, 0), (2, 0)]
    """
    pairs = itertools.combinations(range(len(rewards)), 2)
    ordered = ((i, j) if rewards[i] > rewards[j] else (j, i) for i, j in pairs)
    return [(win, lose) for win, lose in ordered if rewards[win] != rewards[lose]]


def sampled_pairs(
    run: Run, config: PreferenceOptions, reference: LanguageModel, task: Task
) -> list[Pair]:
    """Pairs from the reference's own answers, kept in the folder so that a resume reads them.

    Raises MethodError where no two answers to a prompt differ in reward.
    """

    def draw() -> list[list[Any]]:
        scores, drawn = sampled_answers(run, config, reference, task)
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


def sampled_answers(
    run: Run, config: PreferenceOptions, reference: LanguageModel, task: Task
) -> tuple[Tensor, list[Sample]]:
    """Scores (prompts, samples) of the reference's answers to the training prompts, and those."""
    problems = task.train[: config.prompts]
    longest = config.max_new_tokens or task.max_new_tokens(reference.tokenizer)
    with run.stage("sampling pairs", len(problems) * config.samples_per_prompt) as bar:
        return measure.sampled_scores(
            reference, task, problems, per_prompt=config.samples_per_prompt,
            max_new_tokens=longest, generator=run.generator("pairs"),
            on_progress=lambda count: (run.check(), bar.advance(count)),
        )  # fmt: skip


def controlled(pairs: list[Pair], preference: str, generator: torch.Generator) -> list[Pair]:
    """``pairs`` as they are, with every one swapped (``flipped``), or a coin for each."""
    if preference == "reward":
        return pairs
    if preference == "flipped":
        return [(lose, win) for win, lose in pairs]
    coins = torch.randint(2, (len(pairs),), generator=generator, device=generator.device).tolist()
    return [pair[::-1] if coin else pair for coin, pair in zip(coins, pairs, strict=True)]


def noisy(pairs: list[Pair], share: float, generator: torch.Generator) -> list[Pair]:
    """``pairs``, each swapped with chance ``share``."""
    if share == 0:
        return pairs
    drawn = torch.rand(len(pairs), generator=generator, device=generator.device).tolist()
    return [pair[::-1] if u < share else pair for u, pair in zip(drawn, pairs, strict=True)]


# --- what is measured -------------------------------------------------------------------------


def reward_and_kl(
    run: Run,
    config: PreferenceOptions,
    policy: LanguageModel,
    reference: LanguageModel,
    task: Task,
    stage: str,
) -> dict[str, Any]:
    """Gold reward, KL to the start and length of two sampled answers to each held-out prompt."""
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
    lengths = [s.tokens.completion_length for s in drawn]
    return {
        "reward": Estimate.of_values(scores.mean(1).tolist()).to_json(),
        "kl": measure.kl_to(reference, policy, drawn).to_json(),
        "answer_tokens": Estimate.of_values(
            [(a + b) / 2 for a, b in zip(lengths[::2], lengths[1::2], strict=True)]
        ).to_json(),
    }


def chosen_log_ratio(
    policy: LanguageModel, reference: LanguageModel, pairs: Sequence[Pair]
) -> dict[str, Any]:
    """log pi - log ref of preferred answers, in nats an answer: below 0 they became less likely.

    Prompts are the independent units: answers to one prompt are averaged first.
    """
    rows = list(dict.fromkeys(win for win, _ in pairs))
    ours, theirs = measure.row_logprobs(policy, rows), measure.row_logprobs(reference, rows)
    by_prompt: dict[tuple[int, ...], list[float]] = {}
    for row, a, b in zip(rows, ours, theirs, strict=True):
        prompt = row.ids[: row.prompt_length]
        by_prompt.setdefault(prompt, []).append(float((a.double() - b.double()).sum()))
    return Estimate.of_values([sum(v) / len(v) for v in by_prompt.values()]).to_json()


def pair_accuracy(
    policy: LanguageModel,
    reference: LanguageModel | None,
    judged: Sequence[tuple[str, Pair]],
    loss: Loss,
    margin: Margin = log_ratio_margin,
) -> dict[str, Any]:
    """The share of held-out pairs (each with its prompt) ranked right, and their mean loss."""
    rows = [row for _, pair in judged for row in pair]
    lengths = torch.tensor([row.completion_length for row in rows])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    tokens = torch.cat(measure.row_logprobs(policy, rows)).float()
    logp = torch.zeros(mask.shape).masked_scatter(mask, tokens)
    ref = None if reference is None else measure.row_logprobs(reference, rows)
    pairs = Pairs.of(logp, mask, range(len(rows)), ref)
    wins: dict[str, list[float]] = {}
    losses: dict[str, list[float]] = {}
    for (prompt, _), value, cost in zip(judged, margin(pairs), loss(pairs), strict=True):
        # Prompts are the independent units: pairs of one prompt are averaged first.
        wins.setdefault(prompt, []).append(won(value))
        losses.setdefault(prompt, []).append(float(cost))
    return {
        "pair_accuracy": Estimate.of_fractions([sum(v) / len(v) for v in wins.values()]).to_json(),
        "pair_loss": Estimate.of_values([sum(v) / len(v) for v in losses.values()]).to_json(),
    }


def won(margins: Tensor) -> float:
    """How many margins rank their pair right; one of exactly 0 says nothing and counts half."""
    return float((margins > 0).sum()) + 0.5 * float((margins == 0).sum())


def results(before: dict[str, Any], after: dict[str, Any]) -> Results:
    """What ``train`` and its like measured, by name, before and after."""
    facts = {
        "reward": ("Gold reward of held-out continuations", "score", True),
        "kl": ("KL to the reference", "nats per answer", False),
        "answer_tokens": ("Length of held-out answers", "tokens", False),
        "held_out_accuracy": ("Held-out greedy accuracy", "fraction", True),
        "pair_accuracy": ("Held-out pairs ranked right", "fraction", True),
        "pair_loss": ("Held-out loss", "per pair", False),
        "label_accuracy": ("Held-out labels told right", "fraction", True),
        "label_loss": ("Held-out loss", "per answer", False),
        "chosen_log_ratio": ("Log-ratio of preferred answers", "nats per answer", True),
    }
    return Results(
        tuple(Measure.between(name, *facts[name], before[name], after[name]) for name in after)
    )
