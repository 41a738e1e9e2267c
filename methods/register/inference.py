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

SELF_CONSISTENCY = MethodInfo(
    slug="self-consistency",
    name="Self-consistency",
    family="inference",
    paper="2203.11171",
    summary="Samples several lines of reasoning and answers with the result that most of them "
    "reach; no training and no scorer.",
    equation=Equation(
        "Section 2",
        r"\hat a=\arg\max_a\sum_{i=1}^{n}\mathbb{1}[a_i=a],\qquad(r_i,a_i)\sim\pi(\cdot\mid x)",
    ),
    needs=("prompts", "results that can be compared"),
    knobs=(
        Knob(
            "ties",
            "not stated",
            "the answer sampled first; in expectation shared evenly",
            "the first counted, mostly by the order of a dictionary",
        ),
        Knob(
            "expected curve",
            "the mean of ten runs",
            "the exact mean over all subsets of N samples, up to 64",
            "lm-evaluation-harness votes among the first k samples",
        ),
        Knob(
            "what a result is",
            "parsed from the end of the text, by the task",
            "what stands behind the task's last step, else the whole answer",
            "optillm compares whole texts by their similarity and extracts no answer",
        ),
        Knob(
            "weights",
            "none; weighting by the samples' probability is reported to be no better",
            "none; weighted-best-of-n weighs",
        ),
    ),
    status="partial",
    since="0.2",
    use="Results can be compared and no scorer is at hand: where the commonest answer is right "
    "more often than one sample, votes find it. Where it is wrong, they make it worse.",
)

WEIGHTED_BEST_OF_N = MethodInfo(
    slug="weighted-best-of-n",
    name="Weighted best-of-n",
    family="inference",
    paper="2206.02336",
    summary="A vote over the results of sampled answers in which each weighs as much as a scorer "
    "trusts it; no training.",
    equation=Equation(
        "Voting verifier",
        r"\hat a=\arg\max_a\sum_{i=1}^{n} f(x,r_i,a_i)\,\mathbb{1}[a_i=a],\qquad"
        r"(r_i,a_i)\sim\pi(\cdot\mid x)",
    ),
    needs=("prompts", "results that can be compared", "reward"),
    knobs=(
        Knob(
            "weights",
            "a verifier's probability",
            "the sigmoid of a reward model's score; weight=score takes it as it is, from 0 up",
            "what the reward model gives, of whatever range",
        ),
        Knob(
            "ties",
            "not stated",
            "the answer sampled first; in expectation shared by the number of samples",
            "the first met, or the order of a dictionary",
        ),
        Knob(
            "expected curve",
            "not stated",
            "the mean over all subsets of N samples, or over 2,000 random ones where they are more "
            "than 20,000",
            "the first n samples only",
        ),
    ),
    status="partial",
    since="0.2",
    use="Results can be compared and a scorer is at hand that errs: it beats the plain vote where "
    "the scorer knows anything, and best-of-n where single wrong answers fool it.",
)

BUDGET_FORCING = MethodInfo(
    slug="budget-forcing",
    name="Budget forcing",
    family="inference",
    paper="2501.19393",
    summary="Cuts thinking off at a budget of tokens, or replaces its end by a word that makes the "
    "model go on; no training and no scorer.",
    equation=Equation(
        "Section 3 (metrics)",
        r"\operatorname{Scaling}=\frac{1}{\binom{|A|}{2}}\sum_{a<b\in A}\frac{f(b)-f(a)}{b-a},"
        r"\qquad\operatorname{Performance}=\max_{a\in A} f(a)",
    ),
    needs=("prompts",),
    knobs=(
        Knob(
            "continuation",
            "Wait, the best of a few strings tried",
            "given; the sign behind which the built-in tiny model answers",
            "s1's fork of lm-evaluation-harness: thinking_n_ignore_str",
        ),
        Knob(
            "which answer counts",
            "one that is asked for behind all thinking",
            "the last one",
        ),
        Knob(
            "temperature",
            "0",
            "1, so that a vote of as many tokens can stand beside it",
        ),
        Knob(
            "training",
            "1,000 long traces before",
            "none: the model as it is",
        ),
    ),
    status="partial",
    since="0.2",
    use="A model was trained to think at length and to correct itself. Others seldom gain: look at "
    "the vote of as many tokens that each run puts beside it.",
)

INFERENCE: tuple[MethodInfo, ...] = (
    BEST_OF_N, SELF_CONSISTENCY, WEIGHTED_BEST_OF_N, BUDGET_FORCING,
)  # fmt: skip
