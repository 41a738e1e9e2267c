"""Losses and advantages beside numbers recorded from verl and OpenRLHF."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.methods.parity.held import held
from tests.methods.parity.rl import examples as ex

FOLDER = Path(__file__).parents[1] / "fixtures"
KEPT: dict[str, dict[str, Any]] = {
    peer: json.loads((FOLDER / f"{peer}_rl.json").read_text()) for peer in ("verl", "openrlhf")
}
CASES = {
    "verl": {
        "vanilla, seq-mean-token-mean": ("grpo", ex.grpo, ex.LOGP),
        "vanilla, its default token-mean": ("grpo", ex.grpo, ex.LOGP),
        "vanilla, token-mean, clip_ratio_high 0.28": ("dapo", ex.dapo, ex.LOGP),
        "vanilla, seq-mean-token-sum-norm, loss_scale_factor 8": ("dr-grpo", ex.dr_grpo, ex.LOGP),
        "vanilla, seq-mean-token-sum-norm": ("dr-grpo", ex.dr_grpo, ex.LOGP),
        "gspo, seq-mean-token-mean": ("gspo", ex.gspo, ex.LOGP),
        "cispo": ("cispo", ex.cispo, ex.LOGP),
        "compute_value_loss": ("ppo", ex.value, ex.VALUES),
        "compute_rloo_outcome_advantage": ("rloo", ex.rloo_weighed, ex.WEIGHTS),
        "compute_grpo_outcome_advantage": ("grpo", ex.grpo_weighed, ex.WEIGHTS),
        "compute_remax_outcome_advantage": ("remax", ex.remax_weighed, ex.WEIGHTS),
        "compute_gae_advantage_return": ("ppo", ex.gae_advantages, ex.TOKEN_WEIGHTS),
        "compute_gae_advantage_return, whitened": ("ppo", ex.gae_whitened, ex.TOKEN_WEIGHTS),
    },
    "openrlhf": {
        "PolicyLoss": ("ppo", ex.ppo, ex.LOGP),
        "PolicyLoss, clip_eps_high 0.28": ("dapo", ex.dapo, ex.LOGP),
        "PolicyLoss, token_level_loss False": ("grpo", ex.grpo, ex.LOGP),
        "PolicyLoss, gspo": ("gspo", ex.gspo, ex.LOGP),
        "ValueLoss": ("ppo", ex.value, ex.VALUES),
    },
}


@pytest.mark.parametrize(("peer", "what"), [(p, w) for p in CASES for w in CASES[p]])
def test_the_numbers_are_those_recorded_or_differ_as_the_register_says(
    peer: str, what: str
) -> None:
    method, ours, given = CASES[peer][what]
    kept = KEPT[peer]["cases"][what]
    gradient = torch.tensor(kept["gradient"], dtype=ex.F64)
    # Both add 1e-8 to a count of tokens.
    held(method, peer, what, ours, (kept["value"], [gradient]), [given], rounding=1e-7)


def test_the_numbers_were_recorded_on_the_example_as_it_is_and_name_where_they_come_from() -> None:
    assert {p: KEPT[p]["version"] for p in KEPT} == {"verl": "0.9.1", "openrlhf": "0.11.2"}
    for peer, kept in KEPT.items():
        assert kept["package"] == peer
        assert set(kept["cases"]) == set(CASES[peer])
        assert torch.equal(torch.tensor(kept["logp"], dtype=ex.F64), ex.LOGP)
