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
        "Section 3; ICL is its Algorithm 1",
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
            "official code: a rollout appends the mode by default; errors are of the mean",
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
            "policy evaluation",
            "500 steps read, up to 500 summed; the reward stands among the features",
            "as an option, on short rollouts; discounted by 0.99",
            "the paper's discount is not stated",
        ),
    ),
    status="partial",
    since="0.2",
    use="Several quantities that move together are to be forecast with their uncertainty, without "
    "training. Persistence and a small regression belong beside it.",
)

_DECODING = Knob(
    "how the answer is read",
    "the language model writes it",
    "the likeliest of the task's labels, by the probability of its tokens",
    "official code of 2305.08848: up to 10 tokens at temperature 1 with top-p 0.5",
)
_SMALL = Knob(
    "small model",
    "a fine-tuned encoder: RoBERTa-large, XLM-V or ELECTRA-large",
    "a logistic model of TF-IDF words",
)
_CONFIDENCE = Knob(
    "confidence in the prompt",
    "always there, two decimals",
    "two decimals (one digit for the tiny model), or none: confidence=false",
)
_CALIBRATION = Knob(
    "calibration of the labels",
    "none",
    "none; calibration=mean divides by the mean over a domain's texts",
)

SUPERICL = MethodInfo(
    slug="supericl",
    name="SuperICL",
    family="incontext",
    paper="2305.08848",
    summary="Shows a language model shots with a small model's predictions and confidences beside "
    "the true labels, then a text with its prediction; no training of the language model.",
    equation=Equation(
        "Section 3, as read off probabilities",
        r"\hat y=\arg\max_y P\bigl(y\mid(x_1,y'_1,c_1,y_1),\dots,(x_k,y'_k,c_k,y_k),"
        r"(x,y',c)\bigr)",
    ),
    needs=("texts with labels", "a small discriminative model"),
    knobs=(
        _SMALL,
        _DECODING,
        Knob(
            "where shots are from",
            "the training set",
            "the texts the small model learned from, or with shots_from=unseen others",
            "official code: the training set, on which the small model is right nearly always",
        ),
        Knob("number of shots", "32", "8, drawn anew three times"),
        _CONFIDENCE,
        _CALIBRATION,
        Knob(
            "explanation of an override",
            "asked for after the answer",
            "the same, for a few, and kept in samples.jsonl",
        ),
    ),
    status="partial",
    since="0.2",
    use="A trained classifier is at hand and a language model may know what it does not. Look at "
    "override precision first: shots the classifier learned from teach to copy it.",
)

SUPERCONTEXT = MethodInfo(
    slug="supercontext",
    name="SuperContext",
    family="incontext",
    paper="2312.15918",
    summary="Puts the prediction and confidence of a small fine-tuned model into the prompt, as a "
    "reference; with or without shots, no training of the language model.",
    equation=Equation(
        "Section 2, as read off probabilities",
        r"\hat y=\arg\max_y P\bigl(y\mid[x_1,r_1,y_1,\dots,x_k,r_k,y_k,]\,x,r\bigr),\qquad"
        r"r=(\text{label},\text{confidence})",
    ),
    needs=("texts with labels", "a small discriminative model"),
    knobs=(
        _SMALL,
        _DECODING,
        Knob("shots", "zero-shot, or shots drawn three times", "none; few_shot=true has them"),
        _CONFIDENCE,
        _CALIBRATION,
        Knob(
            "interpretation",
            "asks for an influence from 0 to 1 and the words that decided",
            "the same where it is asked for; kept in samples.jsonl and not scored",
            "official code: the prompt stands in a figure alone, and what runs it is missing",
        ),
    ),
    status="partial",
    since="0.2",
    use="As SuperICL, where no shots fit or none are at hand. Out of the small model's domain hold "
    "it beside both models alone: the hint may be worse than no hint.",
)

DICL_SAC = MethodInfo(
    slug="dicl-sac",
    name="DICL-SAC",
    family="incontext",
    paper="2410.11711",
    summary="Soft actor-critic that also learns from next states a language model predicted from "
    "what was played.",
    equation=Equation(
        "Algorithm 2",
        r"L=L_{\mathrm{SAC}}(B)+\frac{|B_{\mathrm{llm}}|}{|B|}L_{\mathrm{SAC}}(B_{\mathrm{llm}}),"
        r"\qquad B_{\mathrm{llm}}\ni(s_i,\tilde a_i,r_i,\hat s_{i+1}),\quad"
        r"\tilde a_i\sim\pi(\cdot\mid s_i)",
    ),
    needs=("an environment with continuous actions", "a tokenizer with a token for each digit"),
    knobs=(
        Knob(
            "optimiser steps of an update",
            "one, on the weighted sum of both losses",
            "one; two with separate",
            "official code: a second step of Adam for the predicted batch, which Adam's scaling "
            "all but frees of its weight and which no arm without predictions takes",
        ),
        Knob(
            "what is read",
            "DICL; Table 3 says vICL for the runs shown",
            "vICL; principal components are options",
        ),
        Knob(
            "value of a predicted law",
            "Table 3 says mode",
            "mean, or mode",
            "official code: stores the mean",
        ),
        Knob(
            "action of a predicted transition",
            "drawn anew from the policy; the reward stays that of the action played",
            "the same",
            "the same; an option of the code keeps the action played",
        ),
        Knob(
            "which predictions are kept",
            "all",
            "all, or those of least true error",
            "official code: an option by the true error, which needs the truth",
        ),
        Knob(
            "when reading starts",
            "with enough long episodes",
            "with the first block that is learned from, once an episode is long enough",
            "official code: a least number of long episodes",
        ),
        Knob("environment", "Pendulum, HalfCheetah, Hopper", "Pendulum-v1, our own equations"),
    ),
    status="partial",
    since="0.2",
    use="To see whether predicted transitions save steps in the environment. Compare with plain "
    "SAC, and with the same number of recorded transitions.",
)

INCONTEXT: tuple[MethodInfo, ...] = (LLM_TIME_SERIES, DICL, DICL_SAC, SUPERICL, SUPERCONTEXT)
