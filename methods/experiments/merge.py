"""Does one model merged from two task vectors hold both tasks? After Section 4 of 2212.04089."""

from __future__ import annotations

from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity, Scale

_LOSS = "loss"
SHARED = (
    "The tiny decoder, trained from scratch on 400 labels, half of them sums and half of "
    "them products of three digits, is the start. One expert is "
    "fine-tuned from it on each task, on as many steps; all arms of a seed share the two, the "
    "seed sets the order of their rows. Every model answers the held-out problems of both tasks: "
    "loss and greedy accuracy are means over the tasks. "
)
_SHARED_SMOLLM2 = (
    "SmolLM2-135M-Instruct, sums and differences and greatest common divisors of one digit after "
    "three worked examples, 20 steps for each expert. One seed: the intervals are over held-out "
    "problems alone."
)
SCALES = (
    Scale("tiny", "tiny", seeds=3, protocol=SHARED.strip()),
    Scale("smollm2", "smollm2-135m", seeds=1, protocol=_SHARED_SMOLLM2),
)

MERGE = Experiment(
    slug="merge",
    method="task-arithmetic",
    paper="2212.04089",
    claim="c1",
    question=(
        "Does adding the task vectors of two experts to their start give one model that is good "
        "at both tasks, better than either expert alone, and how far behind training on both?"
    ),
    measures=(_LOSS, "accuracy", "model_1_loss", "model_2_loss", "own_loss", "own_accuracy"),
    arms=(
        Arm("merge", "both task vectors added, lambda 0.5", "task-arithmetic"),
        Arm("whole", "both added whole, lambda 1", "task-arithmetic", options={"scale": 1.0}),
        Arm(
            "shuffled",
            "task vectors with their entries permuted within each tensor",
            "task-arithmetic",
            options={"control": "shuffled"},
        ),
        Arm(
            "joint",
            "one model trained on both tasks, as many steps as both experts",
            "task-arithmetic",
            options={"control": "joint"},
        ),
    ),
    comparisons=(
        Comparison(
            "Loss over both tasks is below that of the start",
            Quantity("merge", _LOSS),
            Quantity("merge", _LOSS, "before"),
            "below",
        ),
        Comparison(
            "It is below that of the first expert alone",
            Quantity("merge", _LOSS),
            Quantity("merge", "model_1_loss"),
            "below",
        ),
        Comparison(
            "It is below that of the second expert alone",
            Quantity("merge", _LOSS),
            Quantity("merge", "model_2_loss"),
            "below",
        ),
        Comparison(
            "Accuracy over both tasks is that of the two experts, each on its own, within 0.1",
            Quantity("merge", "accuracy"),
            Quantity("merge", "own_accuracy"),
            "within",
            0.1,
        ),
        Comparison(
            "Loss is below that of shuffled task vectors",
            Quantity("merge", _LOSS),
            Quantity("shuffled", _LOSS),
            "below",
        ),
    ),
    scales=SCALES,
    notes=(
        "Joint training is shown beside it and is no part of the claim: it sees both tasks' data.",
        "The paper chooses lambda on held-out data; 0.5 was fixed beforehand, and 1 is shown "
        "beside it.",
        "A start of 400 labels is far from a pretrained one: fine-tuning moves it further, and "
        "experts forget the other task more, than in the paper.",
    ),
)
