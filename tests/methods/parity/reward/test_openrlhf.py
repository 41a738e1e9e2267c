"""The Bradley-Terry loss beside numbers recorded from OpenRLHF."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.methods.parity.held import held
from tests.methods.parity.reward import examples as ex

FILE = Path(__file__).parents[1] / "fixtures" / "openrlhf_reward.json"
KEPT: dict[str, Any] = json.loads(FILE.read_text())
CASES = {"PairWiseLoss": ex.plain, "PairWiseLoss, margin": ex.with_margin}


@pytest.mark.parametrize("what", CASES)
def test_the_loss_is_openrlhf_s(what: str) -> None:
    kept = KEPT["cases"][what]
    gradient = torch.tensor(kept["gradient"], dtype=ex.F64)
    assert torch.equal(torch.tensor(KEPT["inputs"], dtype=ex.F64), ex.rewards())
    held("bt-rm", "openrlhf", what, CASES[what], (kept["value"], [gradient]), [ex.rewards()])


def test_the_numbers_name_the_package_and_version_they_come_from() -> None:
    assert KEPT["package"] == "openrlhf" and KEPT["version"] == "0.11.2"
    assert set(KEPT["cases"]) == set(CASES)
