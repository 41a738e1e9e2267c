"""Replay: some rows of every step come from the tasks learned before.

Paper: arXiv 2403.08763 (Ibrahim et al., *Simple and Scalable Strategies to Continually Pre-train
Large Language Models*): warm the learning rate up again and decay it again on each new data set,
and replay some of the earlier data. It prints no equation; of a step of task k whose rows are B,
those replayed among them drawn evenly from memories M_1, ..., M_{k-1},

    L = - sum over (x, y) in B of log pi(y | x)  /  sum over B of |y|

Without replay it is sequential fine-tuning; with every task's rows in equal parts from the first
step on, joint training. In the survey arXiv 2402.01364 replay is the first family of remedies.

Departures from the paper
1. Answers to tasks are learned, where the paper goes on with pre-training on text; the schedule is
   a cosine to zero, the paper's to a tenth of the peak.
2. Each earlier task leaves ``memory`` rows, drawn at random, as is usual in continual learning; the
   paper can draw from all of the earlier data.
3. A quarter of a step is replayed; the paper compares shares, small ones among them. As there, the
   step does not grow: a replayed row takes the place of a new one.

Checked against: the rows of each step worked out by hand, sequential fine-tuning where nothing is
there to replay, and the shared checks of every method (one gradient for any micro-batch size).
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import model_validator

from methods.continual.loop import Stream
from methods.continual.options import SMOLLM2, TINY, StreamOptions
from methods.engine.options import option
from methods.engine.run import Run


class Config(StreamOptions):
    """Options of replay."""

    method_only: ClassVar[tuple[str, ...]] = ("share", "memory")

    share: float = option(
        0.25, "share of a step's rows that are of earlier tasks", source="ours", gt=0, lt=1
    )
    memory: int = option(
        100, "rows kept of each task that has ended", source="ours", unit="rows", ge=1
    )

    @model_validator(mode="after")
    def _both_have_rows(self) -> Self:
        if not 0 < round(self.share * self.batch_size) < self.batch_size:
            raise ValueError(
                f"share={self.share:g} of {self.batch_size} rows leaves new or old tasks without "
                "a row; take a larger batch_size or another share"
            )
        return self


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def run(run: Run, config: Config) -> None:
    """Train on the tasks in turn with some rows of the earlier ones; every task after each."""
    stream = Stream(run, config)
    replayed = round(config.share * config.batch_size)
    for step, task in stream.steps():
        if not (task and stream.helps):
            stream.learn(step, stream.rows(step))
            continue
        again = stream.remembered(step, replayed, config.memory)
        stream.learn(step, [*stream.rows(step, config.batch_size - replayed), *again])
    stream.finish()
