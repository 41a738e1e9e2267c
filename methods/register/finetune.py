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
    use="The first step wherever good answers can be shown: one pass forward and back over each, "
    "no sampling. Of answers that are only ranked or scored it makes no use.",
)

DFT = MethodInfo(
    slug="dft",
    name="Dynamic Fine-Tuning",
    family="finetune",
    paper="2508.05629",
    summary="Supervised fine-tuning that weighs each token by the probability the model gives it, "
    "so that unlikely demonstrated tokens pull less instead of most.",
    equation=Equation(
        "the token-level objective of the method section",
        r"\mathcal{L}_\mathrm{DFT}(\theta)=-\mathbb{E}_{(x,y)}\left[\sum_{t=1}^{|y|}"
        r"\operatorname{sg}\left(\pi_\theta(y_t\mid x,y_{<t})\right)"
        r"\log\pi_\theta(y_t\mid x,y_{<t})\right]",
    ),
    needs=("demonstrations",),
    knobs=(
        Knob(
            "weight",
            "the token's own probability, without a gradient",
            "as the paper, in float32 whatever the compute precision",
            "TRL the same",
        ),
        Knob(
            "normalisation",
            "a sum over the answer's tokens, the expectation over demonstrations",
            "mean over all answer tokens of the optimiser step, the weights not counted",
            "TRL the same",
        ),
    ),
    status="partial",
    since="0.2",
    use="Demonstrated reasoning that can be right in many ways, at SFT's cost. What the model "
    "finds unlikely it hardly learns, so that new facts, or answers with one right wording, are "
    "left to SFT.",
)

NEFTUNE = MethodInfo(
    slug="neftune",
    name="Noisy embedding fine-tuning (NEFTune)",
    family="finetune",
    paper="2310.05914",
    summary="Supervised fine-tuning with uniform noise on the embeddings of what is read; nothing "
    "else changes, and there is no noise once training is over.",
    equation=Equation(
        "Algorithm 1",
        r"X'=X+\frac{\alpha}{\sqrt{Ld}}\,\epsilon,\qquad"
        r"\epsilon\sim\operatorname{Uniform}(-1,1)^{L\times d}",
    ),
    needs=("demonstrations",),
    knobs=(
        Knob(
            "L",
            "sequence length",
            "tokens of the row itself, prompt and answer; there is no padding to count",
            "transformers (and TRL through it), as the authors' code: the width of the padded "
            "batch, so that a short row gets less noise beside a longer one",
        ),
        Knob(
            "which tokens",
            "every token of the row",
            "as the paper",
            "transformers also puts noise on padding, which nothing reads",
        ),
        Knob(
            "normalisation",
            "not stated",
            "mean over all answer tokens of the optimiser step",
            "as for sft",
        ),
    ),
    status="partial",
    since="0.2",
    use="Few instructions and open answers, at SFT's cost and with one more setting. Where "
    "answers are short and checked, as in multiple choice, the paper finds no gain.",
)

FINETUNE: tuple[MethodInfo, ...] = (DFT, NEFTUNE, SFT)
