"""Does choosing by a learned reward help at first and then harm? After 2210.10760, best-of-n."""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Quantity,
    ResultCurve,
    Scale,
)

_GOLD, _MIDDLE, _LEARNED = "expected_score_at_n", "middle_score", "ranked_at_n"
_CHOICE = {"task": "movie-reviews", "n": 64, "repeats": 1, "prompts": 100}

REWARD_OVEROPTIMISATION = Experiment(
    slug="reward-overoptimisation",
    method="best-of-n",
    paper="2210.10760",
    claim="c1",
    question=(
        "Where the best of n answers is chosen by a reward model that was trained on few "
        "preferences, does the gold reward rise and then fall with n, while the learned reward "
        "keeps rising?"
    ),
    measures=(_GOLD, _MIDDLE, _LEARNED),
    arms=(
        Arm(
            "by-proxy",
            "the best of 64 by a reward model of few preferences",
            "best-of-n",
            options=_CHOICE,
            uses={"reward_model": "proxy"},
        ),
        Arm(
            "by-gold", "the best of 64 by the gold reward", "best-of-n",
            options={**_CHOICE, "scorer": "task"},
        ),
        Arm(
            "by-coin", "one of 64 by a coin", "best-of-n",
            options={**_CHOICE, "scorer": "random"},
        ),
        Arm(
            "proxy", "reward model on the answers to 40 prompts", "bt-rm",
            options={"prompts": 40, "steps": 40, "save_model": True},
        ),
    ),
    comparisons=(
        Comparison(
            "The learned reward of the choice is higher at n = 64 than at n = 1",
            Quantity("by-proxy", _LEARNED),
            Quantity("by-proxy", _LEARNED, "before"),
            "above",
        ),
        Comparison(
            "The gold reward of the choice is higher at n = 8 than at n = 1",
            Quantity("by-proxy", _MIDDLE),
            Quantity("by-proxy", _MIDDLE, "before"),
            "above",
        ),
        Comparison(
            "The gold reward of the choice is lower at n = 64 than at n = 8",
            Quantity("by-proxy", _GOLD),
            Quantity("by-proxy", _MIDDLE),
            "below",
        ),
        Comparison(
            "Chosen by the gold reward itself it is higher at n = 64 than at n = 8",
            Quantity("by-gold", _GOLD),
            Quantity("by-gold", _MIDDLE),
            "above",
        ),
        Comparison(
            "A coin gains nothing at n = 64, within 0.05",
            Quantity("by-coin", _GOLD),
            Quantity("by-coin", _GOLD, "before"),
            "within",
            0.05,
        ),
    ),
    curves=(ResultCurve("gold-by-kl", "by-proxy"),),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder continues the first words of 40 reviews four times each; a "
                "reward model begins as that decoder and learns from the pairs that VADER's score "
                "orders. Then 64 continuations of each of 100 held-out prefixes are sampled at "
                "temperature 1, and for n = 1 to 64 the expected gold score of the one ranked "
                "first is computed over all subsets, ranked by the reward model, by VADER itself "
                "or by a coin. The KL to the policy is at most log n - (n-1)/n."
            ),
        ),
    ),
    notes=(
        "The paper's gold reward is a large reward model trained on human comparisons, and its "
        "proxies are smaller ones; here gold is a lexicon. Its Figure 1 goes to n = 60,000.",
        "All seeds share one start and one held-out set.",
    ),
)  # fmt: skip
