"""LoRA, DoRA and PiSSA as layers: their equations, their starts, their limits."""

from __future__ import annotations

import math

import pytest
import torch
from torch.func import functional_call

from methods.engine.errors import MethodError
from methods.peft.dora import DoraLinear, dora_weight, output_norms
from methods.peft.lora import LoraLinear, lora_delta, lora_init
from methods.peft.pissa import PissaLinear, pissa_as_lora, pissa_split
from tests.methods.peft.layers import F64, LAYERS, plain, trained, values

each_kind = pytest.mark.parametrize("kind", sorted(LAYERS))
each_bias = pytest.mark.parametrize("bias", [True, False])


# --- all three --------------------------------------------------------------------------------


@each_kind
@each_bias
def test_before_the_first_step_the_layer_is_the_one_it_adapts(kind: str, bias: bool) -> None:
    base, x = plain(bias), values(3, 4, 6, 5)
    expected = base(x).detach().clone()
    found = LAYERS[kind](base, 3, 2.0)(x)
    if kind == "pissa":
        assert torch.allclose(found, expected, rtol=0, atol=1e-13)
    else:
        assert torch.equal(found, expected)


@each_kind
@each_bias
def test_switched_off_a_trained_layer_is_the_one_it_adapts(kind: str, bias: bool) -> None:
    layer, x = trained(kind, bias), values(3, 4, 5)
    assert (layer(x) - plain(bias)(x)).abs().max() > 0.1
    layer.off = True
    assert torch.allclose(layer(x), plain(bias)(x), rtol=0, atol=1e-13)


@each_kind
@each_bias
def test_merged_into_a_plain_layer_it_gives_the_same(kind: str, bias: bool) -> None:
    layer, x = trained(kind, bias), values(3, 4, 5)
    whole = plain(bias)
    with torch.no_grad():
        whole.weight.copy_(layer.merged())
    assert torch.allclose(whole(x), layer(x), rtol=0, atol=1e-13)


@each_kind
def test_what_is_frozen_has_no_gradient_and_what_is_trained_has_the_right_one(kind: str) -> None:
    layer = trained(kind)
    if kind == "dora":
        layer.detach_norm = False  # the whole gradient: differences know of no constant
    names = [n for n, p in layer.named_parameters() if p.requires_grad]
    assert all(n.startswith("lora_") for n in names)
    x = values(3, 4, 5)
    layer(x).square().sum().backward()
    assert layer.base_layer.weight.grad is None and layer.base_layer.bias.grad is None
    leaves = [dict(layer.named_parameters())[n].detach().clone().requires_grad_() for n in names]

    def value(*given):
        return functional_call(layer, dict(zip(names, given, strict=True)), (x,)).square().sum()

    assert torch.autograd.gradcheck(value, leaves)


# --- LoRA -------------------------------------------------------------------------------------


def test_lora_worked_by_hand() -> None:
    a = torch.tensor([[1.0, 2.0, 0.0]], dtype=F64)
    b = torch.tensor([[3.0], [0.0]], dtype=F64)
    assert lora_delta(a, b, 0.5).tolist() == [[1.5, 3.0, 0.0], [0.0, 0.0, 0.0]]


def test_the_gradient_of_lora_is_the_weight_s_gradient_through_the_other_matrix() -> None:
    layer, x = trained("lora"), values(3, 4, 5)
    layer(x).square().sum().backward()
    of_weight = (2 * layer(x).detach()).T @ x  # d loss / d (W0 + s B A)
    a, b = layer.lora_A.weight, layer.lora_B.weight
    assert torch.allclose(a.grad, layer.scaling * b.detach().T @ of_weight, rtol=1e-12)
    assert torch.allclose(b.grad, layer.scaling * of_weight @ a.detach().T, rtol=1e-12)


def test_at_the_start_b_is_pulled_and_a_is_not() -> None:
    layer = LoraLinear(plain(), 3, 2.0)
    layer(values(3, 4, 5)).square().sum().backward()
    assert not layer.lora_A.weight.grad.any() and layer.lora_B.weight.grad.abs().min() > 0


@pytest.mark.parametrize(("kind", "spread"), [("kaiming", 1 / math.sqrt(3 * 400)), ("gaussian", 1 / 50)])  # fmt: skip
def test_a_is_drawn_as_asked_and_b_is_zero(kind: str, spread: float) -> None:
    a, b = torch.empty(50, 400), torch.ones(9, 50)
    torch.manual_seed(0)
    lora_init(a, b, kind)
    assert a.std().item() == pytest.approx(spread, rel=0.02) and abs(a.mean()) < spread / 20
    assert (a.abs().max() <= 1 / math.sqrt(400)) == (kind == "kaiming")
    assert not b.any()


# --- DoRA -------------------------------------------------------------------------------------


def test_dora_worked_by_hand() -> None:
    weight = torch.tensor([[3.0, 0.0], [0.0, 2.0]], dtype=F64)
    a, b = torch.tensor([[0.0, 1.0]], dtype=F64), torch.tensor([[2.0], [0.0]], dtype=F64)
    # The first output's weights become (3, 4), of length 5, and are given the length 10.
    found = dora_weight(weight, a, b, torch.tensor([10.0, 1.0], dtype=F64), 2.0)
    assert found.tolist() == [[6.0, 8.0], [0.0, 1.0]]


def test_the_magnitude_alone_says_how_long_an_output_s_weights_are() -> None:
    layer = trained("dora")
    found = output_norms(layer.merged())
    assert torch.allclose(found, layer.lora_magnitude_vector.detach().abs(), rtol=1e-13)


def test_with_the_norm_constant_the_change_is_pulled_as_in_section_4_3() -> None:
    """Eq. 11 leaves the projection of Eq. 6 out: the scaled gradient of the weight is all."""
    layer, x = trained("dora"), values(3, 4, 5)
    layer(x).square().sum().backward()
    of_weight = (2 * layer(x).detach()).T @ x
    scale = layer.lora_magnitude_vector.detach() / output_norms(
        layer.base_layer.weight + lora_delta(*(t.detach() for t in layer.parts[1:3]), layer.scaling)
    )
    b = layer.lora_B.weight.detach()
    expected = layer.scaling * b.T @ (scale[:, None] * of_weight)
    assert torch.allclose(layer.lora_A.weight.grad, expected, rtol=1e-12)


def test_the_whole_gradient_is_another_but_for_the_magnitude_s() -> None:
    constant, whole = trained("dora"), trained("dora")
    whole.detach_norm = False
    x = values(3, 4, 5)
    for layer in (constant, whole):
        layer(x).square().sum().backward()
    a, b = constant.lora_B.weight.grad, whole.lora_B.weight.grad
    assert (a - b).abs().max() > 0.1
    of_magnitude = [layer.lora_magnitude_vector.grad for layer in (constant, whole)]
    assert torch.allclose(*of_magnitude, rtol=1e-12)


def test_in_a_short_type_the_start_of_dora_is_still_the_base_exactly() -> None:
    base = plain(bias=False).float()
    x = values(3, 4, 5).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = base(x)
        assert torch.equal(DoraLinear(base, 3, 2.0)(x), expected)


# --- PiSSA ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", [1.0, 2.0, 0.25])
@pytest.mark.parametrize("rank", [1, 3, 5])
def test_the_split_is_the_weight_s_best_approximation_and_the_rest(rank: int, scaling: float):
    weight = values(1, 7, 5)
    a, b, residual = pissa_split(weight, rank, scaling)
    assert a.shape == (rank, 5) and b.shape == (7, rank)
    assert torch.allclose(residual + lora_delta(a, b, scaling), weight, rtol=0, atol=1e-14)
    s = torch.linalg.svdvals(weight)
    # Eckart and Young: no matrix of that rank comes nearer.
    assert residual.norm() == pytest.approx(s[rank:].norm().item(), abs=1e-12)
    # Both matrices hold the square roots: singular values of each, and shared alike.
    for matrix in (a, b):
        found = torch.linalg.svdvals(matrix).square() * scaling
        assert torch.allclose(found, s[:rank], rtol=1e-12)


def test_a_rank_beyond_the_weight_s_is_refused() -> None:
    with pytest.raises(MethodError, match="5 singular values"):
        pissa_split(values(1, 7, 5), 6, 1.0)


def test_a_and_b_are_both_pulled_from_the_first_step_on() -> None:
    layer = PissaLinear(plain(), 3, 1.0)
    layer(values(3, 4, 5)).square().sum().backward()
    assert layer.lora_A.weight.grad.norm() > 1 and layer.lora_B.weight.grad.norm() > 1


def test_as_lora_of_twice_the_rank_it_stands_beside_the_weight_itself() -> None:
    layer = trained("pissa")
    a, b = pissa_as_lora(
        layer.lora_A.weight, layer.lora_B.weight, layer.start_A, layer.start_B
    )  # fmt: skip
    assert a.shape == (6, 5) and b.shape == (7, 6)
    change = plain().weight + lora_delta(a, b, layer.scaling)
    assert torch.allclose(change, layer.merged(), rtol=0, atol=1e-13)
