"""Does a higher upper clip keep a policy's entropy from collapsing? DAPO's clip-higher."""

from __future__ import annotations

from typing import Any

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve
from methods.experiments.rl_setting import SUPERVISED, than

# As in ``rl_stale``, with DAPO's loss: only the upper clip differs between the two arms.
_STALE: dict[str, Any] = {
    "minibatches": 8, "updates_per_batch": 2, "learning_rate": 2e-4, "steps": 20,
    "prompts_per_step": 128, "group_size": 8, "warmup_steps": 5, "sampling_tries": 1,
    "overlong_buffer": 0.0, "max_new_tokens": None,
}  # fmt: skip
_CURVES = (
    ("entropy", "Entropy of sampled answers, estimated", "entropy_estimate", "nats per token"),
    ("sampled-score", "Verifier's score of the sampled answers", "score", "fraction right"),
    ("outside", "Tokens whose ratio is beyond the clip", "outside_clip_range", "share of tokens"),
)

ENTROPY_COLLAPSE = Experiment(
    slug="entropy-collapse",
    method="dapo",
    paper="2503.14476",
    claim="c1",
    question=(
        "With several updates a batch, does raising only the upper clip keep entropy higher, and "
        "train further, than a symmetric clip?"
    ),
    measures=("entropy", setting.ACCURACY, "pass_at_8"),
    arms=(
        Arm("higher", "clip 0.2 below, 0.28 above", "dapo", options=_STALE),
        Arm("symmetric", "clip 0.2 below and above", "dapo",
            options={**_STALE, "clip_high": 0.2}),
        SUPERVISED,
        setting.coin("dapo", _STALE),
    ),
    comparisons=(
        than("Entropy falls under a symmetric clip", "symmetric", "symmetric", "entropy", "below"),
        than("Entropy is higher with the higher clip", "higher", "symmetric", "entropy"),
        than("Accuracy is higher with the higher clip", "higher", "symmetric"),
        *setting.controls("DAPO", "higher"),
    ),
    curves=tuple(LearningCurve(*given, ("higher", "symmetric")) for given in _CURVES),
    scales=setting.tiny(setting.START),
    notes=(
        "20 batches of 128 prompts with 8 answers, each passed over twice in 8 parts. Without "
        "sampling again and without the penalty on length, so that the clip alone differs.",
        "Entropy is minus the mean log-prob of sampled tokens, per answer and then per prompt, on "
        "held-out problems at temperature 1. Where a task has one right answer, a policy that has "
        "learned it has little entropy, whatever the clip.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)  # fmt: skip
