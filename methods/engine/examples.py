"""From a task or a user's file to training rows: what the methods of several families read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol, TypeVar

from methods.engine.batch import Tokens
from methods.engine.errors import DataError, MethodError
from methods.engine.model import LanguageModel
from methods.engine.run import Run
from methods.engine.tasks.task import Problem, Task, order_of

HELD_OUT_SHARE = 10  # one prompt in ten of a user's file is held out


class _Prompted(Protocol):
    @property
    def prompt(self) -> str: ...


R = TypeVar("R", bound=_Prompted)
Pair = tuple[Tokens, Tokens]


def row(policy: LanguageModel, prompt: str, completion: str) -> Tokens:
    """A prompt with a finished answer, tokenised apart as sampling does, end token included.

    Raises MethodError where the model cannot read so long a row.
    """
    ids = policy.encode_prompt(prompt)
    whole = (*ids, *policy.encode_completion(completion))
    policy.require_room(len(whole))
    return Tokens(whole, len(ids))


def stepped_row(
    policy: LanguageModel, prompt: str, steps: Sequence[str]
) -> tuple[Tokens, tuple[int, ...]]:
    """A prompt with a finished answer in steps, and where each ends among its completion tokens.

    Each is cut into tokens by itself, so that it ends where a token ends; the last ends at the end
    token. Raises MethodError where the model cannot read so long a row.
    """
    pieces = [policy.tokenizer.encode(s, add_special_tokens=False) for s in steps]
    pieces[-1] = [*pieces[-1], policy.eos_id]
    ids = policy.encode_prompt(prompt)
    whole = (*ids, *(t for piece in pieces for t in piece))
    policy.require_room(len(whole))
    return Tokens(whole, len(ids)), tuple(end - 1 for end in accumulate(map(len, pieces)))


def demonstrations(
    run: Run,
    data: str | None,
    task: Task | None,
    limit: int | None,
    policy: LanguageModel,
    *,
    skip_bad_rows: bool = False,
) -> tuple[list[Tokens], list[Tokens]]:
    """(training rows, held-out rows) of the task or of a user's file; ``limit`` bounds the first.

    The manifest records how many rows are really used. Raises DataError at a bad row of the file
    unless ``skip_bad_rows``.
    """
    if data is not None:
        from methods.engine.data import fingerprint, load_demonstrations

        rows = load_demonstrations(data, policy.tokenizer, skip_bad_rows=skip_bad_rows)
        train, held_out = split(rows, data)
        train = train[:limit]
        run.data(data, fingerprint(rows), len(train), len(held_out), rows.skipped, rows.reasons)
        return (
            [row(policy, r.prompt, r.completion) for r in train],
            [row(policy, r.prompt, r.completion) for r in held_out],
        )
    if task is None:
        raise MethodError("neither a task nor a data file was given")
    if any(p.answer is None for p in (*task.train, *task.held_out)):
        raise MethodError(f"task {task.name} demonstrates no answers; use one that does, or --data")
    problems = task.train[:limit]
    run.data(task.name, task.fingerprint, len(problems), len(task.held_out))
    return (
        [row(policy, p.prompt, p.answer or "") for p in problems],
        [row(policy, p.prompt, p.answer or "") for p in task.held_out],
    )


def split(rows: Sequence[R], source: str) -> tuple[list[R], list[R]]:
    """(training rows, held-out rows): every tenth prompt held out, with all of its rows.

    A prompt is never on both sides. Plain texts have no prompt: each stands for itself.
    """
    keys = {id(r): r.prompt or repr(r) for r in rows}
    prompts = sorted(set(keys.values()), key=order_of)
    if len(prompts) < 4:
        raise DataError(
            f"{source}: {len(prompts)} different prompts; at least 4 are needed, so that two can "
            "be held out"
        )
    held = set(prompts[: max(2, len(prompts) // HELD_OUT_SHARE)])
    return (
        [r for r in rows if keys[id(r)] not in held],
        [r for r in rows if keys[id(r)] in held],
    )


def answered_prompts(
    run: Run, data: str, policy: LanguageModel, skip_bad_rows: bool = False
) -> Task:
    """A user's prompts with answers as a task whose answers must match exactly, blanks aside.

    Raises DataError at a bad row, also one without an answer, unless ``skip_bad_rows``.
    """
    from methods.engine.data import fingerprint, load_prompts

    rows = load_prompts(data, policy.tokenizer, need_answer=True, skip_bad_rows=skip_bad_rows)
    problems = [Problem(r.prompt, r.answer, r.prompt) for r in rows]
    train, held_out = split(problems, data)
    run.data(data, fingerprint(rows), len(train), len(held_out), rows.skipped, rows.reasons)
    return Task(
        name=data,
        kind="verifiable",
        train=tuple(train),
        held_out=tuple(held_out),
        alphabet="",
        stop="",
        max_new_chars=max(len(r.answer or "") for r in rows) + 1,
        score_range=(0.0, 1.0),
        scorer=lambda problem, text: float(text.strip() == (problem.answer or "").strip()),
        pairs=lambda chosen: [(p.prompt, p.answer or "") for p in chosen],
    )


def preference_pairs(
    run: Run, data: str, policy: LanguageModel, skip_bad_rows: bool = False
) -> tuple[list[Pair], list[tuple[str, Pair]]]:
    """(training pairs, held-out pairs with their prompts), preferred first, from a user's file.

    Raises DataError at a bad row unless ``skip_bad_rows``.
    """
    from methods.engine.data import fingerprint, load_pairs

    rows = load_pairs(data, policy.tokenizer, skip_bad_rows=skip_bad_rows)
    train, held_out = split(rows, data)
    run.data(data, fingerprint(rows), len(train), len(held_out), rows.skipped, rows.reasons)

    def encode(prompt: str, chosen: str, rejected: str) -> Pair:
        return row(policy, prompt, chosen), row(policy, prompt, rejected)

    return (
        [encode(p.prompt, p.chosen, p.rejected) for p in train],
        [(p.prompt, encode(p.prompt, p.chosen, p.rejected)) for p in held_out],
    )
