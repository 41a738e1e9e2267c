"""The distill methods beside their peers."""

from __future__ import annotations

from typing import Any

from methods.register.facts import PeerCheck

_TESTS = "tests/methods/parity/distill/test_"


def _check(method: str, peer: str, what: str, *numbers: float, test: str, **more: Any) -> PeerCheck:
    """``numbers``: ours, theirs, and the gradients' difference."""
    version = {"trl": "1.16.0", "torchtune": "0.6.1", "liger-kernel": "0.8.5"}[peer]
    file = {"trl": "trl", "torchtune": "torchtune", "liger-kernel": "liger"}[peer]
    ours, theirs, gradient = numbers
    address = f"{_TESTS}{file}.py::test_{test}"
    return PeerCheck(method, peer, version, what, ours, theirs, gradient, address, **more)


DISTILL: tuple[PeerCheck, ...] = (
    _check(
        "kd", "torchtune", "ForwardKLLoss, with the teacher's entropy added to ours",
        2.2105387160, 2.2105386257, 1.3e-7,
        test="kd_s_soft_part_is_torchtune_s_forward_kl_less_the_teacher_s_entropy",
    ),
    _check(
        "kd", "torchtune", "ForwardKLLoss of logits divided by 2",
        0.5453243142, 2.0157511234, 0.74999998,
        test="torchtune_has_no_square_of_the_temperature",
        knob="factor T^2",
        does="knows no temperature and no factor: of logits divided by 2 its gradient is a "
        "quarter of ours; its value is the cross-entropy, the teacher's entropy included",
    ),
    _check(
        "kd", "liger-kernel", "LigerFusedLinearJSDLoss(beta=0, temperature=2, weight_soft_loss=4)",
        4.0849711724, 4.0849709511, 3.2e-8,
        test="kd_is_liger_s_loss_with_the_square_of_the_temperature_as_a_weight",
    ),
    _check(
        "kd", "liger-kernel", "LigerFusedLinearJSDLoss(beta=0, temperature=2), weights 0.5 and 1",
        4.0849711724, 2.5422375202, 0.48119144,
        test="liger_leaves_the_square_of_the_temperature_to_its_weights",
        knob="factor T^2",
        does="has no factor T^2: the soft part fades beside the labels as T grows",
    ),
    _check(
        "gkd", "trl", "GKDTrainer.generalized_jsd_loss, answers of one length",
        0.09710125228, 0.09710125228, 6.4e-16,
        test="gkd_is_trl_s_jsd_where_answers_are_of_one_length",
    ),
    _check(
        "gkd", "trl", "GKDTrainer.generalized_jsd_loss, temperature 2",
        0.02797219596, 0.02797219596, 1.0e-15,
        test="gkd_is_trl_s_jsd_at_a_temperature",
    ),
    _check(
        "gkd", "trl", "GKDTrainer.generalized_jsd_loss, ragged answers",
        0.08270769097, 0.08430110766, 0.5,
        test="trl_averages_over_tokens_and_not_over_answers",
        knob="aggregation",
        does="divides by all tokens of the step: a long answer weighs by its length",
    ),
    _check(
        "gkd", "trl", "GKDTrainer.generalized_jsd_loss, forward KL at beta 0",
        0.5044408228, 0.5044408228, 3.0e-16,
        test="the_two_kls_are_what_trl_has_at_the_ends_of_beta",
    ),
    _check(
        "gkd", "trl", "GKDTrainer.generalized_jsd_loss, reverse KL at beta 1",
        0.5019541554, 0.5019541554, 1.8e-16,
        test="the_two_kls_are_what_trl_has_at_the_ends_of_beta",
    ),
    _check(
        "gkd", "trl", "GKDTrainer.generalized_jsd_loss, beta 0 beside the JSD at 0.01",
        0.004968748761, 0.5044408228, 101.348128,
        test="trl_jumps_at_the_end_of_beta_where_the_divergence_goes_to_nothing",
        knob="ends of beta",
        does="is the forward KL at beta 0, while its JSD at 0.01 is a hundredth of that: value and "
        "gradient jump at the end",
    ),
    _check(
        "gkd", "torchtune", "ReverseKLLoss, answers of one length",
        0.5019541554, 0.5019542575, 2.2e-7,
        test="gkd_with_reverse_kl_is_torchtune_s",
    ),
    _check(
        "gkd", "liger-kernel", "LigerFusedLinearJSDLoss(weight_hard_loss=0, weight_soft_loss=1)",
        0.2492395326, 0.2492395341, 4.8e-16,
        test="gkd_is_liger_s_jsd_without_its_cross_entropy",
    ),
    _check(
        "gkd", "liger-kernel", "LigerFusedLinearJSDLoss at its default weights",
        0.2492395326, 2.1526129246, 6.09277895,
        test="liger_s_defaults_add_half_a_cross_entropy",
        knob="what else is in the loss",
        does="adds half the cross-entropy with the labels and halves the JSD, unless its weights "
        "are set to 0 and 1",
    ),
)  # fmt: skip
