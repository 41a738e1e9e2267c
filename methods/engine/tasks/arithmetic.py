"""Arithmetic with an exact verifier: ``chain-sum``, ``products``, ``gcd``.

The problems come from reasoning-gym. We write them shorter, as "12+34=" with the answer "46", or,
with worked examples in front, as "12 + 34 =" with " 46": SmolLM2 solves 0.40 of one-digit sums and
differences when they are spaced, 0.24 when they are not. Answers are checked by our own rule,
because reasoning-gym gives part marks to a text that merely contains the answer.

The split goes by the operands regardless of order and signs: 2+3, 3+2, 2-3 and 3-2 are on one
side. A task of one-digit operands is small: 100 sums of two, or 200 with differences, so it holds
out 25 or 50 of them and no more; ``held_out`` beyond half of the problems is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from methods.engine.errors import TaskError
from methods.engine.tasks import ArithmeticOptions, ChainSumOptions
from methods.engine.tasks.task import Problem, Task, order_of

_SEED = 20261101  # of the problems drawn; the split itself has no seed, it goes by a hash
_MOST = 10_000  # problems kept
_DRAWS = 100_000
_BARREN = 5_000  # draws without a new problem after which a task counts as exhausted
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


@dataclass(frozen=True)
class Question:
    """A problem before it has its worked examples in front."""

    text: str  # "12+34="
    spaced: str  # "12 + 34 ="
    answer: str
    key: str  # "12 34"
    signs: str  # "+"


def chain_sum(name: str, options: ChainSumOptions, cache_dir: Path) -> Task:
    """Sums, or sums and differences, of ``terms`` numbers of ``digits`` digits."""
    drawn = _draw("chain_sum", **_operands(options))
    allowed = set(options.operations)
    questions = (q for q in map(_from_expression, drawn) if set(q.signs) <= allowed)
    return _task(name, options, questions, signs=options.operations)


def products(name: str, options: ArithmeticOptions, cache_dir: Path) -> Task:
    """Products of ``terms`` numbers of ``digits`` digits."""
    drawn = _draw("products", **_operands(options))
    return _task(name, options, map(_from_expression, drawn), signs="*")


def gcd(name: str, options: ArithmeticOptions, cache_dir: Path) -> Task:
    """Greatest common divisors of ``terms`` positive numbers of at most ``digits`` digits."""
    drawn = _draw(
        "gcd",
        min_numbers=options.terms,
        max_numbers=options.terms,
        min_value=1,
        max_value=10**options.digits - 1,
    )
    return _task(name, options, map(_from_numbers, drawn), signs=",")


def score_exactly(problem: Problem, completion: str) -> float:
    """1.0 where the first line is the answer, blanks around it aside; else 0.0.

    >>> [score_exactly(Problem("2+3=", "5", "2 3"), c) for c in (" 5\\n7+1=8", "5 or 6", "05")]
    [1.0, 0.0, 0.0]
    """
    if problem.answer is None:
        raise ValueError(f"problem {problem.prompt!r} has no answer to score against")
    return float(completion.split("\n", 1)[0].strip() == problem.answer.strip())


def _operands(options: ArithmeticOptions) -> dict[str, int]:
    return {
        "min_terms": options.terms,
        "max_terms": options.terms,
        "min_digits": options.digits,
        "max_digits": options.digits,
    }


def _draw(dataset: str, **config: int) -> Iterator[dict[str, Any]]:
    try:
        import reasoning_gym  # 1.4 s, and matplotlib with it
    except ImportError as error:
        raise TaskError(
            f"task data '{dataset}' needs the package reasoning-gym: "
            "pip install 'posttrain-registry[run]'"
        ) from error
    items = reasoning_gym.create_dataset(dataset, size=_DRAWS, seed=_SEED, **config)
    return (items[i] for i in range(_DRAWS))


def _from_expression(item: dict[str, Any]) -> Question:
    expression: str = item["metadata"]["expression"]
    parts = expression.split()
    return Question(
        text="".join(parts) + "=",
        spaced=f"{expression} =",
        answer=item["answer"],
        key=_key(parts[::2]),
        signs="".join(parts[1::2]),
    )


def _from_numbers(item: dict[str, Any]) -> Question:
    numbers = [str(n) for n in item["metadata"]["numbers"]]
    return Question(
        text=f"gcd({','.join(numbers)})=",
        spaced=f"gcd({', '.join(numbers)}) =",
        answer=item["answer"],
        key=_key(numbers),
        signs=",",
    )


def _key(numbers: list[str]) -> str:
    return " ".join(sorted(numbers, key=int))


def _task(name: str, options: ArithmeticOptions, questions: Iterator[Question], signs: str) -> Task:
    groups = _twins(questions)
    total = sum(len(group) for group in groups.values())
    wanted = _held_out_size(name, options, total)
    # By a hash of the operands, so that a problem's side depends on nothing else.
    order = sorted(groups, key=order_of)
    held_keys = _fill(groups, order, wanted)
    shots, shot_keys = _shots(
        groups, [k for k in reversed(order) if k not in held_keys], options.shots, signs
    )
    prefix = "".join(f"{q.spaced} {q.answer}\n" for q in shots)
    sides: tuple[list[Question], list[Question]] = ([], [])
    for key in order:
        if key not in shot_keys:
            sides[key in held_keys].extend(groups[key])
    train, held_out = (
        tuple(
            Problem(prefix + q.spaced, f" {q.answer}", q.key)
            if shots
            else Problem(q.text, q.answer, q.key)
            for q in sorted(side, key=lambda q: order_of(q.text))
        )
        for side in sides
    )
    everything = "".join(
        {p.prompt for p in train + held_out} | {str(p.answer) for p in train + held_out}
    )
    return Task(
        name=name,
        kind="verifiable",
        train=train,
        held_out=held_out,
        alphabet="".join(sorted(set(everything))),
        stop="\n" if options.shots else "",
        max_new_chars=max(len(str(p.answer)) for p in train + held_out),
        score_range=(0.0, 1.0),
        scorer=score_exactly,
        pairs=_pairs,
    )


def _twins(questions: Iterator[Question]) -> dict[str, list[Question]]:
    """Distinct questions by key, in the order drawn."""
    groups: dict[str, list[Question]] = {}
    seen: set[str] = set()
    barren = 0
    for question in questions:
        barren += 1
        if question.text not in seen:
            if not _INTEGER.fullmatch(question.answer):
                raise TaskError(
                    f"the answer to {question.text} is not an integer: {question.answer!r}"
                )
            barren = 0
            seen.add(question.text)
            groups.setdefault(question.key, []).append(question)
        if len(seen) == _MOST or barren == _BARREN:
            break
    return groups


def _held_out_size(name: str, options: ArithmeticOptions, total: int) -> int:
    if options.held_out == "auto":
        return min(200, total // 4)
    if options.held_out > total // 2:
        raise TaskError(
            f"task '{name}' has {total} problems, so held_out is at most {total // 2}, "
            f"not {options.held_out}"
        )
    return options.held_out


def _fill(groups: dict[str, list[Question]], order: list[str], wanted: int) -> set[str]:
    """Keys whose groups hold ``wanted`` questions together, the last misfits passed over."""
    chosen: set[str] = set()
    for key in order:
        if len(groups[key]) <= wanted:
            chosen.add(key)
            wanted -= len(groups[key])
        if not wanted:
            break
    return chosen


def _shots(
    groups: dict[str, list[Question]], order: list[str], count: int, signs: str
) -> tuple[list[Question], set[str]]:
    """Worked examples that take the signs in turn, and the keys they use up."""
    shots: list[Question] = []
    used: set[str] = set()
    for key in order:
        if len(shots) == count:
            break
        sign = signs[len(shots) % len(signs)]
        fitting = [q for q in groups[key] if q.signs.startswith(sign)]
        if fitting:
            shots.append(min(fitting, key=lambda q: order_of(q.text)))
            used.add(key)
    return shots, used


def _pairs(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(p.prompt, str(p.answer)) for p in problems]
