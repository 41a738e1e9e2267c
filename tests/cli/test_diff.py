from __future__ import annotations

import json
from typing import Any

import pytest

from methods.index import find
from methods.register import peers
from methods.register.facts import PeerCheck
from registry.cli.app import main

AGREES = PeerCheck("grpo", "trl", "9.9", "the loss", 0.5, 0.5 + 1e-12, 1e-11, "tests/a.py::test_a")


@pytest.fixture(autouse=True)
def checks(monkeypatch: pytest.MonkeyPatch) -> PeerCheck:
    """Two checks of GRPO beside TRL: one agrees, one differs in the first knob."""
    info = find("grpo")
    assert info is not None
    differs = PeerCheck(
        "grpo", "trl", "9.9", "another loss", 0.25, 0.75, 2.0, "tests/a.py::test_b",
        knob=info.knobs[-1].name, does="divides by the longest",
    )  # fmt: skip
    other = PeerCheck("dpo", "torchtune", "0.6", "a loss", 1.0, 1.0, 0.0, "tests/a.py::test_c")
    monkeypatch.setattr(peers, "PEER_CHECKS", (AGREES, differs, other))
    return differs


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["diff", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("words", [("grpo", "trl"), ("grpo@trl",), ("grpo",)])
def test_each_knob_stands_with_what_was_measured_to_differ_in_it(
    checks: PeerCheck, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    info = find("grpo")
    assert info is not None
    facts = as_json(capsys, *words)
    assert [knob["name"] for knob in facts["knobs"]] == [knob.name for knob in info.knobs]
    last = facts["knobs"][-1]
    assert (last["paper"], last["ours"]) == (info.knobs[-1].paper, info.knobs[-1].ours)
    (found,) = last["differences"]
    assert (found["does"], found["difference"]) == ("divides by the longest", -0.5)
    assert not any(knob["differences"] for knob in facts["knobs"][:-1])
    assert [check["what"] for check in facts["agrees"]] == ["the loss"]
    assert facts["peers"] == ["trl"]


def test_the_differences_are_printed_first_with_both_numbers_and_the_test(
    checks: PeerCheck, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "grpo", "trl"]) == 0
    out = capsys.readouterr().out
    assert out.split("\n\n")[1].startswith(checks.knob)
    assert "ours 0.25, theirs 0.75, difference -0.5" in " ".join(out.split())
    assert "held by tests/a.py::test_b" in out
    assert out.index("Equal to rounding") < out.index("tests/a.py::test_a")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("grpoo", "trl"), "unknown method 'grpoo'. Did you mean"),
        (("grpo", "trll"), "unknown peer 'trll'. Did you mean 'trl'?"),
        (("grpo", "torchtune"), "grpo was not measured beside torchtune. Measured beside it: trl"),
        (("sft", "trl"), "sft was not measured beside trl. Measured beside it: no peer yet"),
        (("grpo@trl", "trl"), "two peers are given: trl and trl"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_can(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main(["diff", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_difference_in_something_that_is_no_knob_is_shown_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = PeerCheck("sft", "trl", "9", "x", 1.0, 2.0, 0.1, "t", knob="an odd knob", does="other")
    monkeypatch.setattr(peers, "PEER_CHECKS", (odd,))
    assert as_json(capsys, "sft")["knobs"][-1]["name"] == "an odd knob"


def test_show_says_what_was_measured_beside_peers(
    checks: PeerCheck, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "grpo"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "trl 9.9 (the loss): agrees; values differ by 1e-12, gradients by 1e-11" in out
    assert f"trl 9.9 (another loss): differs in {checks.knob}: 0.25 for 0.75" in out
    assert "registry diff grpo" in out
