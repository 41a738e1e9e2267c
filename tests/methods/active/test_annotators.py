"""A language model as annotator: labels, calibration, routes and tokens, by hand and at the limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from methods.active import hybrid_routing
from methods.active.hybrid_routing import shuffled_routes, to_model
from methods.active.llm_annotator import calibrated
from methods.active.reader import Reader
from tests.guards.small import play, small_task

F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def last_round(folder: Path) -> dict[str, Any]:
    path = max(folder.glob("round-*.json"), key=lambda p: int(p.stem[6:]))
    return json.loads(path.read_text())["value"]


def measures(folder: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((folder / "results.json").read_text())["measures"]
    return {m["name"]: m for m in found}


# --- calibration ------------------------------------------------------------------------------


def test_calibration_divides_by_the_mean_worked_by_hand() -> None:
    sample = torch.tensor([[0.9, 0.1], [0.7, 0.3]], dtype=F64).log()
    # Means 0.8 and 0.2: 0.6/0.8 and 0.4/0.2, that is 0.75 to 2.
    found = calibrated(torch.tensor([[0.6, 0.4]], dtype=F64).log(), sample)
    assert found.exp()[0].tolist() == pytest.approx([0.75 / 2.75, 2 / 2.75])


def test_a_model_that_says_the_same_of_every_text_is_left_with_no_opinion() -> None:
    logp = torch.tensor([[0.5, 0.3, 0.2]], dtype=F64).log().repeat(4, 1)
    assert torch.allclose(calibrated(logp, logp).exp(), torch.full((4, 3), 1 / 3, dtype=F64))


def test_extreme_log_probs_stay_finite_where_they_were() -> None:
    logp = torch.tensor([[0.0, -900.0], [-900.0, 0.0]], dtype=F64)
    found = calibrated(logp, logp)
    assert torch.isfinite(found).all() and found.argmax(-1).tolist() == [0, 1]


# --- routes -----------------------------------------------------------------------------------


def test_the_sure_ones_go_to_the_model_and_the_threshold_itself_is_sure() -> None:
    p = torch.tensor([[0.5, 0.5], [0.75, 0.25], [0.1, 0.9]], dtype=F64)
    assert to_model(p, 0.75).tolist() == [False, True, True]
    assert to_model(p, 0.0).all() and not to_model(p, 0.95).any()


def test_random_routes_are_as_many_and_fall_anywhere() -> None:
    routes = torch.tensor([True, True, False, False, False])
    found = torch.stack([shuffled_routes(routes, seeded(seed)) for seed in range(3000)])
    assert (found.sum(1) == 2).all()
    assert ((found.double().mean(0) - 0.4).abs() < 0.05).all()  # five standard deviations


# --- whole runs -------------------------------------------------------------------------------


def test_the_annotator_asks_no_oracle_and_counts_every_token_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = play("llm-annotator", tmp_path / "run", monkeypatch).folder
    task, chosen = small_task("small-a"), last_round(folder)["chosen"]
    answers = sorted({p.answer or "" for p in (*task.train, *task.held_out)})
    # A token a character, a start token, an end behind each answer: some begin others.
    asked = sum(len(answer) + 1 for answer in answers)
    expected = sum(1 + len(task.train[i].prompt) + asked for i in chosen)
    found = measures(folder)
    assert found["oracle_labels"]["after"] == found["tokens_written"]["after"] == 0
    assert found["tokens_read"]["after"] == expected


def test_routing_with_a_threshold_of_nothing_is_the_annotator_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = play("llm-annotator", tmp_path / "alone", monkeypatch).folder
    hybrid = play(
        "hybrid-routing", tmp_path / "hybrid", monkeypatch, threshold=0.0, initial=2, batch=2
    ).folder
    assert last_round(hybrid) == last_round(alone)


def test_routing_that_trusts_no_answer_is_the_oracle_that_also_paid_for_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        hybrid_routing, "to_model", lambda p, threshold: torch.zeros(len(p), dtype=torch.bool)
    )
    oracle = last_round(play("margin", tmp_path / "oracle", monkeypatch).folder)
    hybrid = last_round(
        play("hybrid-routing", tmp_path / "hybrid", monkeypatch, initial=2, batch=2).folder
    )
    assert hybrid.pop("read") > 0 == oracle.pop("read")
    assert hybrid == oracle


def test_an_annotator_that_is_always_right_is_an_oracle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = {p.prompt: p.answer for p in small_task("small-a").train}

    def knowing(self: Reader, texts: list[str], title: str) -> tuple[torch.Tensor, list[int]]:
        places = [self.classes.index(truth.get(t) or self.classes[0]) for t in texts]
        said = torch.nn.functional.one_hot(torch.tensor(places), len(self.classes)).double()
        return torch.log_softmax(9 * said, -1), [1] * len(texts)

    monkeypatch.setattr(Reader, "log_probabilities", knowing)
    found = play("llm-annotator", tmp_path / "model", monkeypatch).folder
    oracle = last_round(play("margin", tmp_path / "oracle", monkeypatch).folder)
    assert last_round(found)["labels"] == oracle["labels"]
    assert last_round(found)["chosen"] == oracle["chosen"]
    assert measures(found)["label_accuracy"]["after"] == 1


def test_a_run_with_tokens_draws_its_accuracy_by_tokens_and_by_oracle_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = play("hybrid-routing", tmp_path / "run", monkeypatch).folder
    curves = json.loads((folder / "results.json").read_text())["curves"]
    assert [c["name"] for c in curves] == ["learning", "by-tokens", "by-oracle"]
    tokens = curves[1]["series"][0]["x"]
    assert tokens == sorted(tokens) and tokens[-1] == measures(folder)["tokens_read"]["after"]
