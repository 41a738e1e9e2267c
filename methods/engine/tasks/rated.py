"""``rated-sentences``: is a sentence positive or negative, as people on average rated it?

The sentences are those of ``methods.engine.rated``; one whose mean rating lies between -0.5 and 0.5
says too little and is left out. The answer is one of two words, so that a language model can be
asked for it and a classifier can learn it.
"""

from __future__ import annotations

from pathlib import Path

from methods.engine.rated import rated_sentences, split_rated
from methods.engine.tasks import RatedSentenceOptions
from methods.engine.tasks.task import Problem, Task

NEGATIVE, POSITIVE = " negative", " positive"
ASKED = "\nSentiment:"  # stands behind the sentence; its answer is one of the two
_STRONG = 0.5  # the least mean rating, either way
_ALPHABET = "\n" + "".join(map(chr, range(32, 127)))


def rated_sentences_task(name: str, options: RatedSentenceOptions, cache_dir: Path) -> Task:
    """Sentences of one domain with the sign of their mean rating as a word."""
    rows = [
        row
        for row in rated_sentences(options.domain, cache_dir)
        if abs(row.rating) >= _STRONG and len(row.text) <= options.max_chars
    ]
    wanted = min(200, len(rows) // 4) if options.held_out == "auto" else options.held_out
    train, held_out = (
        tuple(
            Problem(f"{row.text}{ASKED}", POSITIVE if row.rating > 0 else NEGATIVE, row.key)
            for row in part
        )
        for part in split_rated(rows, wanted)
    )
    return Task(
        name=name,
        kind="verifiable",
        train=train,
        held_out=held_out,
        alphabet=_ALPHABET,
        stop="\n",
        max_new_chars=len(POSITIVE),
        score_range=(0.0, 1.0),
        scorer=_is_right,
        pairs=lambda chosen: [(p.prompt, p.answer or "") for p in chosen],
        start={"steps": 20},
    )


def _is_right(problem: Problem, completion: str) -> float:
    return float(completion.split("\n", 1)[0].strip() == (problem.answer or "").strip())
