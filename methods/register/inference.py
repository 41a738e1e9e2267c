"""Methods that spend computation on answers and train nothing."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

BEST_OF_N = MethodInfo(
    slug="best-of-n",
    name="Best-of-n sampling",
    family="inference",
    paper="2110.14168",
    summary="Samples n answers to a prompt and keeps the one a scorer ranks first; no training.",
    equation=Equation(
        "Section 4.2; pass@n: 2107.03374, Eq. 1",
        r"\hat y=\arg\max_{y\in\{y_1,\dots,y_n\}\sim\pi(\cdot\mid x)} r(x,y),\qquad"
        r"\operatorname{pass@}n=\mathbb{E}\left[1-\binom{N-c}{n}\Big/\binom{N}{n}\right]",
    ),
    needs=("prompts", "reward"),
    knobs=(
        Knob(
            "ties",
            "not stated",
            "the first sampled among the best",
            "implementations differ and rarely say",
        ),
        Knob(
            "expected curve",
            "measured by sampling n",
            "all n at once from N samples: the unbiased order-statistic estimate",
            "several frameworks use the first n samples only",
        ),
    ),
    status="partial",
    since="0.1",
    use="A scorer is at hand and each answer may cost n: nothing is trained, and whatever is "
    "trained should beat it. With many samples a learned scorer is fooled.",
)

INFERENCE: tuple[MethodInfo, ...] = (BEST_OF_N,)
