"""Models that score answers."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

BT_RM = MethodInfo(
    slug="bt-rm",
    name="Bradley-Terry reward model",
    family="reward",
    paper="2203.02155",
    summary="Learns one number for an answer from preferences between answers to the same prompt; "
    "the difference of two numbers is the log-odds of the preference.",
    equation=Equation(
        "Eq. 1; margin: 2307.09288, Eq. 2; centering: 2312.09244",
        r"\mathcal{L}(\theta)=-\frac{1}{\binom{K}{2}}\mathbb{E}_{(x,y_w,y_l)}\left[\log\sigma"
        r"\left(r_\theta(x,y_w)-r_\theta(x,y_l)-m\right)\right]"
        r"+\eta\,\mathbb{E}\left[\left(r_\theta(x,y_w)+r_\theta(x,y_l)\right)^2\right]",
    ),
    needs=("preference pairs",),
    knobs=(
        Knob(
            "token that is read",
            "not stated",
            "the last token of the text, its end token; there is no padding to pass by",
            "transformers reads the last token that is not the padding token, so the one before "
            "the end where both are one token",
        ),
        Knob(
            "weight of a pair",
            "a prompt's C(K,2) pairs share its weight",
            "the same: each pair of a prompt counts one over their number",
            "TRL and OpenRLHF take pairs one by one, so that a prompt weighs as many as it has",
        ),
        Knob(
            "margin",
            "none; Llama 2 (2307.09288, Eq. 2) subtracts a number for each degree of preference",
            "off; else a multiple of the gold difference",
            "TRL and OpenRLHF: a column of the data",
        ),
        Knob(
            "centering",
            "none in the loss; the mean reward of demonstrations is shifted to 0 afterwards",
            "off; else the squared sum of 2312.09244, weighed like its pair",
            "TRL: center_rewards_coefficient, a mean over pairs; OpenRLHF: none",
        ),
        Knob(
            "start of the head",
            "not stated",
            "zero, so that the first loss is ln 2",
            "transformers: normal with the model's initialiser range, from no fixed seed",
        ),
    ),
    status="partial",
    since="0.2",
    use="Take it where answers can be compared and no rule can score them: best-of-n and the "
    "methods of reinforcement learning then read its number. It costs a forward pass an answer; "
    "a policy that is pressed hard against it finds its errors.",
)

ORM = MethodInfo(
    slug="orm",
    name="Outcome reward model (verifier)",
    family="reward",
    paper="2110.14168",
    summary="Learns whether a sampled answer will turn out right from its final result alone, and "
    "then ranks many answers to a new problem.",
    equation=Equation(
        "Section 4.2, Appendices B and E",
        r"\mathcal{L}(\theta)=\frac{1}{\sum_i|y_i|}\sum_i\sum_t\left(v_\theta(x_i,y_{i,\le t})-"
        r"c_i\right)^2-\lambda\,\mathbb{E}\left[\log\pi_\theta(y\mid x)\right]",
    ),
    needs=("prompts", "verifiable reward"),
    knobs=(
        Knob(
            "level",
            "a prediction after every token (Section 4.3 finds it better in the long run)",
            "token; sequence reads the end alone",
            "most outcome reward models read the last token only",
        ),
        Knob(
            "value loss",
            "mean squared error against 0 or 1; cross-entropy did no worse (Appendix B)",
            "mse; bce is the cross-entropy of a sigmoid",
            "Math-Shepherd (2312.08935, Eq. 1) trains its outcome model by cross-entropy",
        ),
        Knob(
            "language loss",
            "added unweighted on an equal mix of demonstrations",
            "the same, as a mean over tokens; language_weight=0 leaves it out",
            "rarely kept by others",
        ),
        Knob(
            "start",
            "the generator, which did slightly better than the pretrained model",
            "the generator",
        ),
        Knob("reduction", "not stated", "means over the tokens of the whole optimiser step"),
    ),
    status="partial",
    since="0.2",
    use="Take it where answers can be checked in training and many can be sampled at test time, to "
    "rank them. It costs the samples it learns from and one pass for each answer that is ranked; "
    "with few training problems the paper finds it no better than fine-tuning.",
)

PRM = MethodInfo(
    slug="prm",
    name="Process reward model (Math-Shepherd)",
    family="reward",
    paper="2312.08935",
    summary="Learns whether each step of an answer is a good one, from labels that completing the "
    "answer several times from that step gives; an answer is worth its worst step.",
    equation=Equation(
        "Eq. 2, with the labels of Eq. 3 and 4",
        r"\mathcal{L}(\theta)=-\sum_i y_{s_i}\log\sigma(r_{s_i})+(1-y_{s_i})\log(1-\sigma(r_{s_i}))"
        r",\qquad y^{HE}_{s_i}=\max_j 1[a_j=a^*],\quad y^{SE}_{s_i}=\frac{1}{N}\sum_j 1[a_j=a^*]",
    ),
    needs=("prompts", "verifiable reward", "answers in steps"),
    knobs=(
        Knob(
            "label of a step",
            "hard (any completion is right) or soft (the share that is)",
            "hard; estimation=soft is the other",
            "PRM800K has people judge each step; Step-DPO looks for the first wrong one",
        ),
        Knob(
            "token that is read",
            "a special token put behind each step",
            "the last token of the step itself, the end token for the last",
            "TRL's stepwise trainer labelled a separator behind each step",
        ),
        Knob(
            "value of an answer",
            "the least of its steps' scores",
            "the least",
            "products and last steps are used elsewhere",
        ),
        Knob("reduction", "a sum over an answer's steps", "mean over the steps of the batch"),
    ),
    status="partial",
    since="0.2",
    use="Take it where answers have steps and one wants to know which goes wrong. Its labels cost "
    "several completions from every step; they say whether an answer can still come right from "
    "there, not whether the step is right.",
)

REWARD: tuple[MethodInfo, ...] = (BT_RM, ORM, PRM)
