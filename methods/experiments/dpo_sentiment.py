"""Does DPO raise the gold reward, and at what KL? After Section 6 of 2305.18290."""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    LearningCurve,
    PlaneCurve,
    Quantity,
    Scale,
)

_REWARD = "reward"

DPO_SENTIMENT = Experiment(
    slug="dpo-sentiment",
    method="dpo",
    paper="2305.18290",
    claim="c1",
    question=(
        "Does DPO on preferences over its own continuations of movie reviews raise the gold "
        "sentiment reward of what it then writes, at a measured KL, and more than training on the "
        "preferred continuations does?"
    ),
    measures=(_REWARD, "kl"),
    arms=(
        Arm("dpo", "DPO", "dpo"),
        Arm("flipped", "DPO, every preference flipped", "dpo", options={"preference": "flipped"}),
        Arm(
            "preferred-sft",
            "supervised training on the preferred answers, same steps",
            "dpo",
            options={"objective": "preferred-sft"},
        ),
        Arm(
            "preferred-sft-long",
            "supervised training on the preferred answers, eight times the steps",
            "dpo",
            options={"objective": "preferred-sft"},
            tiny={"steps": 640},
            smollm2={"steps": 160},
        ),
    ),
    comparisons=(
        Comparison(
            "Reward after DPO is above that of the reference",
            Quantity("dpo", _REWARD),
            Quantity("dpo", _REWARD, "before"),
            "above",
        ),
        Comparison(
            "Reward after DPO is above that after DPO on flipped preferences",
            Quantity("dpo", _REWARD),
            Quantity("flipped", _REWARD),
            "above",
        ),
        Comparison(
            "Reward after DPO is above that of training on the preferred answers",
            Quantity("dpo", _REWARD),
            Quantity("preferred-sft", _REWARD),
            "above",
        ),
        Comparison(
            "Reward after DPO is above that of eight times as many steps on the preferred answers",
            Quantity("dpo", _REWARD),
            Quantity("preferred-sft-long", _REWARD),
            "above",
        ),
    ),
    curves=(
        PlaneCurve(
            "reward-at-kl",
            "Gold reward against KL to the reference, before and after",
            "kl",
            "KL to the reference (nats per answer)",
            _REWARD,
            "gold reward",
            ("dpo", "flipped", "preferred-sft", "preferred-sft-long"),
        ),
        LearningCurve(
            "training-margin",
            "Implicit reward margin on the training pairs",
            "margin",
            "margin (nats)",
            ("dpo", "flipped"),
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on review sentences, continues the first "
                "four words of a sentence; four continuations a prompt, ranked by the VADER score "
                "of the whole text, give the pairs. The trained policy is sampled at temperature 1 "
                "on held-out prefixes and scored again; KL is the mean over its own samples of the "
                "log-ratio to the reference. All arms see the same pairs, all but one for the same "
                "steps: supervised training moves less a step, and where it moves as far it can "
                "still be compared."
            ),
        ),
        Scale(
            "smollm2",
            "smollm2-135m",
            seeds=1,
            protocol=(
                "SmolLM2-135M-Instruct, the same task with 60 prompts for pairs, continuations of "
                "at most 16 tokens and 100 held-out prompts. One seed: the intervals are over "
                "held-out prompts alone."
            ),
        ),
    ),
    notes=(
        "All seeds share one start and one held-out set; a seed sets the sampling and the order of "
        "pairs, and the intervals say nothing of other starts.",
        "The paper's reward is a RoBERTa classifier and its model GPT-2-large fine-tuned on IMDb; "
        "here the reward is a lexicon, which a policy can please with single words.",
    ),
)
