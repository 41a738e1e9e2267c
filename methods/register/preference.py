"""Methods that learn from preferences between answers: those of the DPO kind, then all."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo
from methods.register.preference_free import KTO, ORPO, SIMPO

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
    use="Pairs of answers are at hand, and no reward model: about the cost of SFT on both "
    "answers, and the reference's log-probs once. It learns from the answers in the data alone, "
    "and preferred ones can become less likely too (dpop).",
)

_AS_DPO = Knob(
    "log-prob of an answer",
    "log pi(y|x): the sum over the answer's tokens",
    "sum, the end token included once",
)

CDPO = MethodInfo(
    slug="cdpo",
    name="Conservative DPO",
    family="preference",
    paper="2305.18290",
    summary="DPO with smoothed labels: each preference may be wrong with a chance epsilon, so a "
    "pair is not pushed apart without end.",
    equation=Equation(
        "Eq. 7 with the label smoothing of Mitchell's note of 2023, which is not on arXiv",
        r"\mathcal{L}_\mathrm{cDPO}=-\mathbb{E}\left[(1-\varepsilon)\log\sigma(\beta m)"
        r"+\varepsilon\log\sigma(-\beta m)\right],\quad m=\log\frac{\pi_\theta(y_w\mid x)}"
        r"{\pi_\mathrm{ref}(y_w\mid x)}-\log\frac{\pi_\theta(y_l\mid x)}"
        r"{\pi_\mathrm{ref}(y_l\mid x)}",
    ),
    needs=("preference pairs", "reference model"),
    knobs=(
        _AS_DPO,
        Knob(
            "label smoothing",
            "epsilon, the chance that a label is wrong",
            "0.1, below 1/2",
            "TRL's and Liger's sigmoid loss takes no notice of label_smoothing; their robust loss "
            "divides by 1 - 2 epsilon, which is another method",
        ),
    ),
    status="partial",
    since="0.2",
    use="Pairs of which a known share is labelled wrong: DPO's cost, and epsilon to choose. Where "
    "labels are clean it only stops DPO early.",
)

IPO = MethodInfo(
    slug="ipo",
    name="Identity Preference Optimization",
    family="preference",
    paper="2310.12036",
    summary="Regresses the difference of two log-ratios onto a fixed target, so that the pull to "
    "the reference holds where preferences are certain and DPO would not stop.",
    equation=Equation(
        "Eq. 17",
        r"\mathbb{E}_{(y_w,y_l,x)}\left[\left(h_\pi(y_w,y_l,x)-\frac{\tau^{-1}}{2}\right)^2"
        r"\right],\quad h_\pi=\log\frac{\pi(y_w\mid x)\,\pi_\mathrm{ref}(y_l\mid x)}"
        r"{\pi(y_l\mid x)\,\pi_\mathrm{ref}(y_w\mid x)}",
    ),
    needs=("preference pairs", "reference model"),
    knobs=(
        Knob(
            "log-prob of an answer",
            "log pi(y|x) of the whole answer",
            "sum; tokens=mean divides by the answer's length",
            "TRL divides each answer's log-ratio by its tokens, which its source says the paper's "
            "authors confirmed; OpenRLHF sums",
        ),
        Knob("tau", "not stated for a language model", "0.1", "TRL calls it beta, 0.1"),
        Knob("reduction", "expectation over pairs", "mean over all pairs of the optimiser step"),
    ),
    status="partial",
    since="0.2",
    use="Preferences that are certain, or few, where DPO would drift from the reference without "
    "end; DPO's cost. Its target is in nats of whole answers, so tau goes by how long they are.",
)

DPOP = MethodInfo(
    slug="dpop",
    name="DPO-Positive",
    family="preference",
    paper="2402.13228",
    summary="DPO with a penalty inside the sigmoid wherever the preferred answer has become less "
    "likely than under the reference.",
    equation=Equation(
        "the DPOP loss",
        r"\mathcal{L}_\mathrm{DPOP}=-\mathbb{E}\left[\log\sigma\left(\beta\left("
        r"\log\frac{\pi_\theta(y_w\mid x)}{\pi_\mathrm{ref}(y_w\mid x)}"
        r"-\log\frac{\pi_\theta(y_l\mid x)}{\pi_\mathrm{ref}(y_l\mid x)}"
        r"-\lambda\max\left(0,\log\frac{\pi_\mathrm{ref}(y_w\mid x)}{\pi_\theta(y_w\mid x)}"
        r"\right)\right)\right)\right]",
    ),
    needs=("preference pairs", "reference model"),
    knobs=(
        _AS_DPO,
        Knob(
            "place of the penalty",
            "inside the sigmoid, scaled by beta; version 1 brackets it otherwise, by mistake",
            "as the later versions",
            "no peer compared here has the method",
        ),
        Knob("slope at the bend", "not stated", "DPO's: the penalty begins beyond it"),
    ),
    status="partial",
    since="0.2",
    use="Pairs that differ in few tokens, or preferred answers that must stay likely; DPO's cost. "
    "Elsewhere the penalty only holds DPO back.",
)

STEP_DPO = MethodInfo(
    slug="step-dpo",
    name="Step-DPO",
    family="preference",
    paper="2406.18629",
    summary="DPO on single steps of worked-out answers: behind the right beginning of an answer "
    "that goes wrong, a right step is preferred to the wrong one.",
    equation=Equation(
        "Eq. 2",
        r"\mathcal{L}(\theta)=-\mathbb{E}_{(x,s_{1\sim k-1},s_\mathrm{win},s_\mathrm{lose})}"
        r"\left[\log\sigma\left(\beta\log\frac{\pi_\theta(s_\mathrm{win}\mid x;s_{1\sim k-1})}"
        r"{\pi_\mathrm{ref}(s_\mathrm{win}\mid x;s_{1\sim k-1})}-\beta\log"
        r"\frac{\pi_\theta(s_\mathrm{lose}\mid x;s_{1\sim k-1})}"
        r"{\pi_\mathrm{ref}(s_\mathrm{lose}\mid x;s_{1\sim k-1})}\right)\right]",
    ),
    needs=("prompts", "a judge of steps, or pairs of steps", "reference model"),
    knobs=(
        Knob(
            "end of a step",
            "not stated",
            "the step end belongs to the step; the end token where the answer stops with it",
        ),
        Knob(
            "who finds the wrong step",
            "people or GPT-4",
            "the task, exactly",
        ),
        Knob(
            "right step",
            "the first step of a sampled answer that ends right",
            "the first sampled step that the task judges right",
            "no peer compared here has the method",
        ),
    ),
    status="partial",
    since="0.2",
    use="Long worked answers that one wrong step spoils, and somebody who can tell the first one. "
    "The pairs cost more sampling and judging than DPO's; training costs no more.",
)

TDPO = MethodInfo(
    slug="tdpo",
    name="Token-level DPO",
    family="preference",
    paper="2404.11999",
    summary="DPO whose margin also counts, token by token, how far the policy has moved from the "
    "reference on either answer; moving further on the rejected one is held back.",
    equation=Equation(
        "the loss of TDPO2",
        r"\mathcal{L}_{\mathrm{TDPO}_2}=-\mathbb{E}\left[\log\sigma\left(u-\alpha\left(\beta"
        r" D_\mathrm{SeqKL}(x,y_l;\pi_\mathrm{ref}\|\pi_\theta)-\operatorname{sg}\left(\beta"
        r" D_\mathrm{SeqKL}(x,y_w;\pi_\mathrm{ref}\|\pi_\theta)\right)\right)\right)\right],"
        r"\quad u=\beta\log\frac{\pi_\theta(y_w\mid x)}{\pi_\mathrm{ref}(y_w\mid x)}"
        r"-\beta\log\frac{\pi_\theta(y_l\mid x)}{\pi_\mathrm{ref}(y_l\mid x)}",
    ),
    needs=("preference pairs", "reference model"),
    knobs=(
        _AS_DPO,
        Knob(
            "direction of the KL",
            "KL(ref || policy) of the next token's whole distribution",
            "as the paper, summed over the answer's tokens, its end included",
            "no peer compared here has the method",
        ),
        Knob(
            "version",
            "TDPO1 and TDPO2, which stops the gradient of the chosen answer's KL",
            "TDPO2 unless asked",
        ),
    ),
    status="partial",
    since="0.2",
    use="DPO strays too far from the reference, most of all on rejected answers. The KL is over "
    "the whole vocabulary, so that the reference runs in every step and not once.",
)

PREFERENCE: tuple[MethodInfo, ...] = (
    CDPO, DPO, DPOP, IPO, KTO, ORPO, SIMPO, STEP_DPO, TDPO,
)  # fmt: skip
