"""The preference methods beside their peers.

The worked examples are those of ``tests/methods/parity/preference/examples.py``: six ragged
answers, as three pairs or each by itself.
"""

from __future__ import annotations

from typing import Any

from methods.register.facts import PeerCheck

_FOLDER = "tests/methods/parity/preference"
_FILES = {"liger-kernel": "liger"}
_VERSIONS = {
    "trl": "1.16.0", "torchtune": "0.6.1", "liger-kernel": "0.8.5", "openrlhf": "0.11.2",
}  # fmt: skip


def _check(
    method: str,
    peer: str,
    what: str,
    values: tuple[float, float],
    gradient: float,
    test: str,
    **deviation: Any,
) -> PeerCheck:
    address = f"{_FOLDER}/test_{_FILES.get(peer, peer)}.py::{test}"
    return PeerCheck(method, peer, _VERSIONS[peer], what, *values, gradient, address, **deviation)


def _recorded(method: str, what: str, value: float) -> PeerCheck:
    """Beside numbers that were recorded from OpenRLHF."""
    return _check(
        method, "openrlhf", what, (value, value), 1e-16, f"test_the_loss_is_openrlhf_s[{what}]"
    )


_DPO, _CDPO, _IPO = 0.8072788222174966, 0.7927428165939023, 9.396010347890984
_IGNORED = "takes no notice of label_smoothing in its sigmoid loss: what it computes is DPO"

PREFERENCE: tuple[PeerCheck, ...] = (
    _check("dpo", "trl", "DPOTrainer, sigmoid", (_DPO, _DPO), 0.0,
           "test_dpo_is_trl_s_sigmoid_loss"),
    _check("dpo", "torchtune", "DPOLoss", (_DPO, _DPO), 0.0, "test_dpo_is_torchtune_s"),
    _check("dpo", "liger-kernel", "LigerFusedLinearDPOLoss",
           (2.89585694882942, 2.8958568572998047), 1.08e-7, "test_dpo_is_liger_s"),
    _recorded("dpo", "DPOLoss", _DPO),
    _check("cdpo", "trl", "DPOTrainer, sigmoid, label_smoothing 0.2", (_CDPO, _DPO),
           0.35309333389958336,
           "test_deviation_trl_s_sigmoid_loss_takes_no_notice_of_label_smoothing",
           knob="label smoothing", does=_IGNORED),
    _check("cdpo", "liger-kernel", "LigerFusedLinearDPOLoss, label_smoothing 0.2",
           (2.329828392674656, 2.8958568572998047), 0.2772087816186727,
           "test_deviation_liger_s_sigmoid_loss_takes_no_notice_of_label_smoothing",
           knob="label smoothing", does=_IGNORED),
    _check("cdpo", "torchtune", "DPOLoss, label_smoothing 0.2", (_CDPO, _CDPO), 1e-16,
           "test_cdpo_is_torchtune_s_label_smoothing"),
    _recorded("cdpo", "DPOLoss, label_smoothing 0.2", _CDPO),
    _check("ipo", "trl", "DPOTrainer, ipo, tokens=mean",
           (7.201000690085055, 7.201000690085055), 0.0,
           "test_ipo_by_the_mean_over_tokens_is_trl_s_ipo"),
    _check("ipo", "trl", "DPOTrainer, ipo", (_IPO, 7.201000690085055), 0.6900276166708509,
           "test_deviation_trl_s_ipo_divides_each_log_ratio_by_its_tokens",
           knob="log-prob of an answer",
           does="divides each answer's log-ratio by its tokens before the square"),
    _recorded("ipo", "DPOLoss, ipo", _IPO),
    _check("kto", "trl", "KTOTrainer, kto", (0.6227520365943099, 0.6227520365943099), 1e-15,
           "test_kto_is_trl_s_loss_with_its_reference_point_and_weights"),
    _check("kto", "liger-kernel", "LigerFusedLinearKTOLoss, a given kl",
           (0.4574043234579101, 0.45740431547164917), 1.4e-7,
           "test_kto_is_liger_s_with_weights_of_1_and_a_given_reference_point"),
    _check("orpo", "trl", "ORPOTrainer.odds_ratio_loss, subtracted",
           (0.3992751673394315, 0.39927515387535095), 6.9e-8,
           "test_orpo_s_odds_are_trl_s_which_its_trainer_subtracts"),
    _check("orpo", "liger-kernel", "LigerFusedLinearORPOLoss without its supervised term",
           (0.49171339308696355, 0.49171340465545654), 1e-7,
           "test_orpo_s_odds_are_liger_s"),
    _check("orpo", "liger-kernel", "LigerFusedLinearORPOLoss",
           (5.126911682627044, 5.309467315673828), 0.4987442593391681,
           "test_deviation_liger_s_orpo_takes_the_supervised_mean_over_all_tokens",
           knob="tokens of the supervised term",
           does="divides the supervised term by all tokens of the batch's preferred answers, so "
           "that long ones weigh more"),
    _check("simpo", "trl", "CPOTrainer.cpo_loss, simpo",
           (1.2776948815188678, 1.2776948815188678), 0.0,
           "test_simpo_is_trl_s_cpo_with_simpo_and_no_supervised_term"),
    _check("simpo", "liger-kernel", "LigerFusedLinearSimPOLoss",
           (1.4730972803022404, 1.473097324371338), 8.5e-8, "test_simpo_is_liger_s"),
)  # fmt: skip
