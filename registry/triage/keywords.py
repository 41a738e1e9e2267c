"""The taxonomy's keywords in a text: the order that a curator without a ranker would take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.catalog.models import Taxonomy


class Keywords:
    """Finds the keywords of a taxonomy's leaves, as whole words, in any letter case."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        said = {
            " ".join(keyword.lower().split())
            for group in taxonomy.groups
            for leaf in group.leaves
            for keyword in leaf.keywords
        }
        self.words = frozenset(said)
        # Longer first: of two that begin alike the one that says more is found.
        forms = sorted(map(_form, said), key=lambda form: (-len(form), form))
        self._pattern = re.compile(rf"(?<!\w)({'|'.join(forms)})(?:s|es)?(?!\w)") if said else None
        self._seen: dict[str, int] = {}

    def found(self, text: str) -> frozenset[str]:
        """The different keywords in ``text``."""
        if self._pattern is None:
            return frozenset()
        plain = " ".join(text.lower().replace("-", " ").split())
        return frozenset(self._pattern.findall(plain))

    def count(self, id_: str, text: str) -> int:
        """How many different keywords stand in the text of ``id_``; looked for once."""
        if id_ not in self._seen:
            self._seen[id_] = len(self.found(text))
        return self._seen[id_]


def _form(keyword: str) -> str:
    return re.escape(keyword.replace("-", " "))


# What the field calls itself; broad on purpose, for telling what may belong here from what cannot.
_POST_TRAINING = re.compile(
    r"rlhf|rlaif|rlvr|grpo|\bdpo\b|\bppo\b|preference (?:optimi|learn|align)|"
    r"reward (?:model|hack|function)|reinforcement (?:learning|fine)|post-training|fine-?tun|"
    r"chain[- ]of[- ]thought|test-time (?:scal|comput)|instruction[- ](?:tun|follow)|distill|"
    r"model merg|jailbreak|\blora\b|low-rank adapt|reasoning model|process reward|verifier|"
    r"self-(?:refine|correct|reward|improv|consist)|unlearn|knowledge edit|alignment"
)
_LANGUAGE_MODEL = re.compile(r"language model|llm|\bgpt|reasoning model|transformer")


def may_belong(text: str) -> bool:
    """Whether ``text`` has both a word of post-training and one of language models."""
    plain = text.lower()
    return bool(_LANGUAGE_MODEL.search(plain) and _POST_TRAINING.search(plain))
