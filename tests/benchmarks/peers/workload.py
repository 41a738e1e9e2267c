"""What both sides compute: ragged rows of token ids from a fixed seed. Imports no torch.

Lengths are log-normal, as those of real prompts and answers are. Ids are those of whole words in
random order: what a step costs does not depend on what the text says. Nothing is shared between
rows but what the method itself repeats: a DPO pair and a GRPO group have one prompt.
"""

from __future__ import annotations

import hashlib
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SEED = 20260
MAX_NEW_TOKENS = 48  # of the sampled workload
QUESTION = "\nWhich of these words comes first in the alphabet? Answer with one word."


class Tokenizer(Protocol):
    """What is used of a tokenizer."""

    def __len__(self) -> int: ...
    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...
    def decode(self, token_ids: Sequence[int]) -> str: ...


@dataclass(frozen=True)
class Lengths:
    """A log-normal length in tokens, drawn again where it falls outside the bounds."""

    low: int
    median: int
    high: int
    sigma: float

    def draw(self, rng: random.Random) -> int:
        """One length, ``low`` to ``high``."""
        while True:
            length = round(self.median * rng.lognormvariate(0.0, self.sigma))
            if self.low <= length <= self.high:
                return length


PROMPTS = Lengths(low=24, median=96, high=256, sigma=0.6)
ANSWERS = Lengths(low=4, median=32, high=96, sigma=0.7)


@dataclass(frozen=True)
class Row:
    """A prompt and an answer that ends with the end token, as token ids."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


@dataclass(frozen=True)
class Workload:
    """One optimiser step's work.

    ``rows`` stand group by group, ``group`` rows to a prompt; a pair is (chosen, rejected).
    ``sampled`` says that answers are drawn in the step: then ``rows`` hold the prompts alone and
    ``texts`` the same prompts as text.
    """

    name: str
    rows: tuple[Row, ...]
    group: int = 1
    advantages: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def sampled(self) -> bool:
        """Whether the step draws its answers itself."""
        return bool(self.texts)

    @property
    def batch(self) -> int:
        """Sequences that the step trains on."""
        return len(self.rows) * (self.group if self.sampled else 1)

    @property
    def tokens(self) -> int:
        """Useful tokens: each row's prompt and answer once, no padding, no credit for sharing."""
        return sum(len(row.prompt) + len(row.answer) for row in self.rows)

    def fingerprint(self) -> str:
        """SHA-256 of every id and advantage: both sides must name the same one."""
        return hashlib.sha256(repr((self.rows, self.advantages, self.texts)).encode()).hexdigest()

    def facts(self) -> dict[str, Any]:
        """For the record: how many rows, how long."""
        prompts = [len(row.prompt) for row in self.rows[:: 1 if self.sampled else self.group]]
        answers = [len(row.answer) for row in self.rows if row.answer]
        facts = {"rows": self.batch, "group": self.group, "prompt_tokens": _spread(prompts)}
        if self.sampled:
            return {**facts, "max_new_tokens": MAX_NEW_TOKENS}
        repeated = sum(len(row.prompt) for row in self.rows) - sum(prompts)
        return {
            **facts,
            "answer_tokens": _spread(answers),
            "useful_tokens": self.tokens,
            "useful_tokens_prompts_once": self.tokens - repeated,
        }


def build(name: str, tokenizer: Tokenizer, words: Sequence[int], eos_id: int) -> Workload:
    """The workload called ``name``. Raises ValueError where there is none of that name."""
    if name not in WORKLOADS:
        raise ValueError(f"no workload {name!r}. Allowed: {', '.join(WORKLOADS)}")
    return WORKLOADS[name](random.Random(f"{SEED} {name}"), tokenizer, words, eos_id)


def word_ids(tokenizer: Tokenizer) -> list[int]:
    """Tokens that are a blank and a lower-case word, and are cut so again inside a text."""
    found = []
    for i in range(len(tokenizer)):
        text = tokenizer.decode([i])
        plain = len(text) > 3 and text[0] == " " and text[1:].isalpha() and text.isascii()
        if plain and text.islower() and tokenizer.encode(text, add_special_tokens=False) == [i]:
            found.append(i)
    return found


def reward(text: str) -> float:
    """A score of an answer that any text has: the share of its letters that are vowels."""
    letters = [c for c in text.lower() if c.isalpha()]
    return sum(c in "aeiou" for c in letters) / max(1, len(letters))


def _rows(
    rng: random.Random, words: Sequence[int], eos_id: int, prompts: int, group: int
) -> tuple[Row, ...]:
    def text(length: int) -> tuple[int, ...]:
        return tuple(rng.choice(words) for _ in range(length))

    rows = []
    for _ in range(prompts):
        prompt = text(PROMPTS.draw(rng))
        rows += [Row(prompt, (*text(ANSWERS.draw(rng) - 1), eos_id)) for _ in range(group)]
    return tuple(rows)


def _sft(rng, tokenizer, words, eos_id) -> Workload:
    return Workload("sft", _rows(rng, words, eos_id, prompts=16, group=1))


def _dpo(rng, tokenizer, words, eos_id) -> Workload:
    return Workload("dpo", _rows(rng, words, eos_id, prompts=8, group=2), group=2)


def _grpo_update(rng, tokenizer, words, eos_id) -> Workload:
    rows = _rows(rng, words, eos_id, prompts=2, group=8)
    advantages: list[float] = []
    for _ in range(2):
        drawn = [rng.gauss(0.0, 1.0) for _ in range(8)]
        mean, deviation = statistics.fmean(drawn), statistics.pstdev(drawn)
        advantages += [(a - mean) / deviation for a in drawn]
    return Workload("grpo-update", rows, group=8, advantages=tuple(advantages))


def _grpo_step(rng, tokenizer, words, eos_id) -> Workload:
    rows, texts = [], []
    turn = "<|im_start|>user\n{}" + QUESTION + "<|im_end|>\n<|im_start|>assistant\n"
    around = len(tokenizer.encode(turn.format(""), add_special_tokens=False))
    for _ in range(2):
        length = max(1, PROMPTS.draw(rng) - around)
        text = turn.format(tokenizer.decode([rng.choice(words) for _ in range(length)]))
        rows.append(Row(tuple(tokenizer.encode(text, add_special_tokens=False)), ()))
        texts.append(text)
    return Workload("grpo-step", tuple(rows), group=8, texts=tuple(texts))


WORKLOADS: dict[str, Callable[..., Workload]] = {
    "sft": _sft,
    "dpo": _dpo,
    "grpo-update": _grpo_update,
    "grpo-step": _grpo_step,
}
"""Name -> its maker: 16 demonstrations; 8 pairs; 2 groups of 8 given answers; 2 groups of 8 that
are sampled and scored in the step."""


def _spread(lengths: Sequence[int]) -> dict[str, float]:
    return {"min": min(lengths), "median": statistics.median(lengths), "max": max(lengths)}
