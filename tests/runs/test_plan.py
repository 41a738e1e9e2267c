from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import ClassVar

import pydantic
import pytest

from methods.index import METHODS, find
from registry.core.errors import CatalogError, UnknownNameError, UsageError
from registry.runs import device, plan
from registry.runs.options import options_of
from registry.runs.plan import Request, make_plan, parse_assignments


def sft(given: dict[str, object] | None = None, **request: object) -> plan.Plan:
    return make_plan(Request("sft", given or {}, device="cpu", **request))  # type: ignore[arg-type]


def test_user_beats_file_beats_preset_beats_default_and_each_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "options.yaml"
    path.write_text("steps: 11\nbatch-size: 5\nlearning_rate: 2e-4\n")
    made = sft({"steps": "12", "model": "tiny"}, config_file=path)

    assert (made.config["steps"], made.provenance["steps"]) == (12, "user")
    assert (made.config["batch_size"], made.provenance["batch_size"]) == (5, "file")
    assert (made.config["learning_rate"], made.provenance["learning_rate"]) == (2e-4, "file")
    preset = options_of(find("sft")).presets["tiny"]  # type: ignore[arg-type]
    assert made.config["warmup_steps"] == preset["warmup_steps"]
    assert made.provenance["warmup_steps"] == "preset"
    assert made.provenance["weight_decay"] == "default"
    assert made.provenance.keys() == made.config.keys()


@pytest.mark.parametrize(("where", "model"), [("cpu", "tiny"), ("cuda", "smollm2-135m")])
def test_auto_takes_the_model_that_suits_the_device_with_its_preset(
    where: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "cuda_device_count", lambda: 1)
    made = make_plan(Request("sft", {}, device=where))
    preset = options_of(find("sft")).presets[model]  # type: ignore[arg-type]
    assert (made.config["model"], made.provenance["model"]) == (model, "default")
    assert made.config["steps"] == preset["steps"]
    named = make_plan(Request("sft", {"model": "smollm2-135m@abc"}, device=where))
    assert named.config["batch_size"] == 16


def test_auto_takes_a_model_that_can_read_where_a_file_is_given() -> None:
    assert sft({"data": "hub:a/b"}).config["model"] == "smollm2-135m"


@pytest.mark.parametrize(
    "data", ["hub:a", "hub:a/b", "hub:a/b@main", "hub:a/b:train[:10%]", "hub:a/b@9f:test"]
)
def test_a_data_set_of_the_hub_is_named_with_revision_and_split(data: str) -> None:
    assert sft({"data": data}).config["data"] == data


def test_a_folder_may_stand_for_a_model_and_for_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "kept").mkdir()
    made = sft({"model": "~/kept", "data": f"hub:{tmp_path}/kept:test"})
    assert made.config["model"] == f"{tmp_path}/kept"
    assert made.config["data"] == f"hub:{tmp_path}/kept:test"


def _with_config(monkeypatch: pytest.MonkeyPatch, config: type) -> None:
    known = dataclasses.replace(options_of(find("sft")), config=config)  # type: ignore[arg-type]
    monkeypatch.setattr(plan, "options_of", lambda info: known)


def test_an_option_that_only_a_task_reads_is_refused_with_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = options_of(find("sft")).config  # type: ignore[arg-type]
    declared = {"task_only": ClassVar[tuple[str, ...]]}
    body = {"task_only": ("labels",), "__annotations__": declared}
    narrow = type("Config", (config,), body)
    _with_config(monkeypatch, narrow)
    assert sft({"labels": "shuffled"}).config["labels"] == "shuffled"
    assert sft({"data": "hub:a/b"}).config["labels"] == "true"
    with pytest.raises(
        UsageError, match=r"labels=shuffled only means something with a task.*data=hub:a/b"
    ):
        sft({"data": "hub:a/b", "labels": "shuffled"})


def test_options_that_do_not_go_together_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = options_of(find("sft")).config  # type: ignore[arg-type]

    def refuse(self: object) -> None:
        raise ValueError("warmup_steps=150 never ends within steps=50;\n  allowed: 0 to 50")

    checked = type(
        "Config",
        (config,),
        {"_check": pydantic.model_validator(mode="after")(refuse), "__annotations__": {}},
    )
    _with_config(monkeypatch, checked)
    with pytest.raises(UsageError) as caught:
        sft({"steps": "50"})
    said = "sft: warmup_steps=150 never ends within steps=50; allowed: 0 to 50"
    assert str(caught.value) == said


def test_auto_device_is_cuda_only_where_the_driver_shows_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for count, resolved in ((0, "cpu"), (2, "cuda")):
        monkeypatch.setattr(device, "cuda_device_count", lambda count=count: count)
        assert device.resolve_device("auto") == resolved
    monkeypatch.setattr(device, "cuda_device_count", lambda: 0)
    with pytest.raises(UsageError, match="no CUDA device"):
        device.resolve_device("cuda")
    with pytest.raises(UsageError, match="Allowed: auto, cpu, cuda"):
        device.resolve_device("tpu")


def test_counting_devices_without_a_driver_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(device.ctypes, "CDLL", no_driver)
    assert device.cuda_device_count() == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lerning_rate": "1"}, ("lerning_rate=1", "Did you mean learning_rate?")),
        ({"learning_rate": "3"}, ("learning_rate=3", "> 0 and < 1")),
        ({"learning_rate": "nan"}, ("learning_rate=nan", "> 0 and < 1")),
        ({"steps": "0"}, ("steps=0", ">= 1")),
        ({"steps": "many"}, ("steps=many", "a whole number >= 1")),
        ({"labels": "shufled"}, ("labels=shufled", "true or shuffled", "Did you mean shuffled?")),
        ({"save_model": "perhaps"}, ("save_model=perhaps", "true or false")),
        ({"model": ""}, ("model=", "not empty")),
        ({"task": "chain-sums"}, ("unknown task 'chain-sums'", "chain-sum")),
        ({"task": "chain-sum:digits=9"}, ("digits=9", "from 1 to 3")),
        ({"data": "nowhere.jsonl"}, ("nowhere.jsonl", "is not there")),
        ({"data": "."}, ("data=.", "is not there", "a JSONL file")),
        ({"data": "hub:"}, ("data=hub:", "names no data set", "hub:org/name")),
        ({"data": "hub:a/b/c"}, ("data=hub:a/b/c", "names no data set")),
        ({"data": "hub:a/b@"}, ("data=hub:a/b@", "names no data set")),
        ({"data": "hub:a/b:"}, ("data=hub:a/b:", "names no data set")),
        ({"data": "hub:a b"}, ("data=hub:a b", "names no data set")),
        ({"data": "hub:./nowhere"}, ("data=hub:./nowhere", "names no data set")),
        ({"model": "./nowhere"}, ("model=./nowhere", "no folder here", "a hub id")),
        ({"model": "../nowhere"}, ("model=../nowhere", "no folder here")),
        ({"model": "/nowhere/at-all"}, ("model=/nowhere/at-all", "no folder here")),
        ({"model": "~/nowhere-at-all"}, ("nowhere-at-all", "no folder here")),
        ({"data": "hub:a/b", "task": "gcd"}, ("both given",)),
        ({"data": "hub:a/b", "model": "tiny"}, ("model=tiny", "data=hub:a/b", "smollm2-135m")),
    ],
)
def test_a_wrong_option_is_refused_with_option_value_and_what_is_allowed(
    given: dict[str, object], said: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        sft(given)
    message = str(caught.value)
    assert "\n" not in message
    for part in said:
        assert part in message


def test_every_refused_option_is_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"steps=0 .* batch_size=0 "):
        sft({"steps": "0", "batch_size": "0"})


def test_an_unknown_method_gets_its_nearest_names() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean .*'dpo'"):
        make_plan(Request("dop"))


def test_an_option_that_a_method_lacks_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = options_of(find("sft"))  # type: ignore[arg-type]
    without = type(known)(
        known.method,
        known.config,
        known.presets,
        tuple(option for option in known.options if option.name != "data"),
    )
    monkeypatch.setattr(plan, "options_of", lambda info: without)
    with pytest.raises(UsageError, match=r"sft takes no data .*It takes: .*model"):
        sft({"data": "hub:a/b"})


def test_a_seed_out_of_range_is_refused() -> None:
    for seed in (-1, 2**31):
        with pytest.raises(UsageError, match="Allowed: 0 to"):
            sft(seed=seed)


def test_the_command_of_a_plan_makes_the_same_plan_again() -> None:
    made = sft({"steps": "7", "task": "gcd", "labels": "shuffled"}, seed=3)
    words = made.command.split()
    assert words[:3] == ["registry", "run", "sft"]
    assert words[words.index("--task") + 1] == "gcd"
    sets = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    again = sft({"task": "gcd", **parse_assignments(sets)}, seed=3)
    assert again.config == made.config


def test_the_hash_of_a_configuration_is_that_of_the_worker() -> None:
    made = sft()
    canonical = json.dumps(dict(made.config), sort_keys=True).encode()
    assert made.config_sha256 == hashlib.sha256(canonical).hexdigest()


@pytest.mark.parametrize("text", ["steps", "=3", " = 3"])
def test_an_assignment_without_a_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an assignment"):
        parse_assignments([text])


def test_assignments_take_dashes_underscores_and_equals_signs_in_the_value() -> None:
    assert parse_assignments(["learning-rate = 1e-4", "task=chain-sum:digits=2,terms=3"]) == {
        "learning_rate": "1e-4",
        "task": "chain-sum:digits=2,terms=3",
    }
    with pytest.raises(UsageError, match="given twice"):
        parse_assignments(["steps=1", "steps=2"])


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("steps: 1\nsteps: 2\n", CatalogError, ":2:"),
        ("steps: &a 1\n", CatalogError, "anchor"),
        ("optimiser:\n  steps: 1\n", UsageError, "holds a block"),
        ("- steps\n", UsageError, "not options"),
        ("stepps: 3\n", UsageError, "options.yaml:1"),
        ("steps: 0\n", UsageError, "options.yaml:1"),
    ],
)
def test_a_wrong_configuration_file_is_refused_with_its_line(
    tmp_path: Path, text: str, error: type[Exception], said: str
) -> None:
    path = tmp_path / "options.yaml"
    path.write_text(text)
    with pytest.raises(error, match=said):
        sft(config_file=path)


def test_a_missing_or_empty_configuration_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        sft(config_file=tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert sft(config_file=tmp_path / "empty.yaml").config == sft().config


@pytest.mark.parametrize("info", METHODS, ids=lambda info: info.slug)
def test_every_option_of_every_method_says_what_it_does_and_its_source(info: object) -> None:
    known = options_of(info)  # type: ignore[arg-type]
    assert known.options
    for option in known.options:
        assert option.what, option.name
        assert option.source, option.name
        assert option.allowed, option.name
    for model, values in known.presets.items():
        known.check({"model": model, **values}, {})


@pytest.mark.parametrize("info", METHODS, ids=lambda info: info.slug)
def test_every_default_passes_through_its_own_text(info: object) -> None:
    from registry.runs.options import from_text, show_value

    known = options_of(info)  # type: ignore[arg-type]
    given = {o.name: from_text(o, show_value(o.default)) for o in known.options}
    assert known.check(given, {}) == known.check({}, {})
