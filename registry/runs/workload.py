"""What a run of a method will compute: its pieces, how often each is done, and how large they get.

Nothing here names a method: what a step does follows from its options. ``group_size`` beside
``prompts_per_step`` samples in the step; ``batch_size`` of a method that needs preference pairs
counts pairs, of any other rows. ``samples_per_prompt`` writes answers before the first step, with
``rounds`` again in each; a ``teacher`` reads every row of a step, and where ``max_new_tokens`` is
beside it the rows are the student's own. A method without steps samples and trains nothing, but
for ``expert_steps``: models that are trained to be merged. ``later_tasks`` makes a stream: its
tasks share the steps, and all are measured after each. ``read_every`` makes the steps those of an
environment (its small learner is not counted): the model reads ``context`` of its states at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from methods.engine.options import Lora, lora_settings
from methods.index import MethodInfo
from registry.core.errors import UsageError
from registry.runs.lengths import SHORTEST, Lengths
from registry.runs.shapes import ModelShape
from registry.runs.slots import decoding
from registry.runs.work import (
    Counts,
    Pass,
    decode_counts,
    pass_counts,
    prefill_counts,
    update_counts,
)  # fmt: skip

# Held against the engine by tests/runs/test_estimate.py.
SCORED_AT_ONCE = 16384  # tokens of a pass without gradient
WEIGHT = 4  # bytes of a float32
EXPERT_PASS = 8192  # tokens of a pass of training a model that is then merged
DIMENSIONS = 3  # of a state that is read: the pendulum's


@dataclass(frozen=True)
class Assumed:
    """What sampling will bring, which no one knows before: shares, 1 being the most work."""

    spread: float = 1.0  # of groups whose answers differ in score: only they are trained on
    different: float = 1.0  # of the tokens of a group of short rows that stand there once


@dataclass(frozen=True)
class Piece:
    """One kind of work: ``times`` x what ``counts`` says, priced as ``kind``."""

    part: str  # sampling, scoring, update
    kind: str  # score, train, adapt, prefill, decode, finish, update: a table of constants
    counts: Counts
    times: float = 1.0


@dataclass
class Workload:
    """The pieces of a step and of what stands around the steps; the largest of each for memory."""

    steps: int
    step: list[Piece] = field(default_factory=list)
    around: list[Piece] = field(default_factory=list)  # before the first step and after the last
    trained_pass: Pass | None = None
    scored_pass: Pass | None = None
    slots: int = 0
    slot_width: int = 0  # tokens
    drawn: int = 0  # answers of the largest sampling, with a random number for each of their tokens
    drawn_tokens: int = 0
    trained: int = 0  # parameters
    reference: bool = False  # a second copy of the weights
    others: int = 0  # further models, taken to be as large: a teacher, a reward model


@dataclass(frozen=True)
class Setting:
    """Everything a workload follows from."""

    info: MethodInfo
    config: Mapping[str, Any]
    shape: ModelShape
    lengths: Lengths
    nproc: int = 1
    assumed: Assumed = Assumed()

    def get(self, name: str, default: Any = None) -> Any:
        """The option called ``name``, ``default`` where the method has none or it is none."""
        value = self.config.get(name)
        return default if value is None else value

    @property
    def needs_pairs(self) -> bool:
        """Whether a row of the method is a pair of answers."""
        return "preference pairs" in self.info.needs

    @property
    def needs_reference(self) -> bool:
        """Whether the start is kept beside the policy; ``kl_beta`` 0 makes it superfluous."""
        needed = any(need.startswith("reference model") for need in self.info.needs)
        return needed and self.config.get("kl_beta") != 0

    @property
    def adapter(self) -> Lora | None:
        """The small matrices that are trained in place of the weights, if it is they that are."""
        if "rank" in self.config and "targets" in self.config:
            return Lora(r=int(self.config["rank"]), targets=str(self.config["targets"]).split("+"))
        text = self.get("lora")
        return lora_settings(str(text)) if text else None

    @property
    def reward_model(self) -> bool:
        """Whether a model scores the answers, rather than a task or a coin."""
        named = self.get("reward") not in (None, "task", "random")
        return bool(self.get("reward_model")) or ("group_size" in self.config and named)


def workload(setting: Setting) -> Workload:
    """The work of a run. Raises UsageError for a method whose options say nothing of its steps."""
    s = setting
    if "read_every" in s.config:
        return _read_only(s)
    made = Workload(steps=int(s.get("steps", 0)), reference=s.needs_reference and not s.adapter)
    made.others = bool(s.get("teacher")) + s.reward_model
    if not made.steps:
        if "expert_steps" in s.config:
            _merge(s, made)
        else:
            _sample_only(s, made)
        return made
    made.trained = trained_parameters(s)
    if "group_size" in s.config and "prompts_per_step" in s.config:
        _sampling_step(s, made)
    elif "batch_size" in s.config:
        _batch_step(s, made)
    else:
        raise UsageError(
            f"{s.info.slug}: its options do not say what a step computes (batch_size, or "
            "prompts_per_step and group_size), so there is no prediction"
        )
    matrices = s.shape.matrices * (2 if s.adapter else 1)
    share = made.trained / s.nproc
    updates = int(s.get("updates_per_batch", 1)) * int(s.get("minibatches", 1))
    made.step.append(Piece("update", "update", update_counts(share, matrices), updates))
    return made


def trained_parameters(s: Setting) -> int:
    """Parameters with a gradient: all, LoRA's two small matrices a layer, or a prompt."""
    settings, shape = s.adapter, s.shape
    if "prompt_length" in s.config:
        return int(s.config["prompt_length"]) * shape.width
    if settings is None:
        return s.shape.parameters
    ends = {
        "q_proj": shape.width + shape.attention_width,
        "k_proj": shape.width + shape.cache_width,
        "v_proj": shape.width + shape.cache_width,
        "o_proj": shape.width + shape.attention_width,
        "gate_proj": shape.width + shape.intermediate,
        "up_proj": shape.width + shape.intermediate,
        "down_proj": shape.width + shape.intermediate,
    }
    names = settings.targets if settings.targets != ["all-linear"] else list(ends)
    mean = sum(ends.values()) / len(ends)
    return round(shape.layers * settings.r * sum(ends.get(name, mean) for name in names))


# --- steps -------------------------------------------------------------------------------------


def _batch_step(s: Setting, made: Workload) -> None:
    each = 2 if s.needs_pairs else 1
    groups = int(s.config["batch_size"])
    written = {"samples_per_prompt", "rounds"} & set(s.config)
    from_samples = (s.needs_pairs or bool(written)) and not s.get("data")
    own = s.get("teacher") is not None and "max_new_tokens" in s.config  # the student's own rows
    answers = (
        s.lengths.sampled(s.get("max_new_tokens")) if from_samples or own else s.lengths.answers
    )
    if own and (count := round(groups * float(s.get("student_fraction", 1)))):
        _sample(s, made, made.step, count, 1, answers)
    if s.get("teacher"):
        _score(s, made, made.step, groups, each, _mean(answers))
    _train(s, made, groups, each, _mean(answers))
    if from_samples:
        _samples_before(s, made, answers)
        return
    held_out = s.lengths.held_out
    scored = 4 if made.reference or s.needs_reference else _measurings(s)  # and the reference
    _score(s, made, made.around, held_out, each, _mean(answers), scored)
    if s.needs_reference:
        _score(s, made, made.around, s.lengths.train, each, _mean(answers))
    if not s.needs_pairs and s.lengths.verifiable and not s.get("data"):
        _sample(s, made, made.around, held_out, 1, answers, times=_measurings(s))


def _measurings(s: Setting) -> int:
    """Of a task before and after; of a stream all, and one beside them, after each task."""
    if "later_tasks" not in s.config:
        return 2
    tasks = 2 + str(s.config["later_tasks"]).count(";")
    return (2 if s.get("control") == "joint" else tasks + 1) * (tasks + 1)


def _samples_before(s: Setting, made: Workload, answers: Sequence[int]) -> None:
    """Answers that are written to be trained on, and those that are written to measure with."""
    rounds = int(s.get("rounds", 1))
    asked = int(s.get("prompts_per_round" if rounds > 1 else "prompts", s.lengths.train))
    prompts = min(asked, s.lengths.train)
    each = int(s.get("samples_per_prompt", 1 if rounds > 1 else 2))
    # Answers that are gone on with from each of their steps are written about as often again.
    _sample(
        s, made, made.around, prompts, each, answers, rounds * (1 + int(s.get("completions", 0)))
    )
    if s.reward_model:
        _score(s, made, made.around, prompts, each, _mean(answers), rounds)
    pairs = each * (each - 1) / 2 if s.needs_pairs else each / 2
    if s.needs_reference:
        # Every answer stands in several pairs: it is computed once, its logits each time.
        _score(s, made, made.around, prompts, each, _mean(answers), labels=2 * pairs / each)
    held_out = min(int(s.get("held_out_prompts", s.lengths.held_out)), s.lengths.held_out)
    times = int(s.get("held_out_samples", 2))
    _sample(s, made, made.around, held_out, times, answers, times=2)
    _score(s, made, made.around, held_out, times, _mean(answers), 4 if s.needs_reference else 2)


def _sampling_step(s: Setting, made: Workload) -> None:
    prompts, each = int(s.config["prompts_per_step"]), int(s.config["group_size"])
    answers = s.lengths.sampled(s.get("max_new_tokens"))
    spread = s.assumed.spread if each > 1 else 1.0  # one answer alone differs from no other
    # Groups of one score may be drawn again, until enough differ or the tries are used up.
    tries = min(float(s.get("sampling_tries", 1)), 1 / max(spread, 0.01))
    _sample(s, made, made.step, prompts, each, answers, times=tries)
    updates = int(s.get("updates_per_batch", 1))
    scored = (updates > 1) + s.needs_reference + s.reward_model
    if scored:
        _score(s, made, made.step, prompts, each, _mean(answers), scored)
    live = prompts * (1.0 if s.needs_reference else min(1.0, spread * tries))
    _train(s, made, live, each, _mean(answers), times=updates)
    _sample(s, made, made.around, s.lengths.held_out, 1, answers, times=2)
    _sample(s, made, made.around, s.lengths.held_out, int(s.get("pass_k", 1)), answers, times=2)


def _merge(s: Setting, made: Workload) -> None:
    """Two experts trained before they are merged, unless they are given; start, models and merge
    measured. The second task is taken to be like the first."""
    given = s.get("models")
    count = len(str(given).split(",")) if given else 2
    answer = _mean(s.lengths.answers)
    made.reference = True  # start and merge are both in memory
    if not given:
        made.trained = s.shape.parameters
        steps = count * int(s.config["expert_steps"])
        done, passes = packed(s, int(s.config["expert_batch_size"]), 1, answer, EXPERT_PASS)
        made.trained_pass = done
        made.around += [
            Piece("update", "train", pass_counts(s.shape, done), passes * steps),
            Piece("update", "update", update_counts(made.trained, s.shape.matrices), steps),
        ]
    models = count + 2
    _score(s, made, made.around, s.lengths.held_out, 1, answer, 2 * models)
    if s.lengths.verifiable:
        lengths = s.lengths.sampled(None)
        _sample(s, made, made.around, s.lengths.held_out, 1, lengths, times=2 * models)


def _sample_only(s: Setting, made: Workload) -> None:
    prompts = min(int(s.get("prompts", s.lengths.held_out)), s.lengths.held_out)
    each = int(s.get("n", s.get("samples", 1))) * (int(s.get("repeats", 0)) + 1)
    lengths = s.lengths.sampled(s.get("max_new_tokens"))
    # Each continuation is about as long as the answer; of those cut off a part is written again.
    times = 1 + int(s.get("waits", 0)) + int(s.get("cuts", 0)) / 2
    _sample(s, made, made.around, prompts, each, lengths, times)
    if s.reward_model:
        _score(s, made, made.around, prompts, each, _mean(lengths))


def _read_only(s: Setting) -> Workload:
    """Stretches of recorded states, a row of numbers a dimension, read between an environment's
    steps; a number is taken to be a token a digit and one between numbers."""
    made = Workload(steps=0)
    behind = int(s.config["steps"]) - int(s.config["learning_starts"])
    stretches = max(0, behind // int(s.config["read_every"])) + int(s.config["evaluations"])
    row = int(s.config["context"]) * (int(s.config["digits"]) + 1)
    read = replace(s, lengths=replace(s.lengths, prompt=1, shared=0))
    _score(read, made, made.around, DIMENSIONS * stretches, 1, row)
    return made


# --- pieces ------------------------------------------------------------------------------------


def _train(
    s: Setting, made: Workload, groups: float, each: int, answer: float, times: int = 1
) -> None:
    done, passes = packed(s, groups, each, answer, int(s.get("micro_batch_tokens", 8192)))
    made.trained_pass = done
    counts, kind = pass_counts(s.shape, done), "adapt" if s.adapter else "train"
    made.step.append(Piece("update", kind, counts, passes * times))
    if s.get("activation_checkpointing"):  # one more forward pass, without the head
        again = pass_counts(s.shape, replace(done, loss_tokens=0, rows=0, row_tokens=0))
        made.step.append(Piece("update", "score", again, passes * times))


def _score(
    s: Setting,
    made: Workload,
    pieces: list[Piece],
    groups: float,
    each: int,
    answer: float,
    times: float = 1,
    labels: float = 1.0,
) -> None:
    done, passes = packed(s, groups, each, answer, SCORED_AT_ONCE, labels)
    if made.scored_pass is None or done.tokens > made.scored_pass.tokens:
        made.scored_pass = done
    pieces.append(Piece("scoring", "score", pass_counts(s.shape, done), passes * times))


def packed(
    s: Setting, groups: float, each: int, answer: float, budget: int, labels: float = 1.0
) -> tuple[Pass, float]:
    """One pass over rows of ``groups`` prompts with ``each`` answers, and passes a process makes.

    ``labels`` is how often each answer is asked for.
    """
    prompt = s.lengths.prompt
    once = prompt >= SHORTEST or each == 1
    # Behind a shared prompt only long answers that begin alike would be shared again; whole short
    # rows are, and a model that is nearly sure repeats itself.
    different = each if once or each == 2 else max(1.0, each * s.assumed.different)
    shared = min(s.lengths.shared, prompt - 1)
    # The last token of a row predicts nothing and is left out.
    group = prompt + different * (answer - 1) if once else different * (prompt + answer - 1)
    total = max(1.0, groups * (group - shared))
    passes = math.ceil((total + shared) / (budget * s.nproc)) * s.nproc
    if passes > 1:  # each has about as many tokens, and what all prompts share takes its part
        passes = math.ceil(total / max(1.0, (total + shared) / passes - shared))
    share = 1 / passes
    inner = different * (answer * prompt + answer * answer / 2)
    return (
        Pass(
            tokens=total * share + shared,
            loss_tokens=groups * each * labels * answer * share,
            pairs=(groups * (prompt * prompt / 2 * (1 if once else different) + inner)) * share,
            rows=groups * each * labels * share,
            row_tokens=groups * each * labels * (prompt + answer) * share,
            # Short rows are parted where they differ, and each end looks at its whole row.
            keys=groups * (each * (prompt + answer) + (prompt if once else 0)) * share,
        ),
        passes / s.nproc,
    )


def _sample(
    s: Setting,
    made: Workload,
    pieces: list[Piece],
    prompts: int,
    each: int,
    answers: Sequence[int],
    times: float = 1,
) -> None:
    """Pieces of drawing ``each`` answers to each of ``prompts`` prompts."""
    mine = math.ceil(prompts / s.nproc)
    count = mine * each
    slots = min(int(s.get("sample_batch", 256)), count)
    longest, limit = s.lengths.longest_prompt, int(s.get("max_new_tokens", s.lengths.limit))
    lengths = [answers[i // each % len(answers)] for i in range(count)]
    steps, fills = decoding(lengths, slots)
    mean = sum(lengths) / count
    shared = min(s.lengths.shared, s.lengths.prompt - 1)
    read = s.lengths.prompt - shared * (1 - fills / mine) if mine > fills else s.lengths.prompt
    prefill = prefill_counts(s.shape, mine / fills, count / fills, s.lengths.prompt)
    seen = read / s.lengths.prompt  # tokens that stand in several prompts are read once a pass
    scaled = {
        n: v * seen if n in ("operations", "numbers", "attention", "keys") else v
        for n, v in prefill.items()
    }
    going = count * mean / steps
    decode = decode_counts(s.shape, going, longest + min(mean, steps / 2))
    done = {"answers": float(count), "row_tokens": count * (s.lengths.prompt + mean)}
    pieces += [
        Piece("sampling", "prefill", scaled, fills * times),
        Piece("sampling", "decode", decode, steps * times),
        Piece("sampling", "finish", done, times),
    ]
    made.slots = max(made.slots, slots)
    made.slot_width = max(made.slot_width, longest + limit)
    if prompts * each * limit > made.drawn * made.drawn_tokens:
        made.drawn, made.drawn_tokens = prompts * each, limit


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)
