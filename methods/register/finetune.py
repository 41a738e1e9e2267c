"""Methods that learn from demonstrated answers."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

SFT = MethodInfo(
    slug="sft",
    name="Supervised fine-tuning",
    family="finetune",
    paper="2203.02155",
    summary="Minimises the negative log-likelihood of demonstrated answers given their prompts.",
    equation=Equation(
        "Section 3.5 (SFT); the paper prints no equation",
        r"\mathcal{L}_\mathrm{SFT}(\theta)=-\frac{1}{\sum_i|y_i|}\sum_i\sum_{t=1}^{|y_i|}"
        r"\log\pi_\theta(y_{i,t}\mid x_i,y_{i,<t})",
    ),
    needs=("demonstrations",),
    knobs=(
        Knob(
            "which tokens count",
            "not stated",
            "the answer's tokens and its end token; never the prompt's",
            "TRL trains on the whole text unless the data has prompt and completion",
        ),
        Knob(
            "normalisation",
            "not stated",
            "mean over all answer tokens of the optimiser step",
            "several peers averaged over micro-batches (transformers#34191)",
        ),
    ),
    status="partial",
    since="0.1",
)

FINETUNE: tuple[MethodInfo, ...] = (SFT,)
