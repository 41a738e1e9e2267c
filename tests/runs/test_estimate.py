from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from methods.index import METHODS
from registry.core.errors import UsageError
from registry.runs import devices
from registry.runs.devices import Choice, Constants, Memory
from registry.runs.estimate import CHUNK, Estimate, estimate, kept_per_token
from registry.runs.lengths import SHORTEST, data_lengths, given_lengths, task_lengths
from registry.runs.plan import Request, make_plan
from registry.runs.shapes import BUILT_IN, ModelShape, model_shape, read_shape
from registry.runs.slots import REFILL, decoding
from registry.runs.workload import (
    EXPERT_PASS,
    SCORED_AT_ONCE,
    Setting,
    packed,
)

EVEN = {"score": 1.0, "train": 3.0, "adapt": 2.0, "prefill": 1.0}
DEVICE = Constants(
    name="even",
    kind="cpu",
    processor="an even machine",
    threads=2,
    measured="2026-01-01",
    # A thousandth of a microsecond an operation, whatever else is counted.
    seconds={
        precision: {
            **{kind: {"operations": 1e-9 * times} for kind, times in EVEN.items()},
            "decode": {"step": 1e-3},
            "finish": {},
            "update": {"weights": 1e-9},
        }
        for precision in ("float32", "bfloat16")
    },
    memory=Memory(baseline=100_000_000),
    start=2.0,
)


def predicted(method: str = "sft", *, nproc: int = 1, **options: Any) -> Estimate:
    given = {"model": "smollm2-135m", "precision": "float32", **options}
    plan = make_plan(Request(method, given, device="cpu"))
    return estimate(
        plan,
        Path("nowhere"),
        nproc=nproc,
        prompt_tokens=40,
        answer_tokens=20,
        available=10**12,
        choice=Choice(DEVICE),
    )


def amounts(found: Estimate) -> dict[str, int]:
    return {amount.name: amount.bytes for amount in found.memory}


# --- the model and the engine are those that run ------------------------------------------------


def test_the_shapes_of_the_built_in_models_are_those_of_the_real_ones() -> None:
    from methods.engine import smollm2, tiny

    chosen = tiny.Recipe(labels=1, steps=1, batch=1)
    real = tiny.untrained("0123456789+=", chosen).module
    shape = model_shape("tiny", Path("nowhere"), alphabet=12)
    assert shape.parameters == sum(p.numel() for p in real.parameters())
    assert shape.matrices == len(list(real.parameters()))
    assert BUILT_IN["smollm2-135m"].parameters == smollm2.PARAMETERS
    assert BUILT_IN["smollm2-135m"].context == smollm2.CONTEXT


def test_the_engines_own_numbers_are_those_of_the_prediction() -> None:
    from methods.engine import batch, logprobs, prefix, sample
    from methods.merge import loop

    assert loop.TOKENS_AT_ONCE == EXPERT_PASS
    assert logprobs.CHUNK == CHUNK
    assert prefix.SHORTEST == SHORTEST
    assert batch.MEASURED_AT_ONCE == SCORED_AT_ONCE
    assert sample._REFILL == REFILL


@pytest.mark.parametrize(("precision", "off"), [("float32", 0.01), ("bfloat16", 0.05)])
def test_what_a_layer_keeps_of_a_token_is_what_autograd_keeps(precision: str, off: float) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from methods.engine import tiny
    from methods.engine.batch import Tokens, pack
    from methods.engine.load import take_over
    from methods.engine.logprobs import completion_logprobs
    from methods.engine.model import LanguageModel

    def kept(layers: int) -> int:
        characters = tiny.tokenizer("abcdefgh")
        config = LlamaConfig(
            vocab_size=16, hidden_size=64, intermediate_size=160, num_hidden_layers=layers,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        )  # fmt: skip
        model = LanguageModel(LlamaForCausalLM(config).eval(), characters, "x", "x", precision)
        take_over(model)
        weights = {p.untyped_storage().data_ptr() for p in model.module.parameters()}
        rows = [Tokens((i, *([5] * 299)), 150) for i in range(1, 4)]
        sizes: dict[int, int] = {}
        alive = []

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                sizes[storage.data_ptr()] = storage.nbytes()
                alive.append(tensor)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            completion_logprobs(model, pack(rows, range(3)))
        return sum(sizes.values())

    shape = ModelShape("x", 2, 64, 4, 2, 16, 160, 16, tied=False)
    tokens = 3 * 299
    expected = kept_per_token(shape, precision)
    if precision == "bfloat16":  # weights as the products read them
        expected += 2 * shape.linear_parameters / tokens
    assert (kept(4) - kept(2)) / 2 / tokens == pytest.approx(expected, rel=off)


def test_the_tokens_of_a_pass_are_those_that_the_engine_packs() -> None:
    from methods.engine.batch import Tokens, own_batches, pack

    rows = [
        Tokens((*([7] * 12), *([prompt] * 10), *([50 + answer] * 5)), 22)
        for prompt in range(1, 9)
        for answer in range(4)
    ]
    groups = own_batches(rows, 120)
    real = [pack(rows, group) for group in groups]
    plan = make_plan(Request("grpo", {"model": "smollm2-135m"}, device="cpu"))
    lengths = replace(given_lengths(22, 5), shared=12.0)
    info = next(m for m in METHODS if m.slug == "grpo")
    setting = Setting(info, plan.config, BUILT_IN["smollm2-135m"], lengths)
    done, passes = packed(setting, 8, 4, 5, budget=120)
    assert abs(passes - len(real)) <= 1
    assert done.tokens * passes == pytest.approx(sum(b.layout.tokens for b in real), rel=0.1)
    assert done.loss_tokens * passes == sum(b.loss_tokens for b in real)


@pytest.mark.parametrize(
    "info", [m for m in METHODS if m.status != "retired"], ids=lambda m: m.slug
)
def test_every_method_has_a_prediction(info: Any) -> None:
    plan = make_plan(Request(info.slug, {"model": "smollm2-135m"}, device="cpu"))
    found = estimate(
        plan, Path("nowhere"), prompt_tokens=40, answer_tokens=20, choice=Choice(DEVICE)
    )
    assert found.peak > 4 * found.parameters
    assert found.total is not None
    assert found.total > DEVICE.start
    assert (found.step is None) == (found.steps == 0)


# --- memory --------------------------------------------------------------------------------------


def test_full_training_holds_weights_gradient_and_two_moments() -> None:
    found = predicted()
    four = 4 * found.parameters
    kept = amounts(found)
    assert (kept["weights"], kept["gradient"], kept["moments"]) == (four, four, 2 * four)
    assert "reference copy" not in kept


def test_several_processes_hold_eight_bytes_a_parameter_and_a_share_of_twelve() -> None:
    found = predicted(nproc=4)
    kept = amounts(found)
    parts = ("weights", "master weights, a part", "gradient", "moments")
    assert sum(kept[part] for part in parts) == found.parameters * (8 + 12 // 4)
    assert found.needed == 4 * found.peak  # of one CPU, all of them


def test_lora_trains_little_and_its_reference_costs_nothing() -> None:
    full, lora = predicted("dpo"), predicted("dpo", lora="r=8,targets=q_proj+v_proj")
    assert amounts(full)["reference copy"] == 4 * full.parameters
    assert "reference copy" not in amounts(lora)
    assert lora.trained == 30 * 8 * ((576 + 576) + (576 + 192))
    assert amounts(lora)["moments"] == 8 * lora.trained


def test_models_that_are_merged_are_trained_first_unless_they_are_given() -> None:
    made, given = predicted("ties"), predicted("ties", models="one,two")
    assert (made.steps, made.trained) == (0, made.parameters)
    assert {"gradient", "moments", "reference copy"} <= set(amounts(made))
    assert not {"gradient", "moments"} & set(amounts(given))
    assert amounts(given)["reference copy"] == 4 * given.parameters  # the start beside the merge
    longer = predicted("ties", expert_steps=40)
    shorter = predicted("ties", expert_steps=20)
    assert longer.total > shorter.total > given.total  # type: ignore[operator]


def test_no_reference_is_kept_where_the_kl_weighs_nothing() -> None:
    assert "reference copy" not in amounts(predicted("grpo", kl_beta=0))
    assert "reference copy" in amounts(predicted("grpo", kl_beta=0.04))


def test_smaller_passes_and_layers_computed_again_lower_the_activations_alone() -> None:
    plain = amounts(predicted(batch_size=256))
    for change in ({"micro_batch_tokens": 1024}, {"activation_checkpointing": True}):
        less = amounts(predicted(batch_size=256, **change))
        assert less["activations"] < 0.5 * plain["activations"]
        assert less["moments"] == plain["moments"]


def test_the_cache_has_a_slot_for_each_answer_decoded_at_once() -> None:
    found = predicted("grpo", sample_batch=32, max_new_tokens=20)
    assert amounts(found)["key-value cache"] == 32 * (40 + 20) * 30 * 192 * 2 * 4


def test_the_peak_is_that_of_the_worst_moment_and_not_the_sum_of_all() -> None:
    found = predicted("grpo", kl_beta=0.04)
    always = sum(a.bytes for a in found.memory if a.when == "always")
    worst = sum(a.bytes for a in found.memory if a.when == found.peak_when)
    assert found.peak == always + worst < sum(a.bytes for a in found.memory)


def test_what_does_not_fit_comes_with_options_that_lower_it_the_best_first() -> None:
    plan = make_plan(Request("sft", {"model": "smollm2-135m", "batch_size": 512}, device="cpu"))
    given = {"prompt_tokens": 200, "answer_tokens": 200, "choice": Choice(DEVICE)}
    assert estimate(plan, Path("nowhere"), available=10**12, **given).advice == ()
    found = estimate(plan, Path("nowhere"), available=10**9, **given)
    assert not found.fits
    said = " ".join(found.advice)
    assert all(name in said for name in ("micro_batch_tokens", "activation_checkpointing", "lora"))
    sizes = [float(line.split("about ")[1].removesuffix(" GB")) for line in found.advice]
    assert sizes == sorted(sizes)
    assert sizes[0] < found.peak / 1e9


# --- time ----------------------------------------------------------------------------------------


def test_twice_the_batch_takes_twice_the_training() -> None:
    small, large = predicted(batch_size=64), predicted(batch_size=128)
    update = 1e-9 * small.parameters
    assert small.step is not None
    assert large.step is not None
    assert large.step - update == pytest.approx(2 * (small.step - update), rel=0.01)


def test_a_step_is_the_sum_of_its_parts_and_a_run_of_its_steps() -> None:
    short, long = (predicted("grpo", kl_beta=0.04, steps=steps) for steps in (5, 15))
    assert short.step == pytest.approx(sum(part.seconds or 0 for part in short.time))
    assert {part.name for part in short.time} == {"sampling", "update", "scoring"}
    assert long.total - short.total == pytest.approx(10 * (short.step or 0))  # type: ignore[operator]


def test_groups_of_one_score_are_not_trained_on() -> None:
    plan = make_plan(Request("grpo", {"model": "smollm2-135m", "kl_beta": 0}, device="cpu"))
    given = {"prompt_tokens": 40, "answer_tokens": 20, "choice": Choice(DEVICE)}
    whole, half = (
        estimate(plan, Path("nowhere"), spread=share, **given).time for share in (1.0, 0.5)
    )
    assert half[1].seconds < 0.7 * whole[1].seconds  # type: ignore[operator]
    assert half[0] == whole[0]  # they are sampled all the same


@pytest.mark.parametrize(
    ("lengths", "slots", "expected"),
    [
        ([3, 3], 2, (3, 1)),  # both at once
        ([3, 3], 1, (6, 2)),  # one after the other
        ([1, 4, 2], 2, (4, 2)),  # the third takes the first one's slot
        ([1, 8, 8, 8, 1, 1], 4, (8, 3)),  # one at a time, as the first slot falls free
    ],
)
def test_decoding_goes_on_while_slots_are_filled_again(
    lengths: list[int], slots: int, expected: tuple[int, int]
) -> None:
    assert decoding(lengths, slots) == expected


def test_a_device_that_was_not_measured_is_named_with_how_to_measure_it(tmp_path: Path) -> None:
    assert devices.choose("cuda", tmp_path).constants is None
    assert "constants --name NAME --device cuda" in devices.choose("cuda", tmp_path).notes[0]
    (tmp_path / "even.json").write_text(DEVICE.model_dump_json())
    chosen = devices.choose("cpu", tmp_path)
    assert chosen.constants == DEVICE
    assert "was not measured" in chosen.notes[0]
    assert "rough" in chosen.notes[0]


def test_without_constants_memory_is_predicted_still() -> None:
    plan = make_plan(Request("sft", {"model": "smollm2-135m"}, device="cpu"))
    nothing = Choice(None, ("no such device",))
    found = estimate(plan, Path("x"), prompt_tokens=40, answer_tokens=20, choice=nothing)
    assert (found.step, found.total, found.time) == (None, None, ())
    assert found.peak > 16 * found.parameters
    assert "no such device" in found.notes


def test_the_committed_constants_can_be_read_and_cover_both_precisions() -> None:
    for device in devices.known():
        assert set(device.seconds) == {"float32", "bfloat16"}
        for tables in device.seconds.values():
            assert set(tables) >= {"score", "train", "prefill", "decode", "finish"}
            assert all(value >= 0 for table in tables.values() for value in table.values())


# --- models and texts ----------------------------------------------------------------------------


def llama(folder: Path, **more: Any) -> Path:
    config = {
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 160, "vocab_size": 100,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "tie_word_embeddings": False, **more,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_folders_config_gives_the_shape_and_its_weights_header_the_count(tmp_path: Path) -> None:
    shape = read_shape(llama(tmp_path), "mine")
    layer = 2 * 64 * (64 + 32) + 3 * 64 * 160 + 2 * 64
    assert shape.parameters == 2 * layer + 64 + 2 * 6400
    header = json.dumps({"a": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60]}}).encode()
    weights = struct.pack("<Q", len(header)) + header + bytes(60)
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert read_shape(tmp_path, "mine").parameters == 15


def test_a_model_of_unknown_size_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"model=some/model has no config\.json.*hf download"):
        model_shape("some/model", tmp_path)
    (llama(tmp_path) / "config.json").write_text('{"vision": 1}')
    with pytest.raises(UsageError, match="does not say the size"):
        read_shape(tmp_path, "mine")


def test_a_tasks_texts_are_cut_as_the_run_cuts_them(tmp_path: Path) -> None:
    from methods.engine.tasks.task import Problem, Task

    problems = tuple(Problem(f"{n}+{n}=", str(2 * n), str(n)) for n in range(20, 60))
    task = Task("t", "verifiable", problems, problems[:4], "0123456789+=", "", 3, (0, 1),
                scorer=lambda p, t: 0.0, pairs=lambda some: [])  # fmt: skip
    found = task_lengths(task, BUILT_IN["tiny"])
    assert found.prompt == 7  # a start token and six characters
    assert found.longest_prompt == 7
    assert set(found.answers) == {3, 4}  # two or three digits and the end
    assert (found.limit, found.train, found.held_out) == (4, 40, 4)


def test_rows_of_a_file_are_measured_and_other_data_asks_for_lengths(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = {"prompt": "one two three", "completion": " four five"}
    path.write_text(json.dumps(row) + "\n" + '{"torn\n' + json.dumps(row) + "\n")
    found = data_lengths(str(path), BUILT_IN["smollm2-135m"])
    assert (found.prompt, found.answer) == (3, 3)  # words, and the end token
    with pytest.raises(UsageError, match="--prompt-tokens N --answer-tokens N"):
        data_lengths("hub:org/name", BUILT_IN["smollm2-135m"])
