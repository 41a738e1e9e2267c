"""Every check that the register records is one that a test computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from methods.index import find
from methods.register.facts import PeerCheck
from methods.register.peers import PEER_CHECKS, checks_of

ROOT = Path(__file__).resolve().parents[3]


def test_no_example_stands_in_the_register_twice() -> None:
    keys = [(c.method, c.peer, c.what) for c in PEER_CHECKS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("check", PEER_CHECKS, ids=lambda c: f"{c.method}-{c.peer}-{c.what}")
def test_a_check_names_a_method_its_knob_and_the_test_that_computes_it(check: PeerCheck) -> None:
    info = find(check.method)
    assert info is not None
    path, _, name = check.test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()
    assert bool(check.knob) == bool(check.does)
    if check.knob:
        assert check.knob in [k.name for k in info.knobs]
    assert check in checks_of(check.method, check.peer)
