"""The experiments: each tests one claim of a paper, in a file that reads as its protocol.

``EXPERIMENTS`` is the whole list. Importing it imports no torch; `registry verify` runs it.
"""

from __future__ import annotations

from methods.experiments.active import ACTIVE
from methods.experiments.active_annotator import (
    ACTIVE_HYBRID_ROUTING,
    ACTIVE_LLM_ANNOTATOR,
)
from methods.experiments.active_generation import (
    ACTIVE_GENERATED_TEXTS,
    ACTIVE_LLM_GENERATION,
)
from methods.experiments.best_of_n_curve import BEST_OF_N_CURVE
from methods.experiments.budget_forcing import BUDGET_FORCING_CUTS, BUDGET_FORCING_WAITS
from methods.experiments.dft_against_sft import DFT_AGAINST_SFT
from methods.experiments.dicl_calibration import DICL_CALIBRATION
from methods.experiments.dicl_sac_returns import DICL_SAC_RETURNS
from methods.experiments.dicl_value import DICL_VALUE
from methods.experiments.distil_on_policy import DISTIL_ON_POLICY
from methods.experiments.distil_reverse_kl import DISTIL_REVERSE_KL
from methods.experiments.distil_soft_targets import DISTIL_SOFT_TARGETS
from methods.experiments.dora_against_lora import DORA_AGAINST_LORA
from methods.experiments.dpo_sentiment import DPO_SENTIMENT
from methods.experiments.entropy_collapse import ENTROPY_COLLAPSE
from methods.experiments.forgetting import FORGETTING
from methods.experiments.grpo_verifier import GRPO_VERIFIER
from methods.experiments.hints import SUPERCONTEXT_HINTS, SUPERICL_HINTS, SUPERICL_SHOTS
from methods.experiments.in_context_scaling import IN_CONTEXT_SCALING
from methods.experiments.length_bias import LENGTH_BIAS
from methods.experiments.lora_against_full import LORA_AGAINST_FULL
from methods.experiments.merge import MERGE
from methods.experiments.merge_dare import MERGE_DARE
from methods.experiments.merge_slerp import MERGE_SLERP
from methods.experiments.merge_ties import MERGE_TIES
from methods.experiments.neftune_overfitting import NEFTUNE_OVERFITTING
from methods.experiments.online_dpo_offline import ONLINE_DPO_OFFLINE
from methods.experiments.pissa_against_lora import PISSA_AGAINST_LORA
from methods.experiments.preference_claims import PREFERENCE_CLAIMS
from methods.experiments.preference_frontier import PREFERENCE_FRONTIER
from methods.experiments.pretraining import PRETRAINING
from methods.experiments.protocol import Experiment
from methods.experiments.raft_reward import RAFT_REWARD, RAFT_SAMPLES
from methods.experiments.rest_em_checked import REST_EM_CHECKED, REST_EM_ROUNDS
from methods.experiments.reward_overoptimisation import REWARD_OVEROPTIMISATION
from methods.experiments.reward_pairs import REWARD_PAIRS
from methods.experiments.reward_verifiers import ORM_VERIFIER, PRM_STEPS
from methods.experiments.rl_baselines import REINFORCE_BASELINE, REMAX_BASELINE, RLOO_BASELINE
from methods.experiments.rl_overoptimisation import RL_OVEROPTIMISATION
from methods.experiments.rl_stale import CLIPPED_WEIGHT, PPO_CLIP, SEQUENCE_RATIO
from methods.experiments.self_consistency import (
    SELF_CONSISTENCY_GREEDY,
    SELF_CONSISTENCY_SAMPLES,
)
from methods.experiments.sft_heldout_loss import SFT_HELDOUT_LOSS
from methods.experiments.spin_self_play import SPIN_SELF_PLAY
from methods.experiments.star_rationales import STAR_HINTS, STAR_RATIONALES
from methods.experiments.stream import STREAM_REPLAY, STREAM_REPLAY_JOINT
from methods.experiments.stream_methods import STREAM_METHODS
from methods.experiments.weak_labels import (
    COLLAPSE_HARD_PROMPTS,
    COLLAPSE_NOISY_FILTER,
    COLLAPSE_WEAK_LABELS,
)
from methods.experiments.weighted_vote import WEIGHTED_VOTE

EXPERIMENTS: tuple[Experiment, ...] = (
    SFT_HELDOUT_LOSS,
    DFT_AGAINST_SFT,
    NEFTUNE_OVERFITTING,
    LORA_AGAINST_FULL,
    DORA_AGAINST_LORA,
    PISSA_AGAINST_LORA,
    FORGETTING,
    DPO_SENTIMENT,
    PREFERENCE_FRONTIER,
    *PREFERENCE_CLAIMS,
    GRPO_VERIFIER,
    RLOO_BASELINE,
    REINFORCE_BASELINE,
    REMAX_BASELINE,
    LENGTH_BIAS,
    ENTROPY_COLLAPSE,
    SEQUENCE_RATIO,
    CLIPPED_WEIGHT,
    PPO_CLIP,
    RL_OVEROPTIMISATION,
    STAR_RATIONALES,
    STAR_HINTS,
    REST_EM_CHECKED,
    REST_EM_ROUNDS,
    RAFT_REWARD,
    RAFT_SAMPLES,
    ONLINE_DPO_OFFLINE,
    SPIN_SELF_PLAY,
    COLLAPSE_WEAK_LABELS,
    COLLAPSE_NOISY_FILTER,
    COLLAPSE_HARD_PROMPTS,
    DISTIL_SOFT_TARGETS,
    DISTIL_ON_POLICY,
    DISTIL_REVERSE_KL,
    BEST_OF_N_CURVE,
    SELF_CONSISTENCY_GREEDY,
    SELF_CONSISTENCY_SAMPLES,
    WEIGHTED_VOTE,
    BUDGET_FORCING_WAITS,
    BUDGET_FORCING_CUTS,
    REWARD_OVEROPTIMISATION,
    REWARD_PAIRS,
    ORM_VERIFIER,
    PRM_STEPS,
    MERGE,
    MERGE_TIES,
    MERGE_DARE,
    MERGE_SLERP,
    *ACTIVE,
    ACTIVE_LLM_ANNOTATOR,
    ACTIVE_HYBRID_ROUTING,
    ACTIVE_LLM_GENERATION,
    ACTIVE_GENERATED_TEXTS,
    IN_CONTEXT_SCALING,
    STREAM_REPLAY,
    STREAM_REPLAY_JOINT,
    DICL_CALIBRATION,
    SUPERICL_HINTS,
    SUPERICL_SHOTS,
    SUPERCONTEXT_HINTS,
    DICL_VALUE,
    DICL_SAC_RETURNS,
    *STREAM_METHODS,
    *PRETRAINING,
)


def find_experiment(slug: str) -> Experiment | None:
    """The experiment called ``slug``, or None."""
    return next((e for e in EXPERIMENTS if e.slug == slug), None)
