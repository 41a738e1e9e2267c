"""What the built-in ``tiny`` is trained on before it reads a series: random series as text.

It is a model that has learned to learn from a context, at the scale of seconds: no test system is
among its lessons (``laws.lessons`` says what is), so whatever it says of one it has from the
context. Cached by its lessons and its recipe, like every tiny start.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from methods.engine.model import LanguageModel
from methods.engine.run import Run
from methods.engine.tasks.task import Problem, Task
from methods.engine.tiny import Recipe
from methods.incontext.digits import Scale, text
from methods.incontext.laws import Lessons, lessons
from methods.incontext.options import NumericOptions

LESSONS = 8000
# With first weights as small as a large model's, one so narrow learns digit frequencies and stays.
# The order of a chain is learned late, well behind how often each of its states comes.
_SHARED: dict[str, Any] = {"labels": LESSONS, "layers": 2, "width": 64, "spread": 0.08}
RECIPES: dict[Lessons, Recipe] = {
    "chains": Recipe(steps=2500, batch=16, learning_rate=3e-3, **_SHARED),
    "waves": Recipe(steps=1500, batch=8, learning_rate=2e-3, **_SHARED),
}


def learner_task(digits: int, separator: str, length: int, mostly: Lessons) -> Task:
    """Random series of ``length`` numbers as a text to be trained on, all of it."""
    series = lessons(torch.Generator().manual_seed(0), LESSONS, length, mostly)
    written = [
        text(Scale.of(values, digits).codes(values).tolist(), digits, separator)
        for values in series
    ]
    problems = tuple(Problem("", line, str(i)) for i, line in enumerate(written))
    return Task(
        name=f"random-series:mostly={mostly},digits={digits},length={length},separator={separator}",
        kind="scored",
        train=problems,
        held_out=(),
        alphabet="".join(sorted({*"0123456789", *separator})),
        stop="",
        max_new_chars=length * (digits + len(separator)),
        score_range=(0.0, 1.0),
        scorer=lambda problem, completion: float(completion == problem.answer),
        pairs=lambda chosen: [(p.prompt, str(p.answer)) for p in chosen],
        start=asdict(RECIPES[mostly]),
    )


def numeric_policy(
    run: Run, config: NumericOptions, length: int, mostly: Lessons, *, untrained: bool
) -> LanguageModel:
    """The model that reads numbers; ``tiny`` has learned from random series of ``length``."""
    task = None
    if config.model == "tiny":
        task = learner_task(config.digits, config.separator, length, mostly)
    policy = run.policy(config, task)
    if untrained:
        _draw_anew(policy, run.generator("weights"))
    return policy


@torch.no_grad()
def _draw_anew(policy: LanguageModel, generator: torch.Generator) -> None:
    spread = float(getattr(policy.module.config, "initializer_range", 0.02))
    for name, weight in policy.module.named_parameters():
        if weight.dim() > 1:
            weight.normal_(0.0, spread, generator=generator)
        else:
            weight.fill_(0.0 if name.endswith("bias") else 1.0)
