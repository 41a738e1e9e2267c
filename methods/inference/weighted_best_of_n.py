"""Weighted best-of-n: a vote over results in which a sample weighs as much as a scorer trusts it.

Paper: arXiv 2206.02336 (Li et al., *Making Large Language Models Better Reasoners with Step-Aware
Verifier*), its voting verifier: with f(x, r_i, a_i) the verifier's probability that sample i is
right,

    a_hat = argmax_a  sum_{i=1..n} f(x, r_i, a_i) 1[a_i = a]

Equal weights are self-consistency, a scorer that trusts one sample more than all others together is
best-of-n, and this stands between: a wrong sample that fools the scorer must fool it several times.
From N samples the accuracy is given over all k-subsets, each looked at where there are at most
20,000 of them (all of 16), else over 2,000 drawn at random: unbiased either way. Beside it stand
the plain vote and best-of-n by the same scores on the same samples, and pass@k.

Departures from the paper
1. One prompt to a problem; the paper also varies the worked examples in it.
2. The scorer is by default no verifier that was trained, but the task's own verdict with half of
   the verdicts exchanged among the samples to a problem; a trained one is ``reward_model``.
3. The paper's verifier gives a probability. A reward model's score goes through a sigmoid, or with
   ``weight=score`` counts as it is and never less than nothing; a likelihood is the geometric mean
   probability of a token.
4. Ties, of which the paper says nothing: the answer sampled first wins where a vote is taken, and
   the expectation, over all orders of sampling, shares them by how many samples each answer has.
   Where no sample has weight all answers tie: one sample is kept.

Checked against: brute force over all subsets, self-consistency with equal weights, pass@k with an
exact verifier, best-of-n with weights of which each outweighs all lower ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import model_validator
from torch import Tensor

from methods.engine.options import option
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.inference.best_of_n import expected_best_of, pass_at_k
from methods.inference.loop import (
    Asked,
    Pools,
    Scored,
    ask,
    draw_pools,
    price,
    result_of,
    scored,
    show,
)
from methods.inference.measures import bootstrap, curve, difficulty, over_tokens
from methods.inference.options import RankedOptions
from methods.inference.self_consistency import majority_at_k


class Config(RankedOptions):
    """Options of the weighted vote."""

    task: str = option(
        "running-sum",
        "a built-in task that scores answers; one sample of tiny solves half of the default's",
        source="ours",
    )
    n: int = option(
        16, "answers sampled to each prompt, that vote", source="ours; the paper takes 100",
        unit="samples", ge=2, le=64,
    )  # fmt: skip
    weight: Literal["score", "sigmoid", "exp"] | None = option(
        None,
        "a sample's weight: its score and at least 0, the sigmoid or the exponential of it; none "
        "takes the sigmoid of a reward model's score, the exponential of a log-prob, else the "
        "score",
        source="ours; the paper's is a probability",
    )
    score_noise: float | None = option(
        None,
        "share of the task's verdicts that are exchanged among the samples to a prompt, since an "
        "exact verifier leaves nothing to vote on; none is 0.5; refused with another scorer; with "
        "control=equal it changes the best-of-n beside the vote alone",
        source="ours",
        ge=0,
        le=1,
    )
    control: Literal["none", "shuffled", "equal"] = option(
        "none",
        "shuffled exchanges all scores among the samples to a prompt and may not gain over the "
        "plain vote; equal gives each sample the weight 1 and is the plain vote",
        source="ours",
    )

    @model_validator(mode="after")
    def _only_verdicts_are_made_noisy(self) -> Config:
        if self.score_noise is not None and (self.reward_model or self.scorer != "task"):
            raise ValueError("score_noise is of the task's verdicts; leave it out beside a scorer")
        return self

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Config:
        if self.control != "none":
            idle = "weight" if self.control == "equal" else "score_noise"
            self.refuse_idle((idle,), f"control={self.control}", "take control=none")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"repeats": 2},
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3",
        "precision": "bfloat16",
        "prompts": 50,
        "repeats": 2,
    },
}

_ALL, _SOME = 20_000, 2_000  # subsets: looked at one by one up to so many, else so many drawn


def weighted_vote(results: Sequence[str], weights: Sequence[float]) -> int:
    """Index of the first sample whose result has the largest sum of weights, ties to the first."""
    totals: dict[str, float] = {}
    for result in dict.fromkeys(results):
        totals[result] = math.fsum(w for r, w in zip(results, weights, strict=True) if r == result)
    return max(range(len(results)), key=lambda i: (totals[results[i]], -i))


def subsets(total: int, k: int, generator: torch.Generator) -> Tensor:
    """(S, total) float64 of 0 and 1: all ``k``-subsets where there are few, else random ones."""
    if not 1 <= k <= total:
        raise ValueError(f"subsets of {k} from {total} samples")
    if math.comb(total, k) <= _ALL:
        chosen = torch.tensor(list(itertools.combinations(range(total), k)))
    else:
        keys = torch.rand(_SOME, total, generator=generator, device=generator.device)
        chosen = keys.argsort(-1)[:, :k].cpu()
    return torch.zeros(len(chosen), total, dtype=torch.float64).scatter_(1, chosen, 1.0)


def weighted_at_k(
    results: Sequence[str], gains: Sequence[float], weights: Sequence[float], chosen: Tensor
) -> float:
    """Mean gain of the weighted vote over the subsets ``chosen``, as ``subsets`` gives them.

    Answers that tie share the vote by their samples, any of which may have come first; so do the
    samples of an answer. Weights must not be negative; sums that differ by rounding alone tie.
    """
    if min(weights) < 0 or not len(results) == len(gains) == len(weights) == chosen.shape[1]:
        raise ValueError(f"{len(results)} results, {len(gains)} gains and weights {weights}")
    names = list(dict.fromkeys(results))
    where = torch.tensor([names.index(r) for r in results])
    says = torch.nn.functional.one_hot(where, len(names)).double()
    weight, gain = (torch.tensor(v, dtype=torch.float64)[:, None] for v in (weights, gains))
    count, total, gained = (chosen @ (says * column) for column in (1.0, weight, gain))
    total = total.masked_fill(count == 0, -math.inf)
    tied = total >= total.max(-1, keepdim=True).values - 1e-12 * (1e-300 + math.fsum(weights))
    return float(((gained * tied).sum(-1) / (count * tied).sum(-1)).mean())


def as_weights(scores: Tensor, kind: str) -> Tensor:
    """What a score weighs, elementwise and never below 0: see the option ``weight``."""
    if kind == "sigmoid":
        return scores.sigmoid()
    return scores.exp() if kind == "exp" else scores.clamp(min=0.0)


def exchanged(scores: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """``scores`` (problems, samples) with a ``share`` of each row's permuted within the row."""
    device = generator.device
    picked = torch.rand(scores.shape, generator=generator, device=device).cpu() < share
    keys = torch.rand(scores.shape, generator=generator, device=device).cpu()
    out = scores.clone()
    for row, here, key in zip(out, picked, keys, strict=True):
        places = here.nonzero()[:, 0]
        row[places] = row[places[key[places].argsort()]]
    return out


def run(run: Run, config: Config) -> None:
    """The weighted vote beside the plain one and best-of-n by the same scores, and pass@n."""
    asked = ask(run, config)
    pools = draw_pools(run, config, asked)
    prompts = [asked.problems[s.prompt_index].prompt for s in pools.drawn]
    judged = scored(config, run, pools.gains, pools.drawn, prompts)
    judged = Scored(_as_configured(run, config, judged.values), judged.tokens)
    default = "sigmoid" if config.reward_model else "exp" if config.scorer == "likelihood" else ""
    kind = config.weight or default or "score"
    equal = config.control == "equal"
    weights = torch.ones_like(pools.gains) if equal else as_weights(judged.values, kind)
    weight_rows, score_rows = weights.tolist(), judged.rows
    results = [result_of(asked.task, s.text) for s in pools.drawn]
    wide = config.n * pools.pools
    result_rows = [results[i : i + wide] for i in range(0, len(results), wide)]

    def choose(problem: int, first: int, last: int) -> int:
        return weighted_vote(result_rows[problem][first:last], weight_rows[problem][first:last])

    draws, picks = run.generator("bootstrap"), run.generator("subsets")
    names = ("measured", "expected", "majority", "best", "pass")
    values: dict[str, list[float]] = {}
    found: dict[str, list[Estimate]] = {name: [] for name in names}
    for k in pools.sizes:
        chosen = subsets(config.n, k, picks)
        values = {name: [] for name in names} | {"measured": pools.measured(choose, k)}
        rows = zip(pools.rows, result_rows, weight_rows, score_rows, strict=True)
        for g, r, w, s in ([line[: config.n] for line in row] for row in rows):
            values["expected"].append(weighted_at_k(r, g, w, chosen))
            values["majority"].append(majority_at_k(r, g, k))
            values["best"].append(expected_best_of(s, g, k))
            values["pass"].append(pass_at_k(config.n, sum(v >= 1 for v in g), k))
        for name in names:
            found[name].append(asked.resampled(values[name], draws))
    # The votes of all n meet the same samples: paired differences.
    beside = {
        name: bootstrap(
            [a - b for a, b in zip(values["expected"], values[name], strict=True)], draws
        )
        for name in ("majority", "best")
    }
    show(run, asked, pools.drawn, wide)
    run.finish(_results(config, asked, pools, judged, found, beside))


def _as_configured(run: Run, config: Config, scores: Tensor) -> Tensor:
    """The scores with the noise of the verdicts, or shuffled whole as a control."""
    if config.control == "shuffled":
        return exchanged(scores, 1.0, run.generator("exchanged"))
    if config.reward_model or config.scorer != "task":
        return scores
    noise = 0.5 if config.score_noise is None else config.score_noise
    return exchanged(scores, noise, run.generator("exchanged"))


def _results(
    config: Config, asked: Asked, pools: Pools, judged: Scored,
    found: dict[str, list[Estimate]], beside: dict[str, Estimate],
) -> Results:  # fmt: skip
    unit, quantity, sizes, n = asked.unit, asked.quantity, pools.sizes, config.n
    facts = [
        (f"{quantity}_at_n", f"Weighted vote's {quantity}, n = 1 to {n}", "measured"),
        (f"expected_{quantity}_at_n", "Its expectation over subsets", "expected"),
        ("majority_at_n", "The plain vote of the same samples", "majority"),
        ("best_of_n", "The best of the same samples by the same scores", "best"),
    ]
    labels = [
        ("weighted vote, measured", found["measured"]),
        ("weighted, over subsets", found["expected"]),
        ("plain vote", found["majority"]),
        ("best-of-n, same scores", found["best"]),
    ]
    notes = []
    if asked.task.kind == "verifiable":
        facts.append(("pass_at_n", f"Unbiased pass@n, n = 1 to {n}", "pass"))
        labels.append(("pass@n, unbiased", found["pass"]))
        notes.append(difficulty([math.fsum(g) / len(g) for g in pools.rows]))
    measures = [
        Measure(name, title, unit, True, found[key][0], found[key][-1])
        for name, title, key in facts
    ]
    measures += [
        Measure("over_majority", f"Weighted less plain vote of {n}", unit, True, None,
                beside["majority"]),
        Measure("over_best", f"Weighted vote less best of {n}, same scores", unit, True, None,
                beside["best"]),
        *price(n * pools.tokens, n * judged.tokens, len(asked.problems)),
    ]  # fmt: skip
    against_n = curve(
        "weighted-best-of-n", "The weighted vote beside its two ends", "n, answers sampled",
        f"held-out {quantity}", [float(k) for k in sizes], labels, log=True,
    )  # fmt: skip
    who = "reward model" if config.reward_model else config.scorer
    spent = [k * (pools.tokens + judged.tokens) for k in sizes]
    by_tokens = over_tokens(f"weighted best-of-n ({who})", quantity, spent, found["expected"])
    return Results(tuple(measures), (against_n, by_tokens), tuple(notes))
