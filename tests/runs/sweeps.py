"""Sweeps of the fake worker, planned and made."""

from __future__ import annotations

from registry.runs.sweep import Sweep, create_sweep
from registry.runs.sweep_plan import SweepPlan, SweepRequest, plan_sweep
from tests.runs.workplace import Workplace


def planned(seeds: str = "2", **assigned: str) -> SweepPlan:
    given = {"steps": "3", **assigned}
    return plan_sweep(SweepRequest("sft", given, {"model": "tiny"}, seeds, "cpu"))


def made(workplace: Workplace, seeds: str = "2", **assigned: str) -> Sweep:
    return create_sweep(planned(seeds, **assigned), workplace.settings)
