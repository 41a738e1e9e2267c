"""K-center greedy against brute force; BADGE's gradients against autograd, its draws by hand."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from methods.active.badge import (
    diverse_gradients,
    errors,
    gradient_embeddings,
    seeding_weights,
)
from methods.active.coreset import covering_radius, k_center_greedy, squared_distances
from methods.engine.classifier import Classifier

F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=F64, generator=seeded(seed))


# --- k-center greedy --------------------------------------------------------------------------


def test_on_a_line_the_farthest_point_is_taken_and_then_the_next() -> None:
    points = torch.tensor([[0.0], [1.0], [2.0], [6.0], [10.0]], dtype=F64)
    centre = torch.tensor([[0.0]], dtype=F64)
    # 10 is farthest; then 6, four from 10; then 2, two from 0; then 1.
    assert k_center_greedy(points, centre, 4, seeded()) == [4, 3, 2, 1]
    assert covering_radius(points, centre) == 10
    assert covering_radius(points, torch.tensor([[0.0], [10.0]], dtype=F64)) == 4


def test_squared_distances_are_those_of_torch_and_never_negative() -> None:
    a, b = some(20, 6), some(7, 6, seed=1)
    assert torch.allclose(squared_distances(a, b), torch.cdist(a, b).square(), atol=1e-12)
    same = 1e6 + 1e-3 * some(20, 6)
    assert (squared_distances(same, same) >= 0).all()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_greedy_radius_is_at_most_twice_the_least_that_any_batch_has(
    seed: int, count: int
) -> None:
    points, centres = some(11, 2, seed=seed), some(1 + seed % 2, 2, seed=100 + seed)

    def radius(batch: tuple[int, ...] | list[int]) -> float:
        return covering_radius(points, torch.cat([centres, points[list(batch)]]))

    least = min(radius(batch) for batch in itertools.combinations(range(11), count))
    greedy = radius(k_center_greedy(points, centres, count, seeded(seed)))
    assert least - 1e-12 <= greedy <= 2 * least + 1e-12


def test_the_greedy_choice_is_that_of_a_plain_loop_over_all_distances() -> None:
    points, centres = some(40, 5), some(3, 5, seed=1)
    found = k_center_greedy(points, centres, 10, seeded())
    taken = list(centres)
    for place in found:
        away = [min(math.dist(p.tolist(), c.tolist()) for c in taken) for p in points]
        assert away[place] == pytest.approx(max(away), abs=1e-9)
        taken.append(points[place])
    assert len(set(found)) == 10


def test_doubles_are_each_chosen_once_and_ties_fall_to_the_seed() -> None:
    points = torch.tensor([[0.0], [0.0], [5.0], [-5.0]], dtype=F64)
    centre = torch.zeros(1, 1, dtype=F64)
    firsts = {k_center_greedy(points, centre, 1, seeded(seed))[0] for seed in range(40)}
    assert firsts == {2, 3}
    assert sorted(k_center_greedy(points, centre, 4, seeded())) == [0, 1, 2, 3]


# --- BADGE ------------------------------------------------------------------------------------


def test_the_gradient_embedding_is_autograd_s_of_the_loss_under_the_likeliest_class() -> None:
    learner, h = Classifier(some(4, 7)), some(9, 6, seed=1)
    p = learner.probabilities(h)
    found = gradient_embeddings(p, h)
    for i in range(9):
        weight = learner.weight.clone().requires_grad_(True)
        logp = Classifier(weight).log_probabilities(h[i : i + 1])[0]
        (-logp[int(p[i].argmax())]).backward()
        assert torch.allclose(found[i], weight.grad[:, :-1], rtol=0, atol=1e-14)


def test_errors_add_up_to_zero_and_vanish_where_the_learner_is_sure() -> None:
    p = torch.tensor([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]], dtype=F64)
    expected = torch.tensor([[-0.3, 0.2, 0.1], [0.0, 0.0, 0.0]], dtype=F64)
    assert torch.allclose(errors(p), expected)


def test_of_two_classes_the_length_of_the_gradient_is_sqrt_2_times_the_least_confidence() -> None:
    p, h = torch.tensor([[0.8, 0.2]], dtype=F64), torch.tensor([[3.0, 4.0]], dtype=F64)
    assert float(gradient_embeddings(p, h).norm()) == pytest.approx(math.sqrt(2) * 0.2 * 5)


def test_the_next_draw_is_by_squared_distance_worked_by_hand() -> None:
    # Drawn: one; the others at squared distances 1, 4 and 0 from it.
    nearest = torch.tensor([-1.0, 1.0, 4.0, 0.0], dtype=F64)
    assert seeding_weights(nearest).tolist() == pytest.approx([0, 0.2, 0.8, 0])
    # All at distance zero: uniformly among those not drawn.
    nearest = torch.tensor([-1.0, 0.0, 0.0], dtype=F64)
    assert seeding_weights(nearest).tolist() == pytest.approx([0, 0.5, 0.5])


def test_batches_come_as_often_as_k_means_pp_on_the_written_out_gradients_says() -> None:
    """Every ordered pair's chance: a uniform first, then by squared distance."""
    p = torch.softmax(some(4, 3), -1)
    h = some(4, 2, seed=1)
    g = gradient_embeddings(p, h).flatten(1)
    away = torch.cdist(g, g).square()
    chance = away / away.sum(1, keepdim=True) / 4
    counts = torch.zeros(4, 4, dtype=F64)
    draws, generator = 8000, seeded(5)
    for _ in range(draws):
        first, second = diverse_gradients(p, h, 2, generator)
        counts[first, second] += 1
    error = (chance * (1 - chance) / draws).sqrt()
    assert ((counts / draws - chance).abs() <= 5 * error + 1e-12).all()


def test_the_authors_first_is_the_text_of_the_largest_gradient() -> None:
    p = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.6, 0.4]], dtype=F64)
    h = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 3.0]], dtype=F64)
    firsts = {diverse_gradients(p, h, 1, seeded(s), "largest")[0] for s in range(20)}
    assert firsts == {2}
    assert {diverse_gradients(p, h, 1, seeded(s))[0] for s in range(40)} == {0, 1, 2}


def test_a_text_is_drawn_once_also_where_all_gradients_are_alike() -> None:
    p, h = torch.full((6, 2), 0.5, dtype=F64), torch.ones(6, 3, dtype=F64)
    for seed in range(10):
        assert sorted(diverse_gradients(p, h, 6, seeded(seed))) == list(range(6))
