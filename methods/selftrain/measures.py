"""Held-out accuracy round by round, apart for problems that the start found easy and hard.

Hardness is the start's own: how many of its sampled answers to a problem were right, before any
training. The greedy accuracy of each class is then measured whenever a round begins, and at the
end, so that it shows who gains: a filter can only pass on what the model writes by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from methods.engine import measure
from methods.engine.results import Estimate, Measure
from methods.selftrain.loop import Rounds

HARD, MEDIUM, EASY = "hard", "medium", "easy"
_MEANING = {HARD: "never", MEDIUM: "in at most half", EASY: "in more than half"}


def hardness(right: Sequence[int], samples: int) -> list[str]:
    """The class of each problem, by how many of the start's ``samples`` answers were right.

    >>> hardness([0, 1, 4, 5, 8], samples=8)
    ['hard', 'medium', 'medium', 'easy', 'easy']
    """
    return [HARD if not c else MEDIUM if 2 * c <= samples else EASY for c in right]


class ByHardness:
    """Accuracy of each class of held-out problems, at the beginning and after every round."""

    def __init__(self, loop: Rounds, threshold: float) -> None:
        """To be made before the first step; an answer is right from ``threshold`` on."""
        self.loop, self.threshold = loop, threshold
        self.classes: list[str] = loop.run.once("hardness", self._classes)

    def after(self, number: int) -> dict[str, list[int]]:
        """[right, of how many] of each class and of all, by the model that round ``number`` left.

        Round 0 is the start. Measured once, and read back from then on.
        """
        found: dict[str, list[int]] = self.loop.run.once(f"after-round-{number}", self._counted)
        return found

    def measures(self, rounds: int) -> list[Measure]:
        """One of each class that has problems: before the first round and after ``rounds``."""
        begun, ended = self.after(0), self.after(rounds)
        told = f"in {self.loop.config.pass_k} samples"
        return [
            Measure.between(
                f"{name}_accuracy", f"Greedy, where the start was right {_MEANING[name]} {told}",
                "fraction", True, Estimate.of_fraction(*begun[name]).to_json(),
                Estimate.of_fraction(*ended[name]).to_json(),
            )
            for name in (HARD, MEDIUM, EASY) if name in ended
        ]  # fmt: skip

    def curve(self, rounds: int, arm: str) -> dict[str, Any]:
        """Accuracy over rounds, a series for each class and one for all problems.

        ``arm`` says in the title what was done.
        """
        counts = [self.after(number) for number in range(rounds + 1)]
        series = []
        for name in counts[0]:
            values = [Estimate.of_fraction(*found[name]) for found in counts]
            series.append({
                "label": "all problems" if name == "all" else f"{name}: right {_MEANING[name]}",
                "x": [float(number) for number in range(rounds + 1)],
                "y": [v.mean for v in values],
                "low": [v.interval[0] for v in values],
                "high": [v.interval[1] for v in values],
            })  # fmt: skip
        return {
            "name": "hardness", "title": f"Held-out accuracy by the start's hardness: {arm}",
            "x_label": "rounds", "y_label": "greedy accuracy", "x_log": False, "series": series,
        }  # fmt: skip

    def _classes(self) -> list[str]:
        loop, k = self.loop, self.loop.config.pass_k
        scores, _ = measure.sampled_scores(
            loop.policy, loop.task, loop.task.held_out, per_prompt=k, max_new_tokens=loop.longest,
            generator=loop.run.generator("hardness"), on_progress=lambda _: loop.run.check(),
        )  # fmt: skip
        return hardness((scores >= self.threshold).sum(-1).tolist(), k)

    def _counted(self) -> dict[str, list[int]]:
        loop = self.loop
        scores = measure.greedy_scores(
            loop.policy, loop.task, loop.task.held_out, loop.longest, loop.run.check
        )
        right = [score >= self.threshold for score in scores]
        found = {"all": [sum(right), len(right)]}
        for name in (HARD, MEDIUM, EASY):
            own = [good for good, kind in zip(right, self.classes, strict=True) if kind == name]
            if own:
                found[name] = [sum(own), len(own)]
        return found
