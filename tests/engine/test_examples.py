from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from methods.engine.data import Demonstration, Pair
from methods.engine.errors import DataError
from methods.engine.examples import answered_prompts, demonstrations, preference_pairs, split
from methods.engine.model import LanguageModel
from methods.preference.dpo import Config as DpoConfig
from methods.preference.dpo import dpo_loss
from methods.preference.loop import pair_accuracy
from tests.engine.conftest import small_model


class Facts:
    """Takes what a run would record."""

    def data(self, *facts: object) -> None:
        self.facts = facts


def test_no_prompt_is_on_both_sides_and_every_row_is_on_one() -> None:
    rows = [Pair(f"p{i % 37}", f"a{i}", "b") for i in range(300)]
    train, held_out = split(rows, "rows")
    assert len(train) + len(held_out) == 300
    assert not {r.prompt for r in train} & {r.prompt for r in held_out}
    assert len({r.prompt for r in held_out}) == 3
    assert split(rows, "rows") == (train, held_out)


def test_plain_texts_are_split_though_none_has_a_prompt() -> None:
    rows = [Demonstration("", f"text {i}") for i in range(50)]
    train, held_out = split(rows, "rows")
    assert len(held_out) == 5 and len(train) == 45


def test_rows_of_too_few_prompts_are_refused() -> None:
    with pytest.raises(DataError, match="3 different prompts; at least 4"):
        split([Pair(f"p{i % 3}", "a", "b") for i in range(30)], "rows")


def test_before_training_every_pair_counts_half(model: LanguageModel) -> None:
    from methods.engine.examples import row

    pairs = [(f"p{i}", (row(model, f"{i}+", "11"), row(model, f"{i}+", "2"))) for i in range(4)]
    found = pair_accuracy(
        model, model.frozen_copy(), pairs, lambda p: dpo_loss(*p.summed(), beta=0.1)
    )
    assert found["pair_accuracy"]["mean"] == 0.5
    assert found["pair_loss"]["mean"] == pytest.approx(torch.log(torch.tensor(2.0)).item())


def test_an_answer_is_right_where_it_matches_but_for_blanks(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(
        "".join(json.dumps({"prompt": f"{i}+1=", "answer": str(i + 1)}) + "\n" for i in range(9))
    )
    task = answered_prompts(Facts(), str(file), small_model())  # type: ignore[arg-type]
    problem = task.train[0]
    assert task.score(problem, f" {problem.answer} ") == 1.0
    assert task.score(problem, f"{problem.answer}0") == 0.0
    assert len(task.train) == 7 and len(task.held_out) == 2


def test_a_row_without_an_answer_to_score_against_is_named_or_skipped(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"prompt": f"{i}+1=", "answer": str(i + 1)} for i in range(9)]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"prompt": "8+8="}]))
    with pytest.raises(DataError, match="row 10, column 'answer': is missing"):
        answered_prompts(Facts(), str(file), small_model())  # type: ignore[arg-type]
    task = answered_prompts(Facts(), str(file), small_model(), skip_bad_rows=True)  # type: ignore[arg-type]
    assert len(task.train) + len(task.held_out) == 9


def test_demonstrations_and_pairs_skip_bad_rows_where_that_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    row = {"completion": "1", "chosen": "1", "rejected": "2"}
    rows = [{"prompt": f"{i}+1=", **row} for i in range(9)] + [{"prompt": 3, **row}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model, run = small_model(), Facts()
    with pytest.raises(DataError, match=r"row 10, column 'prompt': is a number.*--skip-bad-rows"):
        demonstrations(run, str(file), None, None, model)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"row 10, column 'prompt': is a number.*--skip-bad-rows"):
        preference_pairs(run, str(file), model)  # type: ignore[arg-type]
    train, held = demonstrations(run, str(file), None, None, model, skip_bad_rows=True)  # type: ignore[arg-type]
    assert len(train) + len(held) == 9
    pairs, judged = preference_pairs(run, str(file), model, skip_bad_rows=True)  # type: ignore[arg-type]
    assert len(pairs) + len(judged) == 9


def test_options_that_need_a_task_are_named_by_the_method() -> None:
    assert set(DpoConfig.task_only) < set(DpoConfig.model_fields)
