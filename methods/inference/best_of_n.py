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
4. Intervals are percentile bootstraps over problems, as of every method of this family.

Checked against: brute force over all subsets in exact fractions, order statistics of the uniform
distribution, and the identity of best-of-n with an exact verifier and pass@n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.inference.loop import Asked, Pools, Scored, ask, draw_pools, price, scored, show
from methods.inference.measures import curve, difficulty, over_tokens
from methods.inference.options import RankedOptions


class Config(RankedOptions):
    """Options of best-of-n sampling."""


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
    asked = ask(run, config)
    pools = draw_pools(run, config, asked)
    prompts = [asked.problems[s.prompt_index].prompt for s in pools.drawn]
    judged = scored(config, run, pools.gains, pools.drawn, prompts)
    gain_rows, score_rows = pools.rows, judged.rows

    def choose(problem: int, first: int, last: int) -> int:
        return best_of(score_rows[problem][first:last])

    draws = run.generator("bootstrap")
    found: dict[str, list[Estimate]] = {k: [] for k in ("measured", "expected", "pass", "ranked")}
    for n in pools.sizes:
        expected, passed, ranked = [], [], []
        for g, s in zip(gain_rows, score_rows, strict=True):
            expected.append(expected_best_of(s[: config.n], g[: config.n], n))
            passed.append(pass_at_k(config.n, sum(v >= 1 for v in g[: config.n]), n))
            ranked.append(expected_best_of(s[: config.n], s[: config.n], n))
        found["measured"].append(asked.resampled(pools.measured(choose, n), draws))
        found["expected"].append(asked.resampled(expected, draws))
        found["pass"].append(asked.resampled(passed, draws))
        found["ranked"].append(Estimate.of_values(ranked))
    show(run, asked, pools.drawn, config.n * pools.pools)
    run.finish(_results(config, asked, pools, judged, found))


def _results(
    config: Config, asked: Asked, pools: Pools, judged: Scored, found: dict[str, list[Estimate]]
) -> Results:
    unit, quantity, sizes = asked.unit, asked.quantity, pools.sizes
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
    if asked.task.kind == "verifiable":
        labels.append(("pass@n, unbiased", found["pass"]))
        measures.append(
            Measure("pass_at_n", f"Unbiased pass@n, n = 1 to {config.n}", unit, True,
                    found["pass"][0], found["pass"][-1])
        )  # fmt: skip
    measures += price(config.n * pools.tokens, config.n * judged.tokens, len(asked.problems))
    title = "Best-of-n against what it can reach"
    against_n = curve("best-of-n", title, "n, answers sampled", f"held-out {quantity}",
                      [float(n) for n in sizes], labels, log=True)  # fmt: skip
    kl = [kl_bound(n) for n in sizes]
    by_kl = [
        curve(name, title, "KL to the sampled policy, at most (nats)", y, kl, [(y, values)])
        for name, title, y, values in (
            ("gold-by-kl", "True score against KL", f"true {quantity}", expected),
            ("ranked-by-kl", "The ranking score against KL", "score it is ranked by",
             found["ranked"]),
        )
    ]  # fmt: skip
    spent = [n * (pools.tokens + judged.tokens) for n in sizes]
    by_tokens = over_tokens(f"best-of-n ({ranker})", quantity, spent, expected)
    notes = [f"KL to the sampled policy at n = {config.n}: at most {kl_bound(config.n):.2f} nats."]
    if asked.task.kind == "verifiable":
        notes.append(difficulty([math.fsum(g) / len(g) for g in pools.rows]))
    # What a page shows of a run is its first curve.
    curves = (*by_kl, against_n) if config.reward_model else (against_n, *by_kl)
    return Results(tuple(measures), (*curves, by_tokens), tuple(notes))
