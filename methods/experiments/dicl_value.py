"""Can a policy be valued from rewards that are forecast in context?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Quantity,
    ResultCurve,
    Scale,
)

_METHOD, _ERROR = "dicl", "value_error"
_REWARDS = {"rewards": True}

DICL_VALUE = Experiment(
    slug="dicl-value",
    method=_METHOD,
    paper="2410.11711",
    claim="c4",
    question=(
        "Is the sum of rewards that a policy goes on to collect nearer to the truth where states, "
        "actions and rewards are projected before they are read than where each is read alone, and "
        "nearer than what simple forecasts say?"
    ),
    measures=(
        _ERROR,
        "persistence_value_error",
        "gaussian_value_error",
        "mlp_value_error",
        "mse",
    ),
    arms=(
        Arm(
            "states-actions",
            "DICL-(s,a) with rewards",
            _METHOD,
            options=_REWARDS,
            tiny={"context": 32, "horizon": 16},
        ),
        Arm(
            "shuffled",
            "DICL-(s,a) with rewards, steps of the context in a random order",
            _METHOD,
            options={**_REWARDS, "control": "shuffled"},
            tiny={"context": 32, "horizon": 16},
        ),
    ),
    comparisons=(
        Comparison(
            "Its value is nearer to the truth than that of vICL",
            Quantity("states-actions", _ERROR),
            Quantity("states-actions", _ERROR, "before"),
            "below",
        ),
        Comparison(
            "It is nearer than that of a context in a random order",
            Quantity("states-actions", _ERROR),
            Quantity("shuffled", _ERROR),
            "below",
        ),
        Comparison(
            "It is nearer than that of the mean reward of the context",
            Quantity("states-actions", _ERROR),
            Quantity("states-actions", "gaussian_value_error"),
            "below",
        ),
        Comparison(
            "It is nearer than that of the last reward kept",
            Quantity("states-actions", _ERROR),
            Quantity("states-actions", "persistence_value_error"),
            "below",
        ),
    ),
    curves=(ResultCurve("value", "states-actions"), ResultCurve("value-shuffled", "shuffled")),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The pendulum with its scripted controller, 20 episodes a seed: 32 steps of 0.1 s "
                "are read and the rewards of the next 16 are summed with a discount of 0.99. The "
                "model is that of `dicl-calibration`: trained from scratch on random series of 48 "
                "one-digit numbers, mostly sums of two waves. `before` is vICL, `after` is DICL."
            ),
        ),
        Scale(
            "smollm2",
            "smollm2-135m",
            seeds=1,
            protocol=(
                "SmolLM2-135M-Instruct reads 100 steps of 2 episodes in three-digit numbers and "
                "the rewards of the next 10 are summed. One seed and two episodes: a demonstration "
                "that the method runs, too few for the comparisons."
            ),
        ),
    ),
    notes=(
        "The paper's own two environments disagree: on Hopper DICL is nearer than vICL and about "
        "as near as its perceptron, on HalfCheetah vICL is nearer than both. The comparisons ask "
        "for what it finds on Hopper.",
        "The perceptron is told the actions that are to come and is shown for scale; no comparison "
        "is made with it.",
        "Contexts of the paper have 500 steps and rollouts up to 500. One configuration of context "
        "and horizon was run.",
    ),
)
