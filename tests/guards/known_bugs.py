"""Twenty-five bugs that trainers have had, told as what must hold, and the tests that hold it.

``python -m tests.guards.known_bugs`` writes the page of the site from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "site" / "docs" / "guide" / "known-bugs.md"
_HERE = "tests/guards/test_"
_ENGINE = "tests/engine/test_"
_METHODS = "tests/methods/"


@dataclass(frozen=True)
class KnownBug:
    """What must hold, where others found that it did not, and what watches over it here.

    ``guard``: pytest node ids. ``due_with``: families, or parts of slugs, of methods that are not
    in the register yet; whoever adds one adds its guard.
    """

    number: int
    behaviour: str
    threads: tuple[str, ...]  # owner/repository#number
    guard: tuple[str, ...] = ()
    due_with: tuple[str, ...] = ()


KNOWN_BUGS: tuple[KnownBug, ...] = (
    KnownBug(
        1,
        "A loss is divided by what the whole optimiser step holds, not by what each micro-batch "
        "holds.",
        ("huggingface/transformers#34191", "huggingface/transformers#35203",
         "huggingface/transformers#37766", "axolotl-ai-cloud/axolotl#1100"),
        (f"{_HERE}normalisation.py::"
         "test_a_step_of_plain_gradient_descent_moves_the_weights_alike_however_it_is_cut",
         f"{_HERE}normalisation.py::"
         "test_a_step_of_sft_moves_by_the_mean_over_its_tokens_worked_out_row_by_row",
         f"{_ENGINE}grid.py::"
         "test_a_step_has_one_gradient_for_every_way_to_compute_it"),
    ),
    KnownBug(
        2,
        "The same for policy gradients: answers that are not computed, or stand in another "
        "micro-batch, still count in the mean.",
        ("PrimeIntellect-ai/prime-rl#583", "allenai/open-instruct#1161", "verl-project/verl#906",
         "verl-project/verl#3741", "verl-project/verl#6957"),
        (f"{_METHODS}test_steps.py::"
         "test_a_grpo_update_is_reinforce_at_the_temperature_of_sampling",
         f"{_METHODS}rl/test_grpo.py::test_answers_left_out_of_the_batch_still_count_in_the_mean",
         f"{_HERE}normalisation.py::"
         "test_a_step_of_plain_gradient_descent_moves_the_weights_alike_however_it_is_cut"),
    ),
    KnownBug(
        3,
        "The gradient's norm is the same for every layout of a step: no factor hides behind an "
        "optimiser that forgives it.",
        ("huggingface/trl#5619", "huggingface/trl#6024", "modelscope/ms-swift#10116",
         "NVIDIA-NeMo/Automodel#3830"),
        (f"{_HERE}normalisation.py::"
         "test_the_gradient_norm_is_the_same_for_every_micro_batch_size",
         f"{_HERE}normalisation.py::test_the_clip_sees_the_gradient_of_the_whole_step"),
    ),
    KnownBug(
        4,
        "Answers of different lengths weigh in the loss as the paper's equation says.",
        ("huggingface/trl#3187", "huggingface/trl#2995", "huggingface/trl#3256",
         "huggingface/trl#3138"),
        (f"{_METHODS}rl/test_grpo.py::"
         "test_every_answer_weighs_the_same_whatever_its_length",
         f"{_METHODS}rl/test_grpo.py::"
         "test_the_loss_of_a_ragged_off_policy_batch_worked_by_hand",
         f"{_METHODS}finetune/test_sft.py::"
         "test_a_long_answer_weighs_by_its_tokens_and_not_as_one_answer"),
    ),
    KnownBug(
        5,
        "Training computes log-probabilities at the temperature that the answers were sampled at.",
        ("huggingface/trl#4159",),
        (f"{_METHODS}test_steps.py::"
         "test_a_grpo_update_is_reinforce_at_the_temperature_of_sampling",
         f"{_METHODS}test_steps.py::test_the_sampler_s_log_probs_are_those_of_the_update",
         f"{_ENGINE}sample.py::"
         "test_recorded_log_probs_are_those_of_training_on_the_same_tokens"),
    ),
    KnownBug(
        6,
        "The sampler draws from the whole distribution, so that the mean ratio of policy to "
        "sampler is 1.",
        ("huggingface/trl#6789", "huggingface/trl#7269"),
        (f"{_HERE}sampling.py::"
         "test_every_token_is_drawn_in_its_own_share_and_the_shares_add_up_to_one",
         f"{_HERE}sampling.py::"
         "test_no_sampler_setting_of_a_hub_model_cuts_or_sharpens_what_is_drawn",
         f"{_HERE}sampling.py::"
         "test_top_k_and_top_p_are_no_option_of_sampling_or_of_any_method"),
    ),
    KnownBug(
        7,
        "The gap between the sampler's log-probabilities and training's is reported at every step "
        "and is rounding on policy.",
        ("huggingface/trl#3867", "huggingface/trl#4530", "huggingface/trl#4772",
         "verl-project/verl#2953"),
        (f"{_HERE}sampling.py::"
         "test_the_gap_between_sampler_and_training_is_logged_each_step_and_is_nothing",
         f"{_HERE}sampling.py::test_a_sampler_that_disagrees_with_training_shows_in_the_gap"),
    ),
    KnownBug(
        8,
        "The head that never holds all logits gives the value and the gradient of the one that "
        "does, in every precision.",
        ("linkedin/Liger-Kernel#1082", "linkedin/Liger-Kernel#1088", "huggingface/trl#5890",
         "linkedin/Liger-Kernel#510"),
        (f"{_HERE}precision.py::"
         "test_the_chunked_head_is_the_plain_one_forward_and_backward",
         f"{_HERE}precision.py::"
         "test_a_model_s_gradient_through_the_chunked_head_is_that_of_whole_logits",
         f"{_ENGINE}logprobs.py::test_gradients_do_not_depend_on_chunks_or_sharing"),
    ),
    KnownBug(
        9,
        "Every option changes what a run leaves behind, or is refused.",
        ("huggingface/trl#7270", "huggingface/trl#7009"),
        (f"{_HERE}options.py::test_another_value_of_an_option_leaves_another_run_behind",
         f"{_HERE}options.py::test_every_option_of_every_method_is_tried",
         f"{_METHODS}test_register.py::"
         "test_every_option_is_read_by_the_method_or_by_the_engine"),
    ),
    KnownBug(
        10,
        "A divergence between student and teacher is never negative, is symmetric where it says "
        "so, and has no term the paper lacks.",
        ("huggingface/trl#5731", "huggingface/trl#3043", "huggingface/trl#6780",
         "modelscope/ms-swift#10078", "modelscope/ms-swift#10156"),
        (f"{_ENGINE}divergence.py::"
         "test_log_probs_rounded_to_any_precision_never_diverge_negatively",
         f"{_ENGINE}divergence.py::"
         "test_the_jensen_shannon_divergence_is_symmetric_at_one_half_and_nowhere_else",
         f"{_ENGINE}divergence.py::test_it_is_continuous_in_beta_and_nothing_at_either_end",
         f"{_ENGINE}divergence.py::test_value_and_gradient_are_those_of_torchs_kl_div",
         f"{_METHODS}distill/test_gkd.py::"
         "test_the_loss_of_a_step_is_the_divergence_of_whole_logits_and_nothing_beside"),
    ),
    KnownBug(
        11,
        "KTO's reference point comes from mismatched pairs, is not below zero and passes no "
        "gradient; batches without one of the labels work.",
        ("huggingface/trl#1380", "huggingface/trl#1402", "huggingface/trl#1911",
         "huggingface/trl#2153", "PKU-Alignment/align-anything#216"),
        (f"{_METHODS}preference/test_kto.py::"
         "test_the_reference_point_is_a_mean_not_below_zero_that_passes_no_gradient",
         f"{_METHODS}preference/test_kto.py::"
         "test_the_loss_of_unequal_classes_worked_by_hand",
         f"{_METHODS}preference/test_kto.py::"
         "test_a_batch_of_one_label_alone_and_of_odd_size_has_a_loss_and_a_gradient",
         f"{_METHODS}preference/test_kto.py::"
         "test_a_mismatched_answer_belongs_to_another_prompt_and_makes_no_row_longer"),
    ),
    KnownBug(
        12,
        "ORPO's odds are of the mean log-probability, finite at its ends, and move the policy.",
        ("huggingface/trl#3237", "huggingface/trl#4763", "Goekdeniz-Guelmez/mlx-lm-lora#65",
         "natolambert/rlhf-book#243", "hpcaitech/ColossalAI#6407"),
        (f"{_METHODS}preference/test_orpo.py::"
         "test_orpo_s_odds_are_finite_with_a_slope_at_both_ends",
         f"{_METHODS}preference/test_orpo.py::"
         "test_the_odds_are_of_the_mean_log_prob_whatever_the_length",
         f"{_METHODS}preference/test_orpo.py::"
         "test_the_gradient_of_the_ratio_is_the_closed_form_of_the_paper"),
    ),
    KnownBug(
        13,
        "SimPO divides by the answer's tokens with its end counted once, never by the prompt's.",
        ("PaddlePaddle/PaddleFormers#4909",),
        (f"{_METHODS}preference/test_simpo.py::"
         "test_simpo_divides_by_the_answer_s_tokens_with_its_end_once_and_never_by_the_prompt_s",
         f"{_METHODS}preference/test_simpo.py::"
         "test_each_token_is_pushed_by_its_share_of_its_own_answer"),
    ),
    KnownBug(
        14,
        "An answer's log-probabilities do not depend on padding, its side, its amount or its "
        "token.",
        ("huggingface/trl#262", "huggingface/trl#2778", "OpenRLHF/OpenRLHF#217",
         "hiyouga/LlamaFactory#2382"),
        (f"{_HERE}tokens.py::test_log_probs_are_those_of_any_padding_side_and_amount",
         f"{_ENGINE}grid.py::"
         "test_padding_of_any_amount_on_either_side_gives_the_same_gradient",
         f"{_HERE}tokens.py::test_a_model_that_does_its_own_attention_sees_no_padding_either",
         f"{_ENGINE}batch.py::test_a_batch_is_one_row_without_padding_and_without_last_tokens"),
    ),
    KnownBug(
        15,
        "A reward or value is read at the last token of the text, whatever stands behind it.",
        ("huggingface/transformers#35352", "EleutherAI/gpt-neox#1285", "huggingface/trl#937",
         "huggingface/trl#3750", "huggingface/trl#5338"),
        (f"{_ENGINE}scalar.py::"
         "test_a_text_s_number_is_that_of_its_last_token_alone_and_unpadded",
         f"{_ENGINE}scalar.py::"
         "test_a_text_is_read_at_its_end_token_also_where_that_is_the_padding",
         f"{_ENGINE}scalar.py::"
         "test_padding_on_either_side_of_any_amount_would_give_the_same_number",
         f"{_ENGINE}scalar.py::test_values_stand_before_and_after_each_completion_token",
         f"{_ENGINE}scalar.py::"
         "test_where_padding_is_the_end_token_the_saved_model_names_no_padding",
         f"{_METHODS}reward/test_prm.py::"
         "test_a_step_is_read_at_its_last_token_and_the_last_at_the_end_token"),
    ),
    KnownBug(
        16,
        "The end of an answer carries loss, also where the end token is the padding token.",
        ("huggingface/trl#1623", "huggingface/trl#3091", "pytorch/torchtune#949",
         "huggingface/alignment-handbook#127", "huggingface/trl#5988"),
        (f"{_HERE}tokens.py::"
         "test_the_end_is_learned_also_where_it_is_the_padding_token",
         f"{_ENGINE}batch.py::test_the_end_token_is_a_label_once_whatever_padding_is"),
    ),
    KnownBug(
        17,
        "Of a conversation the last answer and its end are learned and nothing else; a row with "
        "nothing to learn is refused.",
        ("NVIDIA-NeMo/Megatron-Bridge#3359", "allenai/open-instruct#1800"),
        (f"{_HERE}tokens.py::"
         "test_the_last_answer_of_a_conversation_and_its_end_are_learned_and_nothing_else",
         f"{_HERE}tokens.py::test_a_template_without_marks_for_generation_learns_the_same",
         f"{_ENGINE}batch.py::test_a_row_without_prompt_or_completion_is_refused",
         f"{_ENGINE}data_bad_rows.py::"
         "test_an_answer_that_the_template_drops_or_only_dresses_up_is_a_bad_row"),
    ),
    KnownBug(
        18,
        "Rows packed into one sequence do not see one another.",
        ("huggingface/trl#1230", "hiyouga/LlamaFactory#7318", "OpenRLHF/OpenRLHF#781",
         "MeetKai/functionary#265"),
        (f"{_HERE}tokens.py::test_a_row_s_neighbours_in_a_batch_tell_it_nothing",
         f"{_ENGINE}attention.py::test_a_sequence_is_blind_to_the_others_in_its_row",
         f"{_ENGINE}logprobs.py::"
         "test_log_probs_are_those_of_the_whole_logits_of_each_row_alone"),
    ),
    KnownBug(
        19,
        "The reference is the start and stays it, also where an adapter shares its weights with "
        "the policy.",
        ("huggingface/trl#495", "huggingface/trl#1340", "huggingface/trl#6591",
         "hiyouga/LlamaFactory#8974"),
        (f"{_HERE}reference.py::"
         "test_the_reference_s_log_probs_do_not_move_by_a_bit_while_the_policy_s_do",
         f"{_HERE}reference.py::test_grpo_starts_without_a_kl_and_then_has_one",
         f"{_HERE}reference.py::test_dpo_starts_at_ln_2_with_no_margin_and_then_leaves_it",
         f"{_HERE}reference.py::test_an_adapter_begins_as_no_change_and_alone_is_trained"),
    ),
    KnownBug(
        20,
        "What is sampled comes from the weights as they are now, an adapter's included.",
        ("verl-project/verl#7495", "huggingface/trl#5312", "unslothai/unsloth-zoo#941"),
        (f"{_HERE}sampling.py::test_a_changed_weight_changes_what_is_sampled_next",
         f"{_HERE}sampling.py::test_a_changed_adapter_changes_what_is_sampled_next",
         f"{_HERE}sampling.py::"
         "test_the_gap_between_sampler_and_training_is_logged_each_step_and_is_nothing"),
    ),
    KnownBug(
        21,
        "An answer is compared with the answers to its own prompt.",
        ("StarsfieldAI/R1-V#67", "huggingface/trl#3098", "huggingface/trl#5030",
         "ServiceNow/PipelineRL#54"),
        (f"{_HERE}sampling.py::"
         "test_an_answer_s_advantage_is_against_the_answers_to_its_own_prompt",
         f"{_HERE}sampling.py::"
         "test_permuting_the_groups_permutes_their_advantages_and_nothing_else",
         f"{_ENGINE}sample.py::test_answers_come_grouped_by_prompt_in_the_order_asked"),
    ),
    KnownBug(
        22,
        "A leave-one-out baseline divided by a deviation stays bounded where all rewards but one "
        "are equal.",
        ("NVIDIA-NeMo/RL#1518", "NVIDIA-NeMo/RL#4158"),
        (f"{_METHODS}rl/test_baselines.py::"
         "test_one_answer_apart_from_equal_others_has_an_advantage_no_larger_than_the_gap",
         f"{_METHODS}rl/test_baselines.py::"
         "test_equal_rewards_have_advantage_exactly_zero",
         f"{_METHODS}rl/test_grpo_advantages.py::"
         "test_a_tiny_difference_between_rewards_never_explodes"),
    ),
    KnownBug(
        23,
        "Each estimator of the advantage normalises, and takes its KL, where its paper does.",
        ("OpenRLHF/OpenRLHF#924", "OpenRLHF/OpenRLHF#515", "OpenRLHF/OpenRLHF#553"),
        (f"{_METHODS}rl/test_baselines.py::test_each_estimator_on_one_group_worked_by_hand",
         f"{_METHODS}rl/test_baselines.py::"
         "test_the_kl_comes_off_the_reward_before_the_baseline_is_taken",
         f"{_METHODS}rl/test_baselines.py::"
         "test_leave_one_out_is_unbiased_over_all_groups_that_could_be_drawn",
         f"{_METHODS}rl/test_baselines.py::"
         "test_the_greedy_answer_s_reward_leaves_the_gradient_unbiased",
         f"{_METHODS}rl/test_ppo.py::"
         "test_every_token_pays_for_its_log_ratio_and_the_last_is_paid"),
    ),
    KnownBug(
        24,
        "A gold answer that cannot be read is an error, never a reward.",
        ("huggingface/cookbook#335", "huggingface/open-r1#86", "huggingface/open-r1#215"),
        (f"{_HERE}sampling.py::"
         "test_a_gold_answer_that_says_nothing_is_an_error_and_never_a_reward",
         f"{_HERE}sampling.py::test_what_is_no_right_answer_scores_nothing",
         f"{_ENGINE}arithmetic.py::test_an_answer_that_is_no_integer_is_refused"),
    ),
    KnownBug(
        25,
        "Weights, gradients and moments are float32 where bfloat16 computes, so that a small "
        "learning rate moves them.",
        ("OpenRLHF/OpenRLHF#1155", "huggingface/trl#6121"),
        (f"{_HERE}precision.py::"
         "test_weights_moments_and_their_changes_are_float32_where_bfloat16_computes",
         f"{_HERE}precision.py::"
         "test_an_update_at_the_papers_rate_would_be_lost_in_bfloat16_and_is_not_lost_here",
         f"{_HERE}precision.py::"
         "test_log_probs_of_training_are_never_positive_nor_below_float32_in_bfloat16"),
    ),
)  # fmt: skip

_HEAD = """---
title: Bugs we guard against
description: Twenty-five bugs that trainers of language models have had, and the tests that keep them out.
---

# Bugs we guard against

Trainers of language models go wrong quietly: the loss falls, the run ends, and what was trained was
something else. These are {count} behaviours that other projects have lost at some time, with the threads
where that was found, and the tests of ours that hold them. A bug that belongs to a method we do not have
yet is due with it: the tests fail when the method arrives without its guard.
"""


def page() -> str:
    """The page of the site that lists them, as Markdown."""
    return _HEAD.format(count=len(KNOWN_BUGS)) + "".join(map(_entry, KNOWN_BUGS))


def _entry(bug: KnownBug) -> str:
    links = ", ".join(_link(thread) for thread in bug.threads)
    lines = [f"\n## {bug.number}. {bug.behaviour}\n", f"Lost in {links}.\n"]
    if bug.guard:
        lines += ["Held by:\n", "\n".join(f"- `{node}`" for node in bug.guard) + "\n"]
    if bug.due_with:
        lines.append(f"Due with: {', '.join(bug.due_with)}.\n")
    return "\n".join(lines)


def _link(thread: str) -> str:
    repository, _, number = thread.partition("#")
    return f"[{thread}](https://github.com/{repository}/issues/{number})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
