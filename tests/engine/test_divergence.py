"""Two models' distributions side by side: never all logits at once, and divergences that hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn.functional import kl_div

from methods.engine import adapter
from methods.engine.batch import Tokens, micro_batches, pack
from methods.engine.divergence import (
    Head,
    compare,
    completion_divergence,
    forward_kl,
    generalised_jsd,
    head_comparison,
    reverse_kl,
)
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from tests.engine.conftest import gradients, own_attention, relative, small_model
from tests.engine.steps import policy64

F64 = torch.float64
DIVERGENCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "forward": forward_kl,
    "reverse": reverse_kl,
    "jsd": partial(generalised_jsd, beta=0.3),
}
each_divergence = pytest.mark.parametrize("fn", DIVERGENCES.values(), ids=DIVERGENCES)


@pytest.fixture
def other64() -> LanguageModel:
    return small_model(seed=3, dtype=F64)


def plain(name: str, student: Tensor, teacher: Tensor) -> Tensor:
    """By torch's own ``kl_div``, summed over the vocabulary."""

    def kl(p: Tensor, q: Tensor) -> Tensor:
        return kl_div(q, p, reduction="none", log_target=True).sum(-1)

    if name == "forward":
        return kl(teacher, student)
    if name == "reverse":
        return kl(student, teacher)
    mixture = (0.3 * teacher.exp() + 0.7 * student.exp()).log()
    return 0.3 * kl(teacher, mixture) + 0.7 * kl(student, mixture)


def whole_logits(model: LanguageModel, row: Tokens) -> Tensor:
    """The logits of one row's completion, by the model's own attention."""
    with own_attention(model):
        logits = model.module(torch.tensor([row.ids]), use_cache=False).logits[0]
    return logits[row.prompt_length - 1 : -1]


def drawn(seed: int, *shape: int, scale: float = 2.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=draw, dtype=F64) * scale


# --- over a batch -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("chunk", [1, 4, 512])
def test_it_is_that_of_the_whole_logits_of_each_row_alone(
    model64: LanguageModel, other64: LanguageModel, rows: list[Tokens], name: str,
    temperature: float, chunk: int,
) -> None:  # fmt: skip
    batch = pack(rows, range(len(rows)))
    found = compare(
        model64, other64, batch, DIVERGENCES[name], temperature=temperature, chunk=chunk
    )
    for place, row in enumerate(rows):
        ours, theirs = whole_logits(model64, row), whole_logits(other64, row)
        expected = plain(
            name, (ours / temperature).log_softmax(-1), (theirs / temperature).log_softmax(-1)
        )
        length = row.completion_length
        assert torch.allclose(found.divergence[place, :length], expected, rtol=0, atol=1e-11)
        assert not any(values[place, length:].any() for values in found)
        # The tokens' log-probs are at temperature 1 either way.
        labels = torch.tensor(row.completion)[:, None]
        for values, logits in ((found.logp, ours), (found.other_logp, theirs)):
            wanted = logits.log_softmax(-1).gather(-1, labels)[:, 0]
            assert torch.allclose(values[place, :length], wanted, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("chunk", [1, 3, 512])
def test_its_gradient_is_that_of_whole_logits_by_autograd(
    model64: LanguageModel, other64: LanguageModel, rows: list[Tokens], name: str, chunk: int
) -> None:
    weights = torch.linspace(-1, 2, len(rows), dtype=F64)

    def expected() -> None:
        for weight, row in zip(weights, rows, strict=True):
            ours = whole_logits(model64, row)
            theirs = (whole_logits(other64, row).detach() / 1.7).log_softmax(-1)
            labels = torch.tensor(row.completion)[:, None]
            parts = plain(name, (ours / 1.7).log_softmax(-1), theirs).sum()
            parts = parts - ours.log_softmax(-1).gather(-1, labels).sum() / 3
            (weight * parts).backward()

    def found() -> None:
        batch = pack(rows, range(len(rows)))
        parts = compare(model64, other64, batch, DIVERGENCES[name], temperature=1.7, chunk=chunk)
        ((parts.divergence - parts.logp / 3).sum(-1) * weights).sum().backward()

    assert relative(gradients(model64, found), gradients(model64, expected)) < 1e-10


@each_divergence
def test_micro_batches_and_shared_beginnings_change_nothing(
    model64: LanguageModel, other64: LanguageModel, rows: list[Tokens], fn
) -> None:
    rows = [*rows, Tokens((*rows[2].ids[:-1], 5), rows[2].prompt_length)]

    def by(budget: int, share: bool) -> Callable[[], None]:
        def run() -> None:
            for group in micro_batches(rows, budget):
                batch = pack(rows, group, share=share)
                completion_divergence(model64, other64, batch, fn).sum().backward()

        return run

    whole = gradients(model64, by(10**6, True))
    assert whole.norm() > 1e-3
    for budget, share in ((1, True), (30, True), (30, False), (10**6, False)):
        assert relative(gradients(model64, by(budget, share)), whole) < 1e-10


@each_divergence
@pytest.mark.parametrize("kind", ["mistral", "gpt2"])
def test_models_that_take_padded_rows_are_compared_alike(rows: list[Tokens], fn, kind: str) -> None:
    batch = pack(rows, range(len(rows)))
    student, teacher = policy64(kind), policy64("llama", seed=1)
    ragged = completion_divergence(student, teacher, batch, fn)
    for model in (student, teacher):
        model.ragged = False
        model.module.set_attn_implementation("sdpa")
        padded = completion_divergence(student, teacher, batch, fn)
        assert torch.allclose(padded, ragged, rtol=0, atol=1e-10)


@each_divergence
def test_the_other_model_gets_no_gradient(
    model64: LanguageModel, other64: LanguageModel, rows: list[Tokens], fn
) -> None:
    found = compare(model64, other64, pack(rows, range(len(rows))), fn)
    (found.divergence.sum() + found.logp.sum() + found.other_logp.sum()).backward()
    assert all(p.grad is None for p in other64.module.parameters())
    assert any(p.grad is not None and p.grad.any() for p in model64.module.parameters())


def test_beside_the_divergence_stand_the_log_probs_of_the_chunked_head(
    model64: LanguageModel, other64: LanguageModel, rows: list[Tokens]
) -> None:
    batch = pack(rows, range(len(rows)))
    found = compare(model64, other64, batch, forward_kl)
    for values, model in ((found.logp, model64), (found.other_logp, other64)):
        expected = completion_logprobs(model, batch)
        assert torch.allclose(values, expected, rtol=0, atol=1e-12)


def test_a_model_diverges_from_its_frozen_copy_only_once_it_has_moved(
    model64: LanguageModel, rows: list[Tokens]
) -> None:
    adapter.add(model64, "r=2", seed=0)
    reference, batch = model64.frozen_copy(), pack(rows, range(len(rows)))
    assert completion_divergence(model64, reference, batch, reverse_kl).abs().max() < 1e-12
    with torch.no_grad():
        for name, p in model64.module.named_parameters():
            if "lora_B" in name:
                p.add_(0.1)
    moved = completion_divergence(model64, reference, batch, reverse_kl)
    assert (moved[batch.completion_mask] > 0).all()


def test_heads_with_biases_scales_and_different_heights_are_compared_where_both_have_tokens() -> (
    None
):
    labels = torch.tensor([1, 0, 3, 2, 1])
    hidden, weight, bias = drawn(0, 5, 6), drawn(1, 9, 6), drawn(2, 9)
    leaves = [t.clone().requires_grad_() for t in (hidden, weight, bias)]
    copies = [t.clone().requires_grad_() for t in (hidden, weight, bias)]
    theirs = Head(drawn(3, 5, 4), drawn(4, 7, 4), None, F64, 0.5)
    found = head_comparison(
        Head(*leaves, F64, 0.3), theirs, labels, forward_kl, temperature=2.0, chunk=2
    )
    ours = 0.3 * torch.nn.functional.linear(copies[0], copies[1][:7], copies[2][:7])
    teacher = 0.5 * theirs.hidden @ theirs.weight.T
    expected = torch.stack([
        plain("forward", (ours / 2).log_softmax(-1), (teacher / 2).log_softmax(-1)),
        ours.log_softmax(-1).gather(-1, labels[:, None])[:, 0],
        teacher.log_softmax(-1).gather(-1, labels[:, None])[:, 0],
    ])  # fmt: skip
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    slopes = drawn(5, 3, 5)
    found.backward(slopes)
    expected.backward(slopes)
    for leaf, copy in zip(leaves, copies, strict=True):
        assert torch.allclose(leaf.grad, copy.grad, rtol=0, atol=1e-12)
    assert not leaves[1].grad[7:].any()


def test_nothing_as_tall_as_the_vocabulary_is_kept_for_the_backward_pass() -> None:
    positions, vocabulary = 64, 1000
    ours = Head(drawn(0, positions, 4).requires_grad_(), drawn(1, vocabulary, 4), None, F64)
    theirs = Head(drawn(2, positions, 4), drawn(3, vocabulary, 4), None, F64)
    kept: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
        found = head_comparison(ours, theirs, torch.arange(positions), forward_kl, chunk=8)
    assert kept and max(kept) <= 4 * vocabulary < positions * vocabulary
    found.sum().backward()
    assert ours.hidden.grad.any()


def test_bfloat16_models_are_compared_in_float32(model: LanguageModel, rows: list[Tokens]) -> None:
    batch, teacher = pack(rows, range(len(rows))), small_model(seed=3)
    exact = completion_divergence(model, teacher, batch, forward_kl)
    rounded = completion_divergence(
        replace(model, precision="bfloat16"),
        replace(teacher, precision="bfloat16"),
        batch,
        forward_kl,
    )
    assert rounded.dtype == torch.float32
    assert (rounded >= 0).all() and torch.allclose(rounded, exact, rtol=0.2, atol=0.3)


# --- the divergences --------------------------------------------------------------------------


@pytest.mark.parametrize("name", DIVERGENCES)
def test_value_and_gradient_are_those_of_torchs_kl_div(name: str) -> None:
    ours, theirs = drawn(0, 7, 11).requires_grad_(), drawn(1, 7, 11)
    copy = ours.detach().clone().requires_grad_()
    found = DIVERGENCES[name](ours.log_softmax(-1), theirs.log_softmax(-1))
    expected = plain(name, copy.log_softmax(-1), theirs.log_softmax(-1))
    assert torch.allclose(found, expected, rtol=1e-12, atol=0)
    found.sum().backward()
    expected.sum().backward()
    assert torch.allclose(ours.grad, copy.grad, rtol=0, atol=1e-13)


@each_divergence
def test_the_slope_is_that_of_differences(fn) -> None:
    teacher = drawn(1, 3, 5).log_softmax(-1)
    student = drawn(0, 3, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: fn(x.log_softmax(-1), teacher), (student,))


def test_worked_by_hand() -> None:
    teacher = torch.tensor([[0.5, 0.5], [1.0, 0.0]], dtype=F64).log()
    student = torch.tensor([[0.25, 0.75], [0.5, 0.5]], dtype=F64).log()
    assert forward_kl(student, teacher).tolist() == pytest.approx(
        [0.5 * math.log(2) + 0.5 * math.log(2 / 3), math.log(2)], abs=1e-15
    )
    assert reverse_kl(student[:1], teacher[:1]).item() == pytest.approx(
        0.25 * math.log(0.5) + 0.75 * math.log(1.5), abs=1e-15
    )
    # m = (0.75, 0.25) against a certain teacher.
    expected = 0.5 * math.log(1 / 0.75) + 0.5 * (0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(2))
    assert generalised_jsd(student, teacher, 0.5)[1].item() == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_log_probs_rounded_to_any_precision_never_diverge_negatively(dtype: torch.dtype) -> None:
    """Rounded log-probs do not add up to one: the bare sum is below zero for close models."""
    bare = 0
    for seed in range(20):
        logits = drawn(seed, 40, 300, scale=3.0)
        student = logits.log_softmax(-1).to(dtype)
        teacher = (logits + drawn(seed + 100, 40, 300, scale=0.02)).log_softmax(-1).to(dtype)
        wide = student.float(), teacher.float()
        bare += int((plain("forward", *wide) < 0).sum() + (plain("reverse", *wide) < 0).sum())
        assert (forward_kl(student, teacher) >= 0).all()
        assert (reverse_kl(student, teacher) >= 0).all()
        for beta in (0.0, 0.1, 0.5, 0.9, 1.0):
            assert (generalised_jsd(student, teacher, beta) >= 0).all()
        assert not forward_kl(student, student).any() and not reverse_kl(student, student).any()
        assert (generalised_jsd(student, student, 0.3) < 1e-9).all()
    assert bare > 0 or dtype == torch.float32


def test_the_jensen_shannon_divergence_is_symmetric_at_one_half_and_nowhere_else() -> None:
    student, teacher = drawn(0, 9, 12).log_softmax(-1), drawn(1, 9, 12).log_softmax(-1)
    for beta in (0.1, 0.5, 0.7):
        one = generalised_jsd(student, teacher, beta)
        assert torch.allclose(one, generalised_jsd(teacher, student, 1 - beta), rtol=0, atol=1e-14)
        swapped = generalised_jsd(teacher, student, beta)
        assert torch.allclose(one, swapped, rtol=0, atol=1e-14) == (beta == 0.5)
    assert (generalised_jsd(student, teacher, 0.5) < math.log(2)).all()


def test_it_is_continuous_in_beta_and_nothing_at_either_end() -> None:
    student, teacher = drawn(0, 9, 12).log_softmax(-1), drawn(1, 9, 12).log_softmax(-1)
    grid = [0.0, 1e-9, 1e-6, *(i / 200 for i in range(1, 200)), 1 - 1e-6, 1 - 1e-9, 1.0]
    values = torch.stack([generalised_jsd(student, teacher, beta) for beta in grid])
    assert not values[0].any() and not values[-1].any()
    steps = torch.tensor(grid, dtype=F64).diff()
    largest = torch.maximum(forward_kl(student, teacher), reverse_kl(student, teacher))
    # Its slope in beta is nowhere steeper than the larger of the two KLs.
    assert (values.diff(dim=0).abs() <= 1.01 * steps[:, None] * largest + 1e-14).all()


def test_near_its_ends_it_is_a_small_piece_of_the_forward_and_of_the_reverse_kl() -> None:
    student = drawn(0, 9, 12).log_softmax(-1).requires_grad_()
    teacher, small = drawn(1, 9, 12).log_softmax(-1), 1e-7
    for beta, limit in ((small, forward_kl), (1 - small, reverse_kl)):
        found = generalised_jsd(student, teacher, beta) / small
        expected = limit(student, teacher)
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)
        slopes = [torch.autograd.grad(v.sum(), student)[0] for v in (found, expected)]
        assert relative(*slopes) < 1e-4


def test_a_weight_outside_of_zero_and_one_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        generalised_jsd(drawn(0, 1, 2), drawn(1, 1, 2), 1.5)


@each_divergence
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_impossible_tokens_and_certain_ones_leave_value_and_slope_finite(fn, dtype) -> None:
    """Masked logits are minus infinity; a certain token leaves the others none either."""
    teacher = torch.tensor([[0.0, -1.0, -math.inf], [200.0, 0.0, 0.0]], dtype=dtype)
    student = torch.tensor([[1.0, -2.0, -math.inf], [150.0, -30.0, 60.0]], dtype=dtype)
    student.requires_grad_()
    value = fn(student.log_softmax(-1), teacher.log_softmax(-1))
    value.sum().backward()
    assert value.isfinite().all() and (value >= 0).all()
    assert student.grad.isfinite().all()


def test_a_student_without_mass_where_the_teacher_is_pays_beyond_any_bound() -> None:
    teacher, student = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.0, -math.inf]])
    assert forward_kl(student, teacher).item() > 1e30
    assert reverse_kl(student, teacher).item() == pytest.approx(math.log(2))
    assert generalised_jsd(student, teacher, 0.5).item() < math.log(2)
