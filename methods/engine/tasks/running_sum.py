"""Sums worked out step by step: ``running-sum``.

The prompt is a chain of numbers, "3+5+2+7=", the demonstrated answer every intermediate sum in
turn, "8;10;17". The last one is the result and all that ``score`` looks at, as graders of
mathematics look at a final answer; ``step_scores`` judges each step by itself, exactly. So a right
result behind a wrong step can happen, and does.

The split goes by the numbers regardless of their order. Needs no package and no data.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from methods.engine.errors import TaskError
from methods.engine.tasks import RunningSumOptions
from methods.engine.tasks.task import Problem, Task, order_of

STEP_END = ";"
_MOST = 10_000  # problems kept
_BARREN = 5_000  # draws without a new problem after which the task counts as exhausted


def running_sum(name: str, options: RunningSumOptions, cache_dir: Path) -> Task:
    """Chains of ``terms`` numbers of ``digits`` digits, to be added one at a time."""
    problems = sorted(_problems(options), key=lambda p: order_of(p.prompt))
    keys = sorted({p.key for p in problems}, key=order_of)
    wanted = min(200, len(problems) // 4) if options.held_out == "auto" else options.held_out
    if wanted > len(problems) // 2:
        raise TaskError(
            f"task '{name}' has {len(problems)} problems, so held_out is at most "
            f"{len(problems) // 2}, not {wanted}"
        )
    sizes = {key: 0 for key in keys}
    for problem in problems:
        sizes[problem.key] += 1
    held: set[str] = set()
    for key in keys:
        if sizes[key] <= wanted:
            held.add(key)
            wanted -= sizes[key]
    return Task(
        name=name,
        kind="verifiable",
        train=tuple(p for p in problems if p.key not in held),
        held_out=tuple(p for p in problems if p.key in held),
        alphabet="+0123456789;=",
        stop="",
        max_new_chars=max(len(str(p.answer)) for p in problems),
        score_range=(0.0, 1.0),
        scorer=score_result,
        pairs=lambda chosen: [(p.prompt, str(p.answer)) for p in chosen],
        step_end=STEP_END,
        step_scorer=score_steps,
    )


def sums(prompt: str) -> list[int]:
    """The right steps of a prompt.

    >>> sums("3+5+2+7=")
    [8, 10, 17]
    """
    terms = [int(t) for t in prompt.removesuffix("=").split("+")]
    return list(itertools.accumulate(terms))[1:]


def score_result(problem: Problem, completion: str) -> float:
    """1.0 where the last step is the sum, whatever stands before it; else 0.0.

    >>> problem = Problem("3+5+2=", "8;10", "2 3 5")
    >>> [score_result(problem, c) for c in ("8;10", "9;10", "10", "8;10;", "8;9", "")]
    [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    """
    if problem.answer is None:
        raise ValueError(f"problem {problem.prompt!r} has no answer to score against")
    found = completion.split("\n", 1)[0].rpartition(STEP_END)[2].strip()
    return float(found == problem.answer.rpartition(STEP_END)[2])


def score_steps(problem: Problem, steps: list[str]) -> list[bool]:
    """Of each step whether it is the running sum due there; a step too many is wrong.

    >>> score_steps(Problem("3+5+2=", "8;10", "2 3 5"), ["8;", "11;", "10"])
    [True, False, False]
    """
    right = [str(s) for s in sums(problem.prompt)]
    found = [step.removesuffix(STEP_END).strip() for step in steps]
    return [i < len(right) and text == right[i] for i, text in enumerate(found)]


def _problems(options: RunningSumOptions) -> Iterator[Problem]:
    low = 10 ** (options.digits - 1) if options.digits > 1 else 1
    draw = partial(_number, low, 10**options.digits - low, f"{options.digits} {options.terms}")
    seen: set[str] = set()
    barren = 0
    for place in itertools.count():
        terms = [draw(place, term) for term in range(options.terms)]
        prompt = "+".join(map(str, terms)) + "="
        barren += 1
        if prompt not in seen:
            barren = 0
            seen.add(prompt)
            answer = STEP_END.join(map(str, sums(prompt)))
            yield Problem(prompt, answer, " ".join(map(str, sorted(terms))))
        if len(seen) == _MOST or barren == _BARREN:
            return


def _number(low: int, count: int, kind: str, place: int, term: int) -> int:
    """A number that looks random and is the same on every machine and version."""
    digest = hashlib.sha256(f"running-sum-1:{kind}:{place}:{term}".encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % count
