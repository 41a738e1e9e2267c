"""Does imitating the best of several answers raise the reward, at what KL, and with how many?"""

from __future__ import annotations

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, PlaneCurve
from methods.experiments.rl_setting import than

_REWARD = "reward"
_RAFT = Arm("raft", "RAFT, best of 8", "raft")
_TWO = Arm("best-of-2", "RAFT, best of 2", "raft", options={"samples_per_prompt": 2})
_COIN = setting.coin("raft")


def _plane(*arms: str) -> tuple[PlaneCurve, ...]:
    return (
        PlaneCurve(
            "reward-at-kl", "Gold reward against KL to the start, before and after", "kl",
            "KL to the start (nats per answer)", _REWARD, "gold reward", arms,
        ),
    )  # fmt: skip


_START = (
    "The tiny decoder, trained from scratch on review sentences, continues the first four words of "
    "a sentence. In each of four rounds it writes 8 continuations of each of 100 prompts, the one "
    "that the VADER score ranks first is kept, and the model is trained on those for 10 steps of "
    "64. It is sampled at temperature 1 on held-out prefixes; KL is the mean over its own samples "
    "of the log-ratio to the start."
)
_LEXICON = (
    "The reward is a lexicon's score, the paper's a trained reward model; RAFT beside PPO, over "
    "several strengths of each, is in preference-frontier."
)

RAFT_REWARD = Experiment(
    slug="raft-reward",
    method="raft",
    paper="2304.06767",
    claim="c1",
    question=(
        "Does training on the best of several answers raise the reward over a supervised start, "
        "and is it the ranking that does it?"
    ),
    measures=(_REWARD, "kl", "entropy"),
    arms=(_RAFT, _COIN),
    comparisons=(
        than("Reward after RAFT is above that of the start", "raft", "raft", _REWARD),
        than("Reward after RAFT is above that with a coin as ranking", "raft", "coin", _REWARD),
    ),
    curves=_plane("raft", "coin"),
    scales=setting.tiny(_START),
    notes=(
        _LEXICON,
        "That RAFT comes up to PPO with lower perplexity, the claim's other half, is not weighed.",
        setting.ONE_START,
    ),
)

RAFT_SAMPLES = Experiment(
    slug="raft-samples",
    method="raft",
    paper="2304.06767",
    claim="c2",
    question="Do more answers to choose from give a higher reward?",
    measures=(_REWARD, "kl", "entropy"),
    arms=(_RAFT, _TWO),
    comparisons=(
        than("Reward with the best of 8 is above that with the best of 2", "raft", "best-of-2",
             _REWARD),
        than("Reward with the best of 2 is above that of the start", "best-of-2", "best-of-2",
             _REWARD),
    ),
    curves=_plane("raft", "best-of-2"),
    scales=setting.tiny(_START),
    notes=(
        "Steps and rows are equal; the best of 8 writes four times as many answers.",
        _LEXICON,
        setting.ONE_START,
    ),
)  # fmt: skip
