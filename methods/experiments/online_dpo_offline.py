"""Are fresh pairs worth more to DPO than as many pairs that the start wrote?"""

from __future__ import annotations

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, PlaneCurve
from methods.experiments.rl_setting import than

_REWARD = "reward"

ONLINE_DPO_OFFLINE = Experiment(
    slug="online-dpo-offline",
    method="online-dpo",
    paper="2402.04792",
    claim="c1",
    question=(
        "For as many updates on as many pairs, does DPO on pairs of the policy as it is raise the "
        "reward more than DPO on pairs that the start wrote, and is it the annotator that does it?"
    ),
    measures=(_REWARD, "kl"),
    arms=(
        Arm("online", "online DPO", "online-dpo"),
        Arm(
            "offline", "DPO on pairs of the start, as many updates and prompts", "dpo",
            options={
                "steps": 50, "batch_size": 32, "learning_rate": 1e-4, "warmup_steps": 5,
                "prompts": 1600, "samples_per_prompt": 2,
            },
        ),
        setting.coin("online-dpo"),
    ),
    comparisons=(
        than("Reward after online DPO is above that of the start", "online", "online", _REWARD),
        than("Reward after online DPO is above that after offline DPO", "online", "offline",
             _REWARD),
        than("Reward after online DPO is above that with a coin as annotator", "online", "coin",
             _REWARD),
    ),
    curves=(
        PlaneCurve(
            "reward-at-kl", "Gold reward against KL to the start, before and after", "kl",
            "KL to the start (nats per answer)", _REWARD, "gold reward",
            ("online", "offline", "coin"),
        ),
    ),
    scales=setting.tiny(
        "The tiny decoder, trained from scratch on review sentences, continues the first four "
        "words of a sentence. Online, each of 50 steps samples two continuations of each of 32 "
        "prompts and the VADER score orders them; offline, the start writes two continuations of "
        "as many prompts before the first step. Beta, learning rate and steps are the same. KL is "
        "the mean over the policy's own samples of the log-ratio to the start."
    ),
    notes=(
        "The annotator is a lexicon's score; the paper prompts a large language model, and its "
        "offline pairs are another model's. The claim is of quality as people judge it.",
        "Equal updates reach different distances from the start: reward is to be read beside KL.",
        "Steps are equal and time is not: an online step also samples.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)  # fmt: skip
