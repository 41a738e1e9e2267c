"""No option is ignored: each one changes what a run leaves behind, or is refused.

Held against whole runs: the numbers of every step, the samples, the results, the names of the
files. Options that change memory or speed and, by promise, no number are held to that.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from methods import index
from methods.engine.errors import DataError
from methods.engine.model import LanguageModel
from methods.engine.scalar import add_scalar_head, as_reward_model
from tests import families
from tests.engine.conftest import small_model
from tests.guards import small
from tests.guards.small import play

TRAINED: dict[str, Any] = {
    "steps": 3, "learning_rate": 0.02, "schedule": "linear", "warmup_steps": 5,
    "weight_decay": 0.5, "max_grad_norm": 1e-3, "lora": "r=2", "checkpoint_every": 1, "keep": 1,
    "save_model": True,
}  # fmt: skip
COMMON: dict[str, Any] = {"model": "other", "precision": "bfloat16", "task": "small-b"}


def common_of(method: str) -> dict[str, Any]:
    """Those of ``COMMON`` that ``method`` has; one that makes its own data has no task."""
    fields = index.read_config(small.info_of(method))[0].model_fields
    return {name: value for name, value in COMMON.items() if name in fields}


# Another value for every option; what needs another base to show stands in BESIDE.
OTHERS: dict[str, dict[str, Any]] = {
    method: {**(TRAINED if method in small.TRAINING else {}), **own}
    for method, own in families.OTHERS.items()
}
for adapter in ("dora", "lora", "pissa", "o-lora", "progressive-prompts"):
    del OTHERS[adapter]["lora"]  # they have no such option: see below
BESIDE: dict[str, dict[str, Any]] = {
    "keep": {"checkpoint_every": 1},
    "data": {"reward": "random"},  # by the task's none of the answers to the file's would be right
    "size": {"model": "tiny"},  # other models have their own, and it is refused
    "restart": {"rounds": 2},  # the first begins with the start in any case
    "replay": {"old_task": "small-b"},  # else refused
    "clip_range": {"updates_per_batch": 3},  # on policy nothing is clipped
    "clip_low": {"updates_per_batch": 3},
    "clip_high": {"updates_per_batch": 3},
    "value_clip": {"updates_per_batch": 3},
    "overlong_buffer": {"max_new_tokens": 30},  # cut off at a few tokens all are as long
    "learning_rate": {"steps": 3},
    "schedule": {"steps": 3},
    "weight_decay": {"steps": 3, "learning_rate": 0.5},
    "shots": {"initial": 8},  # of the class asked for a text must have a label
    "weight": {"n": 24, "max_new_tokens": 1},  # where no two answers agree the largest one wins
}
# These change no number beyond rounding, and say so.
SAME_NUMBERS: dict[str, Any] = {
    "sample_batch": 3, "micro_batch_tokens": 1, "activation_checkpointing": True,
}  # fmt: skip


# Each has a test of its own below; that compiled layers compute the same, one of the engine's.
ALONE = {"skip_bad_rows", "compile_layers"}


def same_numbers(method: str) -> list[str]:
    """Those of ``SAME_NUMBERS`` that ``method`` has."""
    fields = index.read_config(small.info_of(method))[0].model_fields
    return [name for name in SAME_NUMBERS if name in fields]


def beside_of(method: str, option: str) -> dict[str, Any]:
    """What ``BESIDE`` says of ``option``, as far as ``method`` has it."""
    fields = index.read_config(small.info_of(method))[0].model_fields
    return {k: v for k, v in BESIDE.get(option, {}).items() if k in fields}


def data_file(folder: Path, kind: str) -> str:
    """A file of prompts with answers, of pairs, of labelled answers, or of judged steps."""
    rows = [
        {"prompt": f"{i}+{i}=", "chosen": str(2 * i), "rejected": str(3 * i + 1)}
        if kind == "pairs"
        else {"prompt": f"{i}+{i}=", "completion": str(2 * i), "label": i % 3 > 0}
        if kind == "labelled"
        else {
            "prompt": f"{i}+{i}=",
            "completions": [f"{i}+", f"{2 * i}"],
            "labels": [i % 2 > 0, i % 3 > 0],
        }
        if kind == "steps"
        else {"prompt": f"{i}+{i}=", "completion": str(2 * i), "answer": str(2 * i)}
        for i in range(12)
    ]
    path = folder / f"{kind}.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return str(path)


def model_folders(folder: Path) -> str:
    """Two models of the small one's shapes, saved, as one option names them."""
    paths = [folder / name for name in ("first", "second")]
    for seed, path in enumerate(paths, 1):
        small_model(seed=seed).save(path)
    return ",".join(map(str, paths))


def reward_model_folder(folder: Path) -> str:
    """A model that scores texts, as a run leaves it."""
    model = small_model(seed=2)
    add_scalar_head(model, seed=2)
    as_reward_model(model).save(folder / "judge" / "model")
    return str(folder / "judge")


def left_behind(folder: Path) -> dict[str, Any]:
    """Everything of a run that is not a clock's: its numbers, and which files there are."""
    results = json.loads((folder / "results.json").read_text())
    del results["train_seconds"]
    logs = {
        name: [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("metrics.jsonl", "samples.jsonl")
        if (folder / name).exists()
    }
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if "cache" not in p.parts)
    return {**logs, "results": results, "files": files}


def numbers(value: Any) -> list[float]:
    """Every number of a nested value, in order."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in numbers(v)]
    if isinstance(value, list):
        return [n for v in value for n in numbers(v)]
    return [float(value)] if isinstance(value, int | float) else []


@pytest.mark.parametrize("info", index.METHODS, ids=lambda m: m.slug)
def test_every_option_of_every_method_is_tried(info: index.MethodInfo) -> None:
    """A new option must be given another value here, or be one that changes no number."""
    fields = set(index.read_config(info)[0].model_fields)
    tried = {*common_of(info.slug), *OTHERS[info.slug], *same_numbers(info.slug), *(ALONE & fields)}
    assert tried == fields


@pytest.mark.parametrize(
    ("method", "option"),
    [(m, o) for m in OTHERS for o in {**common_of(m), **OTHERS[m]}],
    ids=lambda value: value,
)
def test_another_value_of_an_option_leaves_another_run_behind(
    method: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = {**COMMON, **OTHERS[method]}[option]
    if option == "data":
        value = data_file(tmp_path, value)
    elif option == "models":
        value = model_folders(tmp_path)
    elif option == "reward_model":
        value = reward_model_folder(tmp_path)
    beside = beside_of(method, option)
    base = play(method, tmp_path / "base", monkeypatch, **beside)
    assert json.loads((base.folder / "spec.json").read_text())["config"][option] != value
    changed = play(method, tmp_path / "changed", monkeypatch, **{**beside, option: value})
    assert left_behind(changed.folder) != left_behind(base.folder)


@pytest.mark.parametrize(("method", "option"), [(m, o) for m in OTHERS for o in same_numbers(m)])
def test_what_is_for_memory_alone_changes_no_number_beyond_rounding(
    method: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: dict[str, Any] = {"dtype": torch.float64}
    base = left_behind(play(method, tmp_path / "base", monkeypatch, **kinds).folder)
    kinds[option] = SAME_NUMBERS[option]
    changed = left_behind(play(method, tmp_path / "changed", monkeypatch, **kinds).folder)
    pairs = list(zip(numbers(base), numbers(changed), strict=True))
    assert len(pairs) > 5
    assert all(math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-6) for a, b in pairs)


@pytest.mark.parametrize("method", [m for m in OTHERS if "data" in OTHERS[m]])
def test_bad_rows_end_a_run_unless_they_may_be_skipped(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(data_file(tmp_path, OTHERS[method]["data"]))
    data.write_text(data.read_text() + '{"prompt": 7}\n')
    with pytest.raises(DataError, match="--skip-bad-rows"):
        play(method, tmp_path / "strict", monkeypatch, data=str(data))
    beside = beside_of(method, "data")
    play(method, tmp_path / "lenient", monkeypatch, data=str(data), skip_bad_rows=True, **beside)
    assert (tmp_path / "lenient" / "results.json").exists()


@small.each_training_method
@pytest.mark.parametrize("asked", [True, False])
def test_layers_are_compiled_where_that_is_asked_and_only_there(
    method: str, asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[object] = []
    monkeypatch.setattr(LanguageModel, "compile_layers", lambda self: compiled.append(self))
    play(method, tmp_path / "run", monkeypatch, steps=1, compile_layers=asked)
    assert len(compiled) == asked


@pytest.mark.parametrize("method", ["dora", "lora", "pissa", "o-lora", "progressive-prompts"])
def test_an_adapter_beside_the_adapter_that_is_trained_is_refused(method: str) -> None:
    with pytest.raises(ValidationError, match="lora"):
        index.read_config(small.info_of(method))[0](lora="r=2")


@pytest.mark.parametrize("info", index.METHODS, ids=lambda m: m.slug)
def test_an_option_of_another_method_is_refused_and_not_ignored(info: index.MethodInfo) -> None:
    config, _ = index.read_config(info)
    foreign = {
        name
        for other in index.METHODS
        for name in index.read_config(other)[0].model_fields
        if name not in config.model_fields
    }
    assert foreign
    for name in foreign:
        with pytest.raises(ValidationError, match=name):
            config(**{name: 1})
