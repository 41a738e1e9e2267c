"""Plain supervised training of a model that a run needs before it begins: a start, a teacher.

No folder and no checkpoints: what comes out is kept whole in a cache, or made again. One process
does it, whoever waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from methods.engine.batch import Order, Tokens, micro_batches, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.progress import stage


def teach(
    model: LanguageModel,
    rows: Sequence[Tokens],
    options: TrainingOptions,
    *,
    batch_size: int,
    title: str,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
) -> LanguageModel:
    """Train ``model`` itself on ``rows``, ``batch_size`` a step, and give it back.

    The loss is the mean over the completion tokens of a step, in nats. ``seed`` sets the order of
    the rows; ``check`` is called at each step and may raise.
    """
    optimiser, order = Optimiser(model, options), Order(len(rows), seed)
    with stage(title, options.steps) as bar:
        for step in range(1, options.steps + 1):
            check()
            picked = [rows[i] for i in order.batch(step, batch_size)]
            tokens, loss_sum = sum(row.completion_length for row in picked), 0.0
            for group in micro_batches(picked, options.micro_batch_tokens):
                batch = pack(picked, group, model.device)
                loss = -completion_logprobs(model, batch).sum() / tokens
                optimiser.backward(loss)
                loss_sum += loss.item()
            optimiser.step(step)
            bar.advance(1, f"loss {loss_sum:.3f}")
    return model
