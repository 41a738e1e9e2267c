"""Methods that train on what the model itself wrote."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

STAR = MethodInfo(
    slug="star",
    name="Self-Taught Reasoner",
    family="selftrain",
    paper="2203.14465",
    summary="Writes reasoning to each problem, keeps what ended in the right answer, writes again "
    "with the answer as a hint where it failed, and trains the original model on both.",
    equation=Equation(
        "Algorithm 1",
        r"M_n=\operatorname{train}\left(M,\{(x_i,\hat r_i,\hat y_i):\hat y_i=y_i\}\cup"
        r"\{(x_i,\hat r_i^{\mathrm{rat}},\hat y_i^{\mathrm{rat}}):\hat y_i\neq y_i,\,"
        r"\hat y_i^{\mathrm{rat}}=y_i\}\right)",
    ),
    needs=("prompts", "reward", "answers where it rationalises"),
    knobs=(
        Knob("decoding of rationales", "greedy", "sampled at temperature 1, one a problem"),
        Knob(
            "hint",
            "the answer in the prompt, after few-shot examples that show such hints",
            "the answer behind the prompt, without examples",
        ),
        Knob(
            "where a round begins",
            "the original model, every time",
            "as the paper; AdamW forgets too",
        ),
        Knob("steps of a round", "40, a fifth more each round", "the same in every round"),
    ),
    status="partial",
    since="0.2",
    use="A task with checkable answers whose reasoning nobody wrote down, and a model that "
    "sometimes reasons its way to the right one.",
)

REST_EM = MethodInfo(
    slug="rest-em",
    name="ReST-EM",
    family="selftrain",
    paper="2312.06585",
    summary="Writes many answers to each problem, keeps at most ten right ones of each, trains the "
    "start on them, and repeats with the result as the next writer.",
    equation=Equation(
        "Algorithm 1",
        r"\theta_{k+1}=\arg\max_\theta\;\mathbb{E}_{(x,y)\sim\mathcal D_k}"
        r"\left[r(x,y)\log p_\theta(y\mid x)\right],\quad"
        r"\mathcal D_k=\{(x_i,y_{ij}):y_{ij}\sim p_{\theta_k}(\cdot\mid x_i)\}",
    ),
    needs=("prompts", "reward"),
    knobs=(
        Knob(
            "answers kept of a problem",
            "at most 10; which ones is not stated",
            "at most 10, the first written, each different one once",
        ),
        Knob("where an M-step begins", "the pretrained model", "as the paper; AdamW forgets too"),
        Knob(
            "length of an M-step",
            "as long as the reward on a validation set rises",
            "a given number of steps",
        ),
        Knob(
            "sampling in the E-step",
            "the 40 likeliest tokens at temperature 0.7",
            "the whole distribution at temperature 1",
        ),
    ),
    status="partial",
    since="0.2",
    use="A task with a verifier and more problems than written solutions, in a few large rounds "
    "instead of a reinforcement-learning loop.",
)

RAFT = MethodInfo(
    slug="raft",
    name="Reward rAnked FineTuning",
    family="selftrain",
    paper="2304.06767",
    summary="Writes several answers to each prompt, keeps the one a reward ranks first, fine-tunes "
    "the current model on it, round after round.",
    equation=Equation(
        "Algorithm 1",
        r"y_i^\ast=\arg\max_{y\in\{y_{i1},\dots,y_{iK}\}\sim\pi_\theta(\cdot\mid x_i)}r(x_i,y),"
        r"\qquad\mathcal{L}(\theta)=-\sum_i\log\pi_\theta(y_i^\ast\mid x_i)",
    ),
    needs=("prompts", "reward"),
    knobs=(
        Knob("ties", "not stated", "the first written among the best"),
        Knob(
            "what is ranked",
            "the answers to one prompt (local ranking), or all of a batch",
            "the answers to one prompt",
        ),
        Knob("optimiser between rounds", "not stated", "AdamW keeps its moments"),
    ),
    status="partial",
    since="0.2",
    use="A reward and a wish for the stability of supervised training; sampling and training can "
    "run apart.",
)

ONLINE_DPO = MethodInfo(
    slug="online-dpo",
    name="Online DPO with an annotator (OAIF)",
    family="selftrain",
    paper="2402.04792",
    summary="Samples two answers from the current policy, has an annotator prefer one, and takes "
    "one DPO step on the pair.",
    equation=Equation(
        "Algorithm 1, with DPO's loss",
        r"y^{1},y^{2}\sim\pi_{\theta_t}(\cdot\mid x),\qquad\mathcal{L}(\theta)=-\log\sigma\left("
        r"\beta\log\frac{\pi_\theta(y^+\mid x)}{\pi_\mathrm{ref}(y^+\mid x)}-\beta\log"
        r"\frac{\pi_\theta(y^-\mid x)}{\pi_\mathrm{ref}(y^-\mid x)}\right)",
    ),
    needs=("prompts", "reward", "reference model"),
    knobs=(
        Knob(
            "annotator",
            "a prompted large language model",
            "the task's score or a reward model",
            "TRL takes a judge or a reward model",
        ),
        Knob("equal answers", "not stated", "dropped", "TRL prefers the first of the two"),
        Knob(
            "unfinished answers",
            "not stated",
            "judged as they stand",
            "TRL can take a penalty off the score of an answer without an end token",
        ),
    ),
    status="partial",
    since="0.2",
    use="When DPO on a fixed set of pairs has stopped helping and something can still say which of "
    "two fresh answers is better.",
)

SPIN = MethodInfo(
    slug="spin",
    name="Self-Play Fine-Tuning",
    family="selftrain",
    paper="2401.01335",
    summary="Learns to prefer demonstrated answers to those that the last round's model writes to "
    "the same prompts; no preferences and no reward.",
    equation=Equation(
        "Eq. 4.7",
        r"L_\mathrm{SPIN}(\theta,\theta_t)=\mathbb{E}\left[\ell\left(\lambda\log"
        r"\frac{p_\theta(y\mid x)}{p_{\theta_t}(y\mid x)}-\lambda\log"
        r"\frac{p_\theta(y'\mid x)}{p_{\theta_t}(y'\mid x)}\right)\right],\quad"
        r"\ell(t)=\log(1+e^{-t})",
    ),
    needs=("demonstrations", "reference model"),
    knobs=(
        Knob(
            "answers trained on in a round",
            "from the second round on also those of the round before",
            "those of the round alone",
        ),
        Knob("own answers equal to the demonstration", "not stated", "dropped"),
        Knob("loss", "any convex decreasing one; the logistic is used", "the logistic"),
    ),
    status="partial",
    since="0.2",
    use="Demonstrations that supervised training has learned all it can from, and no preferences.",
)

ESCAPING_COLLAPSE = MethodInfo(
    slug="escaping-collapse",
    name="Escaping collapse (filter and weak labels)",
    family="selftrain",
    paper="2502.08924",
    summary="Trains on its own answers that a filter lets through, and asks a labeller that is "
    "mostly wrong about the prompts where it let none through, round after round.",
    equation=Equation(
        "The training loop, with version 2's noisy filter; not numbered here",
        r"g_t=\operatorname{train}\left(\{(x,y):y\sim g_{t-1}(\cdot\mid x),\,F(x,y)=1\}\cup"
        r"\{(x,W(x)):F(x,y)=0\ \forall y\}\right),\quad\Pr[W(x)\text{ right}]\geq\beta,\ "
        r"\Pr[F\text{ errs}]=\gamma",
    ),
    needs=("prompts", "reward", "answers where it asks for labels"),
    knobs=(
        Knob(
            "filter",
            "exact in version 1; errs with probability gamma in version 2",
            "gamma, 0 by default; it errs anew for each answer",
        ),
        Knob(
            "wrong weak labels",
            "any wrong answer",
            "the answer of another problem, drawn anew; one wrong answer for ever would be learned",
        ),
        Knob(
            "where a round begins",
            "not read by us",
            "where the last round ended, or the start",
        ),
        Knob(
            "share of fresh data",
            "alpha in version 2",
            "as many labels as prompts were failed, or label_budget",
        ),
        Knob("copies of an accepted answer", "not read by us", "kept once"),
    ),
    status="partial",
    since="0.2",
    use="A check of answers, a model that never solves some of the prompts, and a source that "
    "knows a little about them: it says where to spend it.",
)

SELFTRAIN: tuple[MethodInfo, ...] = (STAR, REST_EM, RAFT, ONLINE_DPO, SPIN, ESCAPING_COLLAPSE)
