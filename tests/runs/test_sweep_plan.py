from __future__ import annotations

from dataclasses import replace

import pytest

from registry.core.errors import UsageError
from registry.runs import sweep_plan
from registry.runs.options import options_of
from registry.runs.plan import find_method
from registry.runs.sweep_plan import SweepRequest, parse_seeds, plan_sweep
from tests.runs.sweeps import planned


def test_a_sweep_is_every_combination_over_every_seed_seed_by_seed() -> None:
    plan = planned("0,7", labels="true,shuffled", learning_rate="1e-4,1e-3")
    assert plan.grid == {"labels": ("true", "shuffled"), "learning_rate": ("1e-4", "1e-3")}
    assert plan.fixed == {"model": "tiny", "steps": "3"}
    assert [run.name for run in plan.runs[:5]] == [
        "labels=true, learning_rate=1e-4, seed 0",
        "labels=true, learning_rate=1e-3, seed 0",
        "labels=shuffled, learning_rate=1e-4, seed 0",
        "labels=shuffled, learning_rate=1e-3, seed 0",
        "labels=true, learning_rate=1e-4, seed 7",
    ]
    last = plan.runs[-1].plan
    assert (last.seed, last.config["labels"], last.config["learning_rate"]) == (7, "shuffled", 1e-3)
    assert last.config["steps"] == 3


@pytest.mark.parametrize(
    ("text", "seeds"), [("1", (0,)), ("3", (0, 1, 2)), ("0,3,7", (0, 3, 7)), ("7,", (7,))]
)
def test_seeds_are_counted_or_named(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


def test_a_task_may_hold_commas_of_its_own() -> None:
    plan = planned("1", task="chain-sum:digits=2,terms=3,products")
    assert plan.grid["task"] == ("chain-sum:digits=2,terms=3", "products")


@pytest.mark.parametrize(
    ("seeds", "assigned", "said"),
    [
        ("1", {}, "nothing to sweep over"),
        ("1", {"learning_rate": "1e-4"}, "nothing to sweep over"),
        ("2", {"learning_rat": "1e-4,1e-3"}, "Did you mean learning_rate?"),
        ("2", {"learning_rate": ""}, "holds no value"),
        ("2", {"learning_rate": "1e-4,,1e-3"}, "holds an empty value"),
        ("2", {"learning_rate": "1e-4,1e-3,1e-4"}, "holds 1e-4 twice"),
        ("2", {"learning_rate": "1e-4,0.0001"}, "learning_rate is 0.0001 in both"),
        ("2", {"model": "tiny,smollm2-135m"}, "model is given twice"),
        ("x", {}, "how many (3), or which (0,3,7)"),
        ("0", {}, "Allowed: 1 to 1000"),
        ("1,2,1", {}, "names 1 twice"),
        ("201", {}, "201 runs are asked for (201 seeds), over 200"),
        ("3000000000,", {"labels": "true,shuffled"}, "every run is refused: --seed 3000000000"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(
    seeds: str, assigned: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        planned(seeds, **assigned)
    assert said in str(refusal.value)


def test_every_refused_combination_is_named_at_once_with_its_reason() -> None:
    with pytest.raises(UsageError) as refusal:
        planned("2", learning_rate="1e-4,7", labels="true,fasle")
    said = str(refusal.value)
    assert said.startswith("6 of 8 runs are refused, and none was started: ")
    assert "(learning_rate=7, labels=true, seed 0; learning_rate=7, labels=true, seed 1)" in said
    assert "labels=fasle is not allowed" in said
    assert said.count("(learning_rate=1e-4, labels=fasle, seed 0; ") == 1


def test_every_unknown_option_is_named_at_once() -> None:
    with pytest.raises(UsageError) as refusal:
        planned("2", learning_rat="1,2", label="true,shuffled")
    assert "'learning_rat'" in str(refusal.value)
    assert "'label'" in str(refusal.value)


def test_an_option_that_takes_a_list_is_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    known = options_of(find_method("sft"))
    listed = tuple(replace(o, kind="list|none") if o.name == "labels" else o for o in known.options)
    monkeypatch.setattr(sweep_plan, "options_of", lambda info: replace(known, options=listed))
    with pytest.raises(UsageError, match="labels takes a list, so labels=a,b may be one list"):
        planned("2", labels="a,b")
    with pytest.raises(UsageError, match=r"every run is refused: sft: labels=\[1, 2\]"):
        planned("2", labels="[1, 2]")  # taken whole, and sft's own check has the last word


def test_many_runs_are_planned_where_a_person_says_so() -> None:
    request = SweepRequest("sft", {}, {"model": "tiny"}, "201", "cpu")
    assert len(plan_sweep(request, many=True).runs) == 201
    with pytest.raises(UsageError, match=r"take fewer values$"):
        plan_sweep(SweepRequest("sft", {"steps": "1,2,3,4,5,6,7,8,9,10,11"}, {}, "1000"), many=True)
