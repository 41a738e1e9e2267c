"""One optimiser step: gradients of all micro-batches and processes, one clip, one AdamW update."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from methods.engine import distributed, sharding
from methods.engine.attention import Packed, Segment
from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.options import TrainingOptions


def learning_rate(step: int, config: TrainingOptions) -> float:
    """The learning rate of ``step`` (from 1): warm-up from zero, then the schedule to zero."""
    if step <= config.warmup_steps:
        return config.learning_rate * step / (config.warmup_steps + 1)
    span = max(1, config.steps - config.warmup_steps)
    done = (step - 1 - config.warmup_steps) / span
    if config.schedule == "linear":
        return config.learning_rate * (1 - done)
    if config.schedule == "cosine":
        return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    return config.learning_rate


class Optimiser:
    """AdamW over a policy's float32 weights; with several processes each keeps a part of them.

    ``backward`` is called once a micro-batch with that part of the loss, already divided by the
    number of tokens (or sequences) of the *whole* step, over all processes; ``step`` then updates
    once. So the gradient is the same however the step was cut.
    """

    def __init__(self, policy: LanguageModel, config: TrainingOptions) -> None:
        self.policy, self.config = policy, config
        if distributed.size() > 1:
            policy.sharded = sharding.shard(policy.module, policy.device)
        with sharding.apart(policy.sharded):
            # By name, so that a checkpoint of one process fits another number of them.
            self.names = [n for n, p in policy.module.named_parameters() if p.requires_grad]
            named = dict(policy.module.named_parameters())
            self.parameters = [named[name] for name in self.names]
        self.adamw = torch.optim.AdamW(
            self.parameters,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self._received = False

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of one micro-batch's part of the loss."""
        loss.backward()
        self._received = True

    def step(self, step: int) -> dict[str, float]:
        """Clip, update, clear. Gives ``grad_norm`` before the clip and ``learning_rate``.

        A step without any gradient (every group without spread, say) changes nothing. Raises
        MethodError where the gradient is not finite: the weights are still those of the last step.
        """
        rate = learning_rate(step, self.config)
        if not distributed.any_of(self._received):
            return {"grad_norm": 0.0, "learning_rate": rate}
        if self.policy.sharded is not None:
            sharding.sum_gradients(self.policy.sharded, self._probe)
        with sharding.apart(self.policy.sharded):
            norm = float(
                sharding.whole(
                    torch.nn.utils.clip_grad_norm_(self.parameters, self.config.max_grad_norm)
                )
            )
            if not math.isfinite(norm):
                raise MethodError(
                    f"step {step}: the gradient is not finite. Lower learning_rate "
                    f"({self.config.learning_rate:g}) or use precision float32."
                )
            for group in self.adamw.param_groups:
                group["lr"] = rate
            self.adamw.step()
            self.adamw.zero_grad(set_to_none=True)
        self._received = False
        return {"grad_norm": norm, "learning_rate": rate}

    def _probe(self) -> Tensor:
        """The shortest pass there is."""
        ids = torch.tensor([[self.policy.eos_id]], device=self.policy.device)
        return self.policy.states(
            ids, torch.zeros_like(ids), Packed([Segment((0,), 1)], self.policy.device)
        )
