"""Methods that learn from a teacher model."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

KD = MethodInfo(
    slug="kd",
    name="Knowledge distillation",
    family="distill",
    paper="1503.02531",
    summary="Trains a student on a teacher's probabilities of every next token, softened by a "
    "temperature, beside the labels themselves.",
    equation=Equation(
        "Section 2 and Eq. 2 (its gradient)",
        r"\mathcal{L}(\theta)=T^2\,\mathrm{KL}\left(p^{T}\,\middle\|\,q_\theta^{T}\right)"
        r"-w\log q_\theta(y),\qquad"
        r"\frac{\partial\mathcal{L}_\mathrm{soft}}{\partial z_i}=T\left(q_i^T-p_i^T\right)",
    ),
    needs=("demonstrations", "teacher model"),
    knobs=(
        Knob(
            "factor T^2",
            "multiply the soft gradients by T^2 where hard targets are used too (Section 2)",
            "always",
            "torchtune's and liger-kernel's losses have no such factor",
        ),
        Knob(
            "soft objective",
            "cross-entropy with the soft targets",
            "forward KL: the same gradient, 0 where student and teacher agree",
            "torchtune reports the cross-entropy",
        ),
        Knob(
            "weight of the labels",
            "0.5 beside 1 for the soft targets (speech, Section 4.1)",
            "the same",
            "liger-kernel's weights are free and 0.5 each",
        ),
        Knob(
            "normalisation",
            "a mean over cases",
            "mean over all answer tokens of the optimiser step",
            "torchtune: the mean over a micro-batch's labels",
        ),
    ),
    status="partial",
    since="0.2",
    use="Take it where a teacher with the same tokenizer is at hand and labelled answers are few: "
    "its probabilities say more of each token than the label does. It costs a forward pass of the "
    "teacher a step and no sampling; what the student does after its own mistakes it does not "
    "teach, as gkd does.",
)

GKD = MethodInfo(
    slug="gkd",
    name="Generalized Knowledge Distillation",
    family="distill",
    paper="2306.13649",
    summary="The student writes the answers itself and is taught the teacher's distribution at "
    "each of their tokens, by a divergence between forward and reverse KL.",
    equation=Equation(
        "Section 3.1 and Eq. 1",
        r"\mathcal{L}(\theta)=(1-\lambda)\,\mathbb{E}_{(x,y)\sim\mathcal{D}}\left[D(p\|q_\theta)"
        r"(y|x)\right]+\lambda\,\mathbb{E}_{x}\,\mathbb{E}_{y\sim q_\theta}\left[D(p\|q_\theta)"
        r"(y|x)\right],\quad D_{\mathrm{JSD}(\beta)}=\beta\,\mathrm{KL}(p\|m)"
        r"+(1-\beta)\,\mathrm{KL}(q\|m),\ m=\beta p+(1-\beta)q",
    ),
    needs=("prompts", "teacher model", "demonstrations where lambda < 1"),
    knobs=(
        Knob(
            "ends of beta",
            "JSD is 0 at beta 0 and 1; divided by beta (1 - beta) its limit is the forward "
            "(reverse) KL",
            "refused: the two KLs are divergences of their own",
            "TRL and liger-kernel put the KLs at the ends: a jump in value and gradient",
        ),
        Knob(
            "aggregation",
            "each answer's mean over its tokens, then over answers",
            "as the paper",
            "TRL: mean over all tokens; liger-kernel: mean over labels, in chunks",
        ),
        Knob(
            "sign in low precision",
            "not stated",
            "summed in float32 from terms that are none of them negative",
            "sums of p log(p/q) fall below 0 in bfloat16 (ms-swift#10156)",
        ),
        Knob(
            "what else is in the loss",
            "nothing; reinforcement learning as an option",
            "nothing",
            "liger-kernel adds 0.5 cross-entropy with labels by default (trl#5731)",
        ),
        Knob(
            "the coin",
            "one for each step (Algorithm 1)",
            "the same",
            "TRL: the same",
        ),
    ),
    status="partial",
    since="0.2",
    use="Take it where the student will have to go on from its own mistakes, and a teacher can be "
    "asked at every step. It costs sampling from the student and a forward pass of the teacher a "
    "step; where the student cannot yet write what a teacher could correct, begin with kd.",
)

MINILLM = MethodInfo(
    slug="minillm",
    name="MiniLLM",
    family="distill",
    paper="2306.08543",
    summary="Lowers the reverse KL to a teacher over whole answers by a clipped policy gradient, "
    "with the one-step part computed exactly and the teacher helping to sample.",
    equation=Equation(
        "Section 2.2, Eq. 3 to 6",
        r"\nabla\mathcal{L}(\theta)=-\mathbb{E}_{y\sim\tilde p}\sum_{t}w_t\left[\nabla\sum_{y'}"
        r"q_\theta(y'|y_{<t})\log\frac{p(y'|y_{<t})}{q_\theta(y'|y_{<t})}"
        r"+R_{t+1}\nabla\log q_\theta(y_t|y_{<t})\right],\quad w_t=\frac{q_\theta(y_t)}"
        r"{\tilde p(y_t)},\ \tilde p=\alpha p+(1-\alpha)q_\theta",
    ),
    needs=("prompts", "teacher model", "demonstrations where the language-modelling loss is on"),
    knobs=(
        Knob(
            "what a return sums",
            "the rewards behind the token: R_{t+1}",
            "as the paper",
            "the authors' code and TRL's former trainer: from the token on, beside the single step",
        ),
        Knob(
            "length normalisation",
            "1/(T - t - 1) (Eq. 6)",
            "1/(T - t), the number of terms",
            "the authors' code: the number of terms",
        ),
        Knob(
            "whitening",
            "none",
            "none",
            "the authors' code whitens and discounts returns and scales and clips rewards",
        ),
        Knob(
            "importance weight",
            "the token's own ratio instead of the product (Section 2.2)",
            "as the paper; of the current student",
            "the authors' code: of the student that sampled, times PPO's ratio",
        ),
        Knob(
            "aggregation",
            "sum over tokens, mean over answers (Eq. 5)",
            "as the paper",
            "the authors' code: mean over tokens",
        ),
        Knob(
            "language-modelling loss",
            "on a corpus of pre-training",
            "on labelled answers of the task; the tiny preset takes those its start has seen",
            "the authors' code mixes in a distillation loss, half and half",
        ),
    ),
    status="partial",
    since="0.2",
    use="Take it where the student is much smaller than the teacher and answers are open: it keeps "
    "to what the teacher would really say. It costs sampling from both models and one pass of each "
    "more than gkd, and its gradient is noisier; where each token has one right value, take gkd.",
)

DISTILL: tuple[MethodInfo, ...] = (KD, GKD, MINILLM)
