"""Do predicted transitions make an off-policy learner faster, and more than recorded ones would?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Quantity,
    ResultCurve,
    Scale,
)

_METHOD, _AREA = "dicl-sac", "area"


def _arm(name: str, label: str, share: float, **options: str | bool) -> Arm:
    return Arm(name, label, _METHOD, options={"share": share, **options})


DICL_SAC_RETURNS = Experiment(
    slug="dicl-sac-returns",
    method=_METHOD,
    paper="2410.11711",
    claim="c3",
    question=(
        "Does SAC reach higher returns in as many steps on Pendulum-v1 where a share of what it "
        "learns from was predicted by a language model, and is a larger share worse?"
    ),
    measures=(_AREA, "return", "prediction_error"),
    arms=(
        _arm("ten", "10 % predicted", 0.1),
        _arm("plain", "Plain SAC", 0.0),
        _arm("five", "5 % predicted", 0.05),
        _arm("quarter", "25 % predicted", 0.25),
        _arm("shuffled", "25 %, predicted states in a random order", 0.25, transitions="shuffled"),
        _arm("recorded", "25 %, recorded transitions again", 0.25, transitions="recorded"),
        _arm("true", "25 %, the environment's own answer", 0.25, transitions="true"),
    ),
    comparisons=(
        Comparison(
            "Return over the run: 10 % predicted above plain SAC",
            Quantity("ten", _AREA),
            Quantity("plain", _AREA),
            "above",
        ),
        Comparison(
            "Return over the run: 5 % predicted above plain SAC",
            Quantity("five", _AREA),
            Quantity("plain", _AREA),
            "above",
        ),
        Comparison(
            "Return over the run: 25 % predicted below 5 %",
            Quantity("quarter", _AREA),
            Quantity("five", _AREA),
            "below",
        ),
        Comparison(
            "Return over the run: predicted states above the same in a random order",
            Quantity("quarter", _AREA),
            Quantity("shuffled", _AREA),
            "above",
        ),
        Comparison(
            "Return over the run: predicted transitions above as many recorded ones",
            Quantity("quarter", _AREA),
            Quantity("recorded", _AREA),
            "above",
        ),
        Comparison(
            "A predicted next state is nearer than the state kept",
            Quantity("ten", "prediction_error"),
            Quantity("ten", "prediction_error", "before"),
            "below",
        ),
    ),
    curves=tuple(
        ResultCurve(f"returns-{name}", name)
        for name in ("ten", "plain", "quarter", "shuffled", "recorded", "true")
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "Pendulum-v1 for 5,000 steps, an update a step from step 400 on and predicted "
                "transitions from step 600 on; networks of width 64, a policy learning rate of "
                "1e-3, batches of 64. Every 50 updates a stretch of 48 states is read. The reader "
                "is a decoder of two layers and width 64 trained from scratch on 1,500 batches of "
                "8 random series of 48 two-digit numbers, mostly sums of two waves. `area` is the "
                "return of the policy's mean over 10 kept starts, mean of all evaluations since "
                "it learns; `prediction_error` is that of keeping the last state (`before`) and "
                "of the reader (`after`)."
            ),
        ),
        Scale(
            "smollm2",
            "smollm2-135m",
            seeds=1,
            protocol=(
                "Pendulum-v1 for 4,000 steps with networks of width 256; every 100 updates "
                "SmolLM2-135M-Instruct reads a stretch of 198 states in two-digit numbers. One "
                "seed: nothing but that it runs."
            ),
        ),
    ),
    notes=(
        "The paper's runs called DICL-SAC read each state by itself (vICL): nothing is projected. "
        "So do these.",
        "The official code takes a second step of Adam for the predicted batch. Adam's scaling "
        "leaves little of that batch's weight, the momentum of the first step carries on, and the "
        "arm without predictions takes half as many steps. Here both losses are one sum, as "
        "Algorithm 2 says, so that every arm takes as many steps.",
        "A predicted transition pairs the reward and the predicted consequence of the action that "
        "was played with another draw of the policy: it is wrong even where the prediction is "
        "right. The arm `true` has the environment's answer to that other action and bounds from "
        "above what any model of it could give.",
        "The paper's table says that the mode is appended; the official code stores the mean, and "
        "so do these runs.",
        "The paper has 1e4 steps and ten seeds on Pendulum; half of the steps and a higher rate "
        "of the policy fit a minute. Two configurations of plain SAC were tried for 3,000 steps, "
        "before any arm with predictions was looked at; returns still rose, hence 5,000.",
    ),
)
