"""The merge methods beside their peers, tensor by tensor."""

from __future__ import annotations

from typing import Any

from methods.register.facts import PeerCheck

_FOLDER = "tests/methods/parity/merge"
_VERSIONS = {"mergekit": "0.1.5", "peft": "0.21.2"}


def _check(
    method: str,
    peer: str,
    what: str,
    values: tuple[float, float],
    gradient: float,
    test: str,
    **deviation: Any,
) -> PeerCheck:
    address = f"{_FOLDER}/test_{peer}.py::{test}"
    return PeerCheck(method, peer, _VERSIONS[peer], what, *values, gradient, address, **deviation)


MERGE: tuple[PeerCheck, ...] = (
    _check(
        "task-arithmetic", "mergekit", "task_arithmetic, weight 0.4",
        (7.3041924694112055, 7.3041924694112055), 0.0,
        "test_task_arithmetic_is_ours_where_every_model_weighs_lambda",
    ),
    _check(
        "task-arithmetic", "mergekit", "task_arithmetic, weight 0.4, normalize",
        (7.3041924694112055, 7.278615360658834), 0.5,
        "test_normalize_divides_by_the_sum_of_weights_which_the_paper_does_not",
        knob="scale",
        does="normalize divides the weighted sum by the sum of the weights; off by default",
    ),
    _check(
        "task-arithmetic", "peft", "task_arithmetic, weight 0.4",
        (7.3041924694112055, 7.3041924694112055), 0.0,
        "test_task_arithmetic_is_ours",
    ),
    _check(
        "ties", "mergekit", "ties, density 0.3, lambda 0.8",
        (7.695213868211203, 7.695213868211203), 0.0,
        "test_ties_is_ours_within_one_tensor",
    ),
    _check(
        "ties", "mergekit", "ties, two tensors",
        (8.21287844025576, 8.321536000196833), 1.0,
        "test_mergekit_ranks_within_each_tensor_where_the_paper_ranks_the_whole_vector",
        knob="where values are ranked",
        does="keeps the largest of each tensor, so that a tensor hardly changed keeps as many",
    ),
    _check(
        "ties", "mergekit", "ties, values that cancel",
        (-0.625, -0.20833333333333337), 1.0,
        "test_where_values_cancel_mergekit_elects_plus_and_we_elect_nobody",
        knob="sign of a zero sum",
        does="elects plus: the mean of the positive values is merged",
    ),
    _check(
        "ties", "mergekit", "ties, equal magnitudes",
        (1.125, 2.2916666666666665), 0.7777777777777778,
        "test_of_equal_magnitudes_mergekit_keeps_as_many_as_k_and_we_keep_all",
        knob="equal magnitudes",
        does="keeps k values; of equal ones those that its sort puts first",
    ),
    _check(
        "ties", "mergekit", "ties, density 0.29 of 100",
        (7.82239542993593, 7.746578430890163), 1.0,
        "test_0_29_of_100_values_are_28_in_mergekit_and_29_here",
        knob="how many are kept",
        does="truncates the product as floats give it, so 0.29 of 100 are 28",
    ),
    _check(
        "ties", "peft", "ties, density 0.3",
        (7.767392109158837, 7.767392109158837), 0.0,
        "test_ties_is_ours_within_one_tensor",
    ),
    _check(
        "ties", "peft", "ties, values that cancel",
        (-0.625, -0.20833333333333337), 1.0,
        "test_where_values_cancel_peft_elects_plus_and_we_elect_nobody",
        knob="sign of a zero sum",
        does="elects plus: the mean of the positive values is merged",
    ),
    _check(
        "ties", "peft", "ties, equal magnitudes",
        (1.125, 2.2916666666666665), 0.7777777777777778,
        "test_of_equal_magnitudes_peft_keeps_as_many_as_k_and_we_keep_all",
        knob="equal magnitudes",
        does="keeps k values; of equal ones those that topk gives",
    ),
    _check(
        "ties", "peft", "ties, density 0.29 of 100",
        (7.82239542993593, 7.746578430890163), 1.0,
        "test_0_29_of_100_values_are_28_in_peft_and_29_here",
        knob="how many are kept",
        does="truncates the product as floats give it, so 0.29 of 100 are 28",
    ),
    _check(
        "dare", "mergekit", "dare_linear, density 0.25, rescale off",
        (7.452925219258094, 7.45292521734385), 1.9396765739350608e-08,
        "test_dare_without_rescaling_is_ours_under_the_same_masks",
    ),
    _check(
        "dare", "mergekit", "dare_linear, density 0.25",
        (7.592198163770364, 7.886806632153314), 0.39982471870051495,
        "test_mergekit_rescales_to_the_sum_of_magnitudes_and_the_paper_by_the_drop_rate",
        knob="rescaling",
        does="multiplies by what restores the tensor's sum of magnitudes: it depends on the mask",
    ),
    _check(
        "dare", "peft", "dare_linear, density 0.25",
        (8.911664390915956, 8.911664390915956), 0.0,
        "test_dare_is_ours_under_the_same_masks",
    ),
    _check(
        "slerp", "mergekit", "slerp, t 0.3",
        (4.625919974071322, 4.625919974071318), 3.2e-16,
        "test_slerp_is_ours_at_a_wide_angle",
    ),
    _check(
        "slerp", "mergekit", "slerp, nearly parallel, t 0.3",
        (13.159314007572736, 13.158904822212982), 0.0009960571110764393,
        "test_nearly_parallel_tensors_are_joined_by_mergekit_s_chord_and_by_our_arc",
        knob="nearly parallel tensors",
        does="takes the chord where the cosine is beyond 0.9995 in magnitude",
    ),
)  # fmt: skip
