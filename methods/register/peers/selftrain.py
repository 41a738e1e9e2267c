"""The selftrain methods beside their peers.

The worked examples are those of ``tests/methods/parity/preference/examples.py``: six ragged answers
as three pairs. No peer here has STaR, ReST-EM or RAFT; their loss is that of supervised training.
"""

from __future__ import annotations

from methods.register.facts import PeerCheck

_TEST = "tests/methods/parity/selftrain/test_trl.py"
_TRL = "1.16.0"
_DPO, _UNEQUAL, _TIED = 0.8072788222174966, 1.0309018961629397, 0.8192322227460208

SELFTRAIN: tuple[PeerCheck, ...] = (
    PeerCheck(
        "spin", "trl", _TRL, "DPOTrainer, sigmoid", _DPO, _DPO, 0.0,
        f"{_TEST}::test_spin_is_trl_s_sigmoid_loss_with_the_opponent_as_reference",
    ),
    PeerCheck(
        "online-dpo", "trl", _TRL, "OnlineDPOTrainer.training_step, sigmoid", _UNEQUAL, _UNEQUAL,
        0.0, f"{_TEST}::test_a_step_of_online_dpo_is_trl_s",
    ),
    PeerCheck(
        "online-dpo", "trl", _TRL, "OnlineDPOTrainer.training_step, two equal answers", _TIED,
        _UNEQUAL, 0.7721777877691532,
        f"{_TEST}::test_deviation_trl_prefers_the_first_of_two_equal_answers",
        knob="equal answers", does="prefers the first of two answers that are equal in reward",
    ),
)  # fmt: skip
