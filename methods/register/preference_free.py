"""Preference methods that need no pairs, or no reference model."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

KTO = MethodInfo(
    slug="kto",
    name="Kahneman-Tversky Optimization",
    family="preference",
    paper="2402.01306",
    summary="Learns from single answers marked good or bad: each is pushed to its side of a "
    "reference point, the KL to the reference model, with a value that saturates.",
    equation=Equation(
        "Section 4.1",
        r"\mathcal{L}_\mathrm{KTO}=\mathbb{E}_{x,y}\left[\lambda_y-v(x,y)\right],\quad"
        r" v(x,y)=\lambda_D\,\sigma\left(\beta(r_\theta(x,y)-z_0)\right)\ \mathrm{or}\ "
        r"\lambda_U\,\sigma\left(\beta(z_0-r_\theta(x,y))\right),\quad"
        r" r_\theta=\log\frac{\pi_\theta(y\mid x)}{\pi_\mathrm{ref}(y\mid x)},\quad"
        r" z_0=\mathrm{KL}\left(\pi_\theta(y'\mid x)\,\|\,\pi_\mathrm{ref}(y'\mid x)\right)",
    ),
    needs=("answers labelled good or bad", "reference model"),
    knobs=(
        Knob(
            "reference point",
            "KL of the policy, estimated in a micro-batch from mismatched answers, at least 0, "
            "without a gradient",
            "the mean over the mismatched answers of the whole optimiser step, at least 0",
            "TRL: the mean over a micro-batch on all devices; Liger: given by the caller",
        ),
        Knob(
            "mismatched answer",
            "the next example's answer",
            "the next one whose prompt differs",
            "TRL: the next example's, whatever its prompt",
        ),
        Knob(
            "class weights",
            "both 1; for unequal classes lambda_D n_D / (lambda_U n_U) of 1 or little more",
            "that ratio 1, the larger class weighing 1",
            "TRL: two options, both 1 unless given; its page advises that ratio from 1 to 4/3",
        ),
        Knob(
            "reduction",
            "expectation over answers",
            "mean over all answers of the optimiser step, of either label",
        ),
    ),
    status="partial",
    since="0.2",
    use="Answers marked good or bad one by one, or many more of one kind than of the other. Each "
    "step also reads mismatched answers with both models; pairs with little noise are better left "
    "to DPO.",
)

ORPO = MethodInfo(
    slug="orpo",
    name="Odds Ratio Preference Optimization",
    family="preference",
    paper="2403.07691",
    summary="Supervised fine-tuning on the preferred answers with a small term that parts the odds "
    "of preferred and rejected ones; no reference model.",
    equation=Equation(
        "Eq. 6 and 7",
        r"\mathcal{L}_\mathrm{ORPO}=\mathbb{E}_{(x,y_w,y_l)}\left[\mathcal{L}_\mathrm{SFT}"
        r"-\lambda\log\sigma\left(\log\frac{\mathbf{odds}_\theta(y_w\mid x)}"
        r"{\mathbf{odds}_\theta(y_l\mid x)}\right)\right],\quad"
        r"\mathbf{odds}_\theta(y\mid x)=\frac{P_\theta(y\mid x)}{1-P_\theta(y\mid x)}",
    ),
    needs=("preference pairs",),
    knobs=(
        Knob(
            "log-prob of an answer",
            "mean over its tokens",
            "mean, the end token included once",
            "trainers that took the sum saw the odds vanish",
        ),
        Knob(
            "tokens of the supervised term",
            "not stated: the preferred answer",
            "the preferred answer's, its end included; the mean of each pair",
            "Liger and TRL: the mean over all tokens of a batch; TRL counts the prompt's too",
        ),
        Knob(
            "log(1 - P)",
            "not stated",
            "expm1 near P = 1, log1p elsewhere; log P at most minus the machine epsilon",
            "TRL: the two branches in float32; Liger: log1p(-exp) everywhere",
        ),
    ),
    status="partial",
    since="0.2",
    use="One stage from a pretrained model instead of SFT and then DPO; no reference model is "
    "kept. Where a model has been tuned already, its supervised term teaches the preferred "
    "answers once more.",
)

SIMPO = MethodInfo(
    slug="simpo",
    name="Simple Preference Optimization",
    family="preference",
    paper="2405.14734",
    summary="A pair is won where the mean log-prob of its tokens is higher by a margin; no "
    "reference model, and length alone wins nothing.",
    equation=Equation(
        "Eq. 6",
        r"\mathcal{L}_\mathrm{SimPO}=-\mathbb{E}_{(x,y_w,y_l)}\left[\log\sigma\left("
        r"\frac{\beta}{|y_w|}\log\pi_\theta(y_w\mid x)-\frac{\beta}{|y_l|}"
        r"\log\pi_\theta(y_l\mid x)-\gamma\right)\right]",
    ),
    needs=("preference pairs",),
    knobs=(
        Knob(
            "length of an answer",
            "|y|; whether the end token counts is not stated",
            "the answer's tokens with the end token once, never the prompt's",
        ),
        Knob(
            "margin",
            "gamma, beside beta's scale",
            "gamma as the paper",
            "TRL and Liger: gamma; the authors' code is given gamma / beta",
        ),
        Knob(
            "supervised term",
            "none",
            "none",
            "TRL's CPO trainer adds cpo_alpha times the likelihood unless that is 0; Liger's "
            "loss adds alpha times it",
        ),
    ),
    status="partial",
    since="0.2",
    use="No room for a reference model, or DPO's answers grow long. Nothing but small steps holds "
    "the policy near its start, so the learning rate, beta and gamma must be searched.",
)
