"""``word-signs``: made-up words, each good or bad, and a text is what most of its words are.

It is sentiment at the scale of a decoder that was trained for seconds: "c k r r u" has five words,
each a letter, and its answer is "+" or "-". The words come in three groups of eight, half of each
good: ``OWN`` words stand in texts from home, ``FOREIGN`` ones in texts from far, ``COMMON`` ones in
both. So who learned from one kind of text knows the other in part, and how much in part is known.

The split goes by the words regardless of their order. Needs no package and no data.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from methods.engine.errors import TaskError
from methods.engine.tasks import WordSignOptions
from methods.engine.tasks.task import Problem, Task, order_of

GOOD, BAD = "+", "-"
ASKED = "\n="  # stands behind the words; its answer is one of the two
OWN, FOREIGN, COMMON = "abcdefgh", "ijklmnop", "qrstuvwx"
WORDS = OWN + FOREIGN + COMMON
LENGTH = 5  # words of a text: odd, so that there are never as many good as bad
# How many words of a text are own ones and foreign ones; the rest are common.
MIXTURES: dict[str, tuple[int, int]] = {
    "home": (3, 0),
    "near": (2, 1),
    "mid": (1, 2),
    "far": (0, 3),
}
ALPHABET = " \n=+-0123456789" + WORDS
_MOST = 3000  # problems kept


def sign(word: str) -> int:
    """1 for a good word, -1 for a bad one; every other letter is good.

    >>> [sign(word) for word in "abij"]
    [1, -1, 1, -1]
    """
    return 1 - 2 * (WORDS.index(word) % 2)


def answer(text: str) -> str:
    """What most words of ``text`` are.

    >>> answer("a b b b a"), answer("a a i b q")
    ('-', '+')
    """
    return GOOD if sum(map(sign, text.split())) > 0 else BAD


def word_signs(name: str, options: WordSignOptions, cache_dir: Path) -> Task:
    """Texts of one domain with what most of their words are."""
    own, foreign = MIXTURES[options.domain]
    texts = dict.fromkeys(_text(options.domain, own, foreign, place) for place in range(_MOST))
    keys = {text: " ".join(sorted(text.split())) for text in texts}
    wanted = 200 if options.held_out == "auto" else options.held_out
    if wanted > len(texts) // 2:
        raise TaskError(
            f"task '{name}' has {len(texts)} texts, so held_out is at most {len(texts) // 2}, not "
            f"{wanted}"
        )
    held: set[str] = set()
    for key in sorted(set(keys.values()), key=order_of):
        if sum(k in held for k in keys.values()) >= wanted:
            break
        held.add(key)
    problems = [
        Problem(f"{text}{ASKED}", answer(text), key)
        for text, key in sorted(keys.items(), key=lambda pair: order_of(pair[0]))
    ]
    return Task(
        name=name,
        kind="verifiable",
        train=tuple(p for p in problems if p.key not in held),
        held_out=tuple(p for p in problems if p.key in held)[:wanted],
        alphabet=ALPHABET,
        stop="\n",
        max_new_chars=1,
        score_range=(0.0, 1.0),
        scorer=lambda problem, text: float(text.split("\n", 1)[0].strip() == problem.answer),
        pairs=lambda chosen: [(p.prompt, p.answer or "") for p in chosen],
    )


def _text(domain: str, own: int, foreign: int, place: int) -> str:
    """A text that looks random and is the same on every machine and version."""
    digest = hashlib.sha256(f"word-signs-1:{domain}:{place}".encode()).digest()
    groups = [OWN] * own + [FOREIGN] * foreign + [COMMON] * (LENGTH - own - foreign)
    words = [group[byte % 8] for group, byte in zip(groups, digest, strict=False)]
    order = sorted(range(LENGTH), key=lambda i: digest[LENGTH + i])
    return " ".join(words[i] for i in order)
