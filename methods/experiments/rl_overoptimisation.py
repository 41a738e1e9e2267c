"""Does training against a learned reward help at first and then harm? 2210.10760 by RL."""

from __future__ import annotations

from typing import Any

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve, PlaneCurve
from methods.experiments.rl_setting import than

_GOLD, _LEARNED = "reward", "proxy_reward"
_SENTIMENT: dict[str, Any] = {
    "task": "movie-reviews", "prompts_per_step": 16, "group_size": 8, "max_new_tokens": 32,
    "learning_rate": 2e-4, "warmup_steps": 5, "pass_k": 4,
}  # fmt: skip
_SHORT, _LONG = 15, 90

RL_OVEROPTIMISATION = Experiment(
    slug="rl-overoptimisation",
    method="grpo",
    paper="2210.10760",
    claim="c5",
    question=(
        "Where a policy is trained against a reward model of few preferences, does the gold reward "
        "rise and then fall with the distance from the start, while the learned reward keeps "
        "rising?"
    ),
    measures=(_GOLD, "kl"),
    arms=(
        Arm(
            "long", f"GRPO against the reward model, {_LONG} steps", "grpo",
            options={**_SENTIMENT, "steps": _LONG}, uses={"reward": "proxy"},
        ),
        Arm(
            "short", f"GRPO against the reward model, {_SHORT} steps", "grpo",
            options={**_SENTIMENT, "steps": _SHORT}, uses={"reward": "proxy"},
        ),
        Arm(
            "rloo", f"RLOO against the reward model, {_LONG} steps", "rloo",
            options={**_SENTIMENT, "steps": _LONG}, uses={"reward": "proxy"},
        ),
        Arm(
            "gold", f"GRPO against the gold reward, {_LONG} steps", "grpo",
            options={**_SENTIMENT, "steps": _LONG},
        ),
        Arm(
            "proxy", "reward model on the answers to 40 prompts", "bt-rm",
            options={"prompts": 40, "steps": 40, "save_model": True},
        ),
    ),
    comparisons=(
        than("The gold reward is higher after the short run than before", "short", "short", _GOLD),
        than(
            "The gold reward is lower after the long run than after the short one", "long",
            "short", _GOLD, "below",
        ),
        than("The long run goes further from the start", "long", "short", "kl"),
        than("Trained on the gold reward itself, that is higher", "gold", "long", _GOLD),
    ),
    curves=(
        PlaneCurve(
            "gold-at-kl", "Gold reward against KL to the start, before and after", "kl",
            "KL to the start (nats per answer)", _GOLD, "gold reward",
            ("short", "long", "rloo", "gold"),
        ),
        LearningCurve(
            "told", "Reward that the method is told", "reward", "reward",
            ("short", "long", "rloo", "gold"),
        ),
        LearningCurve(
            "gold", "Gold reward of the sampled answers", "score", "gold reward",
            ("short", "long", "rloo", "gold"),
        ),
    ),
    scales=setting.tiny(
        "The tiny decoder continues the first four words of reviews by at most 32 characters; a "
        "reward model begins as that decoder and learns from the pairs that VADER's score orders "
        "among answers to 40 prompts. GRPO and RLOO are then told that model's reward, with no KL "
        "term. Gold is VADER's score of prompt and continuation, on answers sampled at temperature "
        "1 to held-out prefixes; KL is the mean log-ratio to the start over them."
    ),
    notes=(
        "The paper trains with PPO; its gold reward is a large reward model trained on human "
        "comparisons. The best-of-n half is another experiment.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)  # fmt: skip
