"""Batched sampling with the log-probability of every token it draws.

Prompts are read once however many answers they get, and without padding; an answer that ends
leaves its place to a waiting one. Sampling is from the plain softmax at the given temperature:
top-k and top-p would bias a policy gradient's ratio by the mass they cut off, and are not offered.

What is drawn follows from one uniform number for each token of each answer, all drawn beforehand:
how the answers are batched, or shared among processes, changes nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from methods.engine import distributed
from methods.engine.attention import Packed
from methods.engine.batch import Tokens
from methods.engine.model import LanguageModel
from methods.engine.prefix import flat_row, tree
from methods.engine.slots import Prefill, Slots

_PREFILL_TOKENS = 16384  # of one pass over prompts
_REFILL = 4  # waiting answers come in when one place in this many is free


@dataclass(frozen=True)
class Sample:
    """One drawn answer."""

    prompt_index: int
    tokens: Tokens
    logprobs: tuple[float, ...]  # nats, one per completion token, at the sampling temperature
    finished: bool  # False where the length limit cut it off
    text: str  # the completion without its end


@torch.no_grad()
def sample(
    policy: LanguageModel,
    prompts: Sequence[str],
    *,
    per_prompt: int = 1,
    max_new_tokens: int,
    temperature: float = 1.0,
    stop: str = "",
    generator: torch.Generator | None = None,
    batch_size: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[Sample]:
    """``per_prompt`` answers to each prompt, grouped by prompt in the order given.

    ``temperature`` 0 takes the likeliest token. ``stop`` ends an answer at the first token that
    begins with it (one character); the end token always does. The stopping token belongs to the
    completion. ``batch_size`` bounds the answers decoded at once, the policy's ``sample_batch``
    by default. ``on_progress`` hears after each token how many answers have ended.
    """
    encoded = [tuple(policy.encode_prompt(p)) for p in prompts]
    policy.require_room(max(map(len, encoded), default=0) + max_new_tokens)
    count = len(encoded) * per_prompt
    if not count:
        return []
    device = "cpu" if generator is None else generator.device
    # float64: a uniform float32 has too few values to reach into a large vocabulary's tail.
    uniform = torch.rand(
        count, max_new_tokens, generator=generator, device=device, dtype=torch.float64
    )
    mine = distributed.share(range(len(encoded)))
    places = batch_size or policy.sample_batch
    decoding = Decoding(policy, encoded, mine, per_prompt, max_new_tokens, places)
    drawn: list[tuple[list[int], list[float]]] = [([], []) for _ in range(count)]
    stops = policy.stop_ids(stop)
    while decoding.advance():
        at = [len(drawn[i][0]) for i in decoding.answers]
        chances = uniform[decoding.answers, at].to(policy.device)
        token, logprob = draw(policy, decoding.states, temperature, chances)
        for i, t, lp in zip(decoding.answers, token.tolist(), logprob.tolist(), strict=True):
            drawn[i][0].append(t)
            drawn[i][1].append(lp)
        going = [
            drawn[i][0][-1] not in stops and len(drawn[i][0]) < max_new_tokens
            for i in decoding.answers
        ]
        decoding.take(token, going)
        if on_progress:
            on_progress(going.count(False) * distributed.size())
    found = distributed.unshare(
        distributed.gather([drawn[i * per_prompt : (i + 1) * per_prompt] for i in mine])
    )
    return [
        _finished(policy, i, encoded[i], *answer, stops)
        for i, answers in enumerate(found)
        for answer in answers
    ]


def _finished(
    policy: LanguageModel,
    index: int,
    prompt: tuple[int, ...],
    ids: list[int],
    logprobs: list[float],
    stops: frozenset[int],
) -> Sample:
    ended = ids[-1] in stops
    text = policy.decode(ids[:-1] if ended else ids)
    return Sample(index, Tokens((*prompt, *ids), len(prompt)), tuple(logprobs), ended, text)


def draw(
    policy: LanguageModel, states: Tensor, temperature: float, uniform: Tensor
) -> tuple[Tensor, Tensor]:
    """Tokens (B,) and their log-probs (B,) in nats from the last states (B, D).

    ``uniform`` (B,) in [0, 1): where in the cumulated distribution the token is taken.
    """
    with policy.autocast():
        logits = torch.nn.functional.linear(states, policy.head_weight, policy.head_bias)
    logits = logits.float() * (policy.logit_scale / (temperature or 1.0))
    highest, likeliest = logits.max(-1)
    mass = (logits - highest[:, None]).exp_().cumsum_(-1)
    total = mass[:, -1]
    if temperature > 0:
        wanted = (uniform * total).to(mass.dtype)
        token = torch.searchsorted(mass, wanted[:, None], right=True)[:, 0]
        # Rounding may put the wanted mass at the very end, behind every token.
        token = torch.where(token < mass.shape[-1], token, likeliest)
    else:
        token = likeliest
    chosen = logits.gather(-1, token[:, None])[:, 0]
    return token, chosen - highest - total.log()


class Decoding:
    """Which answers are being decoded, and the state that the next token of each is drawn from.

    ``advance`` until it is False, and after each time draw a token from every one of ``states``
    (B, D) and ``take`` them: a caller may draw from more than one model's.
    """

    answers: list[int]  # B, numbers of the answers at work: prompt * per_prompt + which of them
    states: Tensor  # (B, D), in the order of ``answers``

    def __init__(
        self,
        policy: LanguageModel,
        prompts: Sequence[tuple[int, ...]],
        mine: Sequence[int],
        per_prompt: int,
        max_new_tokens: int,
        batch_size: int,
    ) -> None:
        self.policy, self.prompts, self.per_prompt = policy, prompts, per_prompt
        self.places = min(batch_size, len(mine) * per_prompt)
        # Prompts of like length come together, so that the cache is about as wide as each needs.
        order = sorted(mine, key=lambda i: (len(prompts[i]), prompts[i]))
        self.waiting = [i * per_prompt + j for i in order for j in range(per_prompt)]
        self.answers = []
        self.states = torch.empty(0)
        self._token: Tensor | None = None
        self._texts: dict[int, list[int]] = {}  # whole sequences, for a model without a cache
        width = max(map(len, prompts)) + max_new_tokens
        self._slots = Slots(self.places, width, policy.device)

    def advance(self) -> bool:
        """Read the tokens taken last and let waiting answers in; False when none is left."""
        states = [self._read_tokens()] if self.answers else []
        free = self.places - len(self.answers)
        if self.waiting and (not self.answers or free * _REFILL >= self.places):
            fresh, self.waiting = self.waiting[:free], self.waiting[free:]
            states.append(self._read_prompts(fresh))
            self.answers = self.answers + fresh
        if states:
            self.states = torch.cat(states)
        return bool(self.answers)

    def take(self, token: Tensor, going: Sequence[bool]) -> None:
        """``token`` (B,) was drawn for each answer; those not ``going`` end with it."""
        if not self.policy.ragged:
            for i, t in zip(self.answers, token.tolist(), strict=True):
                self._texts[i].append(t)
        origin = self._slots.keep(going)
        self.answers = [self.answers[o] for o in origin]
        self._token = token[origin]

    def _read_tokens(self) -> Tensor:
        if not self.policy.ragged:
            return self._read_whole(self.answers)
        return self.policy.states(self._token[None], self._slots.begin(), self._slots)

    def _read_prompts(self, answers: Sequence[int]) -> Tensor:
        states = []
        for group in self._passes(answers):
            if not self.policy.ragged:
                self._texts.update({i: list(self._prompt(i)) for i in group})
                self._slots.used += len(group)
                states.append(self._read_whole(group))
                continue
            different = list(dict.fromkeys(self._prompt(i) for i in group))
            segments, places = tree(different)
            layout = Prefill(segments, self.policy.device)
            found = self.policy.states(*flat_row(different, places, self.policy.device), layout)
            path = dict(zip(different, places, strict=True))
            self._slots.fill(layout, [path[self._prompt(i)] for i in group])
            states.append(found[[path[self._prompt(i)][-1] for i in group]])
        return torch.cat(states)

    def _passes(self, answers: Sequence[int]) -> list[list[int]]:
        """Answers in groups whose different prompts have at most ``_PREFILL_TOKENS`` tokens."""
        groups: list[list[int]] = []
        used = 0
        for i in answers:
            new = not groups or self._prompt(i) != self._prompt(groups[-1][-1])
            added = len(self._prompt(i)) if new else 0
            if not groups or used + added > _PREFILL_TOKENS:
                groups.append([])
                used, added = 0, len(self._prompt(i))
            groups[-1].append(i)
            used += added
        return groups

    def _read_whole(self, answers: Sequence[int]) -> Tensor:
        """Without a cache: every sequence from its beginning, for a model that needs it."""
        texts = [self._texts[i] for i in answers]
        segments, places = tree(texts)
        row = flat_row(texts, places, self.policy.device)
        states = self.policy.states(*row, Packed(segments, self.policy.device))
        return states[[p[-1] for p in places]]

    def _prompt(self, answer: int) -> tuple[int, ...]:
        return self.prompts[answer // self.per_prompt]
