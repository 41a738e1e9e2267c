"""The loop of active learning: choose texts from a pool, have them labelled, learn again, measure.

A method hands ``run_pool`` its ``Query``, which chooses, and may hand it a ``Label``, which says
what a chosen text is and what that cost; without one an oracle says it, the task's own answer. The
learner is a small classifier that is trained from nothing after each round. Texts that a run starts
with are the same for every method of a seed. A method may also hand it a ``Write``: texts that a
language model wrote for a class, which are learned beside those of the pool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from methods.active.measures import accuracy, amount, aulc, curve
from methods.active.options import ActiveOptions
from methods.active.reader import Reader, standardised
from methods.engine.classifier import Classifier, count_words, fit
from methods.engine.errors import MethodError
from methods.engine.examples import answered_prompts
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.tasks.task import Task

MOST_CLASSES = 64
_SHOWN = 3  # texts of a round that are kept for a reader


# --- the pool -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """Texts with what the learner sees of them and the class each really is."""

    texts: tuple[str, ...]
    features: Tensor  # (N, D) float64
    labels: Tensor  # (N,) int64


@dataclass(frozen=True)
class Pool:
    """Texts that may be labelled, texts to measure on, and the classes they are of."""

    open: Side
    held_out: Side
    classes: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """What a method sees when it chooses: the learner, and what is known of each text."""

    learner: Classifier
    unlabelled: Tensor  # (U, D) float64, features
    labelled: Tensor  # (L, D)

    @property
    def probabilities(self) -> Tensor:
        """(U, K): what the learner thinks of each text without a label."""
        return self.learner.probabilities(self.unlabelled)


@dataclass(frozen=True)
class Labelled:
    """What a text was said to be, by whom, and the tokens a language model spent on that."""

    label: int
    by_oracle: bool = True
    read: int = 0
    written: int = 0


@dataclass(frozen=True)
class Written:
    """Texts that a language model wrote, the class each was asked for, and what that cost."""

    texts: list[str]  # those fit to be learned from
    labels: list[int]
    asked: int  # texts that were paid for
    read: int
    written: int


Query = Callable[[View, int, torch.Generator], list[int]]
"""(what is seen, how many, randomness) -> places of different texts among the unlabelled."""
Label = Callable[[list[int], list[int]], list[Labelled]]
"""(places in the pool, those labelled before) -> what each of the first is said to be."""
Write = Callable[[int, "Round"], Written]
"""(number of the round, the one before) -> what is written in it."""


def highest(scores: Tensor, count: int, generator: torch.Generator) -> list[int]:
    """Places of the ``count`` highest of ``scores`` (U,), best first; ties in random order."""
    order = torch.randperm(len(scores), generator=generator)
    ranked = torch.sort(scores[order], descending=True, stable=True).indices
    return order[ranked[:count]].tolist()


def at_random(view: View, count: int, generator: torch.Generator) -> list[int]:
    """``count`` unlabelled texts, each as likely as any other: the control of every method."""
    return torch.randperm(len(view.unlabelled), generator=generator)[:count].tolist()


# --- the run ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """Where the learner stands after a round: which texts have which labels, and who is told."""

    chosen: list[int]  # places in the pool, in the order of choice
    labels: list[int]
    oracle: int  # labels asked of the oracle
    read: int  # tokens that a language model read for labels
    written: int
    right: list[int]  # for each held-out text 1 or 0
    nats: list[float]  # for each held-out text -log p of its class
    texts: list[list[str]] = field(default_factory=list)  # written, those of each round
    classes: list[int] = field(default_factory=list)  # the class each was asked for
    asked: int = 0  # texts that it was asked for, whether they could be used or not

    @property
    def size(self) -> int:
        """Examples that were paid for, labelled or written."""
        return len(self.chosen) + self.asked


class Setting:
    """A run's pool and what reads it, made once from its options."""

    def __init__(
        self, run: Run, config: ActiveOptions, start: Callable[[Task], Task] | None = None
    ) -> None:
        task = None if config.data else run.task(config.task)
        policy = run.policy(config, start(task) if start and task else task)
        task = task or answered_prompts(run, str(config.data), policy, config.skip_bad_rows)
        self.run, self.config = run, config
        self.policy, self.reader = policy, Reader(run, policy, _classes(task))
        self.pool = self._pool(task)

    def _pool(self, task: Task) -> Pool:
        # The last ones: a start that was trained here has seen labels of the first ones.
        chosen = task.train[-self.config.pool :]
        sides = [[p.prompt for p in part] for part in (chosen, task.held_out)]
        self.features = self._features(sides[0])
        classes = self.reader.classes
        made = [
            Side(
                tuple(texts),
                self.features(texts),
                torch.tensor([classes.index(str(p.answer)) for p in part]),
            )
            for texts, part in zip(sides, (chosen, task.held_out), strict=True)
        ]
        return Pool(made[0], made[1], classes)

    def _features(self, texts: list[str]) -> Callable[[Sequence[str]], Tensor]:
        """What the learner sees of any texts, (N, D) float64; of the pool's it learns to look."""
        if self.config.features == "words":
            return count_words(texts).features

        def states(texts: Sequence[str]) -> Tensor:
            return self.reader.states(texts, "reading texts")

        pool = states(texts)
        return lambda texts: standardised(states(texts), pool)

    def asked(self, places: Sequence[int]) -> list[int]:
        """The places that whoever labels is shown: these, or others where labels are shuffled."""
        if self.config.control != "shuffled":
            return list(places)
        generator = torch.Generator().manual_seed(self.run.generator("shuffled").initial_seed())
        order = torch.randperm(len(self.pool.open.texts), generator=generator).tolist()
        return [order[place] for place in places]

    def oracle(self, places: list[int], before: Sequence[int] = ()) -> list[Labelled]:
        """The oracle's labels of these texts, which cost a label each."""
        labels = self.pool.open.labels
        return [Labelled(int(labels[place])) for place in self.asked(places)]

    def learned(
        self,
        chosen: Sequence[int],
        labels: Sequence[int],
        texts: Sequence[Sequence[str]] = (),
        classes: Sequence[int] = (),
    ) -> Classifier:
        """The learner, trained from nothing on these of the pool, and on written ``texts``.

        Those of a round are looked at together, so that a resumed run sees the same to the bit.
        """
        seen = [self.pool.open.features[list(chosen)], *(self.features(t) for t in texts if t)]
        features = torch.cat(seen)
        every = torch.tensor([*labels, *classes], dtype=torch.int64)
        return fit(features, every, len(self.pool.classes), self.config.ridge)

    def told(self, learner: Classifier) -> tuple[list[int], list[float]]:
        """Of each held-out text, 1 where the learner tells its class and 0 where not; its nats."""
        return told(learner.log_probabilities(self.pool.held_out.features), self.pool.held_out)


def told(logp: Tensor, side: Side) -> tuple[list[int], list[float]]:
    """Of each text, by (N, K) log-probabilities: 1 if the likeliest class is its own; its nats."""
    right = (logp.argmax(-1) == side.labels).long()
    return right.tolist(), (-logp.gather(1, side.labels[:, None])[:, 0]).tolist()


def run_pool(
    run: Run,
    config: ActiveOptions,
    query: Query,
    label: Callable[[Setting], Label] | None = None,
    write: Callable[[Setting], Write] | None = None,
    start: Callable[[Task], Task] | None = None,
) -> None:
    """Label ``initial`` texts, then ``batch`` more in each round; a curve, its area, its cost.

    ``start`` gives the task that the built-in ``tiny`` is trained on, where it needs another.
    """
    setting = Setting(run, config, start)
    needed = config.initial + config.batch * config.rounds
    if needed > len(setting.pool.open.texts):
        raise MethodError(
            f"{config.rounds} rounds of {config.batch} after {config.initial} label {needed} "
            f"texts, and the pool has {len(setting.pool.open.texts)}: fewer rounds, smaller "
            "batches, or a larger pool"
        )
    say = setting.oracle if label is None else label(setting)
    author = None if write is None else write(setting)
    choose = at_random if config.control == "random" else query
    reference = run.once("reference", lambda: _reference(setting))
    done: list[Round] = []
    with run.stage("round", config.rounds) as bar:
        for number in range(config.rounds + 1):
            run.check()
            last = done[-1] if done else None
            kept = run.once(
                f"round-{number}",
                lambda: asdict(_next(setting, number, last, choose, say, author)),  # noqa: B023
            )
            done.append(Round(**kept))
            bar.advance(int(number > 0))
    run.finish(_results(setting, done, reference))


def _next(
    setting: Setting, number: int, last: Round | None, choose: Query, say: Label,
    write: Write | None,
) -> Round:  # fmt: skip
    """One round on: the texts chosen after ``last`` are labelled, and all are learned anew."""
    run, config, pool = setting.run, setting.config, setting.pool.open
    generator = torch.Generator().manual_seed(run.generator("choice", number).initial_seed())
    before = last or Round([], [], 0, 0, 0, [], [])
    made = Written([], [], 0, 0, 0)
    if last is None:
        new = torch.randperm(len(pool.texts), generator=generator)[: config.initial].tolist()
    else:
        taken = set(last.chosen)
        places = [i for i in range(len(pool.texts)) if i not in taken]
        learner = setting.learned(last.chosen, last.labels, last.texts, last.classes)
        view = View(learner, pool.features[places], pool.features[last.chosen])
        new = [places[i] for i in choose(view, config.batch, generator)]
        made = write(number, last) if write else made
    said = say(new, before.chosen) if new else []
    classes = setting.pool.classes
    shown = [(pool.texts[i], s.label) for i, s in zip(new, said, strict=True)][:_SHOWN]
    shown += list(zip(made.texts, made.labels, strict=True))[:_SHOWN]
    run.samples(number, [(text, classes[label], None) for text, label in shown])
    known = (
        [*before.chosen, *new], [*before.labels, *(s.label for s in said)],
        [*before.texts, made.texts], [*before.classes, *made.labels],
    )  # fmt: skip
    right, nats = setting.told(setting.learned(*known))
    return Round(
        known[0],
        known[1],
        before.oracle + sum(s.by_oracle for s in said),
        before.read + made.read + sum(s.read for s in said),
        before.written + made.written + sum(s.written for s in said),
        right,
        nats,
        known[2],
        known[3],
        before.asked + made.asked,
    )


def _classes(task: Task) -> tuple[str, ...]:
    """Every answer of the task once, in order."""
    problems = (*task.train, *task.held_out)
    classes = sorted({str(p.answer) for p in problems})
    if any(p.answer is None for p in problems) or not 2 <= len(classes) <= MOST_CLASSES:
        raise MethodError(
            f"task {task.name} has {len(classes)} different answers; active learning needs 2 to "
            f"{MOST_CLASSES} classes, each the answer of some problems. Use rated-sentences, or "
            "--data with a few different answers"
        )
    return tuple(classes)


def _reference(setting: Setting) -> dict[str, Any]:
    """What the language model tells of the held-out texts with no label, and all labels allow."""
    held, opened = setting.pool.held_out, setting.pool.open
    logp, _ = setting.reader.log_probabilities(held.texts, "asking the language model")
    right, nats = told(logp, held)
    whole = setting.learned(range(len(opened.texts)), opened.labels.tolist())
    return {
        "model": accuracy(right).to_json(),
        "nats": Estimate.of_values(nats).to_json(),
        "all": accuracy(setting.told(whole)[0]).to_json(),
    }


def _results(setting: Setting, done: list[Round], reference: dict[str, Any]) -> Results:
    counts = [float(r.size) for r in done]
    points = [accuracy(r.right) for r in done]
    last, truth = done[-1], setting.pool.open.labels
    before, after = points[0], points[-1]
    share, of = "fraction", "texts, labelled or written" if last.asked else "labels"
    measures = (
        Measure("aulc", "Area under the learning curve", share, True, None,
                aulc(counts, [r.right for r in done])),
        Measure("accuracy", f"Held-out accuracy, {counts[0]:.0f} to {counts[-1]:.0f} {of}",
                share, True, before, after),
        Measure("loss", "Held-out loss", "nats per text", False,
                Estimate.of_values(done[0].nats), Estimate.of_values(last.nats)),
        *_of_labels(setting, last),
        amount("oracle_labels", "Labels asked of the oracle", "labels", float(last.oracle)),
        amount("tokens_read", "Tokens a language model read for labels", "tokens",
               float(last.read)),
        amount("tokens_written", "Tokens a language model wrote", "tokens", float(last.written)),
        Measure("all_labels_accuracy", f"The same learner with all {len(truth)} labels", share,
                True, None, Estimate.from_json(reference["all"])),
        Measure("model_accuracy", "The language model with no label", share, True, None,
                Estimate.from_json(reference["model"])),
        Measure("model_loss", "Its loss", "nats per text", False, None,
                Estimate.from_json(reference["nats"])),
    )  # fmt: skip
    curves = [curve("learning", f"Accuracy by {of}", of, [("accuracy", counts, points)])]
    if last.read or last.written:
        spent = [float(r.read + r.written) for r in done]
        by_oracle = [float(r.oracle) for r in done]
        curves += [
            curve("by-tokens", "Accuracy by tokens", "tokens of the language model",
                  [("accuracy", spent, points)]),
            curve("by-oracle", "Accuracy by oracle labels", "labels asked of the oracle",
                  [("accuracy", by_oracle, points)]),
        ]  # fmt: skip
    return Results(measures, tuple(curves))


def _of_labels(setting: Setting, last: Round) -> tuple[Measure, ...]:
    """How good the labels are that were learned from: of the pool's texts, and of written ones.

    What a written text really is nobody said; the learner of all the pool's labels says it here.
    """
    found, share, opened = [], "fraction", setting.pool.open
    if last.chosen:
        same = (opened.labels[last.chosen] == torch.tensor(last.labels)).long()
        found.append(Measure("label_accuracy", "Labels learned from that are right", share, True,
                             None, accuracy(same.tolist())))  # fmt: skip
    if any(last.texts):
        whole = setting.learned(range(len(opened.texts)), opened.labels.tolist())
        seen = torch.cat([setting.features(texts) for texts in last.texts if texts])
        told = whole.predicted(seen) == torch.tensor(last.classes)
        texts = [text for made in last.texts for text in made]
        found += [
            Measure("written_agree", "Written texts of the class that all labels would say", share,
                    True, None, accuracy(told.long().tolist())),
            amount("written_texts", "Texts written and learned from", "texts",
                   float(len(texts))),
            amount("written_twice", "Of these, the same as an earlier one", "texts",
                   float(len(texts) - len(set(texts)))),
        ]  # fmt: skip
    return tuple(found)
