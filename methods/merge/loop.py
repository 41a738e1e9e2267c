"""The loop of every merging method: experts, their tensors one by one, the merge, the measuring.

A method hands ``run_merge`` a function that looks at the ``Sources`` and gives its ``Rule``: what
one tensor of the start and the same tensor of each model become. At most two models are in memory,
the start and the one that is measured; of the others one tensor at a time.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from methods.engine import distributed, measure
from methods.engine.batch import Tokens
from methods.engine.cache import build_once
from methods.engine.errors import MethodError
from methods.engine.examples import demonstrations
from methods.engine.files import writing
from methods.engine.hub import hub_problem, in_hub_cache
from methods.engine.model import LanguageModel
from methods.engine.options import TrainingOptions
from methods.engine.results import Estimate, Results
from methods.engine.run import Run
from methods.engine.tasks.task import Task
from methods.engine.teach import teach
from methods.merge.measures import of_experts, of_merge
from methods.merge.options import MergeOptions

TOKENS_AT_ONCE = 8192  # of one pass of an expert's training
Rule = Callable[[str, Tensor, Mapping[str, Tensor]], Tensor]
"""(name of the tensor, the start's, each model's by the model's name) -> the merged tensor."""


# --- tensors, one by one ------------------------------------------------------------------------


class Sources:
    """The start's weights and the models', read tensor by tensor, at least in float32, on the CPU.

    ``folders`` maps a model's name to the folder of its .safetensors files. Raises MethodError
    where a model has not the start's tensors in the start's shapes.
    """

    def __init__(self, base: LanguageModel, folders: Mapping[str, Path], *, seed: int) -> None:
        self.base, self.seed, self.shuffled = base, seed, False
        self.models = tuple(folders)
        self._weights = {name: p.detach() for name, p in base.module.named_parameters()}
        self._files = {model: _places(folder) for model, folder in folders.items()}
        for model in self.models:
            self._require_same(model)

    @property
    def names(self) -> tuple[str, ...]:
        """Every tensor once; tied weights are one."""
        return tuple(self._weights)

    def read(self, name: str) -> tuple[Tensor, dict[str, Tensor]]:
        """The start's tensor called ``name``, and each model's."""
        base = _exact(self._weights[name])
        found = {model: _exact(self._stored(model, name)) for model in self.models}
        if self.shuffled:
            found = {m: base + self._permuted(t - base, m, name) for m, t in found.items()}
        return base, found

    def deltas(self, model: str) -> Iterator[Tensor]:
        """The task vector of ``model``, one tensor after another: its weights less the start's."""
        for name in self.names:
            base, found = self.read(name)
            yield found[model] - base

    def _permuted(self, delta: Tensor, model: str, name: str) -> Tensor:
        order = torch.randperm(
            delta.numel(), generator=generator(self.seed, "shuffled", model, name)
        )
        return delta.flatten()[order].view_as(delta)

    def _stored(self, model: str, name: str) -> Tensor:
        with safe_open(self._files[model][name], framework="pt") as file:
            return file.get_tensor(name)

    def _require_same(self, model: str) -> None:
        files = self._files[model]
        missing = [name for name in self.names if name not in files]
        if missing:
            raise MethodError(
                f"model {model!r} has no tensor {missing[0]!r} ({len(missing)} of "
                f"{len(self.names)} are missing); allowed: models fine-tuned from "
                f"{self.base.name!r}, saved whole. Merge an adapter into its model first."
            )
        with ExitStack() as stack:
            opened = {
                path: stack.enter_context(safe_open(path, framework="pt"))
                for path in set(files.values())
            }
            for name, weight in self._weights.items():
                shape = tuple(opened[files[name]].get_slice(name).get_shape())
                if shape != tuple(weight.shape):
                    raise MethodError(
                        f"model {model!r}: tensor {name!r} has shape {shape}, that of "
                        f"{self.base.name!r} {tuple(weight.shape)}; only equal shapes can be merged"
                    )


def generator(seed: int, *purpose: str) -> torch.Generator:
    """A CPU generator that follows from seed and purpose, so that no order of calls matters."""
    digest = hashlib.sha256(repr((seed, "merge", *purpose)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def merged(sources: Sources, rule: Rule, check: Callable[[], None] = lambda: None) -> LanguageModel:
    """A copy of the start with every tensor as ``rule`` makes it."""
    model = _copy(sources.base)
    with torch.no_grad():
        for name, weight in model.module.named_parameters():
            check()
            base, found = sources.read(name)
            weight.copy_(rule(name, base, found))
    return model


def _exact(tensor: Tensor) -> Tensor:
    return tensor.to("cpu", torch.promote_types(tensor.dtype, torch.float32))


def _copy(base: LanguageModel) -> LanguageModel:
    module = copy.deepcopy(base.module).eval().requires_grad_(True)
    return replace(base, module=module)


def _places(folder: Path) -> dict[str, Path]:
    """Which file holds each tensor."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            found |= dict.fromkeys(file.keys(), path)
    if not found:
        raise MethodError(f"folder {folder} holds no .safetensors file; only those are read")
    return found


# --- the two tasks ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One of the two tasks: rows to train an expert on, rows and problems to measure with."""

    name: str
    fingerprint: str
    task: Task | None  # None: a user's file
    train: list[Tokens]
    held_out: list[Tokens]

    def measured(self, model: LanguageModel, run: Run) -> dict[str, Estimate]:
        """Held-out loss and, where answers are checked, accuracy of the likeliest answers."""
        found = {"loss": measure.token_loss(model, self.held_out)}
        if self.task is not None and self.task.kind == "verifiable":
            longest = self.task.max_new_tokens(model.tokenizer)
            scores = measure.greedy_scores(model, self.task, self.task.held_out, longest, run.check)
            found["accuracy"] = measure.fraction_right(scores)
        return found


def both(first: Task, second: Task) -> Task:
    """Two tasks as one, their problems in turn: the text that the tiny start is trained on."""
    turns = tuple(p for pair in zip(first.train, second.train, strict=False) for p in pair)
    return replace(
        first,
        name=f"{first.name} and {second.name}",
        train=turns,
        held_out=(*first.held_out, *second.held_out),
        alphabet="".join(sorted({*first.alphabet, *second.alphabet})),
        max_new_chars=max(first.max_new_chars, second.max_new_chars),
        pairs=lambda chosen: [(p.prompt, p.answer or "") for p in chosen],
    )


def _start(run: Run, config: MergeOptions) -> tuple[LanguageModel, tuple[Side, Side]]:
    """The common start and the two tasks in its tokens; the manifest records both."""
    first = None if config.data else run.task(config.task)
    second = run.task(config.other_task)
    if first is not None and first.fingerprint == second.fingerprint:
        raise MethodError(
            f"task and other_task are the same ({first.name}): nothing would be merged"
        )
    policy = run.policy(config, both(first, second) if first is not None else None)
    sides = []
    names = (config.data or config.task, config.other_task)
    for name, data, task in zip(names, (config.data, None), (first, second), strict=True):
        train, held_out = demonstrations(
            run, data, task, config.demonstrations, policy, skip_bad_rows=config.skip_bad_rows
        )
        facts = dict(run.facts["data"])
        sides.append((Side(name, facts["fingerprint"], task, train, held_out), facts))
    (one, facts), (two, others) = sides
    seal = hashlib.sha256(f"{one.fingerprint} {two.fingerprint}".encode()).hexdigest()
    run.data(
        f"{facts['name']} and {others['name']}", seal, facts["train"] + others["train"],
        facts["held_out"] + others["held_out"], facts["skipped"], facts["skipped_reasons"],
    )  # fmt: skip
    return policy, (one, two)


# --- the models that are merged -----------------------------------------------------------------


def _expert(
    run: Run, config: MergeOptions, base: LanguageModel, rows: list[Tokens], title: str, steps: int
) -> Path:
    """The folder of the weights of ``base`` trained on ``rows``; they are kept in the cache."""
    recipe = [
        base.fingerprint(), hashlib.sha256(repr(rows).encode()).hexdigest(), steps,
        config.expert_batch_size, config.expert_learning_rate, base.precision, run.seed,
    ]  # fmt: skip
    name = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:24]
    kind = title.partition(":")[0].replace(" ", "-")

    def build(folder: Path) -> None:
        model = _trained(run, config, base, rows, title, steps)
        folder.mkdir()
        # The tensors alone: transformers writes a model from the first process only.
        named = {n: p.detach().cpu().contiguous() for n, p in model.module.named_parameters()}
        with writing(folder):
            save_file(named, folder / "model.safetensors")

    # Every process asks; one trains alone, the others wait for its folder.
    with distributed.alone():
        return build_once(run.cache_dir / "experts" / f"{kind}-{name}", build)


def _trained(
    run: Run, config: MergeOptions, base: LanguageModel, rows: list[Tokens], title: str, steps: int
) -> LanguageModel:
    """Supervised fine-tuning from ``base``, annealed to zero; the seed sets the order of rows."""
    options = TrainingOptions(
        steps=steps, learning_rate=config.expert_learning_rate, schedule="cosine",
        warmup_steps=steps // 20, micro_batch_tokens=TOKENS_AT_ONCE,
    )  # fmt: skip
    return teach(
        _copy(base), rows, options, batch_size=config.expert_batch_size,
        title=f"training on {title}", seed=run.seed, check=run.check,
    )  # fmt: skip


def _folders(
    run: Run, config: MergeOptions, base: LanguageModel, sides: tuple[Side, Side]
) -> dict[str, Path]:
    """Where the models to merge lie, by their names."""
    if config.models is None:
        return {
            side.name: _expert(run, config, base, side.train, side.name, config.expert_steps)
            for side in sides
        }
    found = {}
    for name in (part.strip() for part in config.models.split(",")):
        found[name] = _folder(name)
        _require_tokenizer(base, name, found[name])
    return found


def _folder(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    repository, _, revision = name.partition("@")
    cached = in_hub_cache(repository, revision or None)
    problem = None if cached else hub_problem()
    try:
        if problem is None:
            place = snapshot_download(
                repository, revision=revision or None, local_files_only=cached,
                allow_patterns=["*.safetensors", "*.json", "*.model"],
            )  # fmt: skip
            return Path(place)
    except (OSError, ValueError, HFValidationError, HfHubHTTPError) as error:
        problem = str(error).partition("\n")[0]
    raise MethodError(
        f"model {name!r} of --models is no folder, and the hub does not give it ({problem}). "
        "Allowed: folders in the Hugging Face layout, or hub ids (id@revision), joined by commas"
    )


def _require_tokenizer(base: LanguageModel, name: str, folder: Path) -> None:
    from transformers import AutoTokenizer

    try:
        theirs = AutoTokenizer.from_pretrained(folder, trust_remote_code=False).get_vocab()
    except (OSError, ValueError) as error:
        raise MethodError(f"model {name!r} has no tokenizer that can be read: {error}") from error
    ours = base.tokenizer.get_vocab()
    if ours != theirs:
        other = sorted({*ours.items()} ^ {*theirs.items()})[0][0]
        raise MethodError(
            f"model {name!r} reads other tokens than {base.name!r} (token {other!r}, for one); "
            "only models with one tokenizer can be merged"
        )


# --- the run ------------------------------------------------------------------------------------


def run_merge(
    run: Run,
    config: MergeOptions,
    prepare: Callable[[Sources], Rule],
    thinned: Callable[[str], Rule] | None = None,
) -> None:
    """Merge by the rule that ``prepare`` makes of the sources; measure start, models and merge.

    Where a method first thins each model out, ``thinned`` gives the rule of one model by itself:
    experts trained here are then measured on their own tasks also as that leaves them.
    """
    base, sides = _start(run, config)

    def measured(model: LanguageModel) -> list[dict[str, Any]]:
        found = [side.measured(model, run) for side in sides]
        return [{name: value.to_json() for name, value in side.items()} for side in found]

    before = run.once("before", lambda: measured(base))
    sources = Sources(base, _folders(run, config, base, sides), seed=run.seed)

    def alone(model: str) -> list[dict[str, Any]]:
        return measured(merged(sources, lambda _, start, found: found[model], run.check))

    models = {
        name: run.once(f"model-{i}", lambda name=name: alone(name))
        for i, name in enumerate(sources.models, 1)
    }
    if config.control == "joint":
        rows = [row for pair in zip(*(s.train for s in sides), strict=False) for row in pair]
        folder = _expert(run, config, base, rows, "both tasks", 2 * config.expert_steps)
        whole = Sources(base, {"joint": folder}, seed=run.seed)
        result = merged(whole, lambda _, start, found: found["joint"], run.check)
    else:
        sources.shuffled = config.control == "shuffled"
        result = merged(sources, prepare(sources), run.check)
    measures = of_merge(before, models, measured(result))
    if config.models is None:
        own = [parts[i] for i, parts in enumerate(models.values())]
        measures += of_experts(before, own, "own", "Each expert on its own task")
        if thinned is not None:
            found = [
                side.measured(merged(sources, thinned(model), run.check), run)
                for side, model in zip(sides, sources.models, strict=True)
            ]
            left = [{name: value.to_json() for name, value in side.items()} for side in found]
            measures += of_experts(own, left, "thinned", "Each expert on its own task, thinned out")
    run.finish(Results(tuple(measures)), result if config.save_model else None)
