"""Numbers as text and back: what a language model reads of a series, and the exact law it predicts.

A series is rescaled, cut into bins and written as fixed-width numbers with a separator behind each:
[0.25, 5.24, 9.79] with three digits is "150,516,850,". The law a model gives the next number is
the product of what it gives each digit, softmax restricted to the ten digits,

    P(d1 d2 d3 | series) = P(d1 | series) P(d2 | series, d1) P(d3 | series, d1, d2),

over all numbers and not along one of them: every branch stands behind the one series it shares, so
that the series is computed once. Where a tokenizer has a token for each whole number, that is one
level of as many symbols; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from methods.engine import distributed
from methods.engine.attention import Packed
from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.prefix import flat_row, tree

SPAN, SHIFT = 7.0, 1.5  # what the smallest and largest value become: 1.5 and 8.5 of 10


@dataclass(frozen=True)
class Scale:
    """Maps ``low``..``high`` to 1.5..8.5, which leaves room to predict beyond both ends.

    A constant series has no span; its value stands in the middle and is predicted as itself.
    """

    low: float
    high: float
    digits: int

    @classmethod
    def of(cls, values: Tensor, digits: int) -> Scale:
        """The scale of the smallest and the largest of ``values``, (T,)."""
        return cls(float(values.min()), float(values.max()), digits)

    @property
    def bins(self) -> int:
        """How many numbers can be written."""
        return 10**self.digits

    @property
    def width(self) -> float:
        """Width of a bin in the series' own unit."""
        return (self.high - self.low) * 10 / (SPAN * self.bins)

    @property
    def first(self) -> float:
        """Left edge of bin 0 in the series' own unit."""
        return self.low - (self.high - self.low) * SHIFT / SPAN

    def codes(self, values: Tensor) -> Tensor:
        """The bin of each value, int64; values beyond the last bins are put into them."""
        if self.high == self.low:
            return torch.full(values.shape, self.bins // 2)
        place = (values.double() - self.low) / (self.high - self.low) * SPAN + SHIFT
        # The ends fall on edges: rounding must not put them to either side by chance.
        return (place * self.bins / 10 + 1e-9).floor().long().clamp(0, self.bins - 1)

    def centres(self) -> Tensor:
        """(bins,) float64, the middle of each bin in the series' own unit."""
        return self.first + (torch.arange(self.bins, dtype=torch.float64) + 0.5) * self.width

    def edges(self) -> Tensor:
        """(bins - 1,) float64, the edges between bins; the outer bins reach to infinity."""
        return self.first + torch.arange(1, self.bins, dtype=torch.float64) * self.width

    def values(self, codes: Tensor) -> Tensor:
        """The middle of the bin of each code, float64."""
        return self.centres()[codes]


@dataclass(frozen=True)
class Alphabet:
    """How one tokenizer writes a number: ``levels`` tokens, each one of ``symbols``."""

    digits: int
    symbols: tuple[int, ...]  # token ids, in the order of what they stand for
    levels: int
    separator: int

    def number(self, code: int) -> list[int]:
        """Token ids of the number ``code``, without the separator."""
        base, places = len(self.symbols), []
        for _ in range(self.levels):
            code, digit = divmod(code, base)
            places.append(self.symbols[digit])
        return places[::-1]

    def series(self, codes: Sequence[int]) -> list[int]:
        """Token ids of ``codes``, a separator behind each."""
        return [i for code in codes for i in (*self.number(code), self.separator)]


def text(codes: Sequence[int], digits: int, separator: str) -> str:
    """The series as it is written.

    >>> text([150, 516, 850], 3, ",")
    '150,516,850,'
    """
    return "".join(f"{code:0{digits}d}{separator}" for code in codes)


def codes_of(written: str, digits: int, separator: str) -> list[int]:
    """The inverse of ``text``. Raises ValueError where ``written`` is no such series."""
    parts = written.split(separator)
    if parts[-1] or any(len(p) != digits or not p.isdecimal() for p in parts[:-1]):
        raise ValueError(f"{written!r} is no series of {digits}-digit numbers and {separator!r}")
    return [int(p) for p in parts[:-1]]


def alphabet(model: LanguageModel, digits: int, separator: str) -> Alphabet:
    """How ``model``'s tokenizer writes numbers of ``digits`` digits.

    Raises MethodError where it has neither a token for each digit nor one for each number, or
    where it would cut a written series otherwise.
    """

    def ids(written: str) -> list[int]:
        return list(model.tokenizer.encode(written, add_special_tokens=False))

    def single(strings: Sequence[str]) -> tuple[int, ...] | None:
        found = [ids(s) for s in strings]
        known = all(len(f) == 1 and f[0] != model.tokenizer.unk_token_id for f in found)
        return tuple(f[0] for f in found) if known else None

    mark = single([separator])
    numbers = [f"{code:0{digits}d}" for code in range(10**digits)]
    for symbols, levels in ((single(numbers), 1), (single("0123456789"), digits)):
        if mark is None or symbols is None or len(set(symbols)) < len(symbols):
            continue
        made = Alphabet(digits, symbols, levels, mark[0])
        every = range(10**digits)
        if ids(text(every, digits, separator)) == made.series(every):
            return made
    raise MethodError(
        f"model {model.name!r} does not write {digits}-digit numbers and {separator!r} as a series "
        f"can be read from it: {numbers[-1] + separator!r} becomes "
        f"{[model.decode([i]) for i in ids(numbers[-1] + separator)]}. Allowed: a tokenizer with "
        "one token for each digit, or one for each number, and one for the separator; try another "
        "model, separator or number of digits"
    )


def next_log_masses(
    model: LanguageModel,
    written: Alphabet,
    series: Sequence[Sequence[int]],
    lengths: Sequence[Sequence[int]],
) -> list[Tensor]:
    """The model's law of the number behind the first ``n`` codes of a series, in nats.

    For each series the ``lengths`` n (0: behind nothing) to predict from; one (len(lengths), bins)
    float64 tensor of log masses a series, each row of which sums to 1. One forward pass.
    """
    start = model.encode_prompt("")
    branches = list(product(written.symbols, repeat=written.levels - 1))
    step, rows, ends = written.levels + 1, [], []
    for codes, wanted in zip(series, lengths, strict=True):
        ids = [*start, *written.series(codes)]
        for n in wanted:
            prefix = ids[: len(start) + n * step]
            rows += [(*prefix, *branch) for branch in branches]
            ends += [len(prefix) - 1] * len(branches)
    model.require_room(max(map(len, rows)) + 1)
    # A number is shorter than what the engine shares by default: every common token counts here.
    segments, places = tree(rows, shortest=1)
    states = model.states(*flat_row(rows, places, model.device), Packed(segments, model.device))
    found = _masses(model, written, states, places, ends, len(branches))
    cuts = [len(wanted) for wanted in lengths]
    return list(found.split(cuts))


def all_log_masses(
    model: LanguageModel,
    written: Alphabet,
    series: Sequence[Sequence[int]],
    lengths: Sequence[Sequence[int]],
    at_once: int,
    tick: Callable[[int], None],
) -> list[Tensor]:
    """``next_log_masses`` of many series, ``at_once`` of them in a pass, shared among processes.

    ``tick`` is called before each pass with the number of its series, and may raise.
    """
    found: dict[int, Tensor] = {}
    groups = [range(i, min(i + at_once, len(series))) for i in range(0, len(series), at_once)]
    for group in distributed.share(groups):
        tick(len(group))
        laws = next_log_masses(
            model, written, [series[i] for i in group], [lengths[i] for i in group]
        )
        found |= dict(zip(group, laws, strict=True))
    for others in distributed.gather(found):
        found |= others
    return [found[i] for i in range(len(series))]


def _masses(
    model: LanguageModel,
    written: Alphabet,
    states: Tensor,
    places: Sequence[Sequence[int]],
    ends: Sequence[int],
    branches: int,
) -> Tensor:
    """(queries, bins): level by level, the ten (or thousand) logits of each branch's state."""
    base, queries = len(written.symbols), len(places) // branches
    total = torch.zeros(queries, 1, dtype=torch.float64)
    for level in range(written.levels):
        # Branches come in the order of their digits: those alike so far share this state.
        step = branches // base**level
        at = [places[row][ends[row] + level] for row in range(0, len(places), step)]
        logits = symbol_logits(model, states[torch.tensor(at, device=states.device)], written)
        deeper = torch.log_softmax(logits, -1).view(queries, -1, base)
        total = (total[:, :, None] + deeper).flatten(1)
    return total


def symbol_logits(model: LanguageModel, states: Tensor, written: Alphabet) -> Tensor:
    """(N, D) states -> (N, symbols) float64 logits on the CPU, of the symbols alone."""
    picked = torch.tensor(written.symbols, device=states.device)
    weight, bias = model.head_weight[picked], model.head_bias
    logits = states.to(weight.dtype) @ weight.T
    if bias is not None:
        logits = logits + bias[picked]
    return (logits * model.logit_scale).double().cpu()
