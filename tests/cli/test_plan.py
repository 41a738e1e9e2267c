from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.cli.app import main
from registry.cli.plan import parse_size
from registry.core.errors import UsageError
from registry.runs import device, devices

LENGTHS = ["--prompt-tokens", "40", "--answer-tokens", "20"]
SFT = ["plan", "sft", "--model", "smollm2-135m", "--device", "cpu", *LENGTHS]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cuda_device_count", lambda: 0)


def test_a_plan_shows_where_memory_and_time_go(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SFT, "--memory", "100G"]) == 0
    out, err = capsys.readouterr()
    for name in ("weights", "gradient", "moments", "activations", "logits", "key-value cache"):
        assert f"\n{name}\t" in out
    assert "sft on smollm2-135m: 134,515,008 parameters" in out
    assert "peak: " in out
    assert "of 100.00 GB, in the training pass" in out
    assert "time of a step\tseconds\tshare" in out
    assert "step: " in out
    assert "whole run: " in out
    assert "nothing was loaded; to run it: registry run sft --model smollm2-135m" in err


def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SFT, "--memory", "100G", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fits"] is True
    assert found["available"] == 100 * 10**9
    assert found["step"] == pytest.approx(sum(part["seconds"] for part in found["time"]))
    by_name = {amount["name"]: amount["bytes"] for amount in found["memory"]}
    assert by_name["moments"] == 8 * found["parameters"]


def test_what_does_not_fit_exits_1_and_says_what_lowers_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*SFT, "--memory", "2G"]) == 1
    said = capsys.readouterr().err
    assert "it does not fit: " in said
    assert "GB of 2.00 GB. What lowers it: " in said
    assert "--set lora=r=16: about" in said


def test_options_are_checked_as_those_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    refused = {
        ("plan", "stf"): "unknown method 'stf'. Did you mean 'sft'",
        (*SFT, "--set", "batch=3"): "unknown option 'batch' of sft",
        (*SFT, "--set", "steps=0"): "steps=0 is not allowed",
        (*SFT, "--set", "model=tiny"): "model is given twice",
        (*SFT, "--memory", "much"): "--memory much is no size. Allowed: 500M, 16G, 1.5T",
        (*SFT[:4], "--prompt-tokens", "9"): "go together; give both or neither",
        ("plan", "sft", "--model", "no/such", *LENGTHS): "model=no/such has no config.json here",
    }
    for words, message in refused.items():
        assert main(list(words)) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err
        assert err.count("\n") == 1


def test_a_gpu_that_is_not_here_is_planned_for_without_times(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(devices.choose, "__defaults__", (tmp_path,))
    assert main(["plan", "grpo", "--device", "cuda", "--nproc", "2", *LENGTHS]) == 0
    out, err = capsys.readouterr()
    assert "grpo on smollm2-135m" in out  # auto means the larger model there
    assert "memory of each process" in out
    assert "step: " not in out
    assert "no cuda device has been measured" in err
    assert "--device cuda --nproc 2" in err


def test_a_tasks_own_texts_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "grpo", "--model", "tiny", "--device", "cpu", "--spread", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "prompts of 7 tokens" in out
    assert "problems of the task, a token a character" in out


@pytest.mark.parametrize(
    ("text", "size"), [("16G", 16e9), ("1.5TB", 1.5e12), ("500m", 5e8), ("80GiB", 8e10), ("9", 9)]
)
def test_a_size_is_read_as_people_write_it(text: str, size: float) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "inf", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        parse_size(text)
