"""What a stream costs beside its own tasks: the three deltas, and the form of an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from methods.continual import replay
from methods.continual.deltas import (
    curves_of_deltas,
    delta,
    deltas_of,
    probes_of,
    shape,
    shapes_of,
)
from methods.continual.measures import Scores
from methods.engine.run import Run
from tests.engine.conftest import small_model
from tests.engine.test_worker import prepare


def share(right: int, of: int = 10) -> Scores:
    """So many problems of ``of`` right, the first ones."""
    return Scores((1.0,) * right + (0.0,) * (of - right), (1.0,) * of)


def test_a_delta_is_the_mean_over_probes_of_what_each_has_gained() -> None:
    start, now = [share(8), share(4), share(2)], [share(5), share(4), share(3)]
    assert delta(now, start).mean == pytest.approx((-0.3 + 0.0 + 0.1) / 3, abs=1e-15)
    assert delta(start, start).mean == 0 and delta(start, start).interval == (0, 0)


def test_probes_weigh_the_same_whatever_their_size() -> None:
    start, now = [share(2, of=2), share(0, of=100)], [share(1, of=2), share(100, of=100)]
    assert delta(now, start).mean == pytest.approx((-0.5 + 1.0) / 2)


def test_the_three_stages_have_a_delta_after_every_task() -> None:
    rows = [[share(9)], [share(7)], [share(4)]]
    probes = {("gad", "accuracy"): rows, ("ifd", "form"): rows[::-1], ("sd", "accuracy"): rows}
    found = deltas_of(probes)
    assert [line[0].name for line in found] == ["gad_accuracy", "ifd_form", "sd_accuracy"]
    assert [m.after.mean for m in found[0]] == pytest.approx([-0.2, -0.5])
    assert [m.after.mean for m in found[1]] == pytest.approx([0.3, 0.5])
    assert [m.after.mean for m in found[2]] == pytest.approx([-0.2, -0.5])
    assert "Safety" in found[2][0].title and found[2][0].higher_is_better
    (curve,) = curves_of_deltas(found)
    assert curve["series"][0]["x"] == [0, 1, 2]
    assert curve["series"][0]["y"] == pytest.approx([0, -0.2, -0.5])


def test_a_stream_whose_probe_has_no_answers_to_check_has_a_delta_of_its_loss_alone() -> None:
    entries = [{"loss": [[2.0, 4.0], [1.0, 3.0]]}, {"loss": [[3.0, 5.0], [1.0, 3.0]]}]
    (line,) = deltas_of(probes_of(entries))
    assert line[0].name == "gad_loss" and not line[0].higher_is_better
    assert line[0].after.mean == pytest.approx(0.5)
    assert curves_of_deltas([line])[0]["series"][0]["y"] == pytest.approx([0, 0.5])
    assert curves_of_deltas([]) == []


def test_the_form_of_an_answer_is_its_signs_with_digits_and_letters_in_runs() -> None:
    known = shapes_of(["12", "7", "-3"])
    assert known == {"0", "-0"}
    assert shape(" 40512") in known and shape("-1") in known
    assert not {shape(t) for t in ("", "1 2", "4+4", "7=7", "x", "1.5")} & known
    assert shape("12+3=15;15-2=13") == "0+0=0;0-0=0"


def test_a_run_measures_its_deltas_after_every_task(tmp_path: Path) -> None:
    """Of a start that answers at random the form is lost or won; the file has each moment."""
    small_model().save(tmp_path / "start")
    options: dict[str, Any] = {
        "task": "chain-sum:digits=1,held_out=20", "general": "chain-sum:digits=2,held_out=20",
        "later_tasks": "chain-sum:terms=3,held_out=10", "steps": 6, "batch_size": 8,
        "learning_rate": 0.02, "save_model": False,
    }  # fmt: skip
    folder = prepare(tmp_path / "run", tmp_path / "start", "replay", share=0.5, **options)
    spec = json.loads((folder / "spec.json").read_text())
    replay.run(Run(folder, spec), replay.Config(**spec["config"]))
    done = json.loads((folder / "results.json").read_text())
    found = {m["name"]: m for m in done["measures"]}
    rows = [json.loads((folder / f"after-{i}.json").read_text())["value"] for i in range(3)]
    forms = [sum(row[-1]["form"][0]) / 20 for row in rows]
    assert "form" not in rows[0][0]  # of what is trained on, the answers say enough
    assert found["ifd_form"]["after"] == pytest.approx(forms[2] - forms[0])
    change = found["general_loss"]["after"] - found["general_loss"]["before"]
    assert found["gad_loss"]["after"] == pytest.approx(change)
    assert found["gad_accuracy"]["after"] == pytest.approx(
        found["general_accuracy"]["after"] - found["general_accuracy"]["before"]
    )
    curve = next(c for c in done["curves"] if c["name"] == "deltas")
    lines = {line["label"]: line["y"] for line in curve["series"]}
    following = next(y for label, y in lines.items() if "Instruction" in label)
    assert following == pytest.approx([f - forms[0] for f in forms])
