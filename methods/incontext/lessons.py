"""What the built-in ``tiny`` has read before it is given a hint: rows of texts, hints and answers.

No small start knows a word or trusts anyone, so ``tiny`` learns both here, from rows of word signs
(``engine.tasks.word_signs``). It learns what common and foreign words are, and never what those of
home are: their signs are drawn anew in each text. It learns what a hint is worth from hints that
are right as often as they say, in three rows of four; in the fourth they are right as often as a
coin, whatever they say. So from one hint alone it has to take the mean of both, and the texts
before it tell which row it is in. Hints and words err independently of one another.
"""

from __future__ import annotations

import random
from dataclasses import asdict

from methods.engine.tasks.task import Problem, Task
from methods.engine.tasks.word_signs import ALPHABET, ASKED, BAD, COMMON, FOREIGN, GOOD, OWN, sign
from methods.engine.tiny import Recipe
from methods.incontext.prompts import WORDINGS, Hint, item

LESSONS = 11_200
ITEMS = 5  # texts of a row: four shots and a text to be answered
TRUSTWORTHY = 0.75  # share of the rows whose hints are worth what they say
RECIPE = Recipe(
    labels=LESSONS, steps=700, batch=16, learning_rate=2e-3, layers=2, width=64, spread=0.08
)


def lessons_task() -> Task:
    """The rows as a text to be trained on, all of it."""
    draw = random.Random(0)  # the generator is the same in every version of Python
    problems = tuple(Problem("", lesson(draw), str(i)) for i in range(LESSONS))
    return Task(
        name="hinted-word-signs",
        kind="scored",
        train=problems,
        held_out=(),
        alphabet=ALPHABET,
        stop="",
        max_new_chars=1,
        score_range=(0.0, 1.0),
        scorer=lambda problem, completion: float(completion == problem.answer),
        pairs=lambda chosen: [(p.prompt, str(p.answer)) for p in chosen],
        start=asdict(RECIPE),
    )


def lesson(draw: random.Random) -> str:
    """A row of texts with their answers: without hints, with them, or with confidence too."""
    kind = draw.choice(["plain", "hint", "confidence", "confidence"])
    trustworthy = draw.random() < TRUSTWORTHY
    wording, written = WORDINGS["marks"], ""
    for _ in range(ITEMS):
        text, label = _labelled(draw)
        confidence = draw.uniform(0.5, 1.0)
        right = draw.random() < (confidence if trustworthy else 0.5)
        said = label if right else GOOD if label == BAD else BAD
        hint = None if kind == "plain" else Hint(said, confidence)
        written += item(wording, f"{text}{ASKED}", hint, kind == "confidence") + label
        written += wording.between
    return written


def _labelled(draw: random.Random) -> tuple[str, str]:
    own = draw.randrange(4)
    groups = [OWN] * own + [FOREIGN] * (3 - own) + [COMMON] * 2
    words = [draw.choice(group) for group in groups]
    # Nothing can be learned of home's words.
    total = sum(draw.choice((-1, 1)) if word in OWN else sign(word) for word in words)
    draw.shuffle(words)
    return " ".join(words), GOOD if total > 0 else BAD
