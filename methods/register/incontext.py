"""Methods that learn from what stands in the prompt and train nothing."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

LLM_TIME_SERIES = MethodInfo(
    slug="llm-time-series",
    name="In-context law of a time series",
    family="incontext",
    paper="2402.00795",
    summary="Reads a series of numbers as text and takes the law of the next one from the softmax "
    "over digits; no training.",
    equation=Equation(
        "Hierarchy-PDF and the Bhattacharyya distance, methodology section",
        r"P(x_{t+1}\mid x_{\le t})=\prod_k P(d_k\mid x_{\le t},d_{<k}),\qquad"
        r"D_B(p,q)=-\ln\sum_x\sqrt{p(x)\,q(x)}",
    ),
    needs=("series with a known law", "a tokenizer with a token for each digit, or each number"),
    knobs=(
        Knob(
            "bins refined",
            "along the numbers that occur and their neighbours",
            "all of them: the law is exact",
            "official code: refine_depth and neighbor bins on a trimmed cache",
        ),
        Knob(
            "value of a bin",
            "not stated",
            "its middle",
            "official code of 2410.11711: its left edge, half a bin too low",
        ),
        Knob(
            "rescaling",
            "the whole series to 1.5..8.5, three digits (official code)",
            "the same; one digit on the tiny model",
        ),
        Knob(
            "states of a Markov chain",
            "one digit each",
            "numbers like all others",
        ),
        Knob(
            "noisy logistic map",
            "r = 3.9",
            "r = 3.7, so that the noise does not throw it out of the unit interval",
        ),
        Knob(
            "tokens that are no digit",
            "left out of the softmax",
            "left out of the softmax; a tokenizer that writes numbers otherwise is refused",
            "official code of 2410.11711: numbers that a tokenizer does not know become one token",
        ),
    ),
    status="partial",
    since="0.2",
    use="A forecast with its uncertainty is wanted from few numbers and no training, or to see "
    "what a model learns in context. A normal law about the last value is hard to beat.",
)

DICL = MethodInfo(
    slug="dicl",
    name="DICL",
    family="incontext",
    paper="2410.11711",
    summary="Projects states and actions on principal components and continues each as a series of "
    "numbers in context; no training.",
    equation=Equation(
        "Section 3, Algorithm 1",
        r"z=\varphi(x),\qquad P(z_{j,t+1}\mid z_{j,\le t})=\mathrm{ICL}_\theta(z_j),\qquad"
        r"\hat x_{t+1}=\varphi^{-1}(\hat z_{t+1})",
    ),
    needs=("episodes of states and actions", "a tokenizer with a token for each digit, or number"),
    knobs=(
        Knob(
            "what is projected",
            "nothing (vICL), states, or states and actions",
            "states and actions; vICL is measured in every run",
        ),
        Knob("components", "about half of the features", "half, rounded up"),
        Knob(
            "value of a predicted law",
            "Table 3 says mode",
            "mean, or mode",
            "official code: stores the mean",
        ),
        Knob(
            "scale in a rollout",
            "smallest and largest value of the context, frozen",
            "the same",
        ),
        Knob(
            "scaling of features",
            "to smallest and largest value, then to mean and spread",
            "to mean and spread: the first changes nothing behind the second",
        ),
        Knob(
            "value of a bin",
            "not stated",
            "its middle",
            "official code: its left edge, half a bin too low",
        ),
        Knob(
            "off-policy learning",
            "DICL-SAC, whose runs take vICL",
            "not there, nor is policy evaluation",
        ),
    ),
    status="partial",
    since="0.2",
    use="Several quantities that move together are to be forecast with their uncertainty, without "
    "training. Persistence and a small regression belong beside it.",
)

INCONTEXT: tuple[MethodInfo, ...] = (LLM_TIME_SERIES, DICL)
