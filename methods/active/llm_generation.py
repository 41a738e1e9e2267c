"""A language model writes examples: for a given class it writes texts, and these are learned.

Paper: arXiv 2202.07922 (Ye et al., *ZeroGen: Efficient Zero-shot Learning via Dataset Generation*),
Section 2: a class is drawn, the language model writes a text to a prompt T that names it, and a
small model is trained on what was written, each text with the class it was asked for:

    y ~ U(classes),    x ~ P(. | T(y)),    min_w  sum_i -log p_w(y_i | x_i)

No text and no label of the task is needed. Surveys of active learning (arXiv 2502.11767) call it
querying by generation and put it beside choice from a pool: so here each round may have both, the
``batch`` texts of smallest margin labelled by the oracle, and ``written`` ones that cost tokens.
``initial`` and ``batch`` of 0 leave the paper's own setting, in which the oracle is never asked.

Departures from the paper
1. The learner is a logistic model, and a few hundred texts are written; the paper trains an LSTM
   or DistilBERT on up to hundreds of thousands.
2. Texts are drawn from the plain softmax; the authors' code samples the nucleus of mass 0.9.
3. What the model is asked is our own wording. Where the task's prompts have a beginning or an end
   in common, what is written is put between them.
4. Empty texts, and texts that stand among the held-out ones, are dropped and paid for; the paper
   has filters of its own.
5. ``shots`` shows the model texts of the class that have a label; the paper shows none.

Checked against: requests, frames and tokens by hand; the run of margin sampling where nothing that
was written can be used; a writer that is always right; labels dealt out anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import field_validator, model_validator

from methods.active.loop import Round, Setting, Write, Written, run_pool
from methods.active.margin import smallest_margin
from methods.active.options import CLASS, SMOLLM2, SUMS, ActiveOptions
from methods.active.writer import Writer, classes_of, dealt, taught_to_write
from methods.engine.options import option
from methods.engine.run import Run


class Config(ActiveOptions):
    """Options of generation by a language model."""

    initial: int = option(
        20, "texts of the pool labelled before the first round, drawn at random", source="ours",
        unit="texts", ge=0,
    )  # fmt: skip
    batch: int = option(
        10, "texts of the pool chosen and labelled in a round", source="ours", unit="texts", ge=0
    )
    written: int = option(
        40, "texts the language model writes in a round", source="ours", unit="texts", ge=1
    )
    ask: str = option(
        'A {class} text: "',
        "what it is asked; {class} stands for the answer of the class",
        source="ours",
    )
    stop: str = option(
        '"', "character that ends a text besides the end token; none where it is empty",
        source="ours", max_length=1,
    )  # fmt: skip
    temperature: float = option(1.0, "of writing", source="ours", gt=0, le=5)
    max_new_tokens: int = option(40, "longest text written", source="ours", unit="tokens", ge=1)
    shots: int = option(
        0, "labelled texts of the class that it is shown, drawn anew each time",
        source="paper (none)", unit="texts", ge=0, le=16,
    )  # fmt: skip

    @field_validator("ask")
    @classmethod
    def _names_the_class(cls, value: str) -> str:
        if CLASS not in value:
            raise ValueError(f"'{value}' asks for no class: {CLASS} must stand in it")
        return value

    @model_validator(mode="after")
    def _has_an_effect(self) -> Config:
        if self.control == "random" and not self.batch:
            raise ValueError("control=random chooses from the pool at random, and batch is 0")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {**SUMS, "ask": "{class}=", "stop": "", "max_new_tokens": 8},
    "smollm2-135m": {
        **SMOLLM2,
        "batch": 10,
        "ask": 'A {class} tweet: "',
        "temperature": 0.7,  # at 1 a model this small rambles
    },
}


def examples(known: Sequence[int], wanted: int, count: int, order: Sequence[int]) -> list[int]:
    """The first ``count`` of ``order`` whose class, by ``known``, is ``wanted``."""
    return [i for i in order if known[i] == wanted][:count]


def run(run: Run, config: Config) -> None:
    """Learn written texts beside labelled ones of the pool; the learning curve and its cost."""

    def author(setting: Setting) -> Write:
        writer = Writer(
            setting, ask=config.ask, stop=config.stop, temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
        )  # fmt: skip

        def write(number: int, last: Round) -> Written:
            seed = run.generator("asked", number).initial_seed()
            generator = torch.Generator().manual_seed(seed)
            labels = classes_of(config.written, len(setting.pool.classes), generator)
            order = torch.randperm(len(last.chosen), generator=generator).tolist()
            fitting = [examples(last.labels, label, config.shots, order) for label in labels]
            texts = [setting.pool.open.texts[place] for place in last.chosen]
            shown = [[writer.frame.within(texts[i]) for i in places] for places in fitting]
            made = writer.write(number, labels, shown)
            if config.control == "shuffled":
                made = Written(**{**vars(made), "labels": dealt(made.labels, generator)})
            return made

        return write

    run_pool(
        run, config, smallest_margin, write=author,
        start=lambda task: taught_to_write(task, config.ask),
    )  # fmt: skip
