"""The loop of methods that give a language model a small model's hint: learn, ask, compare.

A method hands ``run_hints`` the way it writes a prompt. The loop trains the small model on labels
of one domain, has it say what each held-out text of every domain is, and reads off a language
model's softmax which label it gives: by itself without shots, by itself with shots, and with the
hint. Nothing of the language model is trained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from methods.active.llm_annotator import calibrated
from methods.active.reader import Reader
from methods.engine.classifier import Classifier, Words, count_words, fit
from methods.engine.errors import MethodError
from methods.engine.run import Run
from methods.engine.sample import sample
from methods.engine.tasks.task import Problem, Task
from methods.incontext import overrides
from methods.incontext.lessons import lessons_task
from methods.incontext.options import HintOptions
from methods.incontext.overrides import Answers
from methods.incontext.prompts import WORDINGS, Hint, Shot, demonstrations

MOST_CLASSES = 64
_SHOWN = 3  # texts of a domain that are kept for a reader
_REASON = 40  # tokens of a reason

Written = Callable[[Sequence[Shot], str, Hint], str]
"""(shots, the text as it is asked, the small model's hint) -> prompt."""


@dataclass(frozen=True)
class Small:
    """A discriminative model of texts: a logistic model on TF-IDF words."""

    words: Words
    learner: Classifier
    classes: tuple[str, ...]

    @classmethod
    def of(cls, problems: Sequence[Problem], classes: Sequence[str], ridge: float) -> Small:
        """Trained on the labels of ``problems``."""
        texts = [p.prompt for p in problems]
        words = count_words(texts)
        labels = torch.tensor([classes.index(str(p.answer)) for p in problems])
        return cls(words, fit(words.features(texts), labels, len(classes), ridge), tuple(classes))

    def hints(self, prompts: Sequence[str]) -> list[Hint]:
        """The likeliest class of each text and its probability; of equal ones the first."""
        p, places = self.learner.probabilities(self.words.features(prompts)).max(-1)
        return [
            Hint(self.classes[place], confidence)
            for place, confidence in zip(places.tolist(), p.tolist(), strict=True)
        ]


def flipped(hint: Hint, classes: Sequence[str]) -> Hint:
    """The hint with the next class in its label's place, the first behind the last."""
    return Hint(classes[(classes.index(hint.label) + 1) % len(classes)], hint.confidence)


class Setting:
    """A run's texts, its small model and what reads them, made once from its options."""

    def __init__(self, run: Run, config: HintOptions) -> None:
        self.run, self.config = run, config
        home = run.task(config.task)
        others = [run.task(name.strip()) for name in config.other_tasks.split(";")]
        self.domains = [home, *others]
        digest = hashlib.sha256("".join(task.fingerprint for task in self.domains).encode())
        held_out = sum(len(task.held_out) for task in self.domains)
        names = ";".join(task.name for task in self.domains)
        run.data(names, digest.hexdigest(), len(home.train), held_out)
        self.classes = classes_of(self.domains)
        # Tiny has had lessons in hints on word signs alone; of another task it knows the task.
        signs = config.model == "tiny" and home.name.startswith("word-signs")
        self.policy = run.policy(config, lessons_task() if signs else home)
        self.reader = Reader(run, self.policy, self.classes)
        self.small, self.shots = self._learned(home)

    def _learned(self, home: Task) -> tuple[Small, list[list[Shot]]]:
        """The small model, and shots of the home domain, ``resamples`` times."""
        config = self.config
        generator = torch.Generator().manual_seed(self.run.generator("texts").initial_seed())
        order = torch.randperm(len(home.train), generator=generator).tolist()
        learned, unseen = order[: config.labelled], order[config.labelled :]
        small = Small.of([home.train[i] for i in learned], self.classes, config.ridge)
        among = learned if config.shots_from == "training" else unseen
        if config.shots > len(among):
            raise MethodError(
                f"{config.shots} shots are to be drawn among {len(among)} {config.shots_from} "
                f"texts of {home.name}, which has {len(home.train)} and gives the small model "
                f"{len(learned)}: fewer shots, or fewer labelled texts for unseen ones"
            )
        drawn = []
        for _ in range(config.resamples):
            picked = torch.randperm(len(among), generator=generator)[: config.shots].tolist()
            problems = [home.train[among[i]] for i in picked]
            hints = small.hints([p.prompt for p in problems])
            drawn.append(
                [Shot(p.prompt, str(p.answer), h) for p, h in zip(problems, hints, strict=True)]
            )
        return small, drawn

    def hints(self, task: Task) -> list[Hint]:
        """What the prompts say of the held-out texts of ``task``: flipped where that is asked."""
        said = self.small.hints([p.prompt for p in task.held_out])
        if self.config.control == "flipped":
            said = [flipped(hint, self.classes) for hint in said]
        return said

    def told(self, task: Task, prompts: Sequence[str], title: str) -> Told:
        """What the language model says of held-out texts, written as ``prompts``."""
        logp, read = self.reader.log_probabilities(tuple(prompts), title)
        if not torch.isfinite(logp).all():
            raise MethodError(
                f"model {self.policy.name!r} gives the labels no finite log-probability"
            )
        if self.config.calibration == "mean":
            logp = calibrated(logp, logp)
        labels = torch.tensor([self.classes.index(str(p.answer)) for p in task.held_out])
        nats = -logp.gather(1, labels[:, None])[:, 0]
        return Told(logp.argmax(-1).tolist(), nats.tolist(), sum(read) / len(read))


@dataclass(frozen=True)
class Told:
    """A class for each text, -log p of its true one in nats, and tokens read a text."""

    classes: list[int]
    nats: list[float]
    read: float


def classes_of(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Every answer of the first task once, in order. Raises MethodError where others have more."""
    known = sorted({str(p.answer) for p in (*tasks[0].train, *tasks[0].held_out)})
    for task in tasks:
        problems = (*task.train, *task.held_out)
        if any(p.answer is None for p in problems) or not 2 <= len(known) <= MOST_CLASSES:
            raise MethodError(
                f"task {task.name}: hints need 2 to {MOST_CLASSES} classes, each the answer of "
                f"some problems, not {len(known)}. Use rated-sentences or word-signs"
            )
        if new := {str(p.answer) for p in task.held_out} - set(known):
            raise MethodError(
                f"task {task.name} has answers that {tasks[0].name} has not, so the small model "
                f"cannot know them: {', '.join(sorted(new)[:4])}"
            )
    return tuple(known)


@dataclass(frozen=True)
class Reason:
    """What is asked behind an answer, for a reader alone; of all answers, or of overriding ones."""

    asked: str
    overridden: bool


def run_hints(
    run: Run,
    config: HintOptions,
    written: Written,
    *,
    with_shots: bool,
    reason: Reason | None = None,
) -> None:
    """Ask about every held-out text of every domain; accuracy, overrides, gains, cost."""
    setting = Setting(run, config)
    found = [
        Answers(**run.once(f"answers-{place}", lambda: _asked(setting, task, written, with_shots)))  # noqa: B023
        for place, task in enumerate(setting.domains)
    ]
    shots = setting.shots[0] if with_shots else []
    prompts = [
        [written(shots, p.prompt, h) for p, h in zip(t.held_out, setting.hints(t), strict=True)]
        for t in setting.domains
    ]
    reasons: list[list[str]] = []
    if reason is not None:
        reasons = run.once("reasons", lambda: _reasons(setting, found[0], prompts[0], reason))
    for task, asked, answers in zip(setting.domains, prompts, found, strict=True):
        said = [setting.classes[place] for place in answers.method[0]]
        shown = zip(asked[:_SHOWN], said, answers.right(answers.method)[0], strict=False)
        run.samples(task.name, [(prompt, text, float(right)) for prompt, text, right in shown])
    run.samples("reasons", [(prompt, text, None) for prompt, text in reasons])
    run.finish(overrides.results(names_of(setting.domains), found, with_shots=with_shots))


def _asked(setting: Setting, task: Task, written: Written, with_shots: bool) -> dict[str, Any]:
    """What both models say of the held-out texts of one domain: fields of ``Answers``."""
    classes, hints = setting.classes, setting.hints(task)
    prompts = [p.prompt for p in task.held_out]
    small = setting.small.hints(prompts)
    wording = WORDINGS[setting.config.wording]
    name = _short(task.name)
    zero = setting.told(task, prompts, f"{name}: alone")
    few, method = [], []
    for shots in setting.shots:
        before = demonstrations(wording, shots, hinted=False, confidence=False)
        few.append(setting.told(task, [before + p for p in prompts], f"{name}: with shots"))
    for shots in setting.shots if with_shots else [[]]:
        asked = [written(shots, p, h) for p, h in zip(prompts, hints, strict=True)]
        method.append(setting.told(task, asked, f"{name}: with hints"))
    every = ([zero], few, method)
    return {
        "label": [classes.index(str(p.answer)) for p in task.held_out],
        "small": [classes.index(h.label) for h in small],
        "confidence": [h.confidence for h in small],
        "hint": [classes.index(h.label) for h in hints],
        "zero": zero.classes,
        "few": [told.classes for told in few],
        "method": [told.classes for told in method],
        "nats": [overrides.each([told.nats for told in part]) for part in every],
        "read": [sum(told.read for told in part) / len(part) for part in every],
    }


def _reasons(
    setting: Setting, found: Answers, asked: Sequence[str], reason: Reason
) -> list[list[str]]:
    """(prompt, what the language model says behind it) for the first texts that are due one."""
    due = [
        prompt + setting.classes[said] + reason.asked
        for prompt, said, hint in zip(asked, found.method[0], found.hint, strict=True)
        if said != hint or not reason.overridden
    ][:_SHOWN]
    drawn = sample(setting.policy, due, max_new_tokens=_REASON, temperature=0.0) if due else []
    return [[prompt, s.text] for prompt, s in zip(due, drawn, strict=True)]


def names_of(tasks: Sequence[Task]) -> list[str]:
    """A short name for each task, no two alike: its domain, or what it is called."""
    short = [_short(task.name) for task in tasks]
    return [
        name if short.count(name) == 1 else f"{name}-{place}" for place, name in enumerate(short)
    ]


def _short(name: str) -> str:
    """The domain in a task's canonical name, or the name without its options."""
    options = dict(part.split("=") for part in name.partition(":")[2].split(",") if "=" in part)
    return options.get("domain", name.partition(":")[0])
