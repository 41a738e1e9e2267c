"""The gradients that are kept: a change of what a step means shows here first."""

from __future__ import annotations

import json
import math

import pytest

from tests.engine.steps import FAMILIES, Way, steps
from tests.golden.make import FILE, KIND, probes, record

KEPT = json.loads(FILE.read_text())
ADVICE = "a step means something else now; if it should, run python -m tests.golden.make"


def close(found: float, kept: float, scale: float) -> bool:
    return abs(found - kept) <= 1e-9 * scale


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_has_the_loss_and_the_gradient_that_are_kept(family: str) -> None:
    found = steps(family, Way(budget=40), KIND)
    assert len(found) == len(KEPT[family])
    for (loss, norm, flat), kept in zip(found, KEPT[family], strict=True):
        assert math.isnan(loss) or close(loss, kept["loss"], 1.0), ADVICE
        assert close(norm, kept["grad_norm"], kept["grad_norm"]), ADVICE
        # A probe is a product with a vector of cosines, whose length is sqrt(n / 2).
        scale = kept["grad_norm"] * math.sqrt(len(flat) / 2)
        for ours, theirs in zip(probes(flat), kept["probes"], strict=True):
            assert close(ours, theirs, scale), ADVICE


def test_what_is_kept_is_what_the_script_writes() -> None:
    again = record()
    assert again.keys() == KEPT.keys() == set(FAMILIES)
    for family, updates in again.items():
        for ours, kept in zip(updates, KEPT[family], strict=True):
            assert close(ours["loss"], kept["loss"], 1.0)
            assert close(ours["grad_norm"], kept["grad_norm"], kept["grad_norm"])
            assert ours["probes"] == pytest.approx(kept["probes"], rel=1e-7)
