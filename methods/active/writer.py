"""The language model of active learning, as a writer: texts of a class, and the tokens they take.

Asked for a text it is told the class, and shown examples of it where there are some; what it writes
is put in the form that the task's own prompts have. It is sampled from the plain softmax, and kept
in the cache: what is written follows from the weights, what was asked and the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import torch

from methods.active.loop import Setting, Written
from methods.active.options import CLASS
from methods.engine.sample import sample
from methods.engine.tasks.task import Task

STEPS = 400  # of a start that is taught both to answer and to write


@dataclass(frozen=True)
class Frame:
    """What stands before and behind the text in every prompt of a task."""

    head: str
    tail: str

    def around(self, text: str) -> str:
        """The prompt of ``text``."""
        return f"{self.head}{text}{self.tail}"

    def within(self, prompt: str) -> str:
        """The text of ``prompt``, which has this frame."""
        return prompt[len(self.head) : len(prompt) - len(self.tail)]


def frame_of(prompts: Sequence[str]) -> Frame:
    """The longest beginning and the longest end that all ``prompts`` share.

    >>> frame_of(["Text: good\\nMood:", "Text: bad\\nMood:"])
    Frame(head='Text: ', tail='\\nMood:')
    """
    head = _beginning(prompts)
    behind = [prompt[len(head) :][::-1] for prompt in prompts]
    return Frame(head, _beginning(behind)[::-1])


def _beginning(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)  # in their order all others lie between the two
    same = (a == b for a, b in zip(first, last, strict=False))
    return first[: sum(takewhile(bool, same))]


def request(ask: str, answer: str, shown: Sequence[str] = (), stop: str = "") -> str:
    """What the model is asked for a text of the class ``answer``, after the texts ``shown``."""
    asked = ask.replace(CLASS, answer.strip())
    return "".join(f"{asked}{text}{stop}\n" for text in shown) + asked


def cut(written: str, stop: str) -> str:
    """The text in what was written: before the first ``stop``, blanks around it aside."""
    return (written.split(stop, 1)[0] if stop else written).strip()


def taught_to_write(task: Task, ask: str) -> Task:
    """``task`` whose start is trained to write as well: from a class to the text, as it is asked.

    It is what the built-in ``tiny`` is trained on, which otherwise has never seen a prompt's own
    tokens as something to write. Half of its steps are for that.
    """
    frame, usual = frame_of([p.prompt for p in task.train]), task.pairs

    def pairs(chosen: Any) -> list[tuple[str, str]]:
        texts = [(request(ask, str(p.answer)), frame.within(p.prompt)) for p in chosen]
        return [*usual(chosen), *texts]

    return replace(
        task,
        name=f"{task.name},ask={ask}",
        alphabet=task.alphabet + request(ask, ""),
        pairs=pairs,
        start={**(task.start or {}), "steps": STEPS},
    )


class Writer:
    """Asks the model of a run for texts, and puts what it writes in the task's form."""

    def __init__(
        self, setting: Setting, *, ask: str, stop: str, temperature: float, max_new_tokens: int
    ) -> None:
        self._setting, self._ask, self._stop = setting, ask, stop
        self._temperature, self._longest = temperature, max_new_tokens
        self.frame = frame_of(setting.pool.open.texts)
        # A text that is measured on is not learned from, whoever wrote it.
        self._measured = set(setting.pool.held_out.texts)

    def write(self, number: int, labels: Sequence[int], shown: Sequence[Sequence[str]]) -> Written:
        """A text for each of ``labels``, after the texts ``shown`` to it; ``number``: the round.

        Dropped, and paid for all the same: empty texts, and texts that are measured on. A request
        is read once however many texts are written to it in the round.
        """
        setting, policy = self._setting, self._setting.policy
        classes = setting.pool.classes
        asked = [
            request(self._ask, classes[label], texts, self._stop)
            for label, texts in zip(labels, shown, strict=True)
        ]
        generator = setting.run.generator("written", number)
        recipe = ["written", asked, self._stop, self._temperature, self._longest]

        def compute(part: list[int]) -> list[Any]:
            drawn = sample(
                policy, [asked[i] for i in part], max_new_tokens=self._longest,
                temperature=self._temperature, stop=self._stop, generator=generator,
            )  # fmt: skip
            return [[s.text, s.tokens.completion_length] for s in drawn]

        found = setting.reader.kept(
            [*recipe, generator.initial_seed()], "writing texts", len(asked), compute
        )
        texts = [cut(text, self._stop) for text, _ in found]
        prompts = [self.frame.around(text) if text else "" for text in texts]
        used = [i for i, p in enumerate(prompts) if p and p not in self._measured]
        return Written(
            [prompts[i] for i in used],
            [labels[i] for i in used],
            len(asked),
            sum(len(policy.encode_prompt(text)) for text in set(asked)),
            sum(tokens for _, tokens in found),
        )


def classes_of(count: int, classes: int, generator: torch.Generator) -> list[int]:
    """The class that each of ``count`` texts is asked for, all of them as likely."""
    return torch.randint(classes, (count,), generator=generator).tolist()


def dealt(labels: Sequence[int], generator: torch.Generator) -> list[int]:
    """``labels`` in a random order: the control that must teach nothing."""
    return [labels[i] for i in torch.randperm(len(labels), generator=generator).tolist()]
