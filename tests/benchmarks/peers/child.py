"""One side's process: ``python -m tests.benchmarks.peers.child SPEC`` with the spec as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from methods.engine import smollm2
from tests.benchmarks.peers.gate import Gate
from tests.benchmarks.peers.setup import Spec
from tests.benchmarks.peers.workload import build, word_ids


def main() -> None:
    """Build the workload, say ready, take steps until stdin ends."""
    spec = Spec(**json.loads(sys.argv[1]))
    gate = Gate(spec.device)
    torch.set_num_threads(spec.threads)
    torch.manual_seed(0)
    from transformers import PreTrainedTokenizerFast

    folder = smollm2.prepare(Path(spec.cache_dir), offline=True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    workload = build(spec.workload, tokenizer, word_ids(tokenizer), tokenizer.eos_token_id)
    # Neither side's packages weigh on the other: each process imports its own alone.
    if spec.side == "ours":
        from tests.benchmarks.peers.ours import run
    else:
        from tests.benchmarks.peers.trl_side import run
    gate.say(workload=workload.facts())
    run(spec, workload, gate)


if __name__ == "__main__":
    main()
