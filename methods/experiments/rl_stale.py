"""Many updates on one batch: what to do with tokens whose ratio has moved far. GSPO, CISPO, PPO."""

from __future__ import annotations

from typing import Any

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve
from methods.experiments.rl_setting import SUPERVISED, than

# 16 updates on every batch of 1,024 answers: all but the first learn from an older policy.
STALE: dict[str, Any] = {
    "minibatches": 8, "updates_per_batch": 2, "learning_rate": 2e-4, "steps": 20,
    "prompts_per_step": 128, "group_size": 8, "warmup_steps": 5,
}  # fmt: skip
_NO_SPREAD: dict[str, Any] = {"sampling_tries": 1, "overlong_buffer": 0.0, "max_new_tokens": None}
_GRPO = Arm("grpo", "GRPO, a ratio for each token", "grpo", options=STALE)
_DAPO = Arm("dapo", "DAPO's clip and mean over tokens", "dapo", options={**STALE, **_NO_SPREAD})
_NOTE = (
    "20 batches of 128 prompts with 8 answers, each passed over twice in 8 parts: 320 updates at a "
    "learning rate of 2e-4, the same for every arm."
)
_CURVES = (
    ("sampled-score", "Verifier's score of the sampled answers", "score", "fraction right"),
    ("outside", "Tokens whose ratio is beyond the clip", "outside_clip_range", "share of tokens"),
)


def _curves(*arms: str) -> tuple[LearningCurve, ...]:
    return tuple(LearningCurve(*given, arms) for given in _CURVES)


SEQUENCE_RATIO = Experiment(
    slug="sequence-ratio",
    method="gspo",
    paper="2507.18071",
    claim="c1",
    question=(
        "Where samples are stale, does one ratio for a whole answer train further than a ratio for "
        "each token, at the same updates?"
    ),
    measures=(setting.ACCURACY, "pass_at_1", "entropy"),
    arms=(
        Arm("gspo", "GSPO, a ratio for the answer", "gspo", options=STALE),
        _GRPO,
        SUPERVISED,
        setting.coin("gspo", STALE),
    ),
    comparisons=(
        *setting.controls("GSPO", "gspo"),
        than("Accuracy after GSPO is above that after GRPO", "gspo", "grpo"),
    ),
    curves=_curves("gspo", "grpo"),
    scales=setting.tiny(setting.START),
    notes=(
        _NOTE,
        "Answers have at most four tokens here and tens of thousands in the paper, where the noise "
        "of token ratios adds up; the clip is 0.02 and 0.03, the paper's 3e-4 and 4e-4.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)

CLIPPED_WEIGHT = Experiment(
    slug="rl-clipped-weight",
    method="cispo",
    paper="2506.13585",
    claim="c1",
    question=(
        "Where samples are stale, does keeping every token's gradient and clipping its weight "
        "train further than dropping clipped tokens, at the same updates?"
    ),
    measures=(setting.ACCURACY, "pass_at_1", "entropy"),
    arms=(
        Arm("cispo", "CISPO", "cispo", options=STALE),
        _GRPO,
        _DAPO,
        SUPERVISED,
        setting.coin("cispo", STALE),
    ),
    comparisons=(
        *setting.controls("CISPO", "cispo"),
        than("Accuracy after CISPO is above that after GRPO", "cispo", "grpo"),
        than("Accuracy after CISPO is above that after DAPO", "cispo", "dapo"),
    ),
    curves=_curves("cispo", "grpo", "dapo"),
    scales=setting.tiny(setting.START),
    notes=(
        _NOTE,
        "DAPO here is its clip and its mean over tokens, without sampling again and without the "
        "penalty on length, so that all arms see the same prompts.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)

_SINGLE: dict[str, Any] = {
    "minibatches": 8, "updates_per_batch": 2, "learning_rate": 2e-4, "steps": 20,
    "prompts_per_step": 1024, "warmup_steps": 5,
}  # fmt: skip
PPO_CLIP = Experiment(
    slug="rl-ppo-clip",
    method="ppo",
    paper="1707.06347",
    claim="c1",
    question=(
        "With several passes over the same samples, does the clipped ratio train further than the "
        "same objective without a clip?"
    ),
    measures=(setting.ACCURACY, "pass_at_1", "entropy"),
    arms=(
        Arm("ppo", "PPO, ratio clipped at 0.2", "ppo", options=_SINGLE),
        Arm("unclipped", "PPO, ratio not clipped", "ppo", options={**_SINGLE, "clip_range": 1000}),
        SUPERVISED,
        setting.coin("ppo", _SINGLE),
    ),
    comparisons=(
        *setting.controls("PPO", "ppo"),
        than("Accuracy after PPO is above that without a clip", "ppo", "unclipped"),
    ),
    curves=_curves("ppo", "unclipped"),
    scales=setting.tiny(setting.START),
    notes=(
        "20 batches of 1,024 answers, each passed over twice in 8 parts, at a learning rate of "
        "2e-4. The paper's comparison is on seven simulated robots, where the penalty on KL, not "
        "run here, stands between the two.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)
