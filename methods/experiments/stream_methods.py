"""What each way against forgetting keeps of a stream of three tasks, against its own control."""

from __future__ import annotations

from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity
from methods.experiments.stream import AP, FORGETS, MEASURES, NOTES, SCALES, SEQUENTIAL

_BWT, _LOSS = "bwt_accuracy", "ap_loss"


def _above(text: str, left: str, right: str, measure: str = AP) -> Comparison:
    relation = "below" if measure.endswith("loss") else "above"
    return Comparison(text, Quantity(left, measure), Quantity(right, measure), relation)


def _sequential(method: str, label: str) -> Arm:
    return Arm("sequential", label, method, options={"control": "sequential"})


STREAM_EWC = Experiment(
    slug="stream-ewc",
    method="ewc",
    paper="1612.00796",
    claim="c1",
    question=(
        "Does a penalty weighed by Fisher information keep earlier tasks, and is it the weighing "
        "that does, or the penalty?"
    ),
    measures=MEASURES,
    arms=(
        Arm("ewc", "empirical Fisher information", "ewc"),
        Arm("true", "Fisher information of drawn answers", "ewc", options={"fisher": "true"}),
        Arm("shuffled", "the same values, permuted", "ewc", options={"fisher": "shuffled"}),
        SEQUENTIAL,
    ),
    comparisons=(
        FORGETS,
        _above("Average accuracy in the end is higher than without it", "ewc", "sequential"),
        _above("Average loss in the end is lower than without it", "ewc", "sequential", _LOSS),
        _above("It forgets less than with permuted Fisher information", "ewc", "shuffled", _BWT),
    ),
    scales=SCALES,
    notes=(
        "Three strengths (100, 3,000, 30,000) were tried on one seed of a shorter stream; beyond "
        "the second nothing was gained. Permuted values pull other weights as strongly.",
        *NOTES,
    ),
)
STREAM_LWF = Experiment(
    slug="stream-lwf",
    method="lwf",
    paper="1606.09282",
    claim="c1",
    question=(
        "Does staying close to the old model on the new task's rows keep earlier tasks, whose "
        "prompts look different?"
    ),
    measures=MEASURES,
    arms=(Arm("lwf", "distils the model before each task", "lwf"), SEQUENTIAL),
    comparisons=(
        FORGETS,
        _above("Average accuracy in the end is higher than without it", "lwf", "sequential"),
        _above("Average loss in the end is lower than without it", "lwf", "sequential", _LOSS),
    ),
    scales=SCALES,
    notes=(
        "The paper's tasks are all photographs; here prompts of different tasks share digits and "
        "little else, so that the old model says little of an old task on a new one's rows.",
        "lambda_o = 1 and T = 2 are the paper's; on one seed of a shorter stream lambda_o = 5 kept "
        "more.",
        *NOTES,
    ),
)
STREAM_A_GEM = Experiment(
    slug="stream-a-gem",
    method="a-gem",
    paper="1812.00420",
    claim="c1",
    question="Do projected gradients keep earlier tasks, and how far behind replay are they?",
    measures=MEASURES,
    arms=(
        Arm("a-gem", "projected by a gradient on remembered rows", "a-gem"),
        SEQUENTIAL,
        Arm("replay", "trains on remembered rows, a quarter of a step", "replay"),
    ),
    comparisons=(
        FORGETS,
        _above("Average accuracy in the end is higher than without it", "a-gem", "sequential"),
        _above("Average loss in the end is lower than without it", "a-gem", "sequential", _LOSS),
    ),
    scales=SCALES,
    notes=(
        "Replay of the same memory is shown beside it and is no part of the claim.",
        "A step of A-GEM computes two gradients, one of sequential training one.",
        *NOTES,
    ),
)
STREAM_O_LORA = Experiment(
    slug="stream-o-lora",
    method="o-lora",
    paper="2310.14152",
    claim="c1",
    question=(
        "Do adapters in orthogonal subspaces forget less than one adapter for all tasks, and is it "
        "the orthogonality that does, or the frozen adapters?"
    ),
    measures=MEASURES,
    arms=(
        Arm("o-lora", "an adapter for each task, orthogonal", "o-lora"),
        Arm("unbound", "an adapter for each task, no penalty", "o-lora", options={"strength": 0.0}),
        _sequential("o-lora", "one adapter for all tasks in turn"),
    ),
    comparisons=(
        FORGETS,
        _above("Average accuracy in the end is above that of one adapter", "o-lora", "sequential"),
        _above("It forgets less than adapters that are not bound", "o-lora", "unbound", _BWT),
    ),
    scales=SCALES,
    notes=(
        "All adapters count for every text: frozen ones can still be drowned by later ones.",
        "One strength of the penalty and one rank were tried.",
        *NOTES,
    ),
)
STREAM_PROGRESSIVE_PROMPTS = Experiment(
    slug="stream-progressive-prompts",
    method="progressive-prompts",
    paper="2301.12314",
    claim="c1",
    question="Do prompts for each task keep what one prompt for all tasks in turn forgets?",
    measures=MEASURES,
    arms=(
        Arm("progressive", "a prompt for each task", "progressive-prompts"),
        _sequential("progressive-prompts", "one prompt for all tasks in turn"),
    ),
    comparisons=(
        Comparison(
            "Nothing is forgotten: each task ends as it was just after it, within 0.0001 nats",
            Quantity("progressive", _LOSS),
            Quantity("progressive", "learned_loss"),
            "within",
            margin=1e-4,
        ),
        _above(
            "Average loss in the end is below that of one prompt", "progressive", "sequential",
            _LOSS,
        ),
        Comparison(
            "One prompt for all forgets: more than prompts for each",
            Quantity("sequential", "bwt_loss"),
            Quantity("progressive", "bwt_loss"),
            "above",
        ),
    ),
    scales=SCALES,
    notes=(
        "That nothing is forgotten holds by construction; what it costs is that a frozen model of "
        "400 labels learns little from ten vectors.",
        "Losses are compared: few answers are right at all. One length of prompts was tried.",
        *NOTES,
    ),
)  # fmt: skip
STREAM_METHODS = (
    STREAM_EWC,
    STREAM_LWF,
    STREAM_A_GEM,
    STREAM_O_LORA,
    STREAM_PROGRESSIVE_PROMPTS,
)
