"""What a baseline is worth to REINFORCE: the batch's, the other answers', the greedy answer's."""

from __future__ import annotations

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve
from methods.experiments.rl_setting import SUPERVISED, than

_PPO = Arm("ppo", "PPO, as many answers in twice the updates", "ppo")
_PPO_ONCE = Arm("ppo-once", "PPO, as many answers and updates", "ppo", options={"minibatches": 1})
_NOTE = (
    "Every method sees 1,024 sampled answers a step for 40 steps at one learning rate and makes "
    "one update of each; ReMax decodes as many greedy answers besides."
)
_NOTE_PPO = (
    "PPO makes two updates of a step, half the answers each, as its clip needs: 80 in all. With "
    "one the clip is idle; that arm is shown and no part of the verdict."
)


def _curve(*arms: str) -> tuple[LearningCurve, ...]:
    title = "Verifier's score of the sampled answers"
    return (LearningCurve("sampled-score", title, "score", "fraction right", arms),)


RLOO_BASELINE = Experiment(
    slug="rloo-baseline",
    method="rloo",
    paper="2402.14740",
    claim="c1",
    question=(
        "From one start, with as many sampled answers, does REINFORCE with the other answers as "
        "baseline get further than PPO, and than its controls?"
    ),
    measures=(setting.ACCURACY, "pass_at_1"),
    arms=(Arm("rloo", "RLOO", "rloo"), _PPO, _PPO_ONCE, SUPERVISED, setting.coin("rloo")),
    comparisons=(
        *setting.controls("RLOO", "rloo"),
        than("Accuracy after RLOO is above that after PPO", "rloo", "ppo"),
    ),
    curves=_curve("rloo", "ppo", "ppo-once", "coin"),
    scales=setting.tiny(setting.START),
    notes=(
        _NOTE,
        _NOTE_PPO,
        "RLOO has 8 answers to each of 128 prompts, PPO one to each of 1,024.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)

REINFORCE_BASELINE = Experiment(
    slug="reinforce-baseline",
    method="reinforce",
    paper="2402.14740",
    claim="c5",
    question=(
        "From one start, with as many sampled answers, does plain REINFORCE with a mean as "
        "baseline get further than PPO, and than its controls?"
    ),
    measures=(setting.ACCURACY, "pass_at_1"),
    arms=(
        Arm("reinforce", "REINFORCE, batch mean as baseline", "reinforce"),
        _PPO,
        _PPO_ONCE,
        SUPERVISED,
        setting.coin("reinforce"),
    ),
    comparisons=(
        *setting.controls("REINFORCE", "reinforce"),
        than("Accuracy after REINFORCE is above that after PPO", "reinforce", "ppo"),
    ),
    curves=_curve("reinforce", "ppo", "ppo-once", "coin"),
    scales=setting.tiny(setting.START),
    notes=(_NOTE, _NOTE_PPO, setting.ONE_SETTING, setting.ONE_START),
)

REMAX_BASELINE = Experiment(
    slug="remax-baseline",
    method="remax",
    paper="2310.10505",
    claim="c1",
    question=(
        "From one start, with as many sampled answers, does subtracting the greedy answer's reward "
        "get REINFORCE further than subtracting nothing?"
    ),
    measures=(setting.ACCURACY, "pass_at_1"),
    arms=(
        Arm("remax", "ReMax", "remax"),
        Arm("no-baseline", "REINFORCE without a baseline", "reinforce",
            options={"baseline": "none"}),
        SUPERVISED,
        setting.coin("remax"),
    ),
    comparisons=(
        *setting.controls("ReMax", "remax"),
        than("Accuracy after ReMax is above that without a baseline", "remax", "no-baseline"),
    ),
    curves=_curve("remax", "no-baseline", "coin"),
    scales=setting.tiny(setting.START),
    notes=(
        _NOTE,
        "Sampled rewards are compared; the variance of the gradient itself is not measured.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)  # fmt: skip
