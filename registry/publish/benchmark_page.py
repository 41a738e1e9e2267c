"""The page of the benchmarks: a training step beside TRL's, and how fast commands start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.core.plural import plural
from registry.publish.benchmarks import (
    PlanCase,
    PlanRecord,
    Spread,
    StartupRecord,
    StepRecord,
    Tried,
    Workload,
)
from registry.publish.markup import (
    Child,
    Html,
    Page,
    code,
    el,
    facts,
    heading,
    inward,
    items,
    join,
    listing,
    paragraph,
    table,
    when,
)
from registry.publish.numbers import number, size
from registry.publish.snapshot import Snapshot

FOLDER = "speed"
_STEP = "How long one training step takes here and in TRL, and the memory both need."
_PLAN = "What registry plan predicted of runs, and what they took."
_START = "How long commands take from the shell and back."
_WORKLOADS = {
    "sft": "SFT, a step on {rows} demonstrations",
    "dpo": "DPO, a step on {pairs} pairs",
    "grpo-update": "GRPO, the update on {groups} groups of {group} given answers",
    "grpo-step": "GRPO, sampling and update, {groups} groups of {group}",
}
_COMPARED = (
    "One optimiser step: every micro-batch, the clip and AdamW's update; in the last workload the "
    "sampling too. Both sides hold the same weights and token ids and compute the same loss.",
    "Each side first searched for its own fastest way of cutting the batch. Then they took turns, "
    "a step each, in two processes, so that a busy neighbour slows both. The ratio is taken turn "
    "by turn; behind it stand the lowest and the highest.",
    "Tokens are useful ones: the prompt and the answer of each row, the same number for both "
    "sides. Padding does not count. A prompt that several rows share counts for each of them, "
    "though we compute it once. Where each side samples its own answers, it has its own number.",
    "The fixed state is what any such training holds in float32: weights, gradient and AdamW's "
    "two moments. On a CPU a peak is resident memory, with Python and the libraries in it; on a "
    "GPU it is what torch allocated.",
    "The gradient difference is the 2-norm of the difference of both first gradients over that of "
    "TRL's: small, or the sides did not compute the same. Where each side samples its own answers "
    "there is none.",
)
_UNFAIR = (
    "Against TRL: on a CPU its head has no Triton kernel and scores prompt and padding positions "
    "too, which ours never does. On a GPU it has one, so a ratio from a CPU says nothing of a GPU.",
    "Against TRL: its GRPO trainer pads every micro-batch to the longest row of the step, and "
    "groups and pairs share long prompts here, which suits an engine that computes them once.",
    "Against us: TRL collates the batches of SFT and DPO before the clock starts; our packing "
    "is inside it.",
    "Against neither, but worth knowing: in a model this small the head over the vocabulary is "
    "much of the work, and so is what a side does about it.",
)


def benchmark_page(snapshot: Snapshot) -> Page | None:
    """The page ``speed``; None where nothing was measured."""
    found = snapshot.benchmarks
    if not found:
        return None
    parts = ((_STEP, found.steps), (_PLAN, found.plan), (_START, found.startup))
    said = " ".join(sentence for sentence, record in parts if record)
    blocks: list[Html] = [heading(1, "Speed"), el("p", said, class_="lead")]
    for record in found.steps:
        blocks += _device(record)
    if found.steps:
        blocks += [heading(2, "What is compared"), items(_COMPARED)]
        blocks += [heading(2, "What is unfair, and to whom"), items(_UNFAIR)]
        blocks.append(paragraph("To measure it on your machine, in a checkout:"))
        blocks.append(listing("python -m tests.benchmarks.peers"))
    if found.plan:
        blocks += _plan(found.plan)
    if found.startup:
        blocks += _startup(found.startup)
    if snapshot.triage:
        more = inward(FOLDER, f"{FOLDER}/triage", "How well candidates are ranked")
        blocks += [heading(2, "Triage"), paragraph(more, ", on lists it has never seen.")]
    return Page(FOLDER, "Speed", said, tuple(blocks))


def _device(record: StepRecord) -> list[Html]:
    machine = record.machine
    name = f"{machine.device}, {machine.precision}"
    days = sorted({one.day for one in record.workloads.values()})
    versions = ", ".join(f"{k} {v}" for k, v in sorted(machine.versions.items()))
    return [
        heading(2, f"A training step on {name}"),
        _pace_table(record),
        _memory_table(record),
        _settings_table(record),
        facts(
            [
                ("Model", record.model),
                ("Device", f"{machine.device}, {plural(machine.cores, 'core')}"),
                ("Threads", str(machine.threads)),
                ("Compute precision", machine.precision),
                ("Versions", f"Python {machine.python}, {versions}"),
                ("Measured", join(map(when, days), Html(", "))),
            ]
        ),
    ]


def _pace_table(record: StepRecord) -> Html:
    rows = []
    for name, one in record.workloads.items():
        pace, times = one.summary.tokens_per_second, one.summary.tokens_per_second_ratio
        rows.append(
            [
                _said(name, one),
                f"{pace.ours.median:,.0f}",
                f"{pace.trl.median:,.0f}",
                join([el("strong", f"{times.median:.2f}"), f" {_range(times)}"]),
                _gradient(one.gradient_difference),
                str(len(one.steps.get("ours", ()))),
                f"{one.load.before:.2f}, {one.load.after:.2f}",
            ]
        )
    columns = ["Workload", "Ours", "TRL", "Ratio (range)", "Gradient difference", "Turns",
               "Load before, after"]  # fmt: skip
    return table(columns, rows, caption="Useful tokens a second", class_="numbers")


def _memory_table(record: StepRecord) -> Html:
    rows: list[list[Child]] = []
    for name, one in record.workloads.items():
        peak, over = one.summary.peak_mib, one.summary.peak_over_fixed_state_mib
        rows.append(
            [
                _said(name, one),
                f"{peak.ours:,.0f}",
                f"{peak.trl:,.0f}",
                el("strong", f"{one.summary.peak_ratio:.2f}"),
                f"{over.ours:,.0f}",
                f"{over.trl:,.0f}",
                f"{one.summary.fixed_state_mib:,.0f}",
            ]
        )
    columns = ["Workload", "Ours", "TRL", "Ratio", "Ours over the fixed state",
               "TRL over the fixed state", "Fixed state"]  # fmt: skip
    return table(columns, rows, caption="Peak memory, MiB", class_="numbers")


def _settings_table(record: StepRecord) -> Html:
    rows = [
        [
            _said(name, one),
            _choice(one.settings.get("ours", {}), one.search.get("ours", ())),
            _choice(one.settings.get("trl", {}), one.search.get("trl", ())),
        ]
        for name, one in record.workloads.items()
    ]
    columns = ["Workload", "Ours", "TRL"]
    return table(columns, rows, caption="The settings that each side's search found")


def _said(name: str, one: Workload) -> str:
    work = one.workload
    groups = work.rows // max(1, work.group)
    pattern = _WORKLOADS.get(name, name)
    return pattern.format(rows=work.rows, pairs=groups, groups=groups, group=work.group)


def _choice(settings: Mapping[str, Any], tried: tuple[Tried, ...]) -> Html:
    said = ", ".join(f"{k}={v}" for k, v in settings.items())
    failed = sum(one.failed is not None for one in tried)
    count = f" best of {len(tried)}" + (f", {failed} of them failed" if failed else "")
    return join([code(said), el("span", count, class_="faint") if tried else None])


def _range(spread: Spread) -> str:
    return f"({spread.low:.2f} to {spread.high:.2f})"


def _gradient(difference: float | None) -> str:
    return "sampled" if difference is None else f"{difference:.1e}"


def _plan(record: PlanRecord) -> list[Html]:
    commands = "\n".join(one.command for one in record.cases.values())
    clocks = {one.clock for one in record.cases.values()}
    clock = " Seconds are the main thread's processor time." if clocks == {"processor"} else ""
    return [
        heading(2, "What a plan predicts"),
        paragraph(
            f"Memory and a step came within {record.within:.0%} in {record.inside} of "
            f"{plural(record.of, 'run')}. A ratio is the prediction over what was seen.{clock}"
        ),
        table(
            ["Run", "Peak memory, seen", "Ratio", "A step, seen", "Ratio", "In all, seen", "Ratio"],
            [_case(name, one) for name, one in record.cases.items()],
            class_="numbers",
        ),
        el("details", el("summary", "The commands"), listing(commands)),
        facts(
            [
                ("Device", f"{record.machine.processor}, {plural(record.machine.cores, 'core')}"),
                ("Measured", when(record.day)),
            ]
        ),
    ]


def _case(name: str, one: PlanCase) -> list[Child]:
    seen, ratio = one.seen, one.ratio

    def seconds(value: float | None) -> str:
        return "-" if value is None else f"{number(value)} s"

    def over(predicted: float | None, value: float | None) -> Html:
        said = "-" if predicted is None or value is None else f"{value:.2f}"
        return el("strong", said)

    return [
        name,
        size(int(seen.peak_bytes)),
        over(one.predicted.peak_bytes, ratio.peak_bytes),
        seconds(seen.step_seconds),
        over(one.predicted.step_seconds, ratio.step_seconds),
        seconds(seen.seconds),
        over(one.predicted.seconds, ratio.seconds),
    ]


def _startup(record: StartupRecord) -> list[Html]:
    rows = [
        [
            code(line),
            el("strong", f"{one.median_seconds:.2f} s"),
            f"{one.lowest_seconds:.2f} to {one.highest_seconds:.2f} s",
            f"{number(one.budget_seconds)} s",
        ]
        for line, one in record.commands.items()
    ]
    machine = record.machine
    loads = ", ".join(f"{value:.2f}" for value in machine.load)
    return [
        heading(2, "How fast commands start"),
        paragraph(
            f"Wall time of the whole process, {record.runs} runs after one that warms the caches. "
            "None of these commands imports torch; a test holds that."
        ),
        table(["Command", "Median", "Range", "Budget"], rows, class_="numbers"),
        facts(
            [
                ("Device", f"{machine.processor}, {plural(machine.cores, 'core')}"),
                ("Load", loads),
                ("Python", machine.python),
                ("Measured", when(record.day)),
            ]
        ),
    ]
