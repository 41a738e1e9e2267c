"""One claim for each method of preference learning, put to the test on small models.

The setting is that of ``preference_frontier`` unless an arm says otherwise: the same start, the
same prompts, the same steps, so that one run can serve several experiments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    LearningCurve,
    PlaneCurve,
    Quantity,
    Relation,
    Scale,
)

_SENTIMENT = (
    "The tiny decoder, trained from scratch on review sentences, continues the first four words of "
    "a sentence; four continuations of each of 400 prompts are ranked by VADER's score. 80 steps "
    "of 32 pairs (64 answers where there are no pairs). The policy is sampled at temperature 1 on "
    "held-out prefixes; KL is the mean over its own samples of the log-ratio to the start."
)
_ONE_START = (
    "All seeds share one start and one held-out set; a seed sets the sampling and the order of "
    "pairs, and the intervals say nothing of other starts."
)
_DPO = Arm("dpo", "DPO", "dpo", options={"beta": 0.1})


def _than(
    text: str,
    left: str,
    right: str,
    measure: str,
    relation: Relation = "above",
    margin: float = 0.0,
) -> Comparison:
    """The two arms' ``measure`` after their runs; of one arm named twice, after against before."""
    moment: Any = "before" if left == right else "after"
    return Comparison(
        text, Quantity(left, measure), Quantity(right, measure, moment), relation, margin
    )


def _plane(*arms: str) -> PlaneCurve:
    return PlaneCurve(
        "reward-at-kl", "Gold reward against KL to the start", "kl",
        "KL to the start (nats per answer)", "reward", "gold reward", arms,
    )  # fmt: skip


def _tiny(protocol: str) -> tuple[Scale, ...]:
    return (Scale("tiny", "tiny", seeds=3, protocol=protocol),)


# Few pairs, gone over again and again: each has one winner, so preferences are certain.
_FEW: Mapping[str, Any] = {"prompts": 20, "batch_size": 16, "steps": 200}

IPO_OVERFITTING = Experiment(
    slug="ipo-overfitting",
    method="ipo",
    paper="2310.12036",
    claim="c1",
    question=(
        "Where preferences are few and certain and trained on for long, does DPO's policy leave "
        "the reference whatever beta is, while IPO's stays where tau puts it?"
    ),
    measures=("kl", "reward"),
    arms=(
        Arm("ipo", "IPO, tau 1", "ipo", options={**_FEW, "tau": 1.0}),
        Arm("ipo-0-1", "IPO, tau 0.1", "ipo", options={**_FEW, "tau": 0.1}),
        Arm("dpo", "DPO, beta 1", "dpo", options={**_FEW, "beta": 1.0}),
        Arm("dpo-0-1", "DPO, beta 0.1", "dpo", options={**_FEW, "beta": 0.1}),
    ),
    comparisons=(
        _than("KL after IPO (tau 1) is below that after DPO (beta 1)", "ipo", "dpo", "kl", "below"),
        _than("KL after IPO (tau 1) is below that of tau 0.1", "ipo", "ipo-0-1", "kl", "below"),
        _than(
            "KL after IPO (tau 0.1) is below that after DPO (beta 0.1)",
            "ipo-0-1", "dpo-0-1", "kl", "below",
        ),
    ),
    curves=(_plane("ipo", "ipo-0-1", "dpo", "dpo-0-1"),),
    scales=_tiny(
        "As dpo-sentiment, but with the pairs of 20 prompts alone, gone over for 200 steps of 16 "
        "pairs: more than twenty times each."
    ),
    notes=(_ONE_START,),
)  # fmt: skip

KTO_SINGLE_ANSWERS = Experiment(
    slug="kto-single-answers",
    method="kto",
    paper="2402.01306",
    claim="c1",
    question=(
        "From marks on single answers, does KTO reach the reward that DPO reaches from pairs of "
        "the same answers, and is it the marks that do it?"
    ),
    measures=("reward", "kl"),
    arms=(
        Arm("kto", "KTO on single answers, marked", "kto", options={"beta": 0.1}),
        Arm("flipped", "KTO, every mark flipped", "kto",
            options={"beta": 0.1, "preference": "flipped"}),
        _DPO,
    ),
    comparisons=(
        _than("Reward after KTO is above that of the start", "kto", "kto", "reward"),
        _than("Reward after KTO is above that on flipped marks", "kto", "flipped", "reward"),
        _than("Reward after KTO is that after DPO, within 0.1", "kto", "dpo", "reward",
              "within", 0.1),
    ),
    curves=(_plane("kto", "flipped", "dpo"),),
    scales=_tiny(_SENTIMENT),
    notes=(_ONE_START, "Marks say whether an answer scored above its prompt's mean."),
)  # fmt: skip

ORPO_AGAINST_SFT = Experiment(
    slug="orpo-against-sft",
    method="orpo",
    paper="2403.07691",
    claim="c1",
    question=(
        "Does the odds-ratio term raise the reward beyond that of supervised training on the same "
        "preferred answers, and is it the preference that does it?"
    ),
    measures=("reward", "kl"),
    arms=(
        Arm("orpo", "ORPO", "orpo"),
        Arm("preferred-sft", "supervised training on the preferred answers", "dpo",
            options={"objective": "preferred-sft", "steps": 80}),
        Arm("flipped", "ORPO, every preference flipped", "orpo",
            options={"preference": "flipped"}),
    ),
    comparisons=(
        _than("Reward after ORPO is above that of the start", "orpo", "orpo", "reward"),
        _than("Reward after ORPO is above that of supervised training", "orpo", "preferred-sft",
              "reward"),
        _than("Reward after ORPO is above that on flipped preferences", "orpo", "flipped",
              "reward"),
    ),
    curves=(_plane("orpo", "preferred-sft", "flipped"),),
    scales=_tiny(_SENTIMENT),
    notes=(_ONE_START, "The start was trained on the task's text; the paper's was not."),
)  # fmt: skip

SIMPO_LENGTH = Experiment(
    slug="simpo-length",
    method="simpo",
    paper="2405.14734",
    claim="c2",
    question=(
        "Is it the division by the length that keeps SimPO's answers from growing, against the "
        "same loss on summed log-probs?"
    ),
    measures=("answer_tokens", "reward", "kl"),
    arms=(
        Arm("simpo", "SimPO", "simpo"),
        Arm("sums", "the same loss on summed log-probs", "simpo", options={"tokens": "sum"}),
        _DPO,
    ),
    comparisons=(
        _than("Reward after SimPO is above that of the start", "simpo", "simpo", "reward"),
        _than("Answers after SimPO are as long as those of the start, within 5 tokens", "simpo",
              "simpo", "answer_tokens", "within", 5.0),
        _than("Answers after SimPO are shorter than after the loss on sums", "simpo", "sums",
              "answer_tokens", "below"),
    ),
    curves=(_plane("simpo", "sums", "dpo"),),
    scales=_tiny(_SENTIMENT),
    notes=(_ONE_START, "The control keeps beta and gamma; the paper's ablation tunes them anew."),
)  # fmt: skip

TDPO_KL = Experiment(
    slug="tdpo-kl",
    method="tdpo",
    paper="2404.11999",
    claim="c1",
    question="At DPO's reward, does TDPO stay nearer to the reference than DPO?",
    measures=("kl", "reward"),
    arms=(
        Arm("tdpo", "TDPO2, alpha 0.5", "tdpo", options={"beta": 0.1, "alpha": 0.5}),
        _DPO,
        Arm("tdpo1", "TDPO1", "tdpo", options={"beta": 0.1, "version": "tdpo1"}),
        Arm("flipped", "TDPO2, every preference flipped", "tdpo",
            options={"beta": 0.1, "alpha": 0.5, "preference": "flipped"}),
    ),
    comparisons=(
        _than("KL after TDPO is below that after DPO", "tdpo", "dpo", "kl", "below"),
        _than("Reward after TDPO is that after DPO, within 0.1", "tdpo", "dpo", "reward",
              "within", 0.1),
        _than("Reward after TDPO is above that on flipped preferences", "tdpo", "flipped",
              "reward"),
    ),
    curves=(_plane("tdpo", "tdpo1", "dpo", "flipped"),),
    scales=_tiny(_SENTIMENT),
    notes=(_ONE_START,),
)  # fmt: skip

# Right and wrong sums, written out step by step, part in a few characters.
_SUMS: Mapping[str, Any] = {"task": "running-sum", "prompts": 800}

DPOP_LIKELIHOOD = Experiment(
    slug="dpop-likelihood",
    method="dpop",
    paper="2402.13228",
    claim="c1",
    question=(
        "On pairs that differ in few tokens, does DPO make the preferred answers less likely than "
        "they were, and does the penalty of DPO-Positive prevent it?"
    ),
    measures=("chosen_log_ratio", "reward", "kl"),
    arms=(
        Arm("dpop", "DPO-Positive", "dpop", options=_SUMS),
        Arm("dpo", "DPO", "dpo", options=_SUMS),
        Arm("flipped", "DPO-Positive, every preference flipped", "dpop",
            options={**_SUMS, "preference": "flipped"}),
    ),
    comparisons=(
        _than("After DPO the preferred answers are less likely than at the start", "dpo", "dpo",
              "chosen_log_ratio", "below"),
        _than("After DPO-Positive they are likelier than after DPO", "dpop", "dpo",
              "chosen_log_ratio"),
        _than("The sampled answers of DPO-Positive are right more often than on flipped "
              "preferences", "dpop", "flipped", "reward"),
    ),
    curves=(
        LearningCurve("training-margin", "Implicit reward margin on the training pairs", "margin",
                      "margin (nats)", ("dpop", "dpo", "flipped")),
    ),
    scales=_tiny(
        "The tiny decoder, trained from scratch on labels of running-sum, adds five numbers one "
        "at a time; four sampled answers to each of 800 prompts make the pairs, right result "
        "against wrong. 80 steps of 32 pairs. The log-ratio is that of preferred answers it was "
        "trained on."
    ),
    notes=(_ONE_START,),
)  # fmt: skip

STEP_DPO_ACCURACY = Experiment(
    slug="step-dpo-accuracy",
    method="step-dpo",
    paper="2406.18629",
    claim="c1",
    question=(
        "Do single steps behind a right beginning raise accuracy more than DPO on whole answers, "
        "from as many samples of the same start?"
    ),
    measures=("held_out_accuracy", "reward", "kl"),
    arms=(
        Arm("step-dpo", "Step-DPO", "step-dpo"),
        Arm("answers", "DPO on whole answers", "step-dpo", options={"unit": "answer"}),
        Arm("flipped", "Step-DPO, every preference flipped", "step-dpo",
            options={"preference": "flipped"}),
    ),
    comparisons=(
        _than("Accuracy after Step-DPO is above that of the start", "step-dpo", "step-dpo",
              "held_out_accuracy"),
        _than("Accuracy after Step-DPO is above that after DPO on whole answers", "step-dpo",
              "answers", "held_out_accuracy"),
        _than("Accuracy after Step-DPO is above that on flipped preferences", "step-dpo",
              "flipped", "held_out_accuracy"),
    ),
    curves=(
        LearningCurve("training-accuracy", "Training pairs ranked right", "accuracy", "fraction",
                      ("step-dpo", "answers", "flipped")),
    ),
    scales=_tiny(
        "The tiny decoder, trained from scratch on labels of running-sum, adds five numbers one "
        "at a time. Two answers to each of 1,500 prompts are sampled step by step; where one goes "
        "wrong, eight tries to take a right step make the pair. 100 steps of 64 pairs. Greedy "
        "accuracy on held-out sums."
    ),
    notes=(
        _ONE_START,
        "Step-DPO also samples the tries at right steps, and has a judge of steps.",
        "Three settings were tried on one seed, Step-DPO alone: rate 1e-4 and beta 0.1 on 200 "
        "prompts for 20 steps of 32 pairs (accuracy fell), 2e-5 and 0.5 on 400 for 40 (nothing "
        "moved), and this one.",
    ),
)  # fmt: skip

# The chance of a flip is the epsilon that cDPO is told.
_NOISE: Mapping[str, Any] = {"beta": 0.1, "flip_share": 0.3}

CDPO_NOISE = Experiment(
    slug="cdpo-noise",
    method="cdpo",
    paper="2305.18290",
    claim="c4",
    question="Where three labels in ten are wrong, does label smoothing lose less than DPO?",
    measures=("reward", "kl"),
    arms=(
        Arm("cdpo", "cDPO, epsilon 0.3, three labels in ten flipped", "cdpo",
            options={**_NOISE, "label_smoothing": 0.3}),
        Arm("dpo-noise", "DPO, three labels in ten flipped", "dpo", options=_NOISE),
        _DPO,
    ),
    comparisons=(
        _than("Reward after cDPO is above that of the start", "cdpo", "cdpo", "reward"),
        _than("Reward after cDPO is above that of DPO on the same noise", "cdpo", "dpo-noise",
              "reward"),
    ),
    curves=(_plane("cdpo", "dpo-noise", "dpo"),),
    scales=_tiny(_SENTIMENT),
    notes=(_ONE_START,),
)  # fmt: skip

PREFERENCE_CLAIMS: tuple[Experiment, ...] = (
    IPO_OVERFITTING,
    KTO_SINGLE_ANSWERS,
    ORPO_AGAINST_SFT,
    SIMPO_LENGTH,
    TDPO_KL,
    DPOP_LIKELIHOOD,
    STEP_DPO_ACCURACY,
    CDPO_NOISE,
)
