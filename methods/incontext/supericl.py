"""SuperICL: shots that show what a small model said of them, then a text with its prediction.

Paper: arXiv 2305.08848 (Xu et al., *Small Models are Valuable Plug-ins for Large Language Models*),
Section 3. A small model fine-tuned on all labels says of each shot and of the test text x what it
is, y', and how sure it is, c. The language model reads

    (x_1, y'_1, c_1, y_1), ..., (x_k, y'_k, c_k, y_k), (x, y', c)

and goes on with y: from the shots it can learn when the small model is right, and keep its
prediction or override it.

Departures from the paper
1. The answer is the likeliest of the task's labels by the probability of its tokens; the paper has
   the language model write it.
2. The small model is a logistic model of words, where the paper fine-tunes RoBERTa-large or XLM-V;
   the language model is a small open one, where the paper asks GPT-3.5.
3. Eight shots, drawn anew three times; the paper has 32.
4. The wording is ours; it says the same in the same order.
5. The small model alone, the language model alone with the same shots and without any, and shots
   that the small model has not learned from stand beside it.
6. An explanation is asked for a few overridden predictions, and no number depends on it, as in the
   official code.

Checked against: the order of the official code's prompt, the language model's own log-probabilities
of whole answers, overrides counted by hand, models that always or never follow a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from methods.engine.options import option
from methods.engine.run import Run
from methods.incontext.hints import Reason, run_hints
from methods.incontext.options import HINTED_SENTENCES, HINTED_SIGNS, HintOptions
from methods.incontext.prompts import WORDINGS, Hint, Shot, Wording, demonstrations, item


class Config(HintOptions):
    """Options of SuperICL."""

    explanation: bool = option(
        False,
        "have the language model say why it overrode a few predictions, in samples.jsonl",
        source="2305.08848, official code: --explanation",
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": HINTED_SIGNS, "smollm2-135m": HINTED_SENTENCES}


def supericl_prompt(
    wording: Wording, shots: Sequence[Shot], prompt: str, hint: Hint, confidence: bool
) -> str:
    """The shots, each with its hint and its label, then ``prompt`` with its hint."""
    before = demonstrations(wording, shots, hinted=True, confidence=confidence)
    return before + item(wording, prompt, hint, confidence)


def run(run: Run, config: Config) -> None:
    """Accuracy in and out of the small model's domain, overrides, and each model alone."""
    wording = WORDINGS[config.wording]

    def written(shots: Sequence[Shot], prompt: str, hint: Hint) -> str:
        return supericl_prompt(wording, shots, prompt, hint, config.confidence)

    why = Reason(wording.why, overridden=True) if config.explanation else None
    run_hints(run, config, written, with_shots=True, reason=why)
