"""Best-of-n: sample n answers, keep the one a scorer ranks first.

Paper: arXiv 2110.14168 (Cobbe et al., *Training Verifiers to Solve Math Word Problems*), Section
4.2: many solutions are sampled at a temperature, a verifier ranks them, the first is the answer.

    y_hat = argmax_{y in {y_1..y_n} ~ pi(.|x)} r(x, y)

What it can reach is known: with an exact verifier it solves a problem whenever any sample does, so
its accuracy is pass@n, whose unbiased estimate from N samples with c right ones is (arXiv
2107.03374, Eq. 1)   pass@n = 1 - C(N-c, n) / C(N, n),   and for any scorer the expectation over all
n-subsets of the N samples follows from the scores' ranks. This file measures best-of-n on fresh
samples and puts both curves beside it. Its KL to the sampled policy is at most log n - (n-1)/n
(arXiv 2401.01879 shows that this is a bound and no equality).

Departures from the paper
1. The scorer is the task's exact verifier (or its score), the mean log-prob of the answer's tokens
   as they were sampled, or a coin, which must gain nothing; a trained verifier, the paper's own,
   is the option ``reward_model``. The paper ranks 100 samples where our default is 16.
2. Temperature 1, so that pass@n describes the policy; the paper samples at 0.7.
3. Ties go to the first sampled, and the expected curve shares them evenly: the same on average.
   The paper does not say.

Checked against: brute force over all subsets in exact fractions, order statistics of the uniform
distribution, and the identity of best-of-n with an exact verifier and pass@n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import model_validator

from methods.engine import measure
from methods.engine.examples import answered_prompts
from methods.engine.options import ModelOptions, option
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.sample import Sample
from methods.engine.scalar import load_reward_model, text_rewards


class Config(ModelOptions):
    """Options of best-of-n sampling."""

    task: str = option(
        "chain-sum:digits=2,held_out=1000", "a built-in task that scores answers", source="ours"
    )
    data: str | None = option(
        None,
        "instead of a task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt and "
        "answer, matched exactly",
        source="ours",
    )
    n: int = option(
        16, "answers sampled to each prompt, of which one is kept", source="ours", unit="samples",
        ge=2, le=1024,
    )  # fmt: skip
    scorer: Literal["task", "likelihood", "random"] = option(
        "task",
        "who ranks: the task's verifier or score, the mean log-prob it was sampled with, or a coin",
        source="ours; the paper trains a verifier",
    )
    reward_model: str | None = option(
        None,
        "who ranks instead of scorer: the run folder of bt-rm, orm or prm, or any model for "
        "sequence classification with one label; the task's score is reported all the same",
        source="ours",
        min_length=1,
    )
    repeats: int = option(
        4, "times best-of-n is tried on each prompt, on samples of its own", source="ours", ge=1
    )
    prompts: int = option(
        200,
        "held-out prompts, at most as many as the task has",
        source="ours",
        unit="prompts",
        ge=2,
    )
    temperature: float = option(1.0, "of sampling", source="ours", gt=0, le=5)
    max_new_tokens: int | None = option(
        None, "longest answer; none takes the task's", source="ours", unit="tokens", ge=1
    )

    @model_validator(mode="after")
    def _one_of_them_ranks(self) -> Config:
        if self.reward_model is not None and self.scorer != "task":
            raise ValueError(f"scorer={self.scorer} and reward_model cannot both rank; give one")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {},
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3",
        "precision": "bfloat16",
        "prompts": 50,
        "repeats": 2,
    },
}


def best_of(scores: Sequence[float]) -> int:
    """Index of the highest score; of equal ones, the first."""
    return max(range(len(scores)), key=lambda i: (scores[i], -i))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of the chance that one of ``k`` samples is right.

    ``c`` of ``n`` samples were right. 2107.03374, Eq. 1, as a product that neither overflows nor
    cancels.
    """
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} from {c} right of {n}: needs 0 <= c <= n and 1 <= k <= n")
    return 1.0 - math.prod((n - c - i) / (n - i) for i in range(k))


def expected_best_of(scores: Sequence[float], gains: Sequence[float], k: int) -> float:
    """Mean gain of the best-scored of ``k`` samples, over all ``k``-subsets of those given.

    The sample of rank j from below (from 1) is the best of C(j-1, k-1) of the C(N, k) subsets.
    Equal scores share their ranks' weight evenly, as a fair choice among ties does.
    """
    total = len(scores)
    if not 1 <= k <= total or len(gains) != total:
        raise ValueError(f"best of {k} from {total} scores and {len(gains)} gains")
    order = sorted(range(total), key=lambda i: scores[i])
    subsets = math.comb(total, k)
    value, start = 0.0, 0
    while start < total:
        end = start
        while end < total and scores[order[end]] == scores[order[start]]:
            end += 1
        # Subsets whose best score is this one: those below `end` but not all below `start`.
        weight = (math.comb(end, k) - math.comb(start, k)) / subsets
        value += weight * math.fsum(gains[i] for i in order[start:end]) / (end - start)
        start = end
    return value


def kl_bound(n: int) -> float:
    """Upper bound of KL(best-of-n || policy) in nats: log n - (n-1)/n (2401.01879)."""
    return math.log(n) - (n - 1) / n


def run(run: Run, config: Config) -> None:
    """Best-of-n on fresh samples beside its expected curve and the unbiased pass@n."""
    task = None if config.data else run.task(config.task)
    policy = run.policy(config, task)
    task = task or answered_prompts(run, str(config.data), policy, config.skip_bad_rows)
    problems = task.held_out[: config.prompts]
    longest = config.max_new_tokens or task.max_new_tokens(policy.tokenizer)
    sizes = [2**i for i in range(config.n.bit_length()) if 2**i < config.n] + [config.n]
    # One pool for the expected curves, others of its size for the measured one: independent luck.
    pools = config.repeats + 1
    per_prompt = config.n * pools

    with run.stage("sampling", len(problems) * per_prompt) as bar:
        gains, drawn = measure.sampled_scores(
            policy, task, problems, per_prompt=per_prompt, max_new_tokens=longest,
            temperature=config.temperature, generator=run.generator("samples"),
            on_progress=lambda count: (run.check(), bar.advance(count)),
        )  # fmt: skip
    prompts = [problems[s.prompt_index].prompt for s in drawn]
    scores = _rank(config, run, gains, drawn, prompts)
    gain_rows, score_rows = gains.tolist(), scores.tolist()

    curves: dict[str, list[Estimate]] = {k: [] for k in ("measured", "expected", "pass", "ranked")}
    for n in sizes:
        measured, expected, passed, ranked = [], [], [], []
        for g, s in zip(gain_rows, score_rows, strict=True):
            first = [j * config.n for j in range(1, pools)]
            measured.append(math.fsum(g[f + best_of(s[f : f + n])] for f in first) / config.repeats)
            expected.append(expected_best_of(s[: config.n], g[: config.n], n))
            passed.append(pass_at_k(config.n, sum(v >= 1 for v in g[: config.n]), n))
            ranked.append(expected_best_of(s[: config.n], s[: config.n], n))
        estimate = Estimate.of_fractions if task.kind == "verifiable" else Estimate.of_values
        curves["measured"].append(estimate(measured))
        curves["expected"].append(estimate(expected))
        curves["pass"].append(estimate(passed))
        curves["ranked"].append(Estimate.of_values(ranked))

    rows = drawn[: 8 * per_prompt : per_prompt]
    run.samples("first", [(problems[s.prompt_index].prompt, s.text, None) for s in rows])
    run.finish(_results(config, task.kind, sizes, curves))


def _rank(
    config: Config, run: Run, gains: torch.Tensor, drawn: list[Sample], prompts: Sequence[str] = ()
) -> torch.Tensor:
    """What the scorer says of each sample, (problems, samples) float64; ``prompts``: its own."""
    if config.reward_model is not None:
        judge = load_reward_model(
            config.reward_model, cache_dir=run.cache_dir, device=run.device,
            precision=config.precision,
        )  # fmt: skip
        texts = list(zip(prompts, [s.text for s in drawn], strict=True))
        return torch.tensor(text_rewards(judge, texts), dtype=torch.float64).view_as(gains)
    if config.scorer == "task":
        return gains
    if config.scorer == "likelihood":
        values = [math.fsum(s.logprobs) / len(s.logprobs) for s in drawn]
        return torch.tensor(values, dtype=torch.float64).view_as(gains)
    generator = run.generator("coins")
    coins = torch.rand(gains.shape, generator=generator, device=generator.device)
    return coins.double().cpu()


def _results(
    config: Config, kind: str, sizes: list[int], found: dict[str, list[Estimate]]
) -> Results:
    unit = "fraction" if kind == "verifiable" else "score"
    quantity = "accuracy" if kind == "verifiable" else "score"
    measured, expected, middle = found["measured"], found["expected"], len(sizes) // 2
    ranker = "reward model" if config.reward_model else config.scorer
    labels = [
        (f"best-of-n, measured ({ranker})", measured),
        ("expected over subsets", expected),
    ]
    measures = [
        Measure(f"{quantity}_at_n", f"Best-of-n {quantity}, n = 1 to {config.n}", unit, True,
                measured[0], measured[-1]),
        Measure(f"expected_{quantity}_at_n", "Its expectation over all subsets", unit, True,
                expected[0], expected[-1]),
        Measure(f"middle_{quantity}", f"The same for n = 1 to {sizes[middle]} alone", unit, True,
                expected[0], expected[middle]),
        Measure("ranked_at_n", "What the one that ranks gives its choice, expected", "its score",
                True, found["ranked"][0], found["ranked"][-1]),
    ]  # fmt: skip
    if kind == "verifiable":
        labels.append(("pass@n, unbiased", found["pass"]))
        measures.append(
            Measure("pass_at_n", f"Unbiased pass@n, n = 1 to {config.n}", unit, True,
                    found["pass"][0], found["pass"][-1])
        )  # fmt: skip
    title = "Best-of-n against what it can reach"
    against_n = _curve("best-of-n", title, "n, answers sampled", f"held-out {quantity}",
                       [float(n) for n in sizes], labels, log=True)  # fmt: skip
    kl = [kl_bound(n) for n in sizes]
    by_kl = [
        _curve(name, title, "KL to the sampled policy, at most (nats)", y, kl, [(y, values)])
        for name, title, y, values in (
            ("gold-by-kl", "True score against KL", f"true {quantity}", expected),
            ("ranked-by-kl", "The ranking score against KL", "score it is ranked by",
             found["ranked"]),
        )
    ]  # fmt: skip
    note = f"KL to the sampled policy at n = {config.n}: at most {kl_bound(config.n):.2f} nats."
    # What a page shows of a run is its first curve.
    curves = (*by_kl, against_n) if config.reward_model else (against_n, *by_kl)
    return Results(tuple(measures), curves, (note,))


def _curve(
    name: str,
    title: str,
    x_label: str,
    y_label: str,
    x: list[float],
    labels: list[tuple[str, list[Estimate]]],
    log: bool = False,
) -> dict[str, Any]:
    return {
        "name": name, "title": title, "x_label": x_label, "y_label": y_label, "x_log": log,
        "series": [
            {
                "label": label,
                "x": x,
                "y": [e.mean for e in values],
                "low": [e.interval[0] for e in values],
                "high": [e.interval[1] for e in values],
            }
            for label, values in labels
        ],
    }  # fmt: skip
