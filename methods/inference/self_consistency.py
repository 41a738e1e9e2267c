"""Self-consistency: sample several lines of reasoning, answer with the result that most reach.

Paper: arXiv 2203.11171 (Wang et al., *Self-Consistency Improves Chain of Thought Reasoning in
Language Models*), Section 2: reasoning paths r_i with their results a_i are sampled, and the paths
are marginalised out by a majority vote over the results.

    a_hat = argmax_a  sum_{i=1..n} 1[a_i = a],    (r_i, a_i) ~ pi(. | x)

From N samples with counts c_a this file gives the vote's accuracy over *all* k-subsets, exactly:
where an answer is in a subset M times, no other more often and t others as often, it has 1/(t+1) of
the vote. That is the unbiased estimate of maj@k; the vote of the first k of N samples is one
subset of it. Beside it stand a vote on fresh samples, pass@k, which no vote can exceed, and the
paper's baseline, the greedy answer.

Departures from the paper
1. Sampling is from the plain softmax at temperature 1; the paper uses 0.5 or 0.7, cut off at the 40
   likeliest tokens with some of its models.
2. 16 samples where the paper takes 40; accuracy is given for every power of two below as well.
3. Ties, of which the paper says nothing: the answer sampled first wins where a vote is taken, and
   the expectation shares them evenly. Over the order of sampling that is the same.
4. The prompt holds no written rationales: a task's own steps, or whatever the model writes.
5. Intervals are percentile bootstraps over problems; the paper gives the spread of ten runs.

Checked against: brute force over all subsets in exact fractions, the plurality of two answers as a
hypergeometric sum, k = 1 as one sample, k = N as the vote itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import torch

from methods.engine import measure
from methods.engine.options import option
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.inference.best_of_n import pass_at_k
from methods.inference.loop import Asked, Pools, ask, draw_pools, price, result_of, show
from methods.inference.measures import bootstrap, curve, difficulty, over_tokens
from methods.inference.options import SampledOptions


class Config(SampledOptions):
    """Options of self-consistency."""

    task: str = option(
        "running-sum",
        "a built-in task that scores answers; one sample of tiny solves half of the default's",
        source="ours",
    )
    n: int = option(
        16, "answers sampled to each prompt, that vote", source="ours; the paper takes 40",
        unit="samples", ge=2, le=64,
    )  # fmt: skip
    temperature: float = option(
        1.0, "of sampling", source="ours; the paper: 0.5 or 0.7", gt=0, le=5
    )
    control: Literal["none", "random", "shuffled"] = option(
        "none",
        "random keeps a sample by a coin and counts nothing; shuffled lets the answers to other "
        "problems vote; neither may gain",
        source="ours",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"repeats": 2},
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3",
        "precision": "bfloat16",
        "prompts": 50,
        "repeats": 2,
    },
}


def vote(results: Sequence[str]) -> int:
    """Index of the first sample with the commonest result; of equally common ones the first."""
    counts = Counter(results)
    return max(range(len(results)), key=lambda i: (counts[results[i]], -i))


def majority_at_k(results: Sequence[str], gains: Sequence[float], k: int) -> float:
    """Mean gain of the vote of ``k`` samples, over all ``k``-subsets of those given.

    Answers that tie share the vote evenly; equal answers share their gain. Exact, whatever k.
    """
    total = len(results)
    if not 1 <= k <= total or len(gains) != total:
        raise ValueError(f"majority of {k} from {total} results and {len(gains)} gains")
    by_result: dict[str, list[float]] = {}
    for result, gain in zip(results, gains, strict=True):
        by_result.setdefault(result, []).append(gain)
    counts = {result: len(found) for result, found in by_result.items()}
    value = 0.0
    for result, found in by_result.items():
        if any(found):
            others = tuple(sorted(c for r, c in counts.items() if r != result))
            value += vote_share(counts[result], others, k) * math.fsum(found) / len(found)
    return value


@lru_cache(maxsize=65536)
def vote_share(count: int, others: tuple[int, ...], k: int) -> float:
    """The share of votes of ``k`` samples that an answer wins, over all ``k``-subsets.

    It was sampled ``count`` times, the other answers as often as ``others`` say.
    """
    won = Fraction(0)
    for most in range(1, min(count, k) + 1):
        for ties, ways in enumerate(_fillings(others, k - most, most)):
            won += Fraction(math.comb(count, most) * ways, ties + 1)
    return float(won / math.comb(count + sum(others), k))


def _fillings(others: tuple[int, ...], places: int, most: int) -> list[int]:
    """Ways to choose ``places`` samples of the others, none of whose answers comes more than
    ``most`` times, by how many answers come exactly that often."""
    ways = {(0, 0): 1}  # (samples chosen, answers with `most` of them) -> ways
    for count in others:
        grown: dict[tuple[int, int], int] = {}
        for (chosen, ties), so_far in ways.items():
            for taken in range(min(count, most, places - chosen) + 1):
                key = chosen + taken, ties + (taken == most)
                grown[key] = grown.get(key, 0) + so_far * math.comb(count, taken)
        ways = grown
    found = [0] * (len(others) + 1)
    for (chosen, ties), so_far in ways.items():
        if chosen == places:
            found[ties] += so_far
    return found


def run(run: Run, config: Config) -> None:
    """The vote on fresh samples beside its exact expectation, pass@n and the greedy answer."""
    asked = ask(run, config)
    pools = draw_pools(run, config, asked)
    texts = [s.text for s in pools.drawn]
    if config.control == "shuffled":
        pools, texts = _of_other_problems(run, asked, pools)
    wide = config.n * pools.pools
    results = [result_of(asked.task, text) for text in texts]
    result_rows = [results[i : i + wide] for i in range(0, len(results), wide)]
    coins = torch.rand(pools.gains.shape, generator=run.generator("coins")).tolist()

    def choose(problem: int, first: int, last: int) -> int:
        if config.control == "random":
            return int(coins[problem][first] * (last - first))
        return vote(result_rows[problem][first:last])

    draws = run.generator("bootstrap")
    one = [math.fsum(g[: config.n]) / config.n for g in pools.rows]
    found: dict[str, list[Estimate]] = {key: [] for key in ("measured", "expected", "pass")}
    for k in pools.sizes:
        expected, passed = [], []
        for g, r in zip(pools.rows, result_rows, strict=True):
            counted = 1 if config.control == "random" else k
            expected.append(majority_at_k(r[: config.n], g[: config.n], counted))
            passed.append(pass_at_k(config.n, sum(v >= 1 for v in g[: config.n]), k))
        found["measured"].append(asked.resampled(pools.measured(choose, k), draws))
        found["expected"].append(asked.resampled(expected, draws))
        found["pass"].append(asked.resampled(passed, draws))
    greedy = measure.greedy_scores(
        asked.policy, asked.task, asked.problems, asked.longest, run.check
    )
    beside = {
        "greedy": asked.resampled(greedy, draws),
        # The vote of all meets the same problems as what it is held against: paired differences.
        "over_one": bootstrap([a - b for a, b in zip(expected, one, strict=True)], draws),
        "over_greedy": bootstrap([a - b for a, b in zip(expected, greedy, strict=True)], draws),
        "agreement": bootstrap(
            [max(Counter(r[: config.n]).values()) / config.n for r in result_rows],
            draws,
            shares=True,
        ),
    }
    show(run, asked, pools.drawn, wide)
    run.finish(_results(config, asked, pools, found, beside))


def _of_other_problems(run: Run, asked: Asked, pools: Pools) -> tuple[Pools, list[str]]:
    """The samples dealt out anew among all problems, and what they are worth where they lie."""
    generator = run.generator("shuffled")
    order = torch.randperm(len(pools.drawn), generator=generator, device=generator.device).tolist()
    texts = [pools.drawn[i].text for i in order]
    asked_of = [asked.problems[s.prompt_index] for s in pools.drawn]
    gains = [asked.task.score(p, text) for p, text in zip(asked_of, texts, strict=True)]
    table = torch.tensor(gains, dtype=torch.float64).view_as(pools.gains)
    return Pools(pools.n, pools.pools, pools.drawn, table), texts


def _results(
    config: Config, asked: Asked, pools: Pools, found: dict[str, list[Estimate]],
    beside: dict[str, Estimate],
) -> Results:  # fmt: skip
    unit, quantity, sizes = asked.unit, asked.quantity, pools.sizes
    measured, expected = found["measured"], found["expected"]
    measures = [
        Measure(f"{quantity}_at_n", f"Vote's {quantity}, n = 1 to {config.n}", unit, True,
                measured[0], measured[-1]),
        Measure(f"expected_{quantity}_at_n", "Its expectation over all subsets", unit, True,
                expected[0], expected[-1]),
        Measure(f"greedy_{quantity}", f"The greedy answer's {quantity}", unit, True, None,
                beside["greedy"]),
        Measure("over_one", f"Vote of {config.n} less one sample, the same problems", unit, True,
                None, beside["over_one"]),
        Measure("over_greedy", f"Vote of {config.n} less greedy, the same problems", unit, True,
                None, beside["over_greedy"]),
        Measure("agreement", f"Share of {config.n} votes for the commonest result", "fraction",
                True, None, beside["agreement"]),
    ]  # fmt: skip
    labels = [("vote, measured", measured), ("expected over subsets", expected)]
    notes = []
    if asked.task.kind == "verifiable":
        labels.append(("pass@n, unbiased", found["pass"]))
        measures.append(
            Measure("pass_at_n", f"Unbiased pass@n, n = 1 to {config.n}", unit, True,
                    found["pass"][0], found["pass"][-1])
        )  # fmt: skip
        notes.append(difficulty([math.fsum(g) / len(g) for g in pools.rows]))
    measures += price(config.n * pools.tokens, 0.0, len(asked.problems))
    against_n = curve(
        "self-consistency", "The vote against what it can reach", "n, answers sampled",
        f"held-out {quantity}", [float(n) for n in sizes], labels, log=True,
    )  # fmt: skip
    spent = [n * pools.tokens for n in sizes]
    kind = "" if config.control == "none" else f" ({config.control})"
    by_tokens = over_tokens(f"self-consistency{kind}", quantity, spent, expected)
    return Results(tuple(measures), (against_n, by_tokens), tuple(notes))
