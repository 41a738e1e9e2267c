"""Methods that learn from a reward of their own samples."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

GRPO = MethodInfo(
    slug="grpo",
    name="Group Relative Policy Optimization",
    family="rl",
    paper="2402.03300",
    summary="Samples a group of answers to each prompt, scores them, and uses each answer's score "
    "relative to its group as the advantage of a clipped policy gradient; no value network.",
    equation=Equation(
        "Eq. 3",
        r"\mathcal{J}_\mathrm{GRPO}(\theta)=\mathbb{E}\left[\frac1G\sum_{i=1}^{G}\frac1{|o_i|}"
        r"\sum_{t=1}^{|o_i|}\left\{\min\left[r_{i,t}\hat A_{i,t},\operatorname{clip}(r_{i,t},"
        r"1-\varepsilon,1+\varepsilon)\hat A_{i,t}\right]-\beta\,\mathbb{D}_\mathrm{KL}"
        r"[\pi_\theta\|\pi_\mathrm{ref}]\right\}\right],\quad"
        r"\hat A_{i,t}=\frac{r_i-\operatorname{mean}(\mathbf r)}{\operatorname{std}(\mathbf r)}",
    ),
    needs=("prompts", "reward", "reference model where beta > 0"),
    knobs=(
        Knob(
            "aggregation",
            "1/|o_i| per answer, then the mean over answers (Eq. 3)",
            "as the paper",
            "TRL's default is the token mean of DAPO; Dr. GRPO divides by a constant",
        ),
        Knob(
            "standard deviation",
            "std(r), divisor not stated",
            "population (divide by G)",
            "TRL divides by G - 1",
        ),
        Knob("epsilon in the advantage", "not stated", "1e-4, after the square root", "TRL 1e-4"),
        Knob(
            "KL estimator",
            "k3, unbiased and non-negative (Eq. 4), inside the loss",
            "as the paper",
            "TRL's default beta is 0: no KL at all",
        ),
        Knob(
            "clip",
            "symmetric 1 +- epsilon; epsilon not stated",
            "symmetric, 0.2",
            "DAPO clips higher above",
        ),
        Knob(
            "groups without spread",
            "not stated: advantage zero",
            "not computed where beta is 0; they count in the mean over answers",
            "DAPO samples again",
        ),
    ),
    status="partial",
    since="0.1",
)

RL: tuple[MethodInfo, ...] = (GRPO,)
