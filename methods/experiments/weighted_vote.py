"""Does a vote weighted by a verifier beat the plain vote, and the verifier's own first choice?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Quantity,
    ResultCurve,
    Scale,
)

_VOTE = "accuracy_at_n"
_LEARNED = {"reward_model": "orm"}
_WEIGHT = {"weight": "score"}  # the verifier predicts 0 or 1 by squared error: no logit

WEIGHTED_VOTE = Experiment(
    slug="weighted-vote",
    method="weighted-best-of-n",
    paper="2206.02336",
    claim="c1",
    question=(
        "Is a vote in which each sampled answer weighs as much as a learned verifier trusts it "
        "right more often than a plain vote of the same answers?"
    ),
    measures=(
        _VOTE, "expected_accuracy_at_n", "majority_at_n", "best_of_n", "over_majority", "over_best",
        "pass_at_n", "tokens_written", "tokens_scored",
    ),
    arms=(
        Arm("weighted", "vote weighted by a learned verifier", "weighted-best-of-n",
            options=_WEIGHT, uses=_LEARNED),
        Arm("shuffled", "the same scores, exchanged among the samples", "weighted-best-of-n",
            options={**_WEIGHT, "control": "shuffled"}, uses=_LEARNED),
        Arm("noisy", "vote weighted by the task's verdict, half of the verdicts exchanged",
            "weighted-best-of-n"),
        Arm("orm", "the verifier, trained on outcomes", "orm",
            tiny={"prompts": 1500, "samples_per_prompt": 2}),
    ),
    comparisons=(
        Comparison(
            "In expectation over subsets the weighted vote of 16 is right more often than the plain"
            " vote of the same answers",
            Quantity("weighted", "expected_accuracy_at_n"),
            Quantity("weighted", "majority_at_n"),
            "above",
        ),
        Comparison(
            "It is right more often than the answer that the verifier ranks first",
            Quantity("weighted", "expected_accuracy_at_n"),
            Quantity("weighted", "best_of_n"),
            "above",
        ),
        Comparison(
            "It is right more often than with the scores exchanged among the samples",
            Quantity("weighted", "expected_accuracy_at_n"),
            Quantity("shuffled", "expected_accuracy_at_n"),
            "above",
        ),
        Comparison(
            "Measured on fresh samples it is its expectation, within 0.05",
            Quantity("weighted", _VOTE),
            Quantity("weighted", "expected_accuracy_at_n"),
            "within",
            0.05,
        ),
        Comparison(
            "With a scorer half of whose verdicts are dealt out anew it beats the plain vote",
            Quantity("noisy", "expected_accuracy_at_n"),
            Quantity("noisy", "majority_at_n"),
            "above",
        ),
    ),
    curves=(ResultCurve("weighted-vote", "weighted"), ResultCurve("noisy-verdicts", "noisy")),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on 400 worked sums of five one-digit "
                "numbers, answers 1,500 other problems twice; a verifier that begins as that "
                "decoder learns from the results which answers were right. It scores 16 sampled "
                "answers to each of 200 held-out problems, and twice 16 others for the vote that "
                "is measured; the plain vote, its own first choice and the weighted vote see the "
                "same answers. `before` is one sample, `after` is 16."
            ),
        ),
    ),
    notes=(
        "The paper's verifier is a fine-tuned encoder that also judges steps; ours is one of "
        "outcomes alone, and the worked examples in the prompt are not varied.",
        "One run was seen before any evidence was taken, with a verifier of 120 steps: weighted "
        "vote 0.585, plain vote 0.579, the verifier's first choice 0.245, one sample 0.443. It "
        "ranks badly within a problem. Nothing was changed after it.",
        "The arm with known noise shows what the vote makes of a scorer that knows something: it "
        "is no evidence of a learned one.",
        "All seeds share one start and one held-out set; verifier and sampling are a seed's own.",
    ),
)  # fmt: skip
