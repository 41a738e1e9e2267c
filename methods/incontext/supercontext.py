"""SuperContext: a small fine-tuned model's prediction and confidence, as a reference in the prompt.

Paper: arXiv 2312.15918 (Yang et al., *Supervised Knowledge Makes Large Language Models Better
In-context Learners*), Section 2. A receipt r_i, the label that a small discriminative model
predicts and its confidence, stands between a text and its answer:

    y^ = argmax_y P(y | [x_1, r_1, y_1, ..., x_k, r_k, y_k,] x, r)

with no shots (zero-shot) or with k of them, after an instruction that says whose prediction it is
and asks to take it as a reference. An interpretation s_i may be asked for: how much the prediction
influenced the answer, and which words decided it.

Departures from the paper
1. The answer is the likeliest of the task's labels by the probability of its tokens; the paper has
   the language model write it.
2. The small model is a logistic model of words, where the paper fine-tunes ELECTRA-large; the
   language model is a small open one, where the paper asks ChatGPT and Llama 2 chat.
3. Sentences of four kinds that people rated, one of them the small model's own, stand for GLUE and
   GLUE-X. Question answering, the paper's other half, is not here.
4. The wording is ours; the parts and their order are the paper's.
5. The small model alone, the hint without its confidence and a hint turned into the other label
   stand beside it; the paper has no such controls.
6. The interpretation is kept for a reader and not scored.

Checked against: the language model's own log-probabilities of whole answers, overrides counted by
hand, models that always or never follow a hint.
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
    """Options of SuperContext."""

    few_shot: bool = option(
        False,
        "put the shots before the text, each with its hint; else there are none, and shots are "
        "those of the language model alone",
        source="2312.15918: zero-shot and few-shot",
    )
    interpretation: bool = option(
        False,
        "ask how much the hint influenced the answer and which words decided it; a few answers to "
        "that stand in samples.jsonl",
        source="2312.15918: the optional block s_i",
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": HINTED_SIGNS, "smollm2-135m": HINTED_SENTENCES}


def supercontext_prompt(
    wording: Wording,
    shots: Sequence[Shot],
    prompt: str,
    hint: Hint,
    *,
    confidence: bool,
    interpretation: bool,
) -> str:
    """The instruction, the shots if there are any, then ``prompt`` with its hint."""
    told = wording.instruction + (wording.interpretation if interpretation else "")
    before = demonstrations(wording, shots, hinted=True, confidence=confidence)
    return (told + wording.between if told else "") + before + item(
        wording, prompt, hint, confidence
    )  # fmt: skip


def run(run: Run, config: Config) -> None:
    """Accuracy in and out of the small model's domain, overrides, and each model alone."""
    wording = WORDINGS[config.wording]

    def written(shots: Sequence[Shot], prompt: str, hint: Hint) -> str:
        return supercontext_prompt(
            wording, shots, prompt, hint,
            confidence=config.confidence, interpretation=config.interpretation,
        )  # fmt: skip

    influence = Reason(wording.influence, overridden=False) if config.interpretation else None
    run_hints(run, config, written, with_shots=config.few_shot, reason=influence)
