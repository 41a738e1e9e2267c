"""Times small pieces of work and fits the constants that ``registry plan`` predicts with.

    python -m tests.benchmarks.constants --name cpu-2-threads [--only A-float32 ...] [--fit]

Each piece is a pass, a step of decoding or an update of a model with random weights, run as the
methods run it, and timed until ``_BUDGET`` seconds are spent; the median of the faster half counts.
On a CPU it is the main thread's processor time that is taken: that thread has its share of every
parallel piece and does all the rest, so its time is the wall time of an idle machine, whatever the
neighbours do. ``--only`` times some groups of pieces and keeps the rest of what was timed before;
the fit is made over all of them. Writes
``registry/runs/devices/<name>.json`` and, beside the benchmarks' results, the pieces themselves.
About two minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from methods.engine import adapter, tiny
from methods.engine.batch import Tokens, own_batches, pack
from methods.engine.cache import sha256_of
from methods.engine.load import take_over
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.prefix import tree
from methods.engine.sample import sample
from registry.runs.shapes import ModelShape
from registry.runs.work import (
    Pass,
    decode_counts,
    pass_counts,
    prefill_counts,
    seconds,
    update_counts,
)
from tests.benchmarks.constants_fit import OF_PACKING, write

RESULTS = Path(__file__).with_name("results")
_BUDGET = 0.4  # seconds a piece is repeated for
_LEAST = 3  # times it is timed

SHAPES = {
    "A": ModelShape("A", 4, 128, 4, 4, 32, 512, 20, tied=True),
    "B": ModelShape("B", 8, 576, 9, 3, 64, 1536, 49152, tied=True),
    "C": ModelShape("C", 4, 1024, 16, 8, 64, 3072, 8192, tied=True),
}
# (prompts, answers to each, tokens of a prompt, tokens of an answer)
BATCHES = {
    "A": [(8, 1, 10, 5), (64, 1, 8, 4), (128, 8, 7, 4), (8, 2, 24, 60),
          (32, 2, 24, 60), (2, 1, 100, 400), (256, 1, 7, 4)],
    "B": [(2, 1, 8, 8), (8, 1, 16, 16), (16, 2, 10, 12), (8, 8, 60, 4), (2, 1, 200, 200)],
    "C": [(2, 1, 8, 8), (8, 1, 16, 16), (8, 2, 20, 12), (2, 1, 250, 60)],
}  # fmt: skip
DECODES = {  # (prompts, answers to each, tokens of a prompt, tokens drawn)
    "A": [(1, 1, 8, 12), (16, 4, 8, 12), (256, 1, 8, 12), (64, 4, 200, 12)],
    "B": [(1, 1, 8, 8), (8, 2, 60, 8), (8, 8, 10, 8), (4, 64, 60, 6)],
    "C": [(1, 1, 8, 8), (8, 4, 60, 8), (4, 32, 30, 6)],
}
GROUPS = [
    "packing",
    *(f"{shape}-{precision}" for shape in SHAPES for precision in ("float32", "bfloat16")),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    threads = f"cpu-{os.cpu_count()}-threads"
    parser.add_argument("--name", default=threads, help=f"of the device's file; {threads} here")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="*", choices=GROUPS, default=None)
    parser.add_argument("--fit", action="store_true", help="time nothing, fit what was timed")
    given = parser.parse_args()
    path = RESULTS / f"constants-{given.name}.json"
    kept: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"groups": {}}
    groups = [] if given.fit else given.only or GROUPS
    if groups and given.device == "cpu":
        _as_a_worker()
    if not given.fit:
        kept["baseline"], kept["start"] = process(given.device)
        kept["written"] = writing()
    for group in groups:
        name, _, precision = group.partition("-")
        if group == "packing":
            pieces = list(packing())
        else:
            pieces = [*measured(name, precision, given.device)]
            pieces += adapted(name, precision, given.device)
        load = [round(value, 2) for value in os.getloadavg()]
        kept["groups"][group] = {"load": load, "pieces": pieces}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept, indent=1) + "\n")
        print(f"{group}: {len(pieces)} pieces, load {load}", flush=True)
    pieces = [p for group in kept["groups"].values() for p in group["pieces"]]
    _report(write(given.name, given.device, pieces, kept), pieces)
    return 0


def _as_a_worker() -> None:
    """Start again with the environment that ``registry run`` gives its worker."""
    from registry.runs.launch import _environment

    if os.environ.get("MALLOC_MMAP_MAX_") is None and sys.platform == "linux":
        words = [sys.executable, "-m", "tests.benchmarks.constants", *sys.argv[1:]]
        os.execve(sys.executable, words, _environment(Path()))


def measured(name: str, precision: str, device: str) -> Iterator[dict[str, Any]]:
    """The timed pieces of one shape in one precision."""
    shape = SHAPES[name]
    policy = _model(shape, precision, device)
    optimiser = Optimiser(policy, TrainingOptions())
    for prompts, each, long, answer in BATCHES[name]:
        rows = _rows(shape, prompts, each, long, answer)

        def score(rows: list[Tokens] = rows) -> None:
            with torch.no_grad():
                _passes(policy, rows, lambda logp: None)

        def train(rows: list[Tokens] = rows) -> None:
            _passes(policy, rows, lambda logp: optimiser.backward(logp.sum() / 1000))

        done = _pass_of(rows)
        for kind, piece in (("score", score), ("train", train)):
            yield _piece(kind, precision, pass_counts(shape, done), timed(piece, device))
    if precision == "float32":

        def update() -> None:
            optimiser._received = True
            for parameter in optimiser.parameters:
                parameter.grad = grads[id(parameter)]
            optimiser.step(1)

        grads = {id(p): torch.full_like(p, 1e-3) for p in optimiser.parameters}
        trained = policy.parameter_count(trained=True)
        counts = update_counts(trained, len(optimiser.parameters))
        yield _piece("update", precision, counts, timed(update, device))
    for batch in DECODES[name]:
        yield from _decoding(policy, shape, precision, batch)


def packing() -> Iterator[dict[str, Any]]:
    """Cutting rows to micro-batches and packing them, without a model."""
    for batch in BATCHES["A"]:
        rows = _rows(SHAPES["A"], *batch)

        def cut(rows: list[Tokens] = rows) -> None:
            for group in own_batches(rows, 1 << 20):
                pack(rows, group)

        counts = pass_counts(SHAPES["A"], _pass_of(rows))
        some = {name: counts[name] for name in OF_PACKING}
        yield _piece("packing", "float32", some, timed(cut, "cpu"))


def adapted(name: str, precision: str, device: str) -> Iterator[dict[str, Any]]:
    """Training passes that adapt frozen weights with LoRA."""
    shape = SHAPES[name]
    policy = _model(shape, precision, device)
    adapter.add(policy, "r=16", 0)
    optimiser = Optimiser(policy, TrainingOptions())
    for batch in BATCHES[name]:
        rows = _rows(shape, *batch)

        def train(rows: list[Tokens] = rows) -> None:
            _passes(policy, rows, lambda logp: optimiser.backward(logp.sum() / 1000))

        counts = pass_counts(shape, _pass_of(rows))
        yield _piece("adapt", precision, counts, timed(train, device))


def _passes(policy: LanguageModel, rows: list[Tokens], use: Callable[[torch.Tensor], None]) -> None:
    for group in own_batches(rows, 1 << 20):
        use(completion_logprobs(policy, pack(rows, group, policy.device)))


def _decoding(
    policy: LanguageModel, shape: ModelShape, precision: str, batch: tuple[int, int, int, int]
) -> Iterator[dict[str, Any]]:
    prompts, each, long, drawn = batch
    texts = [
        "".join(chr(97 + (i * 7 + j * j) % 15) for j in range(long - 1)) for i in range(prompts)
    ]
    policy._stops[""] = frozenset()  # no answer ends before the limit
    ends: list[float] = []
    prefills, steps, finishes = [], [], []
    for _ in range(_LEAST):
        ends.clear()
        started = _clock(policy.device.type)
        sample(
            policy, texts, per_prompt=each, max_new_tokens=drawn, batch_size=prompts * each,
            generator=torch.Generator(policy.device).manual_seed(0),
            on_progress=lambda count: ends.append(_clock(policy.device.type)),
        )  # fmt: skip
        finishes.append(_clock(policy.device.type) - ends[-1])
        prefills.append(ends[0] - started)
        steps += [b - a for a, b in pairwise(ends)]
    counts = prefill_counts(shape, prompts, prompts * each, long)
    yield _piece("prefill", precision, counts, _typical(prefills))
    counts = decode_counts(shape, prompts * each, long + drawn / 2)
    yield _piece("decode", precision, counts, _typical(steps))
    finish = {"answers": prompts * each, "row_tokens": prompts * each * (long + drawn)}
    yield _piece("finish", precision, finish, _typical(finishes))


def timed(piece: Callable[[], None], device: str) -> float:
    """Seconds of ``piece``: the median of the faster half of many times."""
    times: list[float] = []
    piece()
    while len(times) < _LEAST or sum(times) < _BUDGET:
        started = _clock(device)
        piece()
        times.append(_clock(device) - started)
    return _typical(times)


def _clock(device: str) -> float:
    if not device.startswith("cuda"):
        return time.thread_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def _typical(times: list[float]) -> float:
    return statistics.median(sorted(times)[: max(1, (len(times) + 1) // 2)])


def _model(shape: ModelShape, precision: str, device: str) -> LanguageModel:
    from transformers import LlamaConfig, LlamaForCausalLM

    characters = tiny.tokenizer("abcdefghijklmnop")
    torch.manual_seed(0)
    module = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=max(shape.vocabulary, len(characters)), hidden_size=shape.width,
            intermediate_size=shape.intermediate, num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads, num_key_value_heads=shape.key_value_heads,
            head_dim=shape.head_size, tie_word_embeddings=True, max_position_embeddings=4096,
            bos_token_id=characters.bos_token_id, eos_token_id=characters.eos_token_id,
            pad_token_id=characters.pad_token_id,
        )
    )  # fmt: skip
    model = LanguageModel(module.to(device).eval(), characters, shape.name, "random", precision)
    take_over(model)
    if not model.ragged:
        raise RuntimeError("a Llama that does not run on ragged rows: the engine is broken")
    return model


def _rows(shape: ModelShape, prompts: int, each: int, long: int, answer: int) -> list[Tokens]:
    """Rows of ``long`` and ``answer`` tokens on average; both vary, as those of real texts do."""
    draw = np.random.default_rng(0)

    def ids(mean: int) -> list[int]:
        spread = mean // 2 if mean > 16 else 0
        length = int(draw.integers(mean - spread, mean + spread + 1))
        return draw.integers(4, shape.vocabulary, length).tolist()

    rows = []
    for _ in range(prompts):
        prompt = ids(long)
        rows += [Tokens((*prompt, *ids(answer)), len(prompt)) for _ in range(each)]
    return rows


def _pass_of(rows: list[Tokens]) -> Pass:
    segments, _ = tree([row.ids[:-1] for row in rows])
    return Pass(
        tokens=sum(s.length for s in segments),
        loss_tokens=sum(row.completion_length for row in rows),
        pairs=sum(s.length * (len(s.path) - (s.length - 1) / 2) for s in segments),
        rows=len(rows),
        row_tokens=sum(len(row.ids) for row in rows),
        keys=sum(len(s.path) for s in segments),
    )


_PROCESS = """
import resource, sys, time
import methods.engine.worker
import methods.rl.grpo
from pathlib import Path
from methods.engine import adapter, tiny
from methods.engine.tasks import build_task
import torch
task = build_task("chain-sum:digits=2", Path())
model = tiny.untrained(task.alphabet, tiny.recipe(task))
model.module.to(sys.argv[1])
cuda = sys.argv[1] != "cpu"
peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(0).ru_maxrss * 1024
print(peak - 4 * model.parameter_count(), time.process_time())
"""


def process(device: str) -> tuple[int, float]:
    """(peak bytes, processor seconds) of a process that is ready to train and holds no model."""
    words = [sys.executable, "-c", _PROCESS, device]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return int(said[0]), round(float(said[1]), 2)


def writing(size: int = 200_000_000) -> float:
    """Seconds a byte of a checkpoint takes: written, read for its checksum, forced to the disk."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=Path()) as place:
        path = Path(place) / "part"
        path.write_bytes(bytes(size))
        sha256_of(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    return float(f"{(time.perf_counter() - started) / size:.3g}")


def _piece(kind: str, precision: str, counts: Mapping[str, float], taken: float) -> dict[str, Any]:
    return {"kind": kind, "precision": precision, "seconds": taken, "counts": dict(counts)}


def _report(path: Path, pieces: list[dict[str, Any]]) -> None:
    record = json.loads(path.read_text())
    for what, off in record["fit_error"].items():
        print(f"{what:18} off by {100 * off:.0f} % on average")
    for p in pieces:
        if p["kind"] == "packing":
            continue
        guess = seconds(p["counts"], record["seconds"][p["precision"]][p["kind"]])
        print(f"  {p['kind']:7}{p['precision']:9}{p['seconds']:9.4f} s, fitted {guess:9.4f}")
    print(path)


if __name__ == "__main__":
    raise SystemExit(main())
