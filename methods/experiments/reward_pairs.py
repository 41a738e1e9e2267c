"""Does a reward model tell which of two new answers is better? After 2203.02155."""

from __future__ import annotations

from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity, Scale

_RIGHT = "pair_accuracy"

REWARD_PAIRS = Experiment(
    slug="reward-pairs",
    method="bt-rm",
    paper="2203.02155",
    claim="c4",
    question=(
        "Does a reward model trained on preferences between a model's answers rank new pairs, of "
        "answers to prompts it never saw, and is it the preferences that teach it?"
    ),
    measures=(_RIGHT, "correlation"),
    arms=(
        Arm("bt-rm", "reward model", "bt-rm"),
        Arm("random", "a coin says which is preferred", "bt-rm", options={"preference": "random"}),
        Arm("flipped", "every preference flipped", "bt-rm", options={"preference": "flipped"}),
    ),
    comparisons=(
        Comparison(
            "New pairs are ranked right more often than by chance",
            Quantity("bt-rm", _RIGHT),
            Quantity("bt-rm", _RIGHT, "before"),
            "above",
        ),
        Comparison(
            "More often than by a model of coins",
            Quantity("bt-rm", _RIGHT),
            Quantity("random", _RIGHT),
            "above",
        ),
        Comparison(
            "A model of flipped preferences ranks them wrong",
            Quantity("flipped", _RIGHT),
            Quantity("bt-rm", _RIGHT, "before"),
            "below",
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on review sentences, writes four "
                "continuations to each of 500 prefixes; the VADER score of the whole says which of "
                "two is preferred. A reward model that begins as that decoder, with a head of "
                "zeros, learns from the pairs for 100 steps and ranks pairs of continuations of "
                "100 held-out prefixes."
            ),
        ),
    ),
    notes=(
        "The paper's held-out preferences are of other people; ours are the same lexicon's, on "
        "other prompts. So this shows that ranking generalises over prompts, not over people.",
        "One configuration was run; it is the method's preset.",
    ),
)
