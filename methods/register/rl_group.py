"""Methods that compare the answers to one prompt with one another, GRPO and what came of it."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo

_STD = Knob(
    "standard deviation",
    "std(r), divisor not stated",
    "population (divide by G), 1e-4 added",
    "TRL and verl divide by G - 1",
)
_NO_SPREAD = Knob(
    "groups without spread",
    "not stated: advantage zero",
    "not computed; they count in the mean",
    "DAPO samples again",
)

GRPO = MethodInfo(
    slug="grpo",
    name="Group Relative Policy Optimization",
    family="rl",
    paper="2402.03300",
    summary="Samples a group of answers to each prompt, scores them, and uses each answer's score "
    "relative to its group as the advantage of a clipped policy gradient; no value network.",
    equation=Equation(
        "Eq. 3",
        r"\mathcal{J}_\mathrm{GRPO}(\theta)=\mathbb{E}\left[\frac1G\sum_{i=1}^{G}\frac1{|o_i|}"
        r"\sum_{t=1}^{|o_i|}\left\{\min\left[r_{i,t}\hat A_{i,t},\operatorname{clip}(r_{i,t},"
        r"1-\varepsilon,1+\varepsilon)\hat A_{i,t}\right]-\beta\,\mathbb{D}_\mathrm{KL}"
        r"[\pi_\theta\|\pi_\mathrm{ref}]\right\}\right],\quad"
        r"\hat A_{i,t}=\frac{r_i-\operatorname{mean}(\mathbf r)}{\operatorname{std}(\mathbf r)}",
    ),
    needs=("prompts", "reward", "reference model where beta > 0"),
    knobs=(
        Knob(
            "aggregation",
            "1/|o_i| per answer, then the mean over answers (Eq. 3)",
            "as the paper",
            "TRL's default is the token mean of DAPO; Dr. GRPO divides by a constant",
        ),
        Knob(
            "standard deviation",
            "std(r), divisor not stated",
            "population (divide by G)",
            "TRL divides by G - 1",
        ),
        Knob("epsilon in the advantage", "not stated", "1e-4, after the square root", "TRL 1e-4"),
        Knob(
            "KL estimator",
            "k3, unbiased and non-negative (Eq. 4), inside the loss",
            "as the paper",
            "TRL's default beta is 0: no KL at all",
        ),
        Knob(
            "clip",
            "symmetric 1 +- epsilon; epsilon not stated",
            "symmetric, 0.2",
            "DAPO clips higher above",
        ),
        Knob(
            "groups without spread",
            "not stated: advantage zero",
            "not computed where beta is 0; they count in the mean over answers",
            "DAPO samples again",
        ),
    ),
    status="partial",
    since="0.1",
    use="Take it first where answers can be scored and several can be sampled to a prompt. It "
    "costs those answers and no value network; prompts always or never solved teach nothing, and "
    "where lengths differ much, dr-grpo and dapo weigh answers otherwise.",
)

DR_GRPO = MethodInfo(
    slug="dr-grpo",
    name="Dr. GRPO",
    family="rl",
    paper="2503.20783",
    summary="GRPO without its two divisions: an answer's loss is not divided by its length, an "
    "advantage not by its group's spread.",
    equation=Equation(
        "Section 3.2 and Listing 1",
        r"\mathcal{J}(\theta)=\mathbb{E}\left[\frac1G\sum_{i=1}^{G}\sum_{t=1}^{|o_i|}"
        r"\min\left[r_{i,t}\hat A_i,\operatorname{clip}(r_{i,t},1-\varepsilon,1+\varepsilon)"
        r"\hat A_i\right]\right],\quad\hat A_i=r_i-\operatorname{mean}(\mathbf r)",
    ),
    needs=("prompts", "reward"),
    knobs=(
        Knob(
            "aggregation",
            "a sum over tokens; Listing 1 divides by the longest answer allowed",
            "sum over tokens / longest answer allowed, then the mean over answers",
            "verl divides by the width of the padded batch unless told otherwise",
        ),
        Knob("standard deviation", "left out", "left out"),
        _NO_SPREAD,
        Knob("clip", "symmetric, 0.2", "symmetric, 0.2"),
        Knob("KL", "beta 0 throughout", "none", "TRL keeps it as an option"),
    ),
    status="partial",
    since="0.2",
    use="Take it in GRPO's place where wrong answers grow longer. It costs the same; as neither "
    "length nor spread is divided by, a learning rate found for GRPO has to be found anew.",
)

DAPO = MethodInfo(
    slug="dapo",
    name="DAPO",
    family="rl",
    paper="2503.14476",
    summary="GRPO with a higher upper clip, groups sampled until they differ, a mean over tokens, "
    "and a soft penalty on answers near the length limit; no KL term.",
    equation=Equation(
        "Eq. 8, 11, 12 and 13",
        r"\mathcal{J}(\theta)=\mathbb{E}\left[\frac{1}{\sum_{i}|o_i|}\sum_{i=1}^{G}"
        r"\sum_{t=1}^{|o_i|}\min\left[r_{i,t}\hat A_i,\operatorname{clip}(r_{i,t},"
        r"1-\varepsilon_\mathrm{low},1+\varepsilon_\mathrm{high})\hat A_i\right]\right]",
    ),
    needs=("prompts", "reward"),
    knobs=(
        Knob(
            "aggregation",
            "mean over all tokens of the group (Eq. 12)",
            "mean over all tokens of the update's groups",
            "verl's token-mean is of each micro-batch unless given the batch's count",
        ),
        Knob("clip", "0.2 below, 0.28 above", "as the paper"),
        Knob(
            "dynamic sampling",
            "until the batch is full of groups with spread",
            "at most sampling_tries batches of prompts; what was kept is logged",
            "TRL has none; verl's has a largest number of batches too and stops with an error",
        ),
        Knob(
            "overlong penalty",
            "4,096 of 20,480 tokens (Eq. 13)",
            "a fifth of the longest answer",
            "TRL: a reward function to be added by hand",
        ),
        _STD,
    ),
    status="partial",
    since="0.2",
    use="Take it for long answers and several updates a batch, where GRPO's entropy collapses. It "
    "costs further samples for groups without spread; with one update a batch and answers far from "
    "the length limit, its clip and its penalty do nothing.",
)

GSPO = MethodInfo(
    slug="gspo",
    name="Group Sequence Policy Optimization",
    family="rl",
    paper="2507.18071",
    summary="GRPO with one ratio for a whole answer, the geometric mean of its tokens' ratios, and "
    "a narrow clip on it.",
    equation=Equation(
        "Eq. 5 and 7",
        r"\mathcal{J}(\theta)=\mathbb{E}\left[\frac1G\sum_{i=1}^{G}\min\left(s_i\hat A_i,"
        r"\operatorname{clip}(s_i,1-\varepsilon_\mathrm{low},1+\varepsilon_\mathrm{high})"
        r"\hat A_i\right)\right],\quad s_i=\left(\frac{\pi_\theta(y_i\mid x)}"
        r"{\pi_{\theta_\mathrm{old}}(y_i\mid x)}\right)^{1/|y_i|}",
    ),
    needs=("prompts", "reward"),
    knobs=(
        Knob(
            "gradient of the ratio",
            "through the whole answer's ratio (Eq. 5)",
            "as the paper",
            "verl: through each token's own log-prob (GSPO-token, Eq. 14)",
        ),
        Knob(
            "clip",
            "3e-4 below, 4e-4 above (Section 5.1)",
            "as the paper; the presets of small models are wider",
            "TRL: 0.2 unless told",
        ),
        _STD,
        _NO_SPREAD,
        Knob(
            "parts of a batch",
            "4 (Section 5.1)",
            "4, by prompt",
            "TRL: steps_per_generation",
        ),
    ),
    status="partial",
    since="0.2",
    use="Take it where a batch makes several updates, so that samples are stale, and for mixtures "
    "of experts. It costs what GRPO costs; its clip is of another order and has to be found for "
    "the model, and with one update a batch its gradient is GRPO's.",
)

CISPO = MethodInfo(
    slug="cispo",
    name="Clipped IS-weight Policy Optimization",
    family="rl",
    paper="2506.13585",
    summary="Weighs each token's log-probability by a clipped ratio that carries no gradient, so "
    "that no token is dropped.",
    equation=Equation(
        "Eq. 4 and 5",
        r"\mathcal{J}(\theta)=\mathbb{E}\left[\frac{1}{\sum_{i}|o_i|}\sum_{i=1}^{G}"
        r"\sum_{t=1}^{|o_i|}\operatorname{sg}(\min(r_{i,t},1+\varepsilon_\mathrm{high}))"
        r"\hat A_i\log\pi_\theta(o_{i,t}\mid q,o_{i,<t})\right]",
    ),
    needs=("prompts", "reward"),
    knobs=(
        Knob(
            "bounds of the weight",
            "above only in the paper's runs; the value is not stated",
            "above only, at 2",
            "TRL: epsilon_high itself is the bound; verl: 0.8 to 1.2, two-sided",
        ),
        Knob("aggregation", "mean over all tokens of the group", "mean over all tokens"),
        _STD,
        _NO_SPREAD,
        Knob("KL", "none", "none", "verl adds one where it is asked for"),
    ),
    status="partial",
    since="0.2",
    use="Take it where a batch makes many updates and clipping as in PPO would drop the rare "
    "tokens. It costs what GRPO costs; its bound is not stated and has to be tried, and with one "
    "update a batch it is REINFORCE with a group's advantages.",
)

RL_GROUP: tuple[MethodInfo, ...] = (GRPO, DR_GRPO, DAPO, GSPO, CISPO)
