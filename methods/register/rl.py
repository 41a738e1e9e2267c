"""Methods that learn from a reward of their own samples; those with groups have their own file."""

from __future__ import annotations

from methods.register.facts import Equation, Knob, MethodInfo
from methods.register.rl_group import RL_GROUP

_ACTION = Knob(
    "what is one action",
    "the whole answer: its log-prob is the sum over tokens",
    "as the paper",
    "peers that average over tokens weigh short answers more",
)
_KL = Knob(
    "place of the KL",
    "in the reward, before the baseline",
    "as the paper; of the whole answer, a constant of the gradient",
    "several peers put it into the loss",
)

REINFORCE = MethodInfo(
    slug="reinforce",
    name="REINFORCE with a batch baseline",
    family="rl",
    paper="2402.14740",
    summary="Scales the gradient of each answer's log-probability by its reward less the mean "
    "reward of the step's other answers.",
    equation=Equation(
        "Eq. 3 and 7 (Williams, 1992)",
        r"\nabla_\theta J=\mathbb{E}\left[(R(x,y)-b)\,\nabla_\theta\log\pi_\theta(y\mid x)"
        r"\right],\quad R(x,y)=r(x,y)-\beta\log\frac{\pi_\theta(y\mid x)}"
        r"{\pi_\mathrm{ref}(y\mid x)}",
    ),
    needs=("prompts", "reward", "reference model where beta > 0"),
    knobs=(
        Knob(
            "baseline",
            "a moving average of rewards over training (Eq. 8)",
            "the mean of the step's other answers",
            "REINFORCE++ normalises over the batch",
        ),
        _ACTION,
        _KL,
        Knob("clip", "none, though a batch makes two updates", "none, and one update a batch"),
    ),
    status="partial",
    since="0.2",
    use="Take it for the simplest policy gradient there is: one answer a prompt, no value network, "
    "no ratio. Its baseline does not know the prompt: where prompts differ in difficulty, rloo and "
    "remax get less noise from as many answers.",
)

RLOO = MethodInfo(
    slug="rloo",
    name="REINFORCE Leave-One-Out",
    family="rl",
    paper="2402.14740",
    summary="REINFORCE with the mean reward of the other answers to the same prompt as baseline; "
    "no value network, no clipping, no division by a spread.",
    equation=Equation(
        "Section 2.3",
        r"\nabla_\theta J=\frac1k\sum_{i=1}^{k}\left[R(x,y_i)-\frac{1}{k-1}\sum_{j\ne i}"
        r"R(x,y_j)\right]\nabla_\theta\log\pi_\theta(y_i\mid x)",
    ),
    needs=("prompts", "reward", "reference model where beta > 0"),
    knobs=(
        _ACTION,
        _KL,
        Knob(
            "clip",
            "none, though a batch makes two updates",
            "none, and one update a batch",
            "TRL clips the ratio of whole answers at 0.2",
        ),
        Knob("standard deviation", "not divided by", "not divided by", "NeMo-RL offers it"),
    ),
    status="partial",
    since="0.2",
    use="Take it where several answers can be sampled to a prompt and an unbiased gradient with "
    "few settings is wanted. It costs those answers and no value network; as nothing corrects "
    "for an older policy, a batch makes one update.",
)

REMAX = MethodInfo(
    slug="remax",
    name="ReMax",
    family="rl",
    paper="2310.10505",
    summary="REINFORCE with the reward of the policy's greedy answer to the same prompt as "
    "baseline.",
    equation=Equation(
        "Algorithm 1",
        r"\nabla_\theta J=\mathbb{E}\left[(r(x,y)-r(x,\bar y))\,\nabla_\theta\log\pi_\theta"
        r"(y\mid x)\right],\quad\bar y_t=\arg\max_a\pi_\theta(a\mid x,\bar y_{<t})",
    ),
    needs=("prompts", "reward", "reference model where beta > 0"),
    knobs=(
        Knob(
            "baseline",
            "the greedy answer's reward, without a KL",
            "as the paper",
            "verl: the same",
        ),
        _ACTION,
        Knob(
            "place of the KL",
            "not part of the estimator",
            "in the sampled answer's reward",
            "the authors' code and verl: each token pays for its own log-ratio",
        ),
    ),
    status="partial",
    since="0.2",
    use="Take it where one sampled answer a prompt must do and prompts differ in difficulty: the "
    "greedy answer is the prompt's own baseline. It costs a second answer and a second reward; a "
    "policy that is nearly certain samples its greedy answer, and then learns nothing.",
)

PPO = MethodInfo(
    slug="ppo",
    name="Proximal Policy Optimization",
    family="rl",
    paper="1707.06347",
    summary="A policy gradient with a learned value as baseline, and several updates a batch whose "
    "ratio to the sampling policy is clipped.",
    equation=Equation(
        "Eq. 7, 9, 11 and 12; 1506.02438, Eq. 16",
        r"L(\theta)=\hat{\mathbb{E}}_t\left[\min(r_t\hat A_t,\operatorname{clip}(r_t,"
        r"1-\varepsilon,1+\varepsilon)\hat A_t)-c_1(V_\theta(s_t)-V_t^\mathrm{targ})^2\right],"
        r"\quad\hat A_t=\sum_{l\ge0}(\gamma\lambda)^l\delta_{t+l}",
    ),
    needs=("prompts", "reward", "reference model where beta > 0"),
    knobs=(
        Knob("aggregation", "mean over all timesteps", "mean over all tokens of the update"),
        Knob(
            "whitening",
            "not stated",
            "mean 0 and deviation 1 over the batch's tokens",
            "torchtune adds the mean back and divides by n - 1",
        ),
        Knob(
            "value clipping",
            "none (Eq. 9)",
            "off; value_clip turns it on",
            "torchtune, verl and OpenRLHF clip at 0.2 or 0.5",
        ),
        Knob("value's loss", "squared error", "squared error", "peers: half of it"),
        Knob("discount", "0.99", "1, as InstructGPT", "verl 1"),
        Knob("entropy bonus", "c2 0.01 for Atari", "none", "verl and OpenRLHF: off by default"),
    ),
    status="partial",
    since="0.2",
    use="Take it where a learned value of every token pays: one answer a prompt, several updates a "
    "batch. It costs a value to be learned beside the policy, and more settings than the others; "
    "where several answers can be sampled to a prompt, grpo and rloo do without.",
)

RL: tuple[MethodInfo, ...] = (*RL_GROUP, REINFORCE, RLOO, REMAX, PPO)
