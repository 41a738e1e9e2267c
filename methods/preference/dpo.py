"""Direct Preference Optimization (DPO): a preference is a statement about two log-ratios.

Paper: arXiv 2305.18290 (Rafailov et al., *Direct Preference Optimization: Your Language Model is
Secretly a Reward Model*), Eq. 7, and Section 6 for the controlled-sentiment experiment:

    L(theta) = -E log sigma( beta [log pi(y_w|x) - log ref(y_w|x)]
                           - beta [log pi(y_l|x) - log ref(y_l|x)] )

With no pairs given it makes them as Appendix C.1 does: the reference continues a review's first
words several times and the sentiment score of the whole says which continuation is preferred.

Departures from the paper
1. AdamW, where the paper uses RMSprop; the learning rate is scaled to the model (PRESETS).
2. The reference is the start itself. The paper first fine-tunes GPT-2-large on IMDb; our start is
   a model of review sentences (tiny) or the instruction-tuned SmolLM2-135M.
3. The gold reward is the VADER lexicon's score of prompt and continuation, in [-1, 1], where the
   paper uses a RoBERTa-large sentiment classifier.
4. Pairs with equal reward carry no preference and are dropped; the paper does not say.
5. A few hundred prefixes of four words; the paper: 25,000 prefixes of 2 to 8 tokens.

Checked against: ln 2 at step 0, antisymmetry under a swap, the closed-form gradient of Section 4
(-beta sigma(-margin)) in float64; TRL's, torchtune's, Liger's and OpenRLHF's losses, value and
gradient.
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.loop import Pairs, log_ratio_margin, train
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions


class Config(PreferenceOptions):
    """Options of Direct Preference Optimization."""

    beta: float = option(
        0.1, "strength of the pull to the reference", source="paper, Appendix B", gt=0, le=10
    )
    batch_size: int = option(
        64, "pairs of one optimiser step", source="paper, Appendix B", unit="pairs", ge=1
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="paper, Appendix B", gt=0, lt=1
    )
    warmup_steps: int = option(
        150, "linear warm-up from zero", source="paper, Appendix B", unit="steps", ge=0
    )
    objective: Literal["dpo", "preferred-sft", "unlikelihood"] = option(
        "dpo",
        "two controls of Section 6: preferred-sft raises the likelihood of the preferred answers "
        "alone (Preferred-FT); unlikelihood also lowers that of the others, without a reference",
        source="ours",
    )
    samples_per_prompt: int = option(
        4,
        "answers sampled to each prompt",
        source="paper, Appendix C.1",
        unit="samples",
        ge=2,
        le=16,
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def dpo_loss(
    chosen_logp: Tensor,
    rejected_logp: Tensor,
    ref_chosen_logp: Tensor,
    ref_rejected_logp: Tensor,
    beta: float,
) -> Tensor:
    """Eq. 7 for each pair, in nats, (B,). All arguments (B,): log-probs summed over the answer."""
    margin = (chosen_logp - ref_chosen_logp) - (rejected_logp - ref_rejected_logp)
    return -logsigmoid(beta * margin)


def run(run: Run, config: Config) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy."""

    def loss(pairs: Pairs) -> Tensor:
        return dpo_loss(*pairs.summed(), config.beta)

    train(
        run,
        config,
        {"preferred-sft": preferred_sft, "unlikelihood": unlikelihood}.get(config.objective, loss),
        margin=lambda pairs: config.beta * log_ratio_margin(pairs),
        held_out_loss=loss,
    )


def preferred_sft(pairs: Pairs) -> Tensor:
    """Minus the preferred answer's mean log-prob, in nats per token, (P,)."""
    return -pairs.averaged()[0]


def unlikelihood(pairs: Pairs) -> Tensor:
    """The same, plus the rejected answer's mean log-prob: nothing bounds it from below, (P,)."""
    chosen, rejected = pairs.averaged()
    return rejected - chosen
