"""What a run will need: bytes of memory by purpose, seconds of a step and of the whole.

Arithmetic over the model's shape, the resolved options, the lengths of texts and a device's
measured constants; nothing is loaded. ``tests/benchmarks/plan_accuracy.py`` holds the predictions
against what runs then show.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from registry.core.errors import UsageError
from registry.runs.devices import Choice, Constants, Memory, choose
from registry.runs.lengths import Lengths, data_lengths, given_lengths, load_task, task_lengths
from registry.runs.plan import Plan, find_method
from registry.runs.shapes import BUILT_IN, ModelShape, model_shape
from registry.runs.sources import SMALL, TINY
from registry.runs.work import Pass, seconds
from registry.runs.workload import WEIGHT, Assumed, Piece, Setting, Workload, workload

Phase = Literal["always", "training pass", "scoring pass", "sampling"]
CHUNK = 512  # rows of logits alive at once; a test compares with the engine
_CHUNKS = {"float32": 3.0, "bfloat16": 3.5}  # of them alive together, in float32's bytes
_PLAIN = Memory(baseline=450_000_000)
_ENTRY = 950  # bytes of one of a tokenizer's tokens in Python's and Rust's tables
# Of tiny and SmolLM2-135M in the first steps of GRPO on chain-sum: shares of groups whose answers
# differ in score, and of their tokens that stand in a pass once. They move as training goes on.
MEASURED = {
    (TINY, "verifiable"): Assumed(spread=0.65, different=0.3),
    (SMALL, "verifiable"): Assumed(spread=0.5),
}


@dataclass(frozen=True)
class Amount:
    """Bytes of one purpose, and when they are there."""

    name: str
    bytes: int
    when: Phase = "always"


@dataclass(frozen=True)
class Share:
    """Seconds of one part of a step, None where the device was never measured."""

    name: str
    seconds: float | None


@dataclass(frozen=True)
class Estimate:
    """The prediction. ``peak`` is of one process; ``step`` and ``total`` are wall seconds."""

    method: str
    model: str
    parameters: int
    trained: int
    device: str
    nproc: int
    steps: int
    prompt_tokens: float
    answer_tokens: float
    lengths_from: str
    memory: tuple[Amount, ...]
    peak: int
    peak_when: str
    available: int | None
    time: tuple[Share, ...] = ()
    step: float | None = None
    total: float | None = None
    notes: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether all processes fit what the machine has; True where that is not known."""
        return self.available is None or self.needed <= self.available

    @property
    def needed(self) -> int:
        """Bytes of all processes that share the memory: those of a CPU do, each GPU has its own."""
        return self.peak * (self.nproc if self.device == "cpu" else 1)


def estimate(
    plan: Plan,
    cache_dir: Path,
    *,
    nproc: int = 1,
    prompt_tokens: int | None = None,
    answer_tokens: int | None = None,
    available: int | None = None,
    spread: float | None = None,
    choice: Choice | None = None,
) -> Estimate:
    """The prediction for ``plan`` on ``nproc`` processes.

    ``available`` is the memory there is, in bytes; the machine's own on a CPU where it is None.
    ``spread`` is the share of sampled groups whose answers differ in score.
    Raises UsageError where the model's size or the lengths of texts cannot be told.
    """
    info = find_method(plan.source or plan.method)
    shape, lengths = _inputs(plan, cache_dir, prompt_tokens, answer_tokens)
    notes: list[str] = []
    kind = "verifiable" if lengths.verifiable else "scored"
    assumed = MEASURED.get((shape.name, kind), Assumed())
    if spread is not None:
        assumed = replace(assumed, spread=spread)
    setting = Setting(info, plan.config, shape, lengths, nproc, assumed)
    work = workload(setting)
    if work.others:
        notes.append("a teacher or reward model is taken to be as large as the model")
    if int(setting.get("group_size", 1)) > 1 and not setting.needs_reference:
        notes.append(f"assumes that {assumed.spread:.0%} of the groups differ in score (--spread)")
    choice = choice or choose(plan.device)
    notes += choice.notes
    if available is None and plan.device == "cpu":
        available = machine_memory()
    memory = choice.constants.memory if choice.constants else _PLAIN
    amounts = memory_amounts(setting, work, memory)
    peak, when = peak_of(amounts)
    found = Estimate(
        method=plan.method,
        model=shape.name,
        parameters=shape.parameters,
        trained=work.trained,
        device=plan.device,
        nproc=nproc,
        steps=work.steps,
        prompt_tokens=round(lengths.prompt, 1),
        answer_tokens=round(lengths.answer, 1),
        lengths_from=lengths.source,
        memory=amounts,
        peak=peak,
        peak_when=when,
        available=available,
        notes=tuple(notes),
    )
    if choice.constants is not None:
        found = _with_time(found, setting, work, choice.constants)
    return found if found.fits else replace(found, advice=tuple(_advice(setting, found)))


def _inputs(
    plan: Plan, cache_dir: Path, prompt_tokens: int | None, answer_tokens: int | None
) -> tuple[ModelShape, Lengths]:
    config, model = plan.config, str(plan.config["model"])
    if (prompt_tokens is None) != (answer_tokens is None):
        raise UsageError("--prompt-tokens and --answer-tokens go together; give both or neither")
    if prompt_tokens is not None and answer_tokens is not None:
        given = given_lengths(prompt_tokens, answer_tokens)
        return model_shape(model, cache_dir), given
    if config.get("data"):
        shape = model_shape(model, cache_dir)
        return shape, data_lengths(str(config["data"]), shape)
    if model not in BUILT_IN:
        model_shape(model, cache_dir)  # refused before a task is built, which takes seconds
    if not config.get("task"):
        raise UsageError(
            f"{plan.method} has no task and no data whose texts could be measured, so there is no "
            "prediction. Say how long they are: --prompt-tokens 100 --answer-tokens 50"
        )
    task = load_task(str(config["task"]), cache_dir)
    shape = model_shape(model, cache_dir, len(task.alphabet))
    return shape, task_lengths(task, shape)


# --- memory --------------------------------------------------------------------------------------


def memory_amounts(s: Setting, work: Workload, memory: Memory) -> tuple[Amount, ...]:
    """Bytes of one process by purpose, in the order of a table."""
    parameters, trained = s.shape.parameters, work.trained
    part = 1 / s.nproc
    found = [Amount("process", memory.baseline + _ENTRY * s.shape.vocabulary)]
    found.append(Amount("weights", WEIGHT * parameters))
    if s.nproc > 1 and trained:
        found.append(Amount("master weights, a part", round(WEIGHT * parameters * part)))
    if trained:
        found.append(Amount("gradient", WEIGHT * trained, "training pass"))
        found.append(Amount("moments", round(2 * WEIGHT * trained * part)))
    if work.reference:
        found.append(Amount("reference copy", WEIGHT * parameters))
    if work.others:
        found.append(Amount("other models", WEIGHT * parameters * work.others))
    if work.trained_pass is not None:
        found += _training_pass(s, work.trained_pass, memory.slack)
    if work.scored_pass is not None:
        found += _scoring_pass(s, work.scored_pass, memory.slack)
    if work.slots:
        number = 2 if s.get("precision") == "bfloat16" else 4
        cache = 2 * work.slots * work.slot_width * s.shape.layers * s.shape.cache_width * number
        drawn = 8 * work.drawn * work.drawn_tokens
        logits = _CHUNKS["float32"] * work.slots * s.shape.vocabulary * WEIGHT
        found.append(Amount("key-value cache", cache, "sampling"))
        found.append(Amount("random numbers", drawn, "sampling"))
        found.append(Amount("logits of a token", round(logits * memory.slack), "sampling"))
    return tuple(amount for amount in found if amount.bytes)


def _training_pass(s: Setting, done: Pass, slack: float) -> list[Amount]:
    shape, precision = s.shape, str(s.get("precision", "float32"))
    layer = done.tokens * kept_per_token(shape, precision, done.keys / done.tokens)
    if s.get("activation_checkpointing"):
        kept = shape.layers * done.tokens * shape.width * WEIGHT + layer
    else:
        kept = (shape.layers + 1) * layer  # one more while its gradient is computed
    kept += 3 * done.tokens * shape.width * WEIGHT
    if precision == "bfloat16":  # the weights as the products read them
        kept += 2 * (shape.layers * shape.linear_parameters + shape.head_parameters)
    found = [Amount("activations", round(kept * slack), "training pass")]
    if not s.adapter:
        # Head and embedding give a gradient each before the two are added.
        found.append(
            Amount("gradient of the head", WEIGHT * shape.head_parameters, "training pass")
        )
    logits = round(_logits(shape, done, precision) * slack)
    return [*found, Amount("logits", logits, "training pass")]


def _scoring_pass(s: Setting, done: Pass, slack: float) -> list[Amount]:
    shape, precision = s.shape, str(s.get("precision", "float32"))
    number = 2 if precision == "bfloat16" else WEIGHT
    alive = 4 * shape.width * WEIGHT + 4 * shape.intermediate * number
    once = done.tokens * alive + done.loss_tokens * shape.width * WEIGHT
    if precision == "bfloat16":
        once += 2 * (shape.layers * shape.linear_parameters + shape.head_parameters)
    return [
        Amount("states", round(once * slack), "scoring pass"),
        Amount("logits of a chunk", round(_logits(shape, done, precision) * slack), "scoring pass"),
    ]


def kept_per_token(shape: ModelShape, precision: str, keys: float = 1.0) -> float:
    """Bytes that one layer keeps of one token for its backward pass, counted on a Llama.

    float32: the inputs of norms and products, the feed-forward part's four, queries, ``keys`` keys
    and values a token, and what attention gives. bfloat16 halves what products read.
    """
    per = (26, 8, 6, 4) if precision == "bfloat16" else (24, 16, 12, 8)
    sizes = (shape.width, shape.intermediate, shape.attention_width, shape.cache_width * keys)
    return sum(a * b for a, b in zip(per, sizes, strict=True))


def _logits(shape: ModelShape, done: Pass, precision: str) -> int:
    rows = min(CHUNK, done.loss_tokens)
    return round(_CHUNKS[precision] * rows * shape.vocabulary * WEIGHT)


def peak_of(amounts: Sequence[Amount]) -> tuple[int, str]:
    """(bytes at the worst moment, which that is)."""
    sums: dict[str, int] = {}
    for amount in amounts:
        sums[amount.when] = sums.get(amount.when, 0) + amount.bytes
    always = sums.pop("always", 0)
    when = max(sums, key=lambda name: sums[name], default="always")
    return always + sums.get(when, 0), when


def machine_memory() -> int | None:
    """Bytes of memory this machine has, None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _advice(s: Setting, found: Estimate) -> list[str]:
    """What lowers the peak, the largest gain first, with what it then is."""
    changes: dict[str, dict[str, object]] = {}
    config = s.config
    if "micro_batch_tokens" in config:
        fewer = max(256, int(config["micro_batch_tokens"]) // 4)
        changes[f"--set micro_batch_tokens={fewer}"] = {"micro_batch_tokens": fewer}
    if not config.get("activation_checkpointing", True):
        changes["--set activation_checkpointing=true"] = {"activation_checkpointing": True}
    if "lora" in config and not config["lora"]:
        changes["--set lora=r=16"] = {"lora": "r=16"}
    if int(config.get("sample_batch", 0)) > 16:
        changes["--set sample_batch=16"] = {"sample_batch": 16}
    memory = _PLAIN

    def peak(setting: Setting) -> int:
        return peak_of(memory_amounts(setting, workload(setting), memory))[0]

    now = peak(s)
    peaks = {
        said: peak(replace(s, config={**config, **change})) for said, change in changes.items()
    }
    if s.nproc == 1 and found.device != "cpu":
        peaks["--nproc 2"] = peak(replace(s, nproc=2))
    useful = sorted((value, said) for said, value in peaks.items() if value < 0.98 * now)
    return [f"{said}: about {value / 1e9:.1f} GB" for value, said in useful]


# --- time ----------------------------------------------------------------------------------------


def _with_time(found: Estimate, s: Setting, work: Workload, device: Constants) -> Estimate:
    precision = str(s.get("precision", "float32"))
    notes = list(found.notes)
    if precision not in device.seconds:
        notes.append(f"{device.name} was not measured in {precision}: no prediction of time")
        return replace(found, notes=tuple(notes))
    parts: dict[str, float] = {}
    for piece in work.step:
        parts[piece.part] = parts.get(piece.part, 0.0) + _taken(piece, device, precision)
    step = sum(parts.values())
    around = sum(_taken(piece, device, precision) for piece in work.around)
    saved = _saved_bytes(s, work) * device.written
    total = device.start + around + work.steps * step + saved
    if s.nproc > 1:
        notes.append("times with several processes leave out what they say to one another")
    if found.device == "cpu" and s.nproc > 1:
        notes.append("processes on one CPU share its cores: they gain no time")
    return replace(
        found,
        time=tuple(Share(name, value) for name, value in parts.items()),
        step=step if work.steps else None,
        total=total,
        notes=tuple(notes),
    )


def _taken(piece: Piece, device: Constants, precision: str) -> float:
    tables = device.seconds[precision]
    # An update and the end of sampling are the same work in either precision.
    table = tables.get(piece.kind) or device.seconds["float32"].get(piece.kind, {})
    return piece.times * seconds(piece.counts, table)


def _saved_bytes(s: Setting, work: Workload) -> float:
    """Bytes of checkpoints and of the final model."""
    if not work.trained:
        return 0.0
    kept = WEIGHT * (work.trained if s.adapter else s.shape.parameters)
    checkpoints = work.steps // int(s.get("checkpoint_every", work.steps + 1))
    final = kept if s.get("save_model") else 0
    return checkpoints * (kept + 2 * WEIGHT * work.trained) + final
