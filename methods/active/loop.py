"""The loop of active learning: choose texts from a pool, have them labelled, learn again, measure.

A method hands ``run_pool`` its ``Query``, which chooses, and may hand it a ``Label``, which says
what a chosen text is and what that cost; without one an oracle says it, the task's own answer. The
learner is a small classifier that is trained from nothing after each round. Texts that a run starts
with are the same for every method of a seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.active.measures import accuracy, amount, aulc, curve
from methods.active.options import ActiveOptions
from methods.engine import distributed
from methods.engine.batch import Tokens, each_row, pack
from methods.engine.cache import build_once
from methods.engine.classifier import Classifier, count_words, fit
from methods.engine.errors import MethodError
from methods.engine.examples import answered_prompts
from methods.engine.files import write_json
from methods.engine.measure import row_logprobs
from methods.engine.model import LanguageModel
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.tasks.task import Task

MOST_CLASSES = 64
_AT_ONCE = 256  # texts read between two looks at whether the run should stop
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


Query = Callable[[View, int, torch.Generator], list[int]]
"""(what is seen, how many, randomness) -> places of different texts among the unlabelled."""
Label = Callable[[list[int], list[int]], list[Labelled]]
"""(places in the pool, those labelled before) -> what each of the first is said to be."""


def highest(scores: Tensor, count: int, generator: torch.Generator) -> list[int]:
    """Places of the ``count`` highest of ``scores`` (U,), best first; ties in random order."""
    order = torch.randperm(len(scores), generator=generator)
    ranked = torch.sort(scores[order], descending=True, stable=True).indices
    return order[ranked[:count]].tolist()


def at_random(view: View, count: int, generator: torch.Generator) -> list[int]:
    """``count`` unlabelled texts, each as likely as any other: the control of every method."""
    return torch.randperm(len(view.unlabelled), generator=generator)[:count].tolist()


# --- a language model that reads texts ----------------------------------------------------------


class Reader:
    """The language model: what it thinks of a text, what its states are, and the tokens it took.

    What it thinks follows from the weights, the text and the classes alone, so it is kept in the
    cache and counted as spent by every run that asks.
    """

    def __init__(self, run: Run, policy: LanguageModel, classes: Sequence[str]) -> None:
        self._run, self._policy, self.classes = run, policy, tuple(classes)
        # Where one class begins another, only their ends tell them apart.
        self._ended = any(a != b and b.startswith(a) for a in classes for b in classes)

    def log_probabilities(self, texts: Sequence[str], title: str) -> tuple[Tensor, list[int]]:
        """((N, K) float64 nats, N numbers of tokens read): each text's classes as its answers.

        The probability of an answer is that of all its tokens; over the classes they add up to 1.
        Of a text with its answers the tokens of the text are counted once.
        """
        rows = [[self._row(text, answer) for answer in self.classes] for text in texts]
        read = [r[0].prompt_length + sum(x.completion_length for x in r) for r in rows]

        def compute(part: list[int]) -> list[list[float]]:
            flat = row_logprobs(self._policy, [x for i in part for x in rows[i]])
            sums = [float(x.double().sum()) for x in flat]
            width = len(self.classes)
            return [sums[i : i + width] for i in range(0, len(sums), width)]

        found = self._kept(["classes", rows], title, len(texts), compute)
        return torch.log_softmax(torch.tensor(found, dtype=torch.float64), -1), read

    def states(self, texts: Sequence[str], title: str) -> Tensor:
        """(N, D) float64: the mean of the last hidden states over each text's tokens."""
        rows = [Tokens((*self._policy.encode_prompt(t), self._policy.eos_id), 1) for t in texts]

        @torch.no_grad()
        def of_group(group: list[int]) -> list[list[float]]:
            batch = pack(rows, group, self._policy.device, share=False)
            found = self._policy.states(batch.input_ids, batch.position_ids, batch.layout)
            parts = found.double().cpu().split([len(rows[i].ids) - 1 for i in group])
            return [part.mean(0).tolist() for part in parts]

        def compute(part: list[int]) -> list[list[float]]:
            return each_row([rows[i] for i in part], lambda g: of_group([part[i] for i in g]))

        kept = self._kept(["states", rows], title, len(texts), compute)
        return torch.tensor(kept, dtype=torch.float64)

    def _row(self, text: str, answer: str) -> Tokens:
        ids = self._policy.encode_prompt(text)
        end = self._policy.encode_completion(answer)
        return Tokens((*ids, *(end if self._ended else end[:-1])), len(ids))

    def _kept(
        self, recipe: list[Any], title: str, count: int, compute: Callable[[list[int]], Any]
    ) -> list[list[float]]:
        seal = [self._policy.fingerprint(), self._policy.precision, repr(recipe)]
        name = hashlib.sha256(json.dumps(seal).encode()).hexdigest()[:24]

        def build(path: Path) -> None:
            found: list[list[float]] = []
            with self._run.stage(title, count) as bar:
                for start in range(0, count, _AT_ONCE):
                    self._run.check()
                    part = list(range(start, min(count, start + _AT_ONCE)))
                    found += compute(part)
                    bar.advance(len(part))
            write_json(path, found)

        with distributed.alone():
            path = build_once(self._run.cache_dir / "read" / f"{name}.json", build)
        return json.loads(path.read_text())


def standardised(features: Tensor, like: Tensor) -> Tensor:
    """Every column with the mean 0 and the deviation 1 that ``like`` then has; rows of length 1."""
    centred = (features - like.mean(0)) / like.std(0, correction=0).clamp(min=1e-12)
    return centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-300)


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


class Setting:
    """A run's pool and what reads it, made once from its options."""

    def __init__(self, run: Run, config: ActiveOptions) -> None:
        task = None if config.data else run.task(config.task)
        policy = run.policy(config, task)
        task = task or answered_prompts(run, str(config.data), policy, config.skip_bad_rows)
        self.run, self.config = run, config
        self.reader = Reader(run, policy, _classes(task))
        self.pool = self._pool(task)

    def _pool(self, task: Task) -> Pool:
        # The last ones: a start that was trained here has seen labels of the first ones.
        chosen = task.train[-self.config.pool :]
        sides = [[p.prompt for p in part] for part in (chosen, task.held_out)]
        if self.config.features == "words":
            words = count_words(sides[0])
            seen = [words.features(texts) for texts in sides]
        else:
            seen = [self.reader.states(texts, "reading texts") for texts in sides]
            seen = [standardised(part, seen[0]) for part in seen]
        classes = self.reader.classes
        made = [
            Side(tuple(texts), features, torch.tensor([classes.index(str(p.answer)) for p in part]))
            for texts, features, part in zip(sides, seen, (chosen, task.held_out), strict=True)
        ]
        return Pool(made[0], made[1], classes)

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

    def learned(self, chosen: Sequence[int], labels: Sequence[int]) -> Classifier:
        """The learner, trained from nothing on these texts and labels."""
        features = self.pool.open.features[list(chosen)]
        return fit(features, torch.tensor(labels), len(self.pool.classes), self.config.ridge)

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
) -> None:
    """Label ``initial`` texts, then ``batch`` more in each round; a curve, its area, its cost."""
    setting = Setting(run, config)
    needed = config.initial + config.batch * config.rounds
    if needed > len(setting.pool.open.texts):
        raise MethodError(
            f"{config.rounds} rounds of {config.batch} after {config.initial} label {needed} "
            f"texts, and the pool has {len(setting.pool.open.texts)}: fewer rounds, smaller "
            "batches, or a larger pool"
        )
    say = setting.oracle if label is None else label(setting)
    choose = at_random if config.control == "random" else query
    reference = run.once("reference", lambda: _reference(setting))
    done: list[Round] = []
    with run.stage("round", config.rounds) as bar:
        for number in range(config.rounds + 1):
            run.check()
            last = done[-1] if done else None
            kept = run.once(f"round-{number}", lambda: asdict(_next(setting, choose, say, last)))  # noqa: B023
            done.append(Round(**kept))
            bar.advance(int(number > 0))
    run.finish(_results(setting, done, reference))


def _next(setting: Setting, choose: Query, say: Label, last: Round | None) -> Round:
    """One round on: the texts chosen after ``last`` are labelled, and all are learned anew."""
    run, config, pool = setting.run, setting.config, setting.pool.open
    number = 0 if last is None else 1 + (len(last.chosen) - config.initial) // config.batch
    generator = torch.Generator().manual_seed(run.generator("choice", number).initial_seed())
    before = last or Round([], [], 0, 0, 0, [], [])
    if last is None:
        new = torch.randperm(len(pool.texts), generator=generator)[: config.initial].tolist()
    else:
        taken = set(last.chosen)
        places = [i for i in range(len(pool.texts)) if i not in taken]
        view = View(
            setting.learned(last.chosen, last.labels),
            pool.features[places],
            pool.features[last.chosen],
        )
        new = [places[i] for i in choose(view, config.batch, generator)]
    said = say(new, before.chosen)
    classes = setting.pool.classes
    shown = zip(new[:_SHOWN], said[:_SHOWN], strict=True)
    run.samples(number, [(pool.texts[i], classes[s.label], None) for i, s in shown])
    chosen, labels = [*before.chosen, *new], [*before.labels, *(s.label for s in said)]
    return Round(
        chosen,
        labels,
        before.oracle + sum(s.by_oracle for s in said),
        before.read + sum(s.read for s in said),
        before.written + sum(s.written for s in said),
        *setting.told(setting.learned(chosen, labels)),
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
    counts = [float(len(r.chosen)) for r in done]
    points = [accuracy(r.right) for r in done]
    last, truth = done[-1], setting.pool.open.labels
    same = [int(truth[i]) == label for i, label in zip(last.chosen, last.labels, strict=True)]
    before, after = points[0], points[-1]
    share = "fraction"
    measures = (
        Measure("aulc", "Area under the learning curve", share, True, None,
                aulc(counts, [r.right for r in done])),
        Measure("accuracy", f"Held-out accuracy, {counts[0]:.0f} to {counts[-1]:.0f} labels",
                share, True, before, after),
        Measure("loss", "Held-out loss", "nats per text", False,
                Estimate.of_values(done[0].nats), Estimate.of_values(last.nats)),
        Measure("label_accuracy", "Labels learned from that are right", share, True, None,
                accuracy([int(s) for s in same])),
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
    curves = [curve("learning", "Accuracy by labels", "labels", [("accuracy", counts, points)])]
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
