"""Proximal Policy Optimization (PPO): a clipped policy gradient with a learned value as baseline.

Paper: arXiv 1707.06347 (Schulman et al., *Proximal Policy Optimization Algorithms*), Eq. 7, 9, 11
and 12, with the advantages of arXiv 1506.02438 (GAE, Eq. 16); for language models as in
arXiv 2203.02155 (InstructGPT), where each token pays for its log-ratio to the start:

    L(theta) = E_t[ min( rho_t A_t, clip(rho_t, 1-eps, 1+eps) A_t ) - c1 (V(s_t) - V_t^targ)^2 ]
    A_t      = sum_l (gamma lambda)^l delta_{t+l},   delta_t = r_t + gamma V(s_{t+1}) - V(s_t)
    r_t      = -beta log( pi(y_t) / ref(y_t) ),  and the answer's reward at its last token

Policy and value share one trunk: the value is a linear head that reads the state before a token.

Departures from the paper
1. No entropy bonus (c2 of Eq. 9 is 0). c1 is 1 as for Atari.
2. The text ends with the answer, also where the length limit cut it off: no value follows it.
3. Advantages are whitened over the tokens of the batch (``whiten``); the paper does not say.
4. gamma is 1 as in InstructGPT, where the paper's games discount by 0.99. One pass over 8 parts of
   a batch as in InstructGPT; the paper makes 3 to 15 passes.
5. V^targ is A + V by the values before the updates. ``value_clip`` holds the value near them, which
   is not in the paper but in many implementations.
6. InstructGPT's value network is a model of its own, begun as the reward model; ours is a head on
   the policy, begun at zero, and is left out of the model that is saved.
7. The presets are far smaller than the papers', use a larger learning rate, c1 0.1 and, for speed,
   beta 0.

Checked against: hand-worked advantages and losses on a ragged batch in float64; GAE at lambda 1 as
Monte Carlo and at 0 as the TD error; GRPO's clip; torchtune's PPOLoss and estimate_advantages,
polgrad, verl and OpenRLHF, value and gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.engine.batch import Tokens, own_batches, pack
from methods.engine.distributed import gather
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run
from methods.engine.scalar import add_scalar_head, drop_scalar_head, logprobs_and_values
from methods.rl.drawn import Critic, Drawn, Part, outside_ratio
from methods.rl.grpo import clipped_loss
from methods.rl.loop import Loop
from methods.rl.options import KlOptions, ReuseOptions


class Config(ReuseOptions, KlOptions):
    """Options of Proximal Policy Optimization."""

    prompts_per_step: int = option(
        512, "prompts of one step", source="2203.02155, Appendix C.4", unit="prompts", ge=1
    )
    minibatches: int = option(
        8,
        "parts, by prompt, of a sampled batch; each has an optimiser update of its own",
        source="2203.02155, Appendix C.4",
        unit="parts",
        ge=1,
        le=64,
    )
    learning_rate: float = option(
        1e-5, "peak learning rate of AdamW, of policy and value", source="ours", gt=0, lt=1
    )
    kl_beta: float = option(
        0.02,
        "weight of the KL to the start, in the reward of each token; 0 keeps no reference",
        source="2203.02155, Appendix C.4",
        ge=0,
        le=10,
    )
    clip_range: float = option(
        0.2,
        "epsilon of the clipped ratio; 1 and more holds it from above alone, 1000 not at all",
        source="paper, Table 1",
        gt=0,
        le=1000,
    )
    discount: float = option(1.0, "gamma, a token", source="2203.02155, Appendix C.4", gt=0, le=1)
    gae_lambda: float = option(
        0.95,
        "weight of later temporal-difference errors: 1 is Monte Carlo, 0 the next value alone",
        source="paper, Tables 3 to 5",
        ge=0,
        le=1,
    )
    value_weight: float = option(
        1.0, "c1, weight of the value's loss", source="paper, Table 5", gt=0, le=100
    )
    value_clip: float | None = option(
        None, "the value counts as at most this far from what it was; none does not", source="ours",
        gt=0,
    )  # fmt: skip
    whiten: bool = option(
        True, "advantages of a batch have mean 0 and deviation 1 over its tokens", source="ours"
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 5, "prompts_per_step": 1024, "steps": 40,
        "minibatches": 2, "kl_beta": 0.0, "value_weight": 0.1,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 128, "steps": 8, "minibatches": 1, "kl_beta": 0.0,
        "value_weight": 0.1,
    },
}  # fmt: skip


def token_rewards(answer_rewards: Tensor, log_ratios: Tensor, mask: Tensor, beta: float) -> Tensor:
    """(B,), (B, C), (B, C) bool -> (B, C): each token pays for its log-ratio, the last is paid."""
    last = mask.sum(-1, keepdim=True) - 1
    place = torch.arange(mask.shape[-1], device=mask.device)
    paid = torch.where(place == last, answer_rewards[:, None], 0.0)
    return (paid - beta * log_ratios) * mask


def gae(rewards: Tensor, values: Tensor, mask: Tensor, discount: float, lam: float) -> Tensor:
    """Eq. 11 and 12 (GAE's Eq. 16) for each row: advantages (B, C), zero where ``mask`` is False.

    ``rewards`` and ``values`` (B, C); a row's tokens come first, padding behind them. ``values``
    are of the states before the tokens; none follows the last.
    """
    advantages = torch.zeros_like(values)
    after, following = torch.zeros_like(values[:, 0]), torch.zeros_like(values[:, 0])
    for t in reversed(range(values.shape[-1])):
        delta = rewards[:, t] + discount * following - values[:, t]
        after = (delta + discount * lam * after) * mask[:, t]
        following = values[:, t] * mask[:, t]
        advantages[:, t] = after
    return advantages


def whitened(advantages: Tensor, mask: Tensor) -> Tensor:
    """Mean 0 and deviation 1 (dividing by their number) over the tokens of ``mask``, else zero."""
    real = advantages[mask]
    spread = real.std(correction=0)
    return (advantages - real.mean()) * mask / (spread + 1e-8)


def policy_loss(
    logp: Tensor,
    old_logp: Tensor,
    mask: Tensor,
    advantages: Tensor,
    total_tokens: int,
    clip_range: float,
) -> Tensor:
    """One micro-batch's part of -L^CLIP (Eq. 7), a scalar: the mean over all tokens of the update.

    Log-probs in nats, ``mask`` bool and ``advantages``, all (B, C).
    """
    return (clipped_loss(logp, old_logp, advantages, clip_range) * mask).sum() / total_tokens


def value_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    mask: Tensor,
    total_tokens: int,
    clip: float | None = None,
) -> Tensor:
    """One micro-batch's part of L^VF (Eq. 9), a scalar: the mean squared error over all tokens.

    With ``clip`` the larger of that and the error of the value held within it of ``old_values``.
    """
    error = (values - returns).square()
    if clip is not None:
        held = old_values + (values - old_values).clamp(-clip, clip)
        error = torch.maximum(error, (held - returns).square())
    return (error * mask).sum() / total_tokens


def run(run: Run, config: Config) -> None:
    """Sample, score, value, update policy and value; held-out accuracy before and after."""
    loop = Loop(run, config, add_scalar_head)
    low, high = 1 - config.clip_range, 1 + config.clip_range

    def loss(part: Part) -> Tensor:
        surrogate = policy_loss(
            part.logp, part.old_logp, part.mask, part.advantages, part.tokens, config.clip_range
        )
        error = value_loss(
            part.values, part.old_values, part.returns, part.mask, part.tokens, config.value_clip
        )
        return surrogate + config.value_weight * error

    for step in loop.steps():
        drawn = loop.sample(step)
        ratios = loop.log_ratios(drawn)
        critic, advantages = judged(loop.policy, config, drawn, ratios)
        done = loop.update(
            step, drawn, advantages, loss, lambda p: outside_ratio(p, low, high), critic=critic
        )
        kl = torch.stack([r.sum() for r in ratios])
        errors = torch.cat(list(critic.values)) - torch.cat(list(critic.returns))
        found = {"kl": loop.per_token(kl, drawn), "value_error": errors.square().mean().item()}
        loop.log(step, drawn, done | found)
    drop_scalar_head(loop.policy)
    loop.finish()


def judged(
    policy: LanguageModel, config: Config, drawn: Drawn, log_ratios: list[Tensor]
) -> tuple[Critic, list[Tensor]]:
    """What the value head says of the answers before any update, and each token's advantage."""
    rows = [a.tokens for a in drawn.answers]
    logps, values = _said(policy, rows, config.temperature)
    table = torch.nn.utils.rnn.pad_sequence(values, batch_first=True).double()
    ratios = torch.nn.utils.rnn.pad_sequence(log_ratios, batch_first=True).double()
    lengths = torch.tensor([len(v) for v in values])
    mask = torch.arange(table.shape[-1]) < lengths[:, None]
    rewards = token_rewards(drawn.rewards.flatten(), ratios, mask, config.kl_beta)
    advantages = gae(rewards, table, mask, config.discount, config.gae_lambda)
    returns = advantages + table
    if config.whiten:
        advantages = whitened(advantages, mask)
    parts = [t.split(1) for t in (returns, advantages)]
    returned, gained = ([row[0, :n] for row, n in zip(p, lengths, strict=True)] for p in parts)
    return Critic(logps, values, returned), gained


@torch.no_grad()
def _said(
    policy: LanguageModel, rows: list[Tokens], temperature: float
) -> tuple[list[Tensor], list[Tensor]]:
    """Log-probs in nats and values of each row's tokens, float32 on the CPU, from one pass."""
    found: dict[int, tuple[Tensor, Tensor]] = {}
    for group in own_batches(rows, 16384):  # no gradient, so larger than training
        batch = pack(rows, group, policy.device)
        pair = logprobs_and_values(policy, batch, temperature=temperature)
        logps, values = (t.float().cpu() for t in pair)
        for place, index in enumerate(group):
            n = rows[index].completion_length
            found[index] = logps[place, :n].clone(), values[place, :n].clone()
    for others in gather(found):
        found |= others
    return [found[i][0] for i in range(len(rows))], [found[i][1] for i in range(len(rows))]
