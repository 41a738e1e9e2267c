"""What does learning a task cost of the one learned before: all parameters, LoRA, replay?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    PlaneCurve,
    Quantity,
    Scale,
)

_OLD, _NEW = "old_task_loss", "held_out_loss"
_TASKS = {
    "old_task": "chain-sum:digits=2,held_out=1000",
    "task": "chain-sum:digits=2,terms=3,held_out=1000",
}

FORGETTING = Experiment(
    slug="forgetting",
    method="sft",
    paper="2502.21321",
    claim="c1",
    question=(
        "Does supervised training on a new task raise the loss on the task learned before, and do "
        "an adapter beside frozen weights, or a quarter of replayed rows, keep it lower?"
    ),
    measures=(_OLD, _NEW, "old_task_accuracy", "held_out_accuracy"),
    arms=(
        Arm("full", "all parameters", "sft", options=_TASKS),
        Arm("lora", "LoRA of rank 8", "lora", options=_TASKS),
        Arm(
            "replay",
            "all parameters, a quarter of the rows from the labels learned before",
            "sft",
            options={**_TASKS, "replay": 0.25},
        ),
    ),
    comparisons=(
        Comparison(
            "The new task is learned: its held-out loss falls",
            Quantity("full", _NEW),
            Quantity("full", _NEW, "before"),
            "below",
        ),
        Comparison(
            "Held-out loss on the old task rises",
            Quantity("full", _OLD),
            Quantity("full", _OLD, "before"),
            "above",
        ),
        Comparison(
            "It ends lower beside frozen weights (LoRA)",
            Quantity("lora", _OLD),
            Quantity("full", _OLD),
            "below",
        ),
        Comparison(
            "It ends lower with replay",
            Quantity("replay", _OLD),
            Quantity("full", _OLD),
            "below",
        ),
    ),
    curves=(
        PlaneCurve(
            "old-against-new",
            "Loss on the old task against loss on the new one, before and after",
            _NEW,
            "held-out loss, new task (nats per token)",
            _OLD,
            "held-out loss, old task (nats per token)",
            ("full", "lora", "replay"),
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on 400 labels of sums of two two-digit "
                "numbers until its learning rate reached zero, then trained on 4,000 "
                "demonstrations of sums of three for 300 steps of 64. Held-out loss on both tasks "
                "is measured before and after. Replay takes 16 of the 64 rows from the 400 labels "
                "of the start; no other label of the old task is ever seen."
            ),
        ),
    ),
    notes=(
        "The survey states the problem and names the remedies; it gives no number to compare with.",
        "The two tasks are alike, so that some of what is learned carries over; replayed rows "
        "also go on training the old task.",
        "One configuration was tried, one share of replay, one pair of tasks.",
    ),
)
