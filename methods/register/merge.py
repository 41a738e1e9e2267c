"""Methods that combine trained models without training."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

_NEEDS = ("a start", "models fine-tuned from it")
_SHARED = Knob(
    "tensors",
    "all weights",
    "every parameter once, tied weights too; float32 or finer, sums in float64",
    "mergekit computes in the type it writes unless told otherwise",
)

TASK_ARITHMETIC = MethodInfo(
    slug="task-arithmetic",
    name="Task arithmetic",
    family="merge",
    paper="2212.04089",
    summary="Adds to a start what fine-tuning on each of several tasks changed in it, scaled by "
    "one factor; no training.",
    equation=Equation(
        "Section 2 (task vectors) and Section 4 (learning via addition)",
        r"\tau_t=\theta_t-\theta_0,\qquad\theta=\theta_0+\lambda\sum_t\tau_t",
    ),
    needs=_NEEDS,
    knobs=(
        Knob(
            "scale",
            "lambda, one for all tasks, chosen on held-out data",
            "given, 0.5: of two models the average",
            "mergekit: a weight for each model, and normalize divides by their sum (off by "
            "default); peft: a weight for each",
        ),
        _SHARED,
    ),
    status="partial",
    since="0.2",
    use="Take it first: several models fine-tuned from one start, nothing to train with, "
    "and one factor to choose.",
)

TIES = MethodInfo(
    slug="ties",
    name="TIES-Merging",
    family="merge",
    paper="2306.01708",
    summary="Keeps the largest values of each task vector, elects a sign for each weight, and "
    "averages the values that agree with it; no training.",
    equation=Equation(
        "Algorithm 1",
        r"\gamma^p=\operatorname{sgn}\Big(\sum_t\hat\tau_t^p\Big),\quad"
        r"\mathcal{A}^p=\{t:\operatorname{sgn}(\hat\tau_t^p)=\gamma^p\},\quad"
        r"\tau_m^p=\frac{1}{|\mathcal{A}^p|}\sum_{t\in\mathcal{A}^p}\hat\tau_t^p,\quad"
        r"\theta=\theta_0+\lambda\tau_m",
    ),
    needs=_NEEDS,
    knobs=(
        Knob(
            "where values are ranked",
            "the whole task vector",
            "the whole model; trim=tensor ranks each tensor's own",
            "mergekit and peft rank each tensor's own",
        ),
        Knob(
            "how many are kept",
            "the top k %",
            "rounded down (a product within rounding of a whole number is that number), at least "
            "one",
            "mergekit and peft truncate the product as it is computed: 0.29 of 100 are 28; the "
            "authors' code keeps one more",
        ),
        Knob(
            "equal magnitudes",
            "not stated",
            "all that are as large as the last one kept are kept",
            "mergekit and peft keep exactly k, which ones goes by the sort; the authors' code "
            "keeps all",
        ),
        Knob(
            "sign of a zero sum",
            "sgn(0), not discussed",
            "0: no value is elected and the start's weight stays",
            "mergekit and peft: plus; the authors' code: the majority's sign over all weights",
        ),
        Knob(
            "weights of models",
            "none",
            "none",
            "mergekit weighs values before the election and divides by the weights that agree; "
            "peft after it and divides by the count",
        ),
        _SHARED,
    ),
    status="partial",
    since="0.2",
    use="Take it where several models are merged and their sum is worse than each: it "
    "lets fewer of their changes cancel.",
)

DARE = MethodInfo(
    slug="dare",
    name="DARE",
    family="merge",
    paper="2311.03099",
    summary="Drops most values of each task vector at random, rescales the rest so that the "
    "expectation stays, and adds what is left; no training.",
    equation=Equation(
        "Section 3 (drop and rescale)",
        r"m_t\sim\operatorname{Bernoulli}(p),\quad\hat\delta_t=(1-m_t)\odot\delta_t/(1-p),\quad"
        r"\theta=\theta_0+\lambda\sum_t\hat\delta_t",
    ),
    needs=_NEEDS,
    knobs=(
        Knob(
            "rescaling",
            "1 / (1 - p)",
            "as the paper",
            "mergekit's dare_linear divides by what keeps the sum of magnitudes; peft by 1 - p",
        ),
        Knob(
            "random numbers",
            "not stated",
            "one generator for each tensor of each model, from the seed and their names",
            "mergekit and peft draw from torch's global generator, so the order of tensors counts",
        ),
        Knob(
            "what follows",
            "averaging, task arithmetic, TIES and others",
            "task arithmetic",
            "mergekit and peft offer dare_linear and dare_ties",
        ),
        _SHARED,
    ),
    status="partial",
    since="0.2",
    use="Take it to thin task vectors out before they are merged, where fine-tuning "
    "changed little of a large model.",
)

SLERP = MethodInfo(
    slug="slerp",
    name="SLERP",
    family="merge",
    paper="2403.13257",
    summary="Interpolates between two models along the arc that joins each pair of tensors, so "
    "that their norm does not shrink on the way; no training.",
    equation=Equation(
        "Shoemake, SIGGRAPH 1985",
        r"\operatorname{slerp}(a,b;t)=\frac{\sin((1-t)\Omega)}{\sin\Omega}\,a"
        r"+\frac{\sin(t\Omega)}{\sin\Omega}\,b,\qquad\cos\Omega=\frac{a\cdot b}{|a||b|}",
    ),
    needs=("two models fine-tuned from one start",),
    knobs=(
        Knob(
            "nearly parallel tensors",
            "not stated",
            "the arc, by an angle that is exact there; linear only where sin Omega < 1e-7",
            "mergekit: linear where |cos Omega| > 0.9995",
        ),
        Knob(
            "what is a vector", "not stated", "each tensor by itself, flattened", "mergekit: same"
        ),
        Knob(
            "norm",
            "not stated",
            "of the tensors as they are: two of different norm meet in between",
            "mergekit: same",
        ),
    ),
    status="partial",
    since="0.2",
    use="Take it for two models of one start where their average has lost length; nearly "
    "parallel models give nearly the average.",
)

MERGE: tuple[MethodInfo, ...] = (TASK_ARITHMETIC, TIES, DARE, SLERP)
