"""The language model of active learning, as a reader: classes, states, and the tokens they take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.engine import distributed
from methods.engine.batch import Tokens, each_row, pack
from methods.engine.cache import build_once
from methods.engine.files import write_json
from methods.engine.measure import row_logprobs
from methods.engine.model import LanguageModel
from methods.engine.run import Run

_AT_ONCE = 256  # texts read between two looks at whether the run should stop


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

        found = self.kept(["classes", rows], title, len(texts), compute)
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

        kept = self.kept(["states", rows], title, len(texts), compute)
        return torch.tensor(kept, dtype=torch.float64)

    def _row(self, text: str, answer: str) -> Tokens:
        ids = self._policy.encode_prompt(text)
        end = self._policy.encode_completion(answer)
        return Tokens((*ids, *(end if self._ended else end[:-1])), len(ids))

    def kept(
        self, recipe: list[Any], title: str, count: int, compute: Callable[[list[int]], Any]
    ) -> list[Any]:
        """What ``compute`` gives (plain JSON) for 0 to ``count`` - 1, some of them at a time.

        It is kept in the cache under the model and ``recipe``, which say all it follows from.
        """
        seal = [self._policy.fingerprint(), self._policy.precision, repr(recipe)]
        name = hashlib.sha256(json.dumps(seal).encode()).hexdigest()[:24]

        def build(path: Path) -> None:
            found: list[Any] = []
            with self._run.stage(title, count) as bar:
                for start in range(0, count, _AT_ONCE):
                    self._run.check()
                    part = list(range(start, min(count, start + _AT_ONCE)))
                    found += compute(part)
                    bar.advance(len(part))
            write_json(path, found)

        with distributed.alone():
            path = build_once(self._run.cache_dir / "read" / f"{name}.json", build)
        value: list[Any] = json.loads(path.read_text())
        return value


def standardised(features: Tensor, like: Tensor) -> Tensor:
    """Every column with the mean 0 and the deviation 1 that ``like`` then has; rows of length 1."""
    centred = (features - like.mean(0)) / like.std(0, correction=0).clamp(min=1e-12)
    return centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-300)
