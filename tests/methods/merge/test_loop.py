"""Whole merges of small models: which models, which errors, what is kept, what a resume repeats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.tiny import Recipe, tokenizer, untrained
from methods.merge.loop import Sources, merged
from methods.merge.options import MergeOptions
from tests.engine.conftest import ALPHABET, small_model
from tests.guards.small import play
from tests.methods.merge.ranks import carry_out

METHODS = ("task-arithmetic", "ties", "dare", "slerp")
each_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors this small are quickest on one thread, most of all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def saved(folder: Path, seed: int) -> Path:
    small_model(seed=seed).save(folder)
    return folder


def sources(base: LanguageModel, **folders: Path) -> Sources:
    return Sources(base, folders, seed=0)


# --- whole runs -------------------------------------------------------------------------------


@each_method
def test_a_run_measures_start_experts_and_merge_and_keeps_the_merge(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = play(method, tmp_path / "run", monkeypatch)
    results = json.loads((done.folder / "results.json").read_text())
    found = {m["name"]: m for m in results["measures"]}
    names = {"loss", "loss_1", "loss_2", "model_1_loss", "model_2_loss", "own_loss"}
    assert set(found) == names | ({"thinned_loss"} if method == "dare" else set())
    assert found["loss"]["before"] == pytest.approx(
        (found["loss_1"]["before"] + found["loss_2"]["before"]) / 2
    )
    assert len({m["after"] for m in found.values()}) == len(found)
    kept = load_file(done.folder / "model" / "model.safetensors")
    start = dict(done.start.module.named_parameters())
    assert set(kept) == set(start)
    assert all(kept[name].shape == start[name].shape for name in kept)
    assert any(not torch.equal(kept[name], start[name]) for name in kept)
    assert (done.folder / "model" / "tokenizer.json").is_file()


@each_method
def test_a_resume_trains_no_expert_again_and_gives_the_same_numbers(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = play(method, tmp_path / "run", monkeypatch)
    first = (done.folder / "results.json").read_bytes()
    (done.folder / "results.json").unlink()

    def refuse(*_: Any) -> None:
        raise AssertionError("an expert is trained again")

    monkeypatch.setattr(Optimiser, "step", refuse)
    carry_out(done.folder)
    assert (done.folder / "results.json").read_bytes() == first


def test_two_processes_leave_the_merge_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = play("ties", tmp_path / "alone", monkeypatch)
    spec = json.loads((alone.folder / "spec.json").read_text())
    together = tmp_path / "together"
    together.mkdir()
    spec["cache_dir"] = str(together / "cache")
    (together / "spec.json").write_text(json.dumps(spec))
    shared = {
        **os.environ, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1",
        "REGISTRY_RENDEZVOUS": f"file://{tmp_path / 'meeting'}",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.methods.merge.ranks", str(together)]
    started = [subprocess.Popen(command, env={**shared, "RANK": rank}) for rank in "01"]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    results = [json.loads((f / "results.json").read_text()) for f in (alone.folder, together)]
    for one, two in zip(*(r["measures"] for r in results), strict=True):
        assert one["after"] == pytest.approx(two["after"], rel=1e-6)
    assert weights(together).keys() == weights(alone.folder).keys()
    for name, tensor in weights(together).items():
        assert torch.equal(tensor, weights(alone.folder)[name])


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def given(tmp_path: Path, *seeds: int) -> str:
    return ",".join(str(saved(tmp_path / f"model-{seed}", seed)) for seed in seeds)


def test_given_models_are_merged_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = given(tmp_path, 1, 2)
    done = play("task-arithmetic", tmp_path / "run", monkeypatch, models=models, scale=0.5)
    parts = [dict(small_model(seed=s).module.named_parameters()) for s in (1, 2)]
    for name, tensor in weights(done.folder).items():
        assert torch.allclose(tensor, (parts[0][name] + parts[1][name]) / 2, atol=1e-6)
    assert not (tmp_path / "run" / "cache" / "experts").exists()


@pytest.mark.parametrize("method", ["task-arithmetic", "ties", "dare"])
def test_the_order_in_which_models_are_named_changes_no_weight(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = given(tmp_path, 1, 2, 3)
    backwards = ",".join(reversed(models.split(",")))
    one = play(method, tmp_path / "one", monkeypatch, models=models)
    two = play(method, tmp_path / "two", monkeypatch, models=backwards)
    for name, tensor in weights(one.folder).items():
        assert torch.allclose(tensor, weights(two.folder)[name], rtol=0, atol=1e-7), name


@pytest.mark.parametrize("method", ["task-arithmetic", "ties", "dare"])
def test_scale_0_leaves_the_start(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = play(method, tmp_path / "run", monkeypatch, scale=0.0)
    start = dict(done.start.module.named_parameters())
    assert all(torch.equal(t, start[name]) for name, t in weights(done.folder).items())


def test_ties_over_a_whole_model_and_over_each_tensor_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, start = given(tmp_path, 1), dict(small_model().module.named_parameters())

    def changed(trim: str) -> dict[str, float]:
        done = play("ties", tmp_path / trim, monkeypatch, models=models, trim=trim, density=0.25)
        found = weights(done.folder)
        return {name: (found[name] != t).double().mean().item() for name, t in start.items()}

    whole, apart = changed("model"), changed("tensor")
    sizes = {name: t.numel() for name, t in start.items()}
    share = sum(whole[name] * sizes[name] for name in sizes) / sum(sizes.values())
    assert share == pytest.approx(0.25, abs=1e-3)
    assert max(whole.values()) > 0.27  # what is kept lies where most was changed
    for name in (name for name in sizes if apart[name]):
        assert apart[name] * sizes[name] == int(0.25 * sizes[name])


def test_shuffled_vectors_keep_their_norms_and_lose_their_places(tmp_path: Path) -> None:
    base = small_model()
    found = sources(base, a=saved(tmp_path / "a", 1))
    name = found.names[0]
    plain = found.read(name)[1]["a"] - found.read(name)[0]
    found.shuffled = True
    mixed = found.read(name)[1]["a"] - found.read(name)[0]
    assert not torch.equal(mixed, plain)
    assert torch.allclose(mixed.flatten().sort()[0], plain.flatten().sort()[0], atol=1e-6)
    assert torch.equal(found.read(name)[1]["a"], found.read(name)[1]["a"])


def test_bfloat16_weights_on_disk_are_merged_in_float32(tmp_path: Path) -> None:
    folder = saved(tmp_path / "half", 1)
    path = folder / "model.safetensors"
    halved = {name: t.bfloat16() for name, t in load_file(path).items()}
    save_file(halved, path, {"format": "pt"})
    found = sources(small_model(), a=folder)
    model = merged(found, lambda name, base, models: (base + models["a"]) / 2)
    for name, weight in model.module.named_parameters():
        base, models = found.read(name)
        assert models["a"].dtype == torch.float32
        assert torch.equal(weight, (base + halved[name].float()) / 2)


# --- what is refused --------------------------------------------------------------------------


def test_models_of_another_shape_are_refused_by_the_tensor_s_name(tmp_path: Path) -> None:
    wide = untrained(ALPHABET, Recipe(labels=1, steps=1, batch=1, layers=2, width=64))
    wide.save(tmp_path / "wide")
    with pytest.raises(MethodError, match=r"'wide'.*embed_tokens.*64.*32.*equal shapes"):
        sources(small_model(), wide=tmp_path / "wide")


def test_a_model_with_fewer_layers_is_refused(tmp_path: Path) -> None:
    untrained(ALPHABET, Recipe(1, 1, 1, layers=1, width=32)).save(tmp_path / "short")
    with pytest.raises(MethodError, match=r"'short' has no tensor 'model\.layers\.1\."):
        sources(small_model(), short=tmp_path / "short")


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MethodError, match=r"no \.safetensors file"):
        sources(small_model(), none=tmp_path)


def test_models_with_another_tokenizer_are_refused_by_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(tmp_path / "a", 1)
    tokenizer(ALPHABET.replace("j", "z")).save_pretrained(folder)
    with pytest.raises(MethodError, match=r"other tokens than .*\(token 'j', for one\)"):
        play("ties", tmp_path / "run", monkeypatch, models=str(folder))


def test_a_model_that_is_nowhere_is_refused_with_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("methods.merge.loop.hub_problem", lambda: "it does not answer")
    with pytest.raises(MethodError, match=r"'org/none'.*it does not answer.*Allowed: folders"):
        play("ties", tmp_path / "run", monkeypatch, models="org/none")


@pytest.mark.parametrize("models", ["a,a", "a,,b", ","])
def test_models_are_named_once_each(models: str) -> None:
    with pytest.raises(ValidationError, match="each once"):
        MergeOptions(models=models)


def test_one_task_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MethodError, match="nothing would be merged"):
        play("dare", tmp_path / "run", monkeypatch, other_task="small-a")


def test_an_arc_takes_two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MethodError, match=r"3 models were given\. Give two"):
        play("slerp", tmp_path / "run", monkeypatch, models=given(tmp_path, 1, 2, 3))
