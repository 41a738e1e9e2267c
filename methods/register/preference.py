"""Methods that learn from preferences between answers."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

DPO = MethodInfo(
    slug="dpo",
    name="Direct Preference Optimization",
    family="preference",
    paper="2305.18290",
    summary="Trains on pairs of answers, the better against the worse, as a classifier of the "
    "policy's own log-ratio to a reference model; no reward model, no sampling in the loop.",
    equation=Equation(
        "Eq. 7",
        r"\mathcal{L}_\mathrm{DPO}(\pi_\theta;\pi_\mathrm{ref})=-\mathbb{E}_{(x,y_w,y_l)}"
        r"\left[\log\sigma\left(\beta\log\frac{\pi_\theta(y_w\mid x)}{\pi_\mathrm{ref}(y_w\mid x)}"
        r"-\beta\log\frac{\pi_\theta(y_l\mid x)}{\pi_\mathrm{ref}(y_l\mid x)}\right)\right]",
    ),
    needs=("preference pairs", "reference model"),
    knobs=(
        Knob(
            "log-prob of an answer",
            "log pi(y|x): the sum over the answer's tokens",
            "sum, the end token included once",
            "SimPO-style peers average; TRL sums",
        ),
        Knob(
            "label smoothing",
            "none (Eq. 7)",
            "none; conservative DPO is another method",
            "TRL's sigmoid loss ignores label_smoothing since February 2026",
        ),
        Knob("reduction", "expectation over pairs", "mean over all pairs of the optimiser step"),
        Knob(
            "optimiser",
            "RMSprop, lr 1e-6, 150 warm-up steps (Appendix B)",
            "AdamW; see the method's departures",
            "TRL: AdamW",
        ),
    ),
    status="partial",
    since="0.1",
)

PREFERENCE: tuple[MethodInfo, ...] = (DPO,)
