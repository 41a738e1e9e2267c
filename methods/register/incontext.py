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
            "the same; two digits on the tiny model",
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

INCONTEXT: tuple[MethodInfo, ...] = (LLM_TIME_SERIES,)
