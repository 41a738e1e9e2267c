"""Step-DPO: the preferred and the rejected answer are single steps behind one right beginning.

Paper: arXiv 2406.18629 (Lai et al., *Step-DPO: Step-wise Preference Optimization for Long-chain
Reasoning of LLMs*), Eq. 2 (Section 3.1). With s_1..s_{k-1} right steps, s_win a right
step k and s_lose a wrong one,

    L(theta) = -E log sigma( beta log [ pi(s_win | x, s_<k) / ref(s_win | x, s_<k) ]
                           - beta log [ pi(s_lose | x, s_<k) / ref(s_lose | x, s_<k) ] )

The pairs come as in Section 3.2: answers are sampled, the first wrong step of each is found, and
from the right steps before it the model itself is sampled until it takes a right one.

Departures from the paper
1. A step is judged by the task, exactly; the paper has people or GPT-4 find the first wrong step,
   and takes the first step of an answer that ends right as the right one.
2. The model writes one step after the other, each from the text so far; the paper cuts whole
   answers. A step holds its step end, or the answer's end where it is the last.
3. Sums of a few numbers written out, and a small model, where the paper has competition
   mathematics and 7B to 72B; beta, rates and sizes are ours (the authors' scripts: beta 0.5 and
   0.4, learning rate 5e-7, cosine).
4. ``unit=answer`` takes whole answers that end right against ones that end wrong: a control.

Checked against: DPO's loss and gradient (it is DPO on the steps), pairs that share every token
before the step, each right and each wrong by the task's own judge. No peer installed here has it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from methods.engine import measure
from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.engine.examples import Pair
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run
from methods.engine.sample import Sample, sample
from methods.engine.tasks.task import Problem, Task
from methods.preference.dpo import dpo_loss
from methods.preference.loop import log_ratio_margin, sampled_pairs, train
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions

_MOST_STEPS = 16  # an answer that is right so long is given up


class Config(PreferenceOptions):
    """Options of Step-DPO."""

    task_only: ClassVar[tuple[str, ...]] = (*PreferenceOptions.task_only, "unit", "step_samples")

    task: str = option(
        "running-sum", "a built-in task whose answers have steps that it judges", source="ours"
    )
    data: str | None = option(
        None,
        "instead of sampled steps: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt "
        "(with the right steps), chosen and rejected step",
        source="ours",
    )
    beta: float = option(
        0.1, "strength of the pull to the reference", source="ours, that of DPO", gt=0, le=10
    )
    unit: Literal["step", "answer"] = option(
        "step", "what is preferred: a step, or (a control) the whole answer", source="ours"
    )
    step_samples: int = option(
        8,
        "tries to take a right step where a wrong one was taken",
        source="ours",
        unit="samples",
        ge=1,
        le=64,
    )

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.unit == "answer":
            self.refuse_idle(("step_samples",), "unit=answer", "take unit=step")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        **TINY, "learning_rate": 5e-5, "beta": 0.3, "batch_size": 64, "steps": 100,
        "prompts": 1500, "samples_per_prompt": 2,
    },
    "smollm2-135m": {**SMOLLM2, "max_new_tokens": 24},
}  # fmt: skip


def run(run: Run, config: Config) -> None:
    """Train on steps; held-out accuracy, greedy and sampled, or held-out pair accuracy."""

    def source(run: Run, config: Any, policy: LanguageModel, task: Task) -> list[Pair]:
        if config.unit == "answer":
            return sampled_pairs(run, config, policy, task)
        return _step_pairs(run, config, policy, task)

    def accuracy(policy: LanguageModel, task: Task) -> dict[str, Any]:
        longest = config.max_new_tokens or task.max_new_tokens(policy.tokenizer)
        problems = task.held_out[: config.held_out_prompts]
        greedy = measure.greedy_scores(policy, task, problems, longest, run.check)
        return {"held_out_accuracy": measure.fraction_right(greedy).to_json()}

    train(
        run,
        config,
        lambda pairs: dpo_loss(*pairs.summed(), config.beta),
        margin=lambda pairs: config.beta * log_ratio_margin(pairs),
        source=source,
        also=accuracy,
    )


def takes_right_step(task: Task, problem: Problem, before: str, step: str, ended: bool) -> bool:
    """Whether ``step`` (without its end) is right behind the right steps ``before``.

    ``ended``: the answer stops with it, which is right only of a whole right answer; and where the
    answer is whole it must stop.
    """
    text = before + step
    if not step or not task.step_scores(problem, text)[-1]:
        return False
    return ended == (task.score(problem, text) >= task.score_range[1])


def _step_pairs(run: Run, config: Config, policy: LanguageModel, task: Task) -> list[Pair]:
    """(right, wrong) steps, kept in the folder so that a resume reads them."""
    if not task.step_end or task.step_scorer is None:
        raise MethodError(
            f"task {task.name} has no steps to prefer; use running-sum, or unit=answer"
        )

    def draw() -> list[list[Any]]:
        wrong = _wrong_steps(run, config, policy, task)
        places = list(dict.fromkeys((problem, before) for problem, before, _ in wrong))
        right = _right_steps(run, config, policy, task, places)
        return [
            [list(right[problem, before].ids), list(lost.ids), lost.prompt_length]
            for problem, before, lost in wrong
            if (problem, before) in right
        ]

    kept = run.once("pairs", draw)
    if not kept:
        raise MethodError(f"no wrong step of {task.name} was set right: no pairs")
    return [(Tokens(tuple(win), n), Tokens(tuple(lose), n)) for win, lose, n in kept]


def _wrong_steps(
    run: Run, config: Config, policy: LanguageModel, task: Task
) -> list[tuple[int, str, Tokens]]:
    """(problem, right steps before, wrong step) of each sampled answer that goes wrong."""
    active = [(i, "") for i in range(min(config.prompts, len(task.train)))]
    active = [place for place in active for _ in range(config.samples_per_prompt)]
    found = []
    for turn in range(_MOST_STEPS):
        if not active:
            break
        going = []
        for (i, before), s in _steps(run, config, policy, task, active, 1, f"turn {turn}"):
            ended = _ended(policy, s)
            if not (s.finished and takes_right_step(task, task.train[i], before, s.text, ended)):
                found.append((i, before, s.tokens))
            elif not ended:
                going.append((i, before + s.text + task.step_end))
        active = going
    return found


def _right_steps(
    run: Run,
    config: Config,
    policy: LanguageModel,
    task: Task,
    places: list[tuple[int, str]],
) -> dict[tuple[int, str], Tokens]:
    """For each (problem, right steps before) the first right step that was sampled, if any."""
    found: dict[tuple[int, str], Tokens] = {}
    for place, s in _steps(run, config, policy, task, places, config.step_samples, "right"):
        i, before = place
        ended = _ended(policy, s)
        if s.finished and takes_right_step(task, task.train[i], before, s.text, ended):
            found.setdefault(place, s.tokens)
    return found


def _steps(
    run: Run,
    config: Config,
    policy: LanguageModel,
    task: Task,
    places: list[tuple[int, str]],
    tries: int,
    purpose: str,
) -> list[tuple[tuple[int, str], Sample]]:
    """``tries`` steps sampled at each place."""
    longest = config.max_new_tokens or task.max_new_tokens(policy.tokenizer)
    with run.stage(f"sampling steps, {purpose}", len(places) * tries) as bar:
        drawn = sample(
            policy, [task.train[i].prompt + before for i, before in places], per_prompt=tries,
            max_new_tokens=longest, stop=task.step_end, generator=run.generator("steps", purpose),
            on_progress=lambda count: (run.check(), bar.advance(count)),
        )  # fmt: skip
    return [(places[s.prompt_index], s) for s in drawn]


def _ended(policy: LanguageModel, drawn: Sample) -> bool:
    """Whether the answer stopped behind this step."""
    return drawn.tokens.ids[-1] in policy.stop_ids()
