"""O-LoRA: each task trains adapters of its own, in directions orthogonal to the earlier ones'.

Paper: arXiv 2310.14152 (Wang et al., *Orthogonal Subspace Learning for Language Model Continual
Learning*). Task t adds B_t A_t (A_t: r x k) to each adapted weight; the pairs of earlier tasks stay
frozen, and all of them count:

    W = W0 + (alpha / r) sum_{i<=t} B_i A_i

    L = L_new + lambda sum over layers, i<t  sum_{j,k} | (A_i A_t^T)_{j,k} |

The rows of A_i span what task i reads of a layer's input; where A_i A_t^T = 0 the new task reads
nothing of it, so that what it adds leaves the inputs that the earlier one answered to alone.

Departures from the paper
1. The sum is of absolute values, and A is the matrix that reads the layer's input, both as in the
   authors' code; ``penalty=squared`` squares the entries. The paper writes a change as A B, with A
   on the side of the output.
2. All linear layers but the head are adapted unless ``targets`` says otherwise; the authors adapt
   weights of the attention.
3. control=sequential trains one pair on all tasks in turn; strength=0 trains a pair for each task
   without the penalty.
4. No further decay of the new pair's weights, which the authors' code offers.

Checked against: the penalty worked by hand, its gradient in closed form and by autograd, orthogonal
and equal subspaces; peft's layer with two active adapters, value and gradient; the saved adapter of
the whole stream loads in PEFT to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from methods.continual.loop import Gradient, Stream
from methods.continual.options import SMOLLM2, TINY, StreamOptions
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run
from methods.peft.loop import Adapted, Adapter, adapt, low_rank
from methods.peft.lora import lora_init


class Config(StreamOptions):
    """Options of orthogonal adapters."""

    method_only: ClassVar[tuple[str, ...]] = ("strength", "penalty")
    lora: ClassVar[None] = None  # the method is the adapter
    rslora: ClassVar[bool] = False

    rank: int = option(8, "rank of each task's change", source="the authors' code", ge=1, le=4096)
    alpha: float = option(
        16.0, "a change counts alpha / rank times", source="ours: twice the rank", gt=0
    )
    targets: str = option(
        "all-linear",
        "layers that have adapters: all-linear (all but the head), or names joined by +",
        source="ours",
        min_length=1,
    )
    strength: float = option(
        0.5, "lambda, the weight of the penalty; 0 is without", source="the authors' code", ge=0
    )
    penalty: Literal["absolute", "squared"] = option(
        "absolute",
        "what is summed of the entries of A_i A_t^T; with strength=0 in the logged overlap alone",
        source="the authors' code",
    )
    learning_rate: float = option(
        3e-3, "peak learning rate of AdamW in each task", source="ours", gt=0, lt=1
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": TINY, "smollm2-135m": {**SMOLLM2, "learning_rate": 2e-4},
}  # fmt: skip


def overlap(a: Tensor, earlier: Tensor, kind: str = "absolute") -> Tensor:
    """The sum over the entries of ``earlier`` a^T of their size, or of its square; a scalar.

    ``a`` (r, k): the new task's; ``earlier`` (n r, k): those of the n tasks before, row on row.
    """
    entries = earlier @ a.T
    return (entries.abs() if kind == "absolute" else entries.square()).sum()


def overlap_gradient(a: Tensor, earlier: Tensor, kind: str = "absolute") -> Tensor:
    """Its gradient by ``a``, (r, k)."""
    entries = earlier @ a.T
    return (entries.sign() if kind == "absolute" else 2 * entries).T @ earlier


class StackedLora(Adapted):
    """h = W0 x + bias + scaling (B_t A_t + sum of the frozen B_i A_i) x."""

    def __init__(self, base: nn.Linear, rank: int, scaling: float) -> None:
        super().__init__(base, rank, scaling)
        lora_init(self.lora_A.weight, self.lora_B.weight, "kaiming")
        like = {"device": base.weight.device, "dtype": base.weight.dtype}
        none_in, none_out = base.in_features, base.out_features
        self.register_buffer("frozen_A", torch.zeros(0, none_in, **like), persistent=False)
        self.register_buffer("frozen_B", torch.zeros(none_out, 0, **like), persistent=False)

    def freeze(self, a: Tensor, b: Tensor) -> None:
        """From now on ``b @ a`` counts too, and is not trained."""
        self.frozen_A = torch.cat([self.frozen_A, a.to(self.frozen_A)])
        self.frozen_B = torch.cat([self.frozen_B, b.to(self.frozen_B)], 1)

    def adapted(self, x: Tensor) -> Tensor:
        """See ``Adapted``."""
        _, a, b, scaling = self.parts
        found = self.base_layer(x) + low_rank(x, a, b, scaling)
        if len(self.frozen_A):
            found = found + low_rank(x, self.frozen_A, self.frozen_B, scaling)
        return found

    @torch.no_grad()
    def merged(self) -> Tensor:
        """See ``Adapted``."""
        weight, a, b, scaling = self.parts
        return weight + scaling * (b @ a + self.frozen_B @ self.frozen_A)


class StackedAdapter(Adapter):
    """The adapter of the whole stream as PEFT has it: one pair of n times the rank a layer."""

    whole = False  # a checkpoint holds the pair that is trained; the others have their own files

    def save_pretrained(self, folder: Path | str, *, state_dict: Mapping[str, Tensor]) -> None:
        """See ``Adapter``."""
        if not self.whole:
            return super().save_pretrained(folder, state_dict=state_dict)
        stacked, times = dict(state_dict), 1
        for name, layer in self.layers.items():
            a, b = (f"base_model.model.{name}.lora_{kind}.weight" for kind in "AB")
            times = 1 + len(layer.frozen_A) // len(state_dict[a])
            stacked[a] = torch.cat([layer.frozen_A.cpu(), state_dict[a]])
            stacked[b] = torch.cat([layer.frozen_B.cpu(), state_dict[b]], 1)
        sizes = {key: self.config[key] * times for key in ("r", "lora_alpha")}
        Adapter(self.layers, self.config | sizes).save_pretrained(folder, state_dict=stacked)


def run(run: Run, config: Config) -> None:
    """Train a pair of matrices for each task, away from the earlier ones; every task after each."""
    scaling = config.alpha / config.rank
    layers: dict[str, StackedLora] = {}

    def begin(policy: LanguageModel) -> None:
        adapt(policy, config, lambda x: StackedLora(x, config.rank, scaling), run.seed)
        layers.update(policy.adapter.layers)
        policy.adapter = StackedAdapter(layers, policy.adapter.config)

    stream = Stream(run, config, begin)
    frozen = 0

    def recall(task: int, opening: bool) -> None:
        nonlocal frozen
        while stream.helps and frozen < task:
            pair = stream.kept(f"adapter-{frozen}", stream.weights)
            for name, layer in layers.items():
                layer.freeze(pair[f"{name}.lora_A.weight"], pair[f"{name}.lora_B.weight"])
            frozen += 1
            if opening:
                stream.assign(fresh(pair, run.seed + frozen))

    def change() -> dict[str, float]:
        if not frozen:
            return {"overlap": 0.0}
        pushed: Gradient = {}
        summed = 0.0
        for name, layer in layers.items():
            a = layer.lora_A.weight.detach()
            summed += float(overlap(a, layer.frozen_A, config.penalty))
            slope = overlap_gradient(a, layer.frozen_A, config.penalty)
            pushed[f"{name}.lora_A.weight"] = config.strength * slope
        stream.add(pushed)
        return {"overlap": summed}

    for step, _ in stream.steps(recall):
        stream.learn(step, stream.rows(step), change=change)
    stream.policy.adapter.whole = True
    stream.finish()


def fresh(pair: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """A new pair for each layer of ``pair``, as the first was drawn."""
    found = {name: torch.empty(t.shape, dtype=t.dtype) for name, t in pair.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in found:
            if name.endswith("lora_A.weight"):
                lora_init(found[name], found[name.replace("lora_A", "lora_B")], "kaiming")
    return {name: t.to(pair[name].device) for name, t in found.items()}
