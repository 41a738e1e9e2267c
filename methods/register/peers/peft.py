"""The peft methods beside their peers: one layer of 5 inputs and 7 outputs, rank 3."""

from __future__ import annotations

from typing import Any

from methods.register.facts import PeerCheck

_FILE = "tests/methods/parity/peft/test_layers.py"
_VERSIONS = {"peft": "0.21.2", "torchtune": "0.6.1"}
_TORCHTUNE = "test_a_layer_is_torchtune_s_but_for_the_bias_of_dora"


def _check(
    method: str,
    peer: str,
    what: str,
    values: tuple[float, float],
    gradient: float,
    test: str,
    **deviation: Any,
) -> PeerCheck:
    return PeerCheck(
        method, peer, _VERSIONS[peer], what, *values, gradient, f"{_FILE}::{test}", **deviation
    )


_LORA, _DORA, _NO_BIAS = -0.35514293532067487, -1.3238924571936521, -2.2039874114762315

PEFT: tuple[PeerCheck, ...] = (
    _check("lora", "peft", "lora.Linear", (_LORA, _LORA), 0.0, "test_a_layer_is_peft_s"),
    _check("lora", "torchtune", "LoRALinear", (_LORA, _LORA), 0.0, _TORCHTUNE),
    _check(
        "dora", "peft", "lora.Linear, use_dora", (_DORA, _DORA), 7.2e-17, "test_a_layer_is_peft_s"
    ),
    _check(
        "dora", "torchtune", "DoRALinear without bias", (_NO_BIAS, _NO_BIAS), 7.7e-17, _TORCHTUNE
    ),
    _check(
        "dora",
        "torchtune",
        "DoRALinear with a bias",
        (_DORA, -1.3801329845575936),
        0.0864649208223599,
        _TORCHTUNE,
        knob="bias",
        does="multiplies the bias by the magnitude over the norm, as it does the weight",
    ),
    _check(
        "pissa",
        "peft",
        "lora.Linear, init_lora_weights='pissa'",
        (-0.5727978404322731, -0.5727952144623609),
        7.05e-7,
        "test_pissa_s_layer_is_peft_s",
    ),
)
