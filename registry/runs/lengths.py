"""How long prompts and answers are in tokens, from some of a task's own texts or a data file's.

With the model's tokenizer.json at hand texts are cut as the run will cut them; without it words,
digits and signs are counted, which is near for English and digits and rough for anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any, Literal, Protocol

from methods.engine import tasks
from registry.core.errors import UsageError
from registry.runs.shapes import ModelShape
from registry.runs.sources import TINY

_LOOKED_AT = 400  # texts
_FILE = 4_000_000  # bytes of a data file that are read
_PIECE = re.compile(r" ?[A-Za-z]{1,7}|\d| ?[^\sA-Za-z\d]|\s")
_ROUGH = "words and digits counted: the model's tokenizer.json is not here"
Ids = Sequence[Any]


class Problem(Protocol):
    """What is read of a task's problem."""

    @property
    def prompt(self) -> str: ...
    @property
    def answer(self) -> str | None: ...


class Texts(Protocol):
    """What is read of a task: its problems, and how long an answer may get."""

    @property
    def kind(self) -> Literal["verifiable", "scored"]: ...
    @property
    def train(self) -> Sequence[Problem]: ...
    @property
    def held_out(self) -> Sequence[Problem]: ...
    @property
    def alphabet(self) -> str: ...
    def max_new_tokens(self, tokenizer: Any) -> int: ...


@dataclass(frozen=True)
class Lengths:
    """Tokens of prompts and answers (with their end token), and how many rows there are."""

    prompt: float  # mean
    longest_prompt: int
    shared: float  # tokens that neighbouring prompts begin with alike, once sorted
    answers: tuple[int, ...]  # of demonstrated answers, in the order of the data
    limit: int  # tokens of the longest answer that is sampled, where no option says it
    train: int
    held_out: int
    ends: bool  # sampled answers are about as long as demonstrated ones
    verifiable: bool
    source: str  # where the numbers come from, in words

    @property
    def answer(self) -> float:
        """Mean tokens of a demonstrated answer."""
        return sum(self.answers) / len(self.answers)

    def sampled(self, limit: int | None) -> tuple[int, ...]:
        """Lengths of sampled answers, none above ``limit``."""
        most = limit or self.limit
        return tuple(min(length, most) for length in self.answers) if self.ends else (most,)


def given_lengths(prompt: int, answer: int, rows: int = 10_000) -> Lengths:
    """Lengths that a person gave; every prompt is another one."""
    held_out = max(2, rows // 10)
    return Lengths(
        prompt, prompt, 0, (answer,), answer, rows - held_out, held_out, True, True,
        "--prompt-tokens and --answer-tokens",
    )  # fmt: skip


def task_lengths(task: Texts, shape: ModelShape) -> Lengths:
    """Lengths of the texts of ``task`` with the tokenizer of ``shape``'s model."""
    cut = _cutter(shape)
    some = task.train[:_LOOKED_AT]
    prompts = [cut.prompt(p.prompt) for p in some]
    answers = [p.answer for p in (*some, *task.held_out[:_LOOKED_AT]) if p.answer is not None]
    limit = task.max_new_tokens(cut)
    return Lengths(
        prompt=sum(map(len, prompts)) / len(prompts),
        longest_prompt=max(map(len, prompts)),
        shared=_shared(prompts),
        answers=tuple(len(cut.encode(a, add_special_tokens=False)) + 1 for a in answers)
        or (limit,),
        limit=limit,
        train=len(task.train),
        held_out=len(task.held_out),
        # A model that was not trained on the task's text rarely ends where the text does.
        ends=task.kind == "verifiable" or shape.name == TINY,
        verifiable=task.kind == "verifiable",
        source=f"{len(some)} problems of the task, {cut.how}",
    )


def data_lengths(data: str, shape: ModelShape) -> Lengths:
    """Lengths of the rows at the beginning of a local JSON Lines file.

    Raises UsageError for any other data: its lengths must be given.
    """
    path = Path(data.rpartition("#")[0] if "#" in data else data)
    if path.suffix not in (".jsonl", ".ndjson") or not path.is_file():
        raise UsageError(
            f"the lengths of data={data} cannot be measured without loading it. Give them: "
            "--prompt-tokens N --answer-tokens N (measured for a local .jsonl file)"
        )
    with path.open("rb") as stream:
        head = stream.read(_FILE)
    lines = head.splitlines()[: _LOOKED_AT + 1]
    cut = _cutter(shape)
    rows = [found for line in lines if (found := _texts(line)) is not None]
    if not rows:
        raise UsageError(
            f"data={data} has no prompts and answers that can be measured. Give their lengths: "
            "--prompt-tokens N --answer-tokens N"
        )
    whole = path.stat().st_size / max(1, sum(len(line) + 1 for line in lines)) * len(lines)
    count = len(lines) if len(head) == path.stat().st_size and len(lines) <= _LOOKED_AT else whole
    prompts = [cut.prompt(prompt) for prompt, _ in rows]
    answers = tuple(len(cut.encode(answer, add_special_tokens=False)) + 1 for _, answer in rows)
    held_out = max(2, round(count / 10))
    return Lengths(
        sum(map(len, prompts)) / len(prompts), max(map(len, prompts)), _shared(prompts), answers,
        max(answers), max(1, round(count) - held_out), held_out, False, True,
        f"{len(rows)} rows of the file, {cut.how}",
    )  # fmt: skip


@dataclass(frozen=True)
class _Cutter:
    """A text as token ids, or as what stands for them."""

    cut: Callable[[str], Ids]
    start: bool  # a start token stands in front of a prompt
    how: str

    def encode(self, text: str, /, *, add_special_tokens: bool) -> list[Any]:
        return list(self.cut(text))

    def prompt(self, text: str) -> list[Any]:
        return [*(("start",) if self.start else ()), *self.cut(text)]


def _cutter(shape: ModelShape) -> _Cutter:
    if shape.name == TINY:
        return _Cutter(list, True, "a token a character")
    path = None if shape.folder is None else shape.folder / "tokenizer.json"
    if path is not None and path.is_file():
        try:
            from tokenizers import Tokenizer
        except ImportError:
            return _Cutter(_PIECE.findall, False, _ROUGH)
        cut = Tokenizer.from_file(str(path))
        return _Cutter(
            lambda text: cut.encode(text, add_special_tokens=False).ids,
            len(cut.encode("a").ids) > len(cut.encode("a", add_special_tokens=False).ids),
            "cut with the model's tokenizer",
        )
    return _Cutter(_PIECE.findall, False, _ROUGH)


def _shared(prompts: Sequence[Ids]) -> float:
    """Mean tokens that a prompt begins with as its neighbour does, in order; short runs count 0."""
    ranked = sorted(prompts, key=lambda p: [str(t) for t in p])
    runs = [
        sum(1 for _ in takewhile(lambda ab: ab[0] == ab[1], zip(a, b, strict=False)))
        for a, b in pairwise(ranked)
    ]
    return sum(n for n in runs if n >= SHORTEST) / max(1, len(runs))


SHORTEST = 8  # tokens; the engine shares no shorter beginning (a test compares)


def _texts(line: bytes) -> tuple[str, str] | None:
    """(prompt, mean-length answer) of a row in one of the layouts that ``registry run`` reads."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict):
        return None
    talk = row.get("messages") or row.get("conversations")
    if isinstance(talk, list) and len(talk) > 1:
        said = list(_said(talk))
        return "\n".join(said[:-1]), said[-1]
    prompt = "\n".join(
        _plain(row[name]) for name in ("system", "instruction", "input", "prompt") if row.get(name)
    )
    answers = [
        _plain(row[name])
        for name in ("completion", "output", "chosen", "rejected", "answer", "text")
        if row.get(name)
    ]
    return (prompt, max(answers, key=len)) if answers else None


def _plain(value: Any) -> str:
    return "\n".join(_said(value)) if isinstance(value, list) else str(value)


def _said(talk: Sequence[Any]) -> Iterator[str]:
    for turn in talk:
        if isinstance(turn, dict):
            yield str(turn.get("content") or turn.get("value") or "")


def load_task(text: str, cache_dir: Path) -> Texts:
    """The task called ``text``. Raises UsageError where its data is not here and cannot be had."""
    try:
        return tasks.build_task(text, cache_dir)
    except (ValueError, ImportError, OSError) as error:
        raise UsageError(
            f"the lengths of task={text} cannot be measured: {error}. Give them: "
            "--prompt-tokens N --answer-tokens N"
        ) from None
