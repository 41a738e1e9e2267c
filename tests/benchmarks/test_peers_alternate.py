"""The search keeps what failed, and every way of cutting a batch cuts it evenly."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from tests.benchmarks.peers import alternate
from tests.benchmarks.peers.__main__ import our_candidates, trl_candidates
from tests.benchmarks.peers.setup import Spec
from tests.benchmarks.peers.workload import WORKLOADS
from tests.benchmarks.test_peers_workload import built

SPEC = Spec("trl", "sft", "cpu", "float32", 1, "cache", "scratch")


class Told:
    """A side whose steps take the seconds that its settings name, and a slow first one."""

    def __init__(self, spec: Spec) -> None:
        self.seconds = [100.0, *spec.settings["seconds"]]

    def step(self) -> dict[str, float]:
        if not self.seconds:
            raise alternate.SideFailed("out of memory")
        return {"seconds": self.seconds.pop(0), "tokens": 60, "peak_mib": 8.0}


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(alternate, "started", lambda spec: contextlib.nullcontext(Told(spec)))


def test_a_search_puts_the_fastest_first_and_does_not_time_the_warming_step(told):
    candidates = [{"seconds": [4.0, 2.0]}, {"seconds": [1.0, 2.0]}]
    found = alternate.search(SPEC, candidates, 1, 2, lambda _: None)
    assert [entry["tokens_per_second"] for entry in found] == [40.0, 20.0]
    assert found[0]["settings"] == candidates[1]


def test_a_candidate_that_fails_is_kept_behind_the_others_with_what_it_said(told):
    candidates = [{"seconds": []}, {"seconds": [3.0]}]
    found = alternate.search(SPEC, candidates, 1, 1, lambda _: None)
    assert found[0]["tokens_per_second"] == 20.0
    assert found[1] == {"settings": candidates[0], "failed": "out of memory"}


def test_a_search_in_which_all_fail_says_why(told):
    with pytest.raises(alternate.SideFailed, match="out of memory"):
        alternate.search(SPEC, [{"seconds": []}], 1, 1, lambda _: None)


def test_a_side_that_cannot_start_says_the_last_line_it_printed(tmp_path):
    spec = replace(SPEC, cache_dir=str(tmp_path))
    said = pytest.raises(alternate.SideFailed, match="'smollm2-135m' is not in the cache")
    with said, alternate.started(spec):
        pass


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_every_candidate_of_trl_cuts_the_batch_into_equal_parts(name, device, quick):
    # TRL takes the mean over micro-batches: with unequal ones it would be another gradient.
    items = built(name).batch // (2 if name == "dpo" else 1)
    candidates = trl_candidates(name, device, quick)
    assert all(items % c["per_device_train_batch_size"] == 0 for c in candidates)
    assert (len(candidates) == 1) == quick


def test_both_sides_are_searched_or_neither_is():
    assert len(our_candidates(quick=True)) == 1
    assert len(our_candidates(quick=False)) > 1
