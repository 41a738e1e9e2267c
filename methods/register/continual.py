"""Methods that learn one task after another."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

_BASELINE = Knob(
    "b_i of forward transfer",
    "performance at random initialisation, where the learner begins",
    "the start's, where ours begins: it is pretrained",
)

REPLAY = MethodInfo(
    slug="replay",
    name="Experience replay",
    family="continual",
    paper="2403.08763",
    summary="Trains on tasks in turn and mixes rows kept of the earlier ones into every step.",
    equation=Equation(
        "not printed; replay is described in words",
        r"L=-\frac{1}{N}\Big(\sum_{(x,y)\in B_k}\log\pi(y\mid x)"
        r"+\sum_{(x,y)\in B_{<k}}\log\pi(y\mid x)\Big),\quad "
        r"B_{<k}\subset M_1\cup\dots\cup M_{k-1}",
    ),
    needs=("a stream of tasks", "rows of earlier tasks"),
    knobs=(
        Knob(
            "how much is kept",
            "all of the earlier data can be drawn from",
            "memory=100 rows of each task, drawn at random",
        ),
        Knob(
            "how much is replayed",
            "shares from 0.5 % to 50 % compared, the new data making room",
            "share=0.25 of a step",
        ),
        _BASELINE,
    ),
    status="partial",
    since="0.2",
    use="Take it first wherever rows of the earlier tasks may be kept: little else keeps as much "
    "for as little.",
)

CONTINUAL: tuple[MethodInfo, ...] = (REPLAY,)
