"""Kahneman-Tversky Optimization (KTO): answers that are good or bad, without a counterpart.

Paper: arXiv 2402.01306 (Ethayarajh et al., *KTO: Model Alignment as Prospect Theoretic
Optimization*), Section 4.1. With r = log pi(y|x) - log ref(y|x) and a reference point z_0,

    L(theta) = E[ lambda_y - v(x, y) ]
    v(x, y) = lambda_D sigma(beta (r - z_0))  of a desirable answer,
              lambda_U sigma(beta (z_0 - r))  of an undesirable one

z_0 stands for KL(pi || ref) and passes no gradient. It is estimated in each step from answers that
belong to other prompts of the batch, max(0, mean of their r): biased, as the paper says, but cheap.

Departures from the paper
1. z_0 is the mean over the whole optimiser step, the same for every micro-batch; the paper's own
   code takes each micro-batch's.
2. Sampled answers are desirable where they score above the mean of their prompt's, undesirable
   below; equal ones say nothing and are dropped. The paper breaks preference pairs up.
3. The weights follow the paper's rule for unequal classes, lambda_D n_D / (lambda_U n_U) from 1 up
   to little more, at its lower end, the larger class weighing 1. ``balance=none`` keeps both at 1,
   the paper's default.
4. A mismatched answer is cut where it would make the longest row of the batch longer.
5. AdamW at rates of ours.

Checked against: hand-worked losses on a batch of unequal classes, the closed-form gradient
lambda beta sigma' in float64, a batch of one label, an odd batch; TRL's KTOTrainer and Liger's
KTO loss, value and gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Order, Tokens, own_batches, pack
from methods.engine.distributed import total
from methods.engine.errors import MethodError
from methods.engine.examples import row, split
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import option
from methods.engine.results import Estimate
from methods.engine.run import Run
from methods.engine.tasks.task import Task
from methods.preference.loop import (
    chosen_log_ratio,
    results,
    reward_and_kl,
    sampled_answers,
    won,
)
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions


class Config(PreferenceOptions):
    """Options of Kahneman-Tversky Optimization."""

    data: str | None = option(
        None,
        "instead of sampled answers: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt, "
        "completion, label (true or false)",
        source="ours",
    )
    beta: float = option(
        0.1,
        "how sharply value saturates, away from the reference",
        source="paper, its experiments",
        gt=0,
        le=10,
    )
    balance: Literal["rule", "none"] = option(
        "rule",
        "weights of the classes: rule makes lambda_D n_D = lambda_U n_U, none keeps both at 1",
        source="paper, its rule for unequal classes",
    )
    loss_aversion: float = option(
        1.0,
        "lambda_U over lambda_D, beyond what the balance gives",
        source="ours",
        gt=0,
        le=10,
    )
    batch_size: int = option(
        64, "answers of one optimiser step", source="ours", unit="answers", ge=2
    )


# Two answers where the methods of pairs take a pair.
PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {**TINY, "batch_size": 64},
    "smollm2-135m": {**SMOLLM2, "batch_size": 32},
}
Labelled = tuple[Tokens, bool]


def reference_point(log_ratios: Tensor) -> Tensor:
    """z_0 in nats, a scalar that passes no gradient: the mean of (M,) log-ratios, not below 0.

    ``log_ratios`` are of answers to other prompts; of none of them it is 0.
    """
    if not len(log_ratios):
        return log_ratios.new_zeros(())
    return log_ratios.detach().mean().clamp(min=0)


def kto_loss(
    log_ratio: Tensor, desirable: Tensor, z0: Tensor, beta: float, weights: tuple[float, float]
) -> Tensor:
    """lambda_y - v of each answer, (B,). ``log_ratio`` (B,) in nats, ``desirable`` (B,) bool.

    ``weights``: lambda_D and lambda_U. A batch may hold one of the labels alone.
    """
    gain = torch.where(desirable, log_ratio - z0, z0 - log_ratio)
    weight = torch.where(desirable, *map(log_ratio.new_tensor, weights))
    # 1 - sigma(x) as sigma(-x): no digits are lost where an answer is right beyond doubt.
    return weight * torch.sigmoid(-beta * gain)


def class_weights(
    desirable: int, undesirable: int, balance: str, loss_aversion: float
) -> tuple[float, float]:
    """(lambda_D, lambda_U) for a training set of so many answers of either label.

    >>> class_weights(300, 100, "rule", 1.0)
    (1.0, 3.0)
    """
    if balance == "none" or not desirable or not undesirable:
        return 1.0, loss_aversion
    larger = max(desirable, undesirable)
    return larger / desirable, loss_aversion * larger / undesirable


def mismatched(rows: Sequence[Tokens]) -> list[Tokens]:
    """Each row's prompt with the next row's answer, the next one that has another prompt.

    Rows whose prompt nobody else differs from are left out. No row is longer than the longest.
    """
    room = max(len(r.ids) for r in rows)
    found = []
    for i, own in enumerate(rows):
        prompt = own.ids[: own.prompt_length]
        others = (rows[(i + k) % len(rows)] for k in range(1, len(rows)))
        other = next((o for o in others if o.ids[: o.prompt_length] != prompt), None)
        if other is not None:
            found.append(Tokens((*prompt, *other.completion)[:room], len(prompt)))
    return found


def run(run: Run, config: Config) -> None:
    """Train on labelled answers; held-out reward at a measured KL, or held-out labels told."""
    task = None if config.data else run.task(config.task)
    policy = run.policy(config, task)
    reference = policy.frozen_copy()
    train, judged = _labelled(run, config, policy, task)
    good = [answer for answer, label in (judged or train) if label][:256]
    train = _controlled(run, config, train)
    counts = [sum(label == kind for _, label in train) for kind in (True, False)]
    weights = class_weights(*counts, config.balance, config.loss_aversion)
    ref = measure.row_logprobs(reference, [answer for answer, _ in train])
    optimiser, order = Optimiser(policy, config), Order(len(train), run.seed)

    def evaluate(stage: str) -> dict[str, Any]:
        if task is None:
            return _labels_told(policy, reference, judged, config.beta, weights)
        found = reward_and_kl(run, config, policy, reference, task, stage)
        pairs = [(answer, answer) for answer in good]
        return found | {"chosen_log_ratio": chosen_log_ratio(policy, reference, pairs)}

    before = run.once("before", lambda: evaluate("before"))
    for step in run.steps(policy, optimiser, config):
        taken = order.batch(step, config.batch_size)
        rows = [train[i][0] for i in taken]
        labels = [train[i][1] for i in taken]
        z0 = reference_point(_log_ratios(policy, reference, mismatched(rows)))
        known = [ref[i] for i in taken]
        metrics = _backward(config, policy, optimiser, rows, labels, known, z0, weights)
        tokens = sum(len(r.ids) for r in rows)
        run.log(step, tokens, **metrics, z0=z0.item(), **optimiser.step(step))
    run.finish(results(before, evaluate("after")), policy if config.save_model else None)


def _backward(
    config: Config,
    policy: LanguageModel,
    optimiser: Optimiser,
    rows: Sequence[Tokens],
    labels: Sequence[bool],
    ref: Sequence[Tensor],
    z0: Tensor,
    weights: tuple[float, float],
) -> dict[str, float]:
    """The gradient of one step; its loss, and the share of answers on their label's side."""
    metrics = {"loss": 0.0, "accuracy": 0.0}
    for group in own_batches(rows, config.micro_batch_tokens):
        batch = pack(rows, group, policy.device)
        at_start = torch.tensor([float(ref[i].sum()) for i in group], device=policy.device)
        log_ratio = completion_logprobs(policy, batch).sum(-1) - at_start
        desirable = torch.tensor([labels[i] for i in group], device=policy.device)
        level = z0.to(log_ratio)
        loss = kto_loss(log_ratio, desirable, level, config.beta, weights).sum() / len(rows)
        optimiser.backward(loss)
        metrics["loss"] += loss.item()
        gain = torch.where(desirable, log_ratio - level, level - log_ratio).detach()
        metrics["accuracy"] += won(gain) / len(rows)
    return total(metrics)


def _labelled(
    run: Run, config: Config, policy: LanguageModel, task: Task | None
) -> tuple[list[Labelled], list[Labelled]]:
    """(training answers, held-out answers) with their labels; of a task none are held out."""
    if task is not None:
        return _sampled(run, config, policy, task), []
    from methods.engine.data import fingerprint, load_labelled

    data = str(config.data)
    rows = load_labelled(data, policy.tokenizer, skip_bad_rows=config.skip_bad_rows)
    train, held = split(rows, data)
    run.data(data, fingerprint(rows), len(train), len(held), rows.skipped, rows.reasons)
    both = [
        [(row(policy, r.prompt, r.completion), r.label) for r in part] for part in (train, held)
    ]
    return both[0], both[1]


def _sampled(run: Run, config: Config, policy: LanguageModel, task: Task) -> list[Labelled]:
    """The start's own answers, labelled by the mean of their prompt; a resume reads them back."""

    def draw() -> list[list[Any]]:
        scores, drawn = sampled_answers(run, config, policy, task)
        above = (scores - scores.mean(1, keepdim=True)).flatten().tolist()
        return [
            [list(s.tokens.ids), s.tokens.prompt_length, gap > 0]
            for s, gap in zip(drawn, above, strict=True)
            if abs(gap) > 1e-9  # equal scores can miss their own mean by a rounding
        ]

    kept = run.once("labelled", draw)
    if not kept:
        raise MethodError(f"no two answers to a prompt of {task.name} differ in reward: no labels")
    return [(Tokens(tuple(ids), length), label) for ids, length, label in kept]


def _controlled(run: Run, config: Config, train: list[Labelled]) -> list[Labelled]:
    """The labels as they are, all swapped or thrown anew; then some swapped, as noise."""
    coins = run.generator("preference")
    thrown = torch.randint(2, (len(train),), generator=coins, device=coins.device).tolist()
    noise = run.generator("flips")
    drawn = torch.rand(len(train), generator=noise, device=noise.device).tolist()
    found = []
    for (answer, label), coin, u in zip(train, thrown, drawn, strict=True):
        told = {"reward": label, "flipped": not label, "random": bool(coin)}[config.preference]
        found.append((answer, told != (u < config.flip_share)))
    return found


def _log_ratios(policy: LanguageModel, reference: LanguageModel, rows: Sequence[Tokens]) -> Tensor:
    """log pi - log ref of whole answers, (M,) float64 on the CPU."""
    ours, theirs = (measure.row_logprobs(model, rows) for model in (policy, reference))
    gaps = [float((a.double() - b.double()).sum()) for a, b in zip(ours, theirs, strict=True)]
    return torch.tensor(gaps, dtype=torch.float64)


def _labels_told(
    policy: LanguageModel,
    reference: LanguageModel,
    judged: Sequence[Labelled],
    beta: float,
    weights: tuple[float, float],
) -> dict[str, Any]:
    """How many held-out labels the log-ratio tells, against z_0 of the same answers."""
    rows = [answer for answer, _ in judged]
    log_ratio = _log_ratios(policy, reference, rows)
    desirable = torch.tensor([label for _, label in judged])
    z0 = reference_point(_log_ratios(policy, reference, mismatched(rows)))
    gain = torch.where(desirable, log_ratio - z0, z0 - log_ratio)
    loss = kto_loss(log_ratio, desirable, z0, beta, weights)
    told: dict[tuple[int, ...], list[tuple[float, float]]] = {}
    for answer, value, cost in zip(rows, gain, loss.tolist(), strict=True):
        # Prompts are the independent units: answers to one prompt are averaged first.
        prompt = answer.ids[: answer.prompt_length]
        told.setdefault(prompt, []).append((won(value), cost))
    means = [
        [sum(part) / len(values) for part in zip(*values, strict=True)] for values in told.values()
    ]
    return {
        "label_accuracy": Estimate.of_fractions([m[0] for m in means]).to_json(),
        "label_loss": Estimate.of_values([m[1] for m in means]).to_json(),
    }
