"""Methods that train a few parameters beside frozen ones."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

_TARGETS = Knob(
    "which layers",
    "chosen by task; in LoRA's experiments mostly queries and values",
    "all linear layers but the head, or those named by targets",
    "peft: a list for each architecture, mostly queries and values; torchtune: named in a recipe",
)

LORA = MethodInfo(
    slug="lora",
    name="Low-rank adaptation (LoRA)",
    family="peft",
    paper="2106.09685",
    summary="Freezes every weight and trains a change of low rank beside each, begun at zero; "
    "merged into the weights it costs nothing at inference.",
    equation=Equation(
        "Eq. 3; the factor alpha/r: Section 4.1",
        r"h=W_0x+\frac{\alpha}{r}BAx,\qquad B\in\mathbb{R}^{d\times r},"
        r"\ A\in\mathbb{R}^{r\times k},\ r\ll\min(d,k)",
    ),
    needs=("demonstrations",),
    knobs=(
        Knob(
            "first A",
            "Gaussian, its standard deviation not stated; B zero",
            "uniform on +- 1/sqrt(k); init=gaussian: standard deviation 1/r",
            "peft, torchtune and the authors' code: uniform; peft's gaussian: 1/r",
        ),
        Knob(
            "scaling",
            "alpha / r",
            "as the paper; rslora=true: alpha / sqrt(r)",
            "peft the same; torchtune has no rslora",
        ),
        _TARGETS,
        Knob("dropout", "in front of A, by task", "none", "peft and torchtune: an option, 0"),
    ),
    status="partial",
    since="0.2",
    use="No memory for the gradients and moments of all weights, or many tasks on one model: "
    "small files, no cost at inference once merged. What lies far from the start may need a "
    "higher rank, or all weights.",
)

DORA = MethodInfo(
    slug="dora",
    name="Weight-decomposed low-rank adaptation (DoRA)",
    family="peft",
    paper="2402.09353",
    summary="LoRA on the direction of each weight, with its magnitude trained apart.",
    equation=Equation(
        "Eq. 5",
        r"W'=\underline{m}\,\frac{V+\Delta V}{\|V+\Delta V\|_c}"
        r"=\underline{m}\,\frac{W_0+\underline{BA}}{\|W_0+\underline{BA}\|_c}",
    ),
    needs=("demonstrations",),
    knobs=(
        Knob(
            "gradient of the norm",
            "the norm is a constant of the backward pass (Section 4.3)",
            "as the paper; detach_norm=false differentiates Eq. 5 in full",
            "peft and torchtune: a constant, no option",
        ),
        Knob(
            "norm over",
            "each column of W0 (d x k), which h = W0 x makes the weights of an input",
            "the weights of an output",
            "peft and torchtune: of an output",
        ),
        Knob(
            "bias",
            "not stated",
            "added after: magnitudes are those of the weights alone",
            "peft the same; torchtune multiplies it by the magnitude over the norm too",
        ),
        Knob("scaling", "none in Eq. 5", "alpha / r, as LoRA", "peft and torchtune: alpha / r"),
        _TARGETS,
    ),
    status="partial",
    since="0.2",
    use="LoRA at a small rank falls short of full fine-tuning: a few parameters more, and slower "
    "steps, since each computes the norm of every changed weight.",
)

PISSA = MethodInfo(
    slug="pissa",
    name="Principal singular values and vectors adaptation (PiSSA)",
    family="peft",
    paper="2404.02948",
    summary="LoRA begun at the largest singular values of each weight, with the rest frozen.",
    equation=Equation(
        "Eqs. 2 to 4",
        r"W=USV^\top,\quad B=U_{:,:r}S_{:r}^{1/2},\quad A=S_{:r}^{1/2}V_{:,:r}^\top,\quad "
        r"W^\mathrm{res}=W-BA,\qquad h=W^\mathrm{res}x+BAx",
    ),
    needs=("demonstrations",),
    knobs=(
        Knob(
            "scaling",
            "1",
            "alpha / r, 1 by default; A and B begin divided by its square root",
            "peft the same, with alpha / r of LoRA",
        ),
        Knob(
            "decomposition",
            "a fast one of a random projection",
            "the whole one",
            "peft: the whole one, or the fast one as pissa_niter_n",
        ),
        Knob(
            "what is saved",
            "A and B beside the residual, or a LoRA of rank 2r beside W",
            "A and B; the residual is computed again from the base",
            "peft: the same, or rank 2r where it is given the start of A and B",
        ),
        _TARGETS,
    ),
    status="partial",
    since="0.2",
    use="LoRA converges too slowly: the same cost of a step, and one decomposition of each weight "
    "before. Its files stand beside the residual, or beside the base at twice the rank.",
)

PEFT: tuple[MethodInfo, ...] = (DORA, LORA, PISSA)
