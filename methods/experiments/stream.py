"""A stream of three tasks: what is left of the first when the last is learned, with and without
replay? After 2403.08763."""

from __future__ import annotations

from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity, Scale

AP, BWT, LEARNED = "ap_accuracy", "bwt_accuracy", "learned_accuracy"
MEASURES = (
    AP, BWT, LEARNED, "fwt_accuracy", "ap_loss", "bwt_loss", "learned_loss", "fwt_loss",
    "general_loss",
)  # fmt: skip
SEQUENTIAL = Arm(
    "sequential", "one task after another, nothing against forgetting", "replay",
    options={"control": "sequential"},
)  # fmt: skip
JOINT = Arm("joint", "all tasks at once, for as many steps", "replay", options={"control": "joint"})
FORGETS = Comparison(
    "Without help tasks are forgotten: in the end they stand lower than just after each",
    Quantity("sequential", AP),
    Quantity("sequential", LEARNED),
    "below",
)
SCALES = (
    Scale(
        "tiny",
        "tiny",
        seeds=3,
        protocol=(
            "The tiny decoder, trained from scratch on 400 labels of sums of two two-digit "
            "numbers, "
            "then on products of three digits, greatest common divisors of two two-digit numbers, "
            "and sums of three digits, 150 steps of 32 each, with a warm-up and a cosine to zero "
            "in each task and AdamW's moments forgotten between them. All tasks are measured at "
            "the start and after each on 200 held-out problems (182 of some); the seed sets order "
            "and memory, the start is one."
        ),
    ),
)
NOTES = (
    "General ability is the held-out loss on the start's own task. Every run also holds the "
    "survey's deltas after each task, GAD on that task and IFD on the form of its answers; the "
    "tiny model was never taught to refuse, so SD is not measured.",
    "Forward transfer is against the start, which is trained, and not against random weights.",
)

STREAM_REPLAY = Experiment(
    slug="stream-replay",
    method="replay",
    paper="2403.08763",
    claim="c1",
    question=(
        "Does a quarter of replayed rows keep what a stream of tasks taught, and what does it take "
        "from each new task?"
    ),
    measures=MEASURES,
    arms=(Arm("replay", "a quarter of the rows of earlier tasks", "replay"), SEQUENTIAL),
    comparisons=(
        FORGETS,
        Comparison(
            "Average accuracy in the end is higher with replay",
            Quantity("replay", AP),
            Quantity("sequential", AP),
            "above",
        ),
        Comparison(
            "Each task just after it was learned is as well known, within 0.05",
            Quantity("replay", LEARNED),
            Quantity("sequential", LEARNED),
            "within",
            margin=0.05,
        ),
    ),
    scales=SCALES,
    notes=(
        "A memory of 100 rows a task and one share were tried, and one order of the tasks.",
        *NOTES,
    ),
)
STREAM_REPLAY_JOINT = Experiment(
    slug="stream-replay-joint",
    method="replay",
    paper="2403.08763",
    claim="c2",
    question="Does going on with replay end where training on all tasks at once ends?",
    measures=MEASURES,
    arms=(STREAM_REPLAY.arms[0], JOINT, SEQUENTIAL),
    comparisons=(
        Comparison(
            "Average accuracy in the end is that of joint training, within 0.05",
            Quantity("replay", AP),
            Quantity("joint", AP),
            "within",
            margin=0.05,
        ),
        Comparison(
            "Sequential training ends below joint training",
            Quantity("sequential", AP),
            Quantity("joint", AP),
            "below",
        ),
    ),
    scales=SCALES,
    notes=(
        "The paper trains anew from random weights on all data; here the joint arm begins at the "
        "same start and takes as many steps.",
        *NOTES,
    ),
)
