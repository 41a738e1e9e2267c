"""DPO, its label smoothing and IPO beside numbers recorded from OpenRLHF."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.methods.parity.held import held
from tests.methods.parity.preference import examples as ex

FILE = Path(__file__).parents[1] / "fixtures" / "openrlhf_preference.json"
KEPT: dict[str, Any] = json.loads(FILE.read_text())
CASES = {
    "DPOLoss": ("dpo", ex.dpo),
    "DPOLoss, label_smoothing 0.2": ("cdpo", ex.cdpo),
    "DPOLoss, ipo": ("ipo", ex.ipo("sum")),
}


@pytest.mark.parametrize("what", CASES)
def test_the_loss_is_openrlhf_s(what: str) -> None:
    method, ours = CASES[what]
    kept = KEPT["cases"][what]
    gradient = torch.tensor(kept["gradient"], dtype=ex.F64)
    assert torch.equal(torch.tensor(KEPT["inputs"], dtype=ex.F64), ex.token_logps())
    held(method, "openrlhf", what, ours, (kept["value"], [gradient]), [ex.token_logps()])


def test_the_numbers_name_the_package_and_version_they_come_from() -> None:
    assert KEPT["package"] == "openrlhf" and KEPT["version"] == "0.11.2"
    assert set(KEPT["cases"]) == set(CASES)
