"""Budget forcing: make a model think no longer, or no shorter, than it would by itself.

Paper: arXiv 2501.19393 (Muennighoff et al., *s1: Simple test-time scaling*), Section 3. Thinking
that is too long is cut off at a budget of tokens and an answer is asked for; where the model would
end too early the end is taken away and a word such as "Wait" put in its place, up to n times, so
that it goes on and may correct itself. What a way to spend tokens is worth the paper says with

    Scaling = 1/C(|A|,2) sum_{a<b in A} (f(b) - f(a)) / (b - a),    Performance = max_{a in A} f(a)

for budgets A in tokens and accuracy f, and by how often a budget is kept, which here is always.

Thinking is here whatever a task writes before its result: its steps. Behind a continuation the
model answers once more, with all it wrote before in view, and the last answer counts. Beside it
stand fresh answers that vote, over the tokens that they cost: the same spent in parallel.

Departures from the paper
1. The model is not trained on long reasoning. s1-32B was, on 1,000 traces in which thinking goes on
   behind a "Wait"; without that there may be nothing to be gained, and the results then say so.
2. The continuation of the built-in tiny model is "=", behind which it always answers: it knows no
   words. {question} in it stands for the last line of the prompt.
3. Sampled at temperature 1, so that voting can be held beside it; the paper's default is greedy.
4. The end is only ever replaced by a continuation, never taken away with nothing in its place.
5. Continued text is tokenised anew with what stands before it. An answer that the length limit cut
   off is not continued.

Checked against: Scaling by hand and of a straight line, and the texts, tokens and answers of every
chain put together again from the samples it was made of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from methods.engine.errors import MethodError
from methods.engine.options import option
from methods.engine.run import Run
from methods.engine.sample import Sample, sample
from methods.inference.loop import Asked, ask, draw, price, result_of, show
from methods.inference.measures import Spending, of_spending
from methods.inference.options import ProblemOptions
from methods.inference.self_consistency import majority_at_k


class Config(ProblemOptions):
    """Options of budget forcing."""

    task: str = option(
        "running-sum",
        "a built-in task that scores answers; one sample of tiny solves half of the default's",
        source="ours",
    )
    temperature: float = option(
        1.0, "of sampling; 0 is greedy", source="ours; the paper is greedy", ge=0, le=5
    )
    samples: int = option(
        8, "chains to each prompt, of which each is forced; more than waits", source="ours",
        unit="samples", ge=1, le=64,
    )  # fmt: skip
    waits: int = option(
        3, "most times that an end is replaced by a continuation", source="ours",
        unit="times", ge=1, le=16,
    )  # fmt: skip
    wait: str = option(
        "=",
        "the continuation; {question} is the last line of the prompt; with control=fresh it is "
        "counted among the tokens and not read",
        source="ours; the paper takes Wait",
        min_length=1,
    )
    cuts: int = option(
        3, "budgets below the longest answer, evenly spread, at which thinking is cut off",
        source="ours", unit="budgets", ge=1, le=16,
    )  # fmt: skip
    final: str | None = option(
        None,
        "what asks for the answer where thinking was cut off; none takes the task's step end, or "
        "the continuation where it has no steps",
        source="ours; the paper: end of thinking and 'Final Answer:'",
        min_length=1,
    )
    control: Literal["none", "fresh"] = option(
        "none",
        "fresh answers the bare problem again in place of each continuation, so that nothing of "
        "the answer before is seen; may not gain",
        source="ours",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"samples": 4},
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3",
        "precision": "bfloat16",
        "prompts": 50,
        "wait": "\nWait, {question}",
    },
}


@dataclass(frozen=True)
class Chain:
    """One chain as far as it got: all that stands behind the prompt, and the last answer in it."""

    problem: int
    text: str
    answer: str
    tokens: int  # written or put there, ends that were taken away included
    ended: bool  # False where the length limit cut it off


def budgets(longest: int, cuts: int) -> list[int]:
    """``cuts`` budgets of tokens below ``longest``, evenly spread, at least 1 and each once.

    >>> budgets(12, 3), budgets(3, 8)
    ([3, 6, 9], [1, 2])
    """
    spread = (round(longest * i / (cuts + 1)) for i in range(1, cuts + 1))
    return sorted({b for b in spread if 1 <= b < longest})


def continuation(wait: str, prompt: str) -> str:
    """What stands in place of the end.

    >>> continuation("\\nWait, {question}", "1 + 1 = 2\\n4 + 5 =")
    '\\nWait, 4 + 5 ='
    """
    return wait.replace("{question}", prompt.rsplit("\n", 1)[-1])


def run(run: Run, config: Config) -> None:
    """Thinking cut short, as it is, and made to go on; a vote of as many tokens beside it."""
    asked = ask(run, config)
    final = config.final or asked.task.step_end or config.wait
    _require_known(asked, *(text.replace("{question}", "") for text in (config.wait, final)))
    _, drawn = draw(run, config, asked, config.samples)
    natural = [
        Chain(s.prompt_index, s.text, s.text, s.tokens.completion_length, s.finished) for s in drawn
    ]
    settings = [
        (f"cut at {b}", _cut(run, config, asked, drawn, natural, b, final))
        for b in budgets(asked.longest, config.cuts)
    ]
    settings.append(("as it is", natural))
    for time in range(1, config.waits + 1):
        settings.append((f"{time} waits", _waited(run, config, asked, settings[-1][1], time)))
    show(run, asked, drawn, config.samples)
    rows = [(asked.problems[c.problem].prompt, c.text, None) for c in settings[-1][1]]
    run.samples("forced", rows[: 8 * config.samples : config.samples])
    spending = _spending(config, asked, settings)
    spent = price(spending.tokens[-1], 0.0, len(asked.problems))
    run.finish(of_spending(asked, spending, spent, run.generator("bootstrap")))


def _require_known(asked: Asked, *texts: str) -> None:
    """Raise MethodError where the model's tokens cannot write one of ``texts``."""
    policy = asked.policy
    for text in filter(None, texts):
        ids = policy.tokenizer.encode(text, add_special_tokens=False)
        if policy.decode(ids).strip() != text.strip():
            raise MethodError(
                f"model {policy.name!r} has no tokens for {text!r}, which wait or final would put "
                f"there; of a character model take characters of its task: {asked.task.alphabet!r}"
            )


def _go_on(
    run: Run, config: Config, asked: Asked, texts: list[str], longest: int, stop: str, *name: Any
) -> list[Sample]:
    """One more piece behind each of ``texts``."""
    with run.stage(" ".join(map(str, name)), len(texts)) as bar:
        return sample(
            asked.policy, texts, max_new_tokens=longest, temperature=config.temperature, stop=stop,
            generator=run.generator(*name),
            on_progress=lambda count: (run.check(), bar.advance(count)),
        )  # fmt: skip


def _cut(
    run: Run, config: Config, asked: Asked, drawn: Sequence[Sample], natural: Sequence[Chain],
    budget: int, final: str,
) -> list[Chain]:  # fmt: skip
    """Chains whose thinking is at most ``budget`` tokens; those cut off are asked to answer."""
    chains = list(natural)
    long = [i for i, c in enumerate(chains) if c.tokens > budget]
    begun, finals = [], []
    prompts = [asked.problems[chains[i].problem].prompt for i in long]
    for i, prompt in zip(long, prompts, strict=True):
        tokens = drawn[i].tokens
        text = asked.policy.decode(tokens.ids[tokens.prompt_length :][:budget])
        asks = continuation(final, prompt)
        finals.append("" if text.endswith(asks) else asks)
        begun.append(text + finals[-1])
    stop = asked.task.step_end or asked.task.stop
    pieces = _go_on(
        run, config, asked, [p + t for p, t in zip(prompts, begun, strict=True)], asked.longest,
        stop, "answer at", budget,
    )  # fmt: skip
    for i, text, asks, piece in zip(long, begun, finals, pieces, strict=True):
        put = len(asked.policy.tokenizer.encode(asks, add_special_tokens=False))
        chains[i] = replace(
            chains[i], text=text + piece.text, answer=piece.text, ended=piece.finished,
            tokens=budget + put + piece.tokens.completion_length,
        )  # fmt: skip
    return chains


def _waited(
    run: Run, config: Config, asked: Asked, before: Sequence[Chain], time: int
) -> list[Chain]:
    """Each chain that has ended once more: its end replaced by a continuation."""
    chains = list(before)
    going = [i for i, chain in enumerate(chains) if chain.ended]
    prompts = [asked.problems[chains[i].problem].prompt for i in going]
    waits = [continuation(config.wait, prompt) for prompt in prompts]
    fresh = config.control == "fresh"
    texts = [
        prompt if fresh else prompt + chains[i].text + wait
        for i, prompt, wait in zip(going, prompts, waits, strict=True)
    ]
    pieces = _go_on(
        run, config, asked, texts, asked.longest, asked.task.stop, "continuation", time
    )  # fmt: skip
    for i, wait, piece in zip(going, waits, pieces, strict=True):
        put = len(asked.policy.tokenizer.encode(wait, add_special_tokens=False))
        spent = chains[i].tokens + put + piece.tokens.completion_length
        text = chains[i].text + wait + piece.text
        chains[i] = replace(
            chains[i], text=text, answer=piece.text, tokens=spent, ended=piece.finished
        )
    return chains


def _spending(
    config: Config, asked: Asked, settings: Sequence[tuple[str, list[Chain]]]
) -> Spending:
    """What each setting costs and is worth, problem by problem, and the vote beside it."""
    each = config.samples
    gains = [
        [asked.task.score(asked.problems[c.problem], c.answer) for c in chains]
        for _, chains in settings
    ]
    natural = len(settings) - 1 - config.waits
    results = [result_of(asked.task, c.answer) for c in settings[natural][1]]
    places = range(0, len(results), each)
    return Spending(
        names=tuple(name for name, _ in settings),
        tokens=[math.fsum(c.tokens for c in chains) / len(chains) for _, chains in settings],
        gains=[[g[i : i + each] for i in places] for g in gains],
        natural=natural,
        votes=[
            [majority_at_k(results[i : i + each], gains[natural][i : i + each], k) for i in places]
            for k in range(1, min(config.waits + 1, each) + 1)
        ],
    )
