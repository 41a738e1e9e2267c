"""Whole runs of every method in a fraction of a second: a fabricated task, a random small model.

Everything between the configuration and the files of the run folder is the real thing; only where
the model and the task come from is not.
"""

from __future__ import annotations

import copy
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from methods import index
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.run import Run
from methods.engine.scalar import drop_scalar_head, scalar_weight
from methods.engine.tasks.task import Problem, Task
from tests.engine.conftest import small_model
from tests.engine.test_worker import prepare
from tests.families import SMALL

TRAINING = tuple(
    m.slug for m in index.METHODS if issubclass(index.read_config(m)[0], TrainingOptions)
)
each_training_method = pytest.mark.parametrize("method", TRAINING)


def small_task(name: str) -> Task:
    """Sums and letters; the score is the share of digits, so that answers to a prompt differ.

    Another ``name`` has other prompts. Prompts differ in length, so do the answers sampled.
    """
    texts = [f"{'ab' * (i % 3)}{name[-1]}{i}+{7 * i % 10}=" for i in range(18)]
    problems = [Problem(t, f"{3 * i + 1}" * (1 + i % 3), t) for i, t in enumerate(texts)]
    return Task(
        name=name,
        kind="scored",
        train=tuple(problems[:12]),
        held_out=tuple(problems[12:]),
        alphabet="0123456789+= abcdefghij",
        stop="",
        max_new_chars=6,
        score_range=(0.0, 1.0),
        scorer=lambda problem, text: sum(c.isdigit() for c in text) / 6,
        pairs=lambda chosen: [(p.prompt, p.answer or "") for p in chosen],
        step_end="+",
        step_scorer=lambda problem, steps: [step[:1].isdigit() for step in steps],
    )


@dataclass(frozen=True)
class Played:
    """A finished run: its folder, the policy before and after, what each step logged."""

    folder: Path
    start: LanguageModel
    policy: LanguageModel
    steps: list[dict[str, float]]
    begun: dict[str, Tensor]  # what is trained, by name, as it was before the first step
    heads: dict[str, Tensor]  # a value head that the method dropped at its end, by name

    def moved(self) -> Tensor:
        """The change of every weight that is trained, flat, in float64."""
        now = {**self.heads, **dict(self.policy.module.named_parameters())}
        return torch.cat([(now[n].detach() - p).double().flatten() for n, p in self.begun.items()])


def play(
    method: str,
    folder: Path,
    patch: pytest.MonkeyPatch,
    *,
    dtype: torch.dtype = torch.float32,
    sgd: bool = False,
    **options: Any,
) -> Played:
    """Run ``method`` in ``folder`` with ``options`` over those of ``tests.families``, two steps by default.

    ``sgd`` takes plain gradient descent: what it moves is the gradient, and no factor is hidden.
    """
    start = small_model(dtype=dtype)
    taken: list[LanguageModel] = []
    begun: dict[str, Tensor] = {}
    built = Optimiser.__init__

    def begin(optimiser: Optimiser, policy: LanguageModel, *args: Any) -> None:
        built(optimiser, policy, *args)
        if not begun:
            for name, p in policy.module.named_parameters():
                if p.requires_grad:
                    begun[name] = p.detach().clone()

    def load(name: str, *, precision: str, task: Task | None = None, **_: Any) -> LanguageModel:
        width = (getattr(task, "start", None) or {}).get("width", 0)  # another start for another
        seed = 5 + width
        model = copy.deepcopy(start) if name == "start" else small_model(seed=seed, dtype=dtype)
        model.precision = precision
        taken.append(model)
        return model

    heads: dict[str, Tensor] = {}

    def dropped(policy: LanguageModel) -> None:
        heads["score.weight"] = scalar_weight(policy).detach().clone()
        drop_scalar_head(policy)

    fields = index.read_config(info_of(method))[0].model_fields
    base = {k: v for k, v in {"task": "small-a", "data": None}.items() if k in fields}
    if method in TRAINING:
        base |= {"steps": 2, "learning_rate": 0.01, "save_model": False, "checkpoint_every": 50}
    if "max_new_tokens" in fields:
        base["max_new_tokens"] = 6
    given = {**base, **SMALL[method], "model": "start", **options}
    with patch.context() as patched:
        patched.setattr("methods.engine.run.load", load)
        patched.setattr(Optimiser, "__init__", begin)
        patched.setattr("methods.engine.options.preset_of", lambda options: SMALL[method])
        patched.setattr("methods.engine.run.build_task", lambda name, cache: small_task(name))
        patched.setattr("methods.rl.ppo.drop_scalar_head", dropped)
        if sgd:
            patched.setattr(
                torch.optim, "AdamW", lambda found, lr, **_: torch.optim.SGD(found, lr=lr)
            )
        _write_spec(folder, method, given)
        module = importlib.import_module(info_of(method).module)
        run = Run(folder, json.loads((folder / "spec.json").read_text()))
        module.run(run, module.Config(**given))
    path = folder / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    steps = [json.loads(line) for line in lines]
    return Played(folder, start, taken[0], steps, begun, heads)


def _write_spec(folder: Path, method: str, given: dict[str, Any]) -> None:
    options = dict(given)
    if method not in TRAINING:
        # The shared helper gives every run options of training.
        folder.mkdir(parents=True)
        config = index.read_config(info_of(method))[0](**given)
        spec = {
            "run_id": folder.name, "method": method, "paper": info_of(method).paper, "seed": 3,
            "config": config.model_dump(), "device": "cpu", "cache_dir": str(folder / "cache"),
            "command": f"registry run {method}",
        }  # fmt: skip
        (folder / "spec.json").write_text(json.dumps(spec))
        return
    prepare(folder, Path(options.pop("model")), method, **options)


def info_of(method: str) -> index.MethodInfo:
    """The facts of a method by its slug."""
    info = index.find(method)
    assert info is not None
    return info
