"""BADGE: ask for the labels of texts whose gradients would be large and unlike one another.

Paper: arXiv 1906.03671 (Ash et al., *Deep Batch Active Learning by Diverse, Uncertain Gradient
Lower Bounds*), Algorithm 1. Take the class the learner holds likeliest for the text's label; the
gradient of its loss in the last layer's weights is, with h(x) what that layer reads,

    g_x = (p(x) - e_{y^(x)}) (outer product) h(x),    y^(x) = argmax_k p(k | x)

and a batch is drawn by k-means++ seeding: the first text uniformly, each next one with probability
proportional to its squared distance, in g, from the nearest drawn so far. g is large where the
learner is unsure, and distances are large between different directions.

Departures from the paper
1. The learner is one layer, a logistic model, so h(x) is what it sees of a text and g_x the whole
   gradient but the constant's; the paper's last layer stands on a deep network.
2. Distances are computed from products of the two factors, <g_x, g_y> = <a_x, a_y> <h_x, h_y>, and
   g is never written out.
3. Where all that is left has the distance 0, one is drawn uniformly; the paper does not say.

Checked against: autograd of the loss, the same distances from g written out, sampling probabilities
by hand and by counting draws.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from methods.active.loop import View, run_pool
from methods.active.options import SMOLLM2, ActiveOptions
from methods.engine.options import option
from methods.engine.run import Run


class Config(ActiveOptions):
    """Options of BADGE."""

    rule_only: ClassVar[tuple[str, ...]] = ("first",)

    first: Literal["uniform", "largest"] = option(
        "uniform",
        "the first text of a batch: drawn uniformly as k-means++ does, or the one with the largest "
        "gradient, as the authors' code takes",
        source="paper (Algorithm 1 and k-means++)",
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}


def errors(probabilities: Tensor) -> Tensor:
    """a = p - e_y^ of each row of (N, K), y^ its likeliest class: the gradient in the logits."""
    likeliest = probabilities.argmax(-1, keepdim=True)
    return probabilities.scatter_add(-1, likeliest, -torch.ones_like(probabilities))


def gradient_embeddings(probabilities: Tensor, features: Tensor) -> Tensor:
    """g of each text, (N, K, D), of (N, K) and (N, D); large, so only for few texts."""
    return errors(probabilities)[:, :, None] * features[:, None, :]


def seeding_weights(nearest: Tensor) -> Tensor:
    """The chance of each text to be drawn next, (N,): its squared distance over all of them.

    ``nearest`` holds squared distances from the nearest drawn text, and -1 for the drawn ones.
    """
    weights = nearest.clamp(min=0)
    if not weights.any():
        weights = (nearest >= 0).to(nearest.dtype)
    return weights / weights.sum()


def diverse_gradients(
    probabilities: Tensor,
    features: Tensor,
    count: int,
    generator: torch.Generator,
    first: str = "uniform",
) -> list[int]:
    """Places of ``count`` different texts by k-means++ seeding on their gradient embeddings."""
    a, h = errors(probabilities), features
    norms = a.square().sum(1) * h.square().sum(1)
    nearest = torch.ones_like(norms) if first == "uniform" else norms.clone()
    chosen: list[int] = []
    for number in range(count):
        if number == 0 and first == "largest":
            place = int(norms.argmax())
        else:
            place = int(torch.multinomial(seeding_weights(nearest), 1, generator=generator))
        products = (a @ a[place]) * (h @ h[place])
        away = (norms + norms[place] - 2 * products).clamp(min=0)
        nearest = away if number == 0 else torch.minimum(nearest, away)
        chosen.append(place)
        nearest[chosen] = -1.0
    return chosen


def run(run: Run, config: Config) -> None:
    """Label texts with large and different gradients, round by round; learning curve and cost."""

    def query(view: View, count: int, generator: torch.Generator) -> list[int]:
        return diverse_gradients(
            view.probabilities, view.unlabelled, count, generator, config.first
        )

    run_pool(run, config, query)
