"""Whole runs of active learning on small pools: who is asked, what it costs, what a resume repeats."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from methods.active import loop
from methods.active import reader as reading
from methods.active.reader import Reader, standardised
from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.run import Run
from methods.index import METHODS
from tests.engine.conftest import own_attention, plain_logprobs, small_model
from tests.guards.small import play
from tests.methods.active.ranks import carry_out

SLUGS = [m.slug for m in METHODS if m.family == "active"]
each_method = pytest.mark.parametrize("method", SLUGS)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors this small are quickest on one thread, most of all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


SMALL_POOL = {"initial": 2, "batch": 2}


def rounds_of(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.glob("round-*.json"), key=lambda p: int(p.stem[6:]))
    return [json.loads(path.read_text())["value"] for path in paths]


def measures(folder: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((folder / "results.json").read_text())["measures"]
    return {m["name"]: m for m in found}


# --- who is asked -----------------------------------------------------------------------------


@each_method
def test_a_round_asks_for_a_batch_of_texts_that_have_no_label_yet(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = play(method, tmp_path / "run", monkeypatch, **SMALL_POOL, rounds=3).folder
    rounds = rounds_of(folder)
    assert [len(r["chosen"]) for r in rounds] == [2, 4, 6, 8]
    assert all(b["chosen"][: len(a["chosen"])] == a["chosen"] for a, b in pairwise(rounds))
    assert len(set(rounds[-1]["chosen"])) == 8
    found = measures(folder)
    assert found["accuracy"]["n"] == 6
    low, high = found["aulc"]["after_interval"]
    assert -1e-12 <= low <= found["aulc"]["after"] + 1e-12 <= high + 1e-12 <= 1 + 1e-11


@each_method
def test_every_method_of_a_seed_starts_from_the_same_texts(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rounds_of(play("margin", tmp_path / "margin", monkeypatch, **SMALL_POOL).folder)[0]
    assert (
        rounds_of(play(method, tmp_path / "run", monkeypatch, **SMALL_POOL).folder)[0]["chosen"]
        == first["chosen"]
    )


def test_an_oracle_costs_a_label_each_and_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measures(play("margin", tmp_path / "run", monkeypatch).folder)
    assert found["oracle_labels"]["after"] == 6
    assert found["tokens_read"]["after"] == found["tokens_written"]["after"] == 0
    assert found["label_accuracy"]["after"] == 1


def test_shuffled_labels_are_the_pool_s_own_dealt_out_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"initial": 10, "batch": 2, "rounds": 1}
    true = rounds_of(play("margin", tmp_path / "true", monkeypatch, **options).folder)[-1]
    dealt = rounds_of(
        play("margin", tmp_path / "dealt", monkeypatch, control="shuffled", **options).folder
    )[-1]
    assert sorted(true["labels"]) == sorted(dealt["labels"])
    by_text = [dict(zip(r["chosen"], r["labels"], strict=True)) for r in (true, dealt)]
    assert by_text[0] != by_text[1]


@pytest.mark.parametrize("method", ["margin", "coreset", "badge"])
def test_random_choice_is_the_same_whatever_the_method(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = play("entropy", tmp_path / "one", monkeypatch, control="random").folder
    other = play(method, tmp_path / "other", monkeypatch, control="random").folder
    assert rounds_of(one) == rounds_of(other)


# --- what is refused --------------------------------------------------------------------------


def test_more_labels_than_the_pool_has_texts_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MethodError, match="label 22 texts, and the pool has 12"):
        play("margin", tmp_path / "run", monkeypatch, rounds=10)


def test_a_task_of_too_many_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MOST_CLASSES", 5)
    with pytest.raises(MethodError, match="18 different answers; active learning needs 2 to 5"):
        play("margin", tmp_path / "run", monkeypatch)


# --- what the language model says -------------------------------------------------------------


def reader(tmp_path: Path, model: LanguageModel, *classes: str) -> Reader:
    spec = {
        "seed": 0, "device": "cpu", "cache_dir": str(tmp_path / "cache"), "run_id": "x",
        "method": "margin",
    }  # fmt: skip
    tmp_path.mkdir(exist_ok=True)
    return Reader(Run(tmp_path, spec), model, classes)


def test_a_text_s_classes_have_the_model_s_own_log_probs_and_every_token_is_counted(
    tmp_path: Path,
) -> None:
    model = small_model(dtype=torch.float64)
    asked = reader(tmp_path, model, "12", "3", "4a")
    logp, read = asked.log_probabilities(["ab", "c1+1="], "asking")
    assert torch.allclose(logp.exp().sum(-1), torch.ones(2, dtype=torch.float64))
    for i, text in enumerate(["ab", "c1+1="]):
        sums = [plain_logprobs(model, asked._row(text, c)).sum() for c in asked.classes]
        expected = torch.log_softmax(torch.stack(sums), -1)
        assert torch.allclose(logp[i], expected, rtol=0, atol=1e-5)  # kept in float32
    # The start token and the text, and "12", "3", "4a" behind it.
    assert read == [3 + 5, 6 + 5]


def test_where_one_class_begins_another_their_ends_are_read_too(tmp_path: Path) -> None:
    model = small_model()
    assert len(reader(tmp_path, model, "1", "2")._row("a", "1").ids) == 3
    row = reader(tmp_path, model, "1", "12")._row("a", "1")
    assert row.ids[-1] == model.eos_id and len(row.ids) == 4


def test_what_was_read_once_is_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model()
    first = reader(tmp_path / "a", model, "1", "2").log_probabilities(["ab", "c"], "asking")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the model is asked again")

    monkeypatch.setattr(reading, "row_logprobs", refuse)
    again = reader(tmp_path / "a", model, "1", "2").log_probabilities(["ab", "c"], "asking")
    assert torch.equal(first[0], again[0]) and first[1] == again[1]


def test_the_states_of_a_text_are_the_mean_over_its_tokens_alone(tmp_path: Path) -> None:
    model = small_model(dtype=torch.float64)
    texts = ["ab", "abc", "1+1=22"]
    found = reader(tmp_path, model, "1", "2").states(texts, "reading")
    for text, mean in zip(texts, found, strict=True):
        ids = torch.tensor([model.encode_prompt(text)])
        with own_attention(model), torch.no_grad():
            plain = model.module.base_model(ids, use_cache=False).last_hidden_state[0]
        assert torch.allclose(mean, plain.mean(0), rtol=0, atol=1e-8)


def test_standardised_features_have_the_pool_s_mean_and_deviation_taken_out() -> None:
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0]], dtype=torch.float64)
    assert standardised(x, x).tolist() == [[-1.0, 0.0], [1.0, 0.0]]


# --- kill, resume, several processes ----------------------------------------------------------


def everything(folder: Path) -> dict[str, bytes]:
    found = {
        p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".json", ".jsonl", ".md")
    }
    results = json.loads(found["results.json"])
    del results["train_seconds"]
    return {**found, "results.json": json.dumps(results).encode()}


@each_method
@pytest.mark.parametrize("at", ["choice", "kept"])
def test_a_run_killed_in_a_round_ends_with_the_bytes_of_the_unbroken_one(
    method: str, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before round 2 is kept: with its samples logged already, or not yet."""
    folder = play(method, tmp_path / "run", monkeypatch).folder
    unbroken = everything(folder)
    for name in ("results.json", "report.md", "round-2.json", "samples.jsonl", "reference.json",
                 "round-0.json", "round-1.json"):  # fmt: skip
        (folder / name).unlink(missing_ok=True)

    class Killed(BaseException):
        pass

    keep = Run.once if at == "kept" else Run.samples

    def die(run: Run, name: Any, *rest: Any) -> Any:
        if name in ("round-2", 2):
            if at == "kept":
                rest[0]()  # computed, and its samples logged
            raise Killed
        return keep(run, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "once" if at == "kept" else "samples", die)
        with pytest.raises(Killed):
            carry_out(folder)
    assert (folder / "round-1.json").exists() and not (folder / "round-2.json").exists()
    carry_out(folder)
    assert everything(folder) == unbroken


@pytest.mark.parametrize("method", ["badge", "llm-generation"])
def test_two_processes_leave_the_run_of_one(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"features": "states"}
    alone = play(method, tmp_path / "alone", monkeypatch, **options).folder
    spec = json.loads((alone / "spec.json").read_text())
    together = tmp_path / "together"
    together.mkdir()
    spec["cache_dir"] = str(together / "cache")
    (together / "spec.json").write_text(json.dumps(spec))
    shared = {
        **os.environ, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1",
        "REGISTRY_RENDEZVOUS": f"file://{tmp_path / 'meeting'}",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.methods.active.ranks", str(together)]
    started = [subprocess.Popen(command, env={**shared, "RANK": rank}) for rank in "01"]
    assert [process.wait(timeout=200) for process in started] == [0, 0]
    assert rounds_of(together) == rounds_of(alone)
    assert measures(together) == measures(alone)
    assert (together / "samples.jsonl").read_bytes() == (alone / "samples.jsonl").read_bytes()


def test_every_method_s_module_stands_on_the_loop() -> None:
    for slug in SLUGS:
        module = importlib.import_module(f"methods.active.{slug.replace('-', '_')}")
        assert module.run_pool is loop.run_pool
