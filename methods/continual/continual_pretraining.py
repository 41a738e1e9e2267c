"""Continual pre-training: one text domain after another, and every checkpoint on every domain.

Paper: arXiv 2402.17400 (Yildiz et al., *Investigating Continual Pretraining in Large Language
Models: Insights and Implications*, TMLR 2025). A start M_0 goes on with next-token training on the
domains D_1, ..., D_N in turn; with p(M, D) the perplexity of M on held-out text of D,

    ZS_i = p(M_0, D_i)      CPT_i = p(M_i, D_i)      LC_i = p(M_N, D_i)
    FT_i = p(M_0 -> D_i, D_i)      FG_i = LC_i - CPT_i      p(M_j, D_i) - ZS_i

where M_0 -> D_i is the start adapted to D_i alone, and the last is transfer: backward for i < j,
forward for i > j. The paper compares two orders, similar domains in a row or shuffled, and sizes.

Departures from the paper
1. The domains are docstrings of installed packages (L1) by sub-package (L2), or text files named
   by a person; the paper has 159 domains of M2D2, from Wikipedia and Semantic Scholar.
2. Domains are chained by TF-IDF cosine, from the one nearest the start's own text; the paper
   embeds samples with Sentence-BERT.
3. The built-in start is a character model of one of two sizes, trained on the spot on text of
   packages that are no domain; perplexities are then by character and not by token.
4. AdamW forgets its moments and the learning rate begins anew in each domain; the paper does not
   say.
5. ``share`` replays rows of earlier domains, an arm that the paper lacks.
6. FT_1 is CPT_1, which is the same training; the other starts are adapted before the chain.

Checked against: every definition on a table worked by hand, the rows of each step, and a chain of
one step, which is one step of plain supervised training.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal, Self

import torch
from pydantic import model_validator

from methods.continual import domains
from methods.continual.loop import assign, backward, ends, likelihood, trained
from methods.continual.options import SEPARATOR, names_of
from methods.continual.texts import GENERAL_CHARS, general_task, held, replayed, similar, windows
from methods.continual.transfer import curves_of, measures_of, perplexity
from methods.engine import measure
from methods.engine.batch import Order, Tokens
from methods.engine.distributed import total
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions, option
from methods.engine.results import Results
from methods.engine.run import Run


class Config(TrainingOptions):
    """Options of continual pre-training."""

    domains: str = option(
        "sympy.physics;sympy.polys;sympy.stats;sqlalchemy.orm;sqlalchemy.sql;sqlalchemy.dialects;"
        "torch.nn;torch.distributed;torch.distributions;networkx.algorithms;networkx.generators;"
        "networkx.readwrite",
        "places in installed packages whose docstrings are learned, or paths of text files, joined "
        "by semicolons; a plus joins several to one domain",
        source="ours",
    )
    general: str = option(
        "numpy+scipy+transformers",
        "the same of D_0, measured and never trained on in the chain: what the start was trained "
        "on, where it is the built-in tiny",
        source="ours", min_length=1,
    )  # fmt: skip
    order: Literal["similar", "random"] = option(
        "similar", "similar domains in a row, or the domains in an order drawn by seed",
        source="Section on the order of domains: both",
    )  # fmt: skip
    size: Literal["small", "large"] = option(
        "large", "of the built-in tiny start; other models have their own", source="ours"
    )
    share: float = option(
        0.0, "share of the rows that are replayed, from all earlier domains", source="ours: none "
        "in the paper", ge=0, lt=1,
    )  # fmt: skip
    alone: bool = option(
        True, "also adapt the start to each domain by itself, in as many steps: FT_i",
        source="FT_i of the paper",
    )  # fmt: skip
    train_chars: int = option(
        16000, "text learned of each domain, at most", source="ours", unit="characters", ge=1
    )
    held_out_chars: int = option(
        1500, "text of other source files that perplexity is measured on", source="ours",
        unit="characters", ge=1,
    )  # fmt: skip
    window: int = option(128, "tokens of one row of text", source="ours", unit="tokens", ge=2)
    batch_size: int = option(
        8, "rows of one optimiser step", source="ours; 16 in the paper", unit="rows", ge=1
    )
    steps: int = option(
        192, "optimiser steps of the chain, shared equally among its domains", source="ours",
        unit="steps", ge=1,
    )  # fmt: skip
    learning_rate: float = option(
        1e-3, "peak learning rate of AdamW in each domain", source="ours", gt=0, lt=1
    )
    control: Literal["none", "shuffled", "joint"] = option(
        "none",
        "shuffled puts the tokens of each row to be learned in a random order, which must help no "
        "domain; joint trains on all domains at once, for as many steps",
        source="ours",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        names = names_of(self.domains)
        if not all(names) or len({*names, self.general}) < max(2, len(names)) + 1:
            raise ValueError(
                f"domains={self.domains!r} with general={self.general!r}; allowed: at least two "
                f"domains joined by '{SEPARATOR}', each once, and general none of them"
            )
        if self.size == "small" and self.model not in ("auto", "tiny"):
            raise ValueError(
                f"size=small is a size of the built-in tiny, and model={self.model!r} has its "
                "own. Drop size, or take model=tiny"
            )
        rows = -(-self.steps // len(names)) * self.batch_size
        if self.share and (self.control == "joint" or rows * self.share < 1):
            raise ValueError(
                f"share={self.share:g} replays nothing: a domain has {rows} rows that could give "
                "way, and control=joint has no earlier domain. Take a larger share or more steps"
            )
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"schedule": "cosine", "warmup_steps": 2},
    "smollm2-135m": {
        "precision": "bfloat16", "learning_rate": 2e-5, "train_chars": 200_000,
        "held_out_chars": 10_000, "window": 256, "batch_size": 16,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """Steps ``first`` to ``last`` on one domain, or on all of them where ``place`` is None."""

    place: int | None
    alone: bool  # from the start, which is put back before it
    first: int
    last: int


def plan(steps: int, count: int, alone: bool, joint: bool) -> list[Segment]:
    """What a run trains on, step by step: starts adapted to one domain each, then the chain.

    The first domain of a chain is the start adapted to it alone; nothing is done twice.
    """
    edges = (0, *ends(steps, count))
    lengths = [b - a for a, b in pairwise(edges)]
    parts: list[tuple[int | None, bool, int]] = []
    if alone:
        parts += [(i, True, n) for i, n in enumerate(lengths) if i or joint]
    parts += [(None, False, steps)] if joint else [(i, False, n) for i, n in enumerate(lengths)]
    found, last = [], 0
    for place, by_itself, length in parts:
        if length:
            found.append(Segment(place, by_itself, last + 1, last + length))
            last += length
    return found


class Chain:
    """What one run shares: the policy, the domains in their order, and how a step trains."""

    def __init__(self, run: Run, config: Config) -> None:
        self.run, self.config = run, config
        names = names_of(config.domains)
        read = [domains.read(n, config.train_chars, config.held_out_chars) for n in names]
        general = domains.read(config.general, GENERAL_CHARS, config.held_out_chars)
        self.policy = run.policy(config, general_task(general, config.window, config.size))
        ordered = [read[i] for i in self._places(read, general)]
        self.domains = []
        for domain in ordered:
            mixed = run.generator("shuffled", domain.name) if config.control == "shuffled" else None
            self.domains.append(held(self.policy, domain, config.window, mixed))
        self.general = windows(self.policy, general.held_out, config.window)
        self.versions = sorted({v for d in (*read, general) for v in d.version.split(", ")})
        seal = "".join(d.fingerprint for d in (*ordered, general))
        run.data(
            f"{'; '.join(d.name for d in ordered)}; text of {', '.join(self.versions)}",
            hashlib.sha256(seal.encode()).hexdigest(),
            sum(len(d.train) for d in self.domains), sum(len(d.held_out) for d in self.domains),
        )  # fmt: skip
        self.begun = {n: p.detach().clone() for n, p in trained(self.policy).items()}
        self.optimiser = Optimiser(self.policy, config)
        self._orders = [Order(len(d.train), run.seed) for d in self.domains]

    def _places(self, read: Sequence[domains.Domain], general: domains.Domain) -> list[int]:
        if self.config.order == "similar":
            return similar(read, general)
        g = self.run.generator("order")
        return torch.randperm(len(read), generator=g, device=g.device).tolist()

    def rows(self, segment: Segment, step: int) -> list[Tokens]:
        """The rows of ``step``, which counts within the segment, from 1."""
        size, place = self.config.batch_size, segment.place
        if place is None:  # every domain in turn
            at, count = range((step - 1) * size, step * size), len(self.domains)
            return [self._drawn(p % count, p // count, 1)[0] for p in at]
        share = 0.0 if segment.alone or not place else self.config.share
        before, now = (replayed(n, size, share) for n in (step - 1, step))
        new = self._drawn(place, (step - 1) * size - before, size - (now - before))
        if now == before:
            return new
        pool = [row for domain in self.domains[:place] for row in domain.train]
        order = Order(len(pool), self.run.seed)
        return [*new, *(pool[order.batch(n, 1)[0]] for n in range(before + 1, now + 1))]

    def _drawn(self, place: int, before: int, size: int) -> list[Tokens]:
        """``size`` rows of a domain, in a shuffled order, behind the ``before`` first ones."""
        order, rows = self._orders[place], self.domains[place].train
        return [rows[order.batch(n, 1)[0]] for n in range(before + 1, before + size + 1)]

    def learn(self, step: int, segment: Segment) -> None:
        """One update: the mean negative log-likelihood of all tokens of the step's rows."""
        local, length = step - segment.first + 1, segment.last - segment.first + 1
        rows = self.rows(segment, local)
        loss = backward(self.optimiser, rows, partial(likelihood, self.policy))
        self.optimiser.config = self.config.model_copy(update={"steps": length})
        moved = self.optimiser.step(local)
        self.run.log(step, sum(map(len, (r.ids for r in rows))), **total({"loss": loss}), **moved)

    def measured(self, after: Segment | None) -> list[float]:
        """Perplexities after a segment, None being the start: of the domains, last of D_0.

        After adapting to one domain alone, of that one.
        """
        if after is None:
            return self.run.once("start", self._perplexities)
        if after.alone:
            rows = self.domains[after.place or 0].held_out
            return self.run.once(f"alone-{after.place}", lambda: [self._of(rows)])
        name = "joint" if after.place is None else f"after-{after.place + 1}"
        return self.run.once(name, self._perplexities)

    def _perplexities(self) -> list[float]:
        return [self._of(rows) for rows in (*(d.held_out for d in self.domains), self.general)]

    def _of(self, rows: Sequence[Tokens]) -> float:
        sums = [-float(lp.double().sum()) for lp in measure.row_logprobs(self.policy, rows)]
        return perplexity(math.fsum(sums), sum(r.completion_length for r in rows))

    def finish(self, segments: Sequence[Segment]) -> None:
        """Measure after the last segment and write what the chain has come to."""
        table, count = [self.measured(None)], len(self.domains)
        alone = table[0][:-1]  # a domain without a step leaves the start as it is
        for segment in segments:
            found = self.measured(segment)
            if segment.alone:
                alone[segment.place or 0] = found[0]
            else:
                table.append(found)
        joint = self.config.control == "joint"
        while not joint and len(table) <= count:
            table.append(table[-1])
        p, names = [row[:-1] for row in table], [d.name for d in self.domains]
        if not joint:
            alone[0] = p[1][0]
        found = measures_of(
            p, alone if self.config.alone else None, [table[0][-1], table[-1][-1]]
        )  # fmt: skip
        notes = (f"Domains, in order: {', '.join(names)}.", f"Text of {', '.join(self.versions)}.")
        self.run.finish(
            Results(tuple(found), tuple(curves_of(p, names)), notes),
            self.policy if self.config.save_model else None,
        )


def run(run: Run, config: Config) -> None:
    """Train on the domains in turn; every checkpoint is measured on every domain."""
    chain = Chain(run, config)
    segments = plan(config.steps, len(chain.domains), config.alone, config.control == "joint")
    whole = config.model_copy(update={"steps": segments[-1].last})
    chain.measured(None)
    for step in run.steps(chain.policy, chain.optimiser, whole):
        place = next(i for i, s in enumerate(segments) if step <= s.last)
        segment, before = segments[place], segments[place - 1] if place else None
        if step == segment.first:
            chain.measured(before)  # the model is still what that segment left
            if before is not None and before.alone:
                assign(chain.policy, chain.begun)
            chain.optimiser.adamw.state.clear()
        chain.learn(step, segment)
    chain.finish(segments)
