"""The reward methods beside their peers.

The worked example is that of ``tests/methods/parity/reward/examples.py``: seven rewards, eight
pairs of two prompts. No peer that installs here has a verifier or a process reward model.
"""

from __future__ import annotations

from typing import Any

from methods.register.facts import PeerCheck

_FOLDER = "tests/methods/parity/reward"
_VERSIONS = {"trl": "1.16.0", "openrlhf": "0.11.2"}
_PLAIN, _MARGIN = 0.6780080761574776, 0.8746801624901607
_CENTERED, _BY_PROMPT = 0.8241056585385282, 0.49546045197159005


def _check(peer: str, what: str, ours: float, theirs: float, test: str, **rest: Any) -> PeerCheck:
    gradient = rest.pop("gradient", 0.0)
    address = f"{_FOLDER}/test_{peer}.py::{test}"
    return PeerCheck("bt-rm", peer, _VERSIONS[peer], what, ours, theirs, gradient, address, **rest)


REWARD: tuple[PeerCheck, ...] = (
    _check("trl", "RewardTrainer", _PLAIN, _PLAIN, "test_the_loss_is_trl_s"),
    _check("trl", "RewardTrainer, margin", _MARGIN, _MARGIN, "test_the_margin_is_trl_s"),
    _check("trl", "RewardTrainer, center_rewards_coefficient", _CENTERED, _CENTERED,
           "test_centering_is_trl_s_center_rewards_coefficient"),
    _check("trl", "RewardTrainer, prompts of 6 and 2 pairs", _BY_PROMPT, _PLAIN,
           "test_deviation_trl_weighs_a_prompt_by_the_number_of_its_pairs", gradient=0.5,
           knob="weight of a pair",
           does="takes every pair as a row of its own: a prompt weighs as many as it has pairs"),
    _check("openrlhf", "PairWiseLoss", _PLAIN, _PLAIN,
           "test_the_loss_is_openrlhf_s[PairWiseLoss]"),
    _check("openrlhf", "PairWiseLoss, margin", _MARGIN, _MARGIN,
           "test_the_loss_is_openrlhf_s[PairWiseLoss, margin]"),
)  # fmt: skip
