"""LoRA, DoRA and PiSSA beside the layers of peft and torchtune: value, gradient, start, merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from methods.engine import old_torchao
from methods.peft.lora import lora_init
from tests.methods.parity.held import held
from tests.methods.peft.layers import LAYERS, plain, trained, values

RANK, ALPHA = 3, 4.5
X = values(3, 4, 5)
SINGLE = 2e-5  # peft decomposes in float32 alone


def value_of(layer: nn.Module, names: list[str]) -> Callable[..., Tensor]:
    """A scalar of the layer's output, by what is trained in it and by its input."""

    def value(*given: Tensor) -> Tensor:
        *weights, x = given
        out = functional_call(layer, dict(zip(names, weights, strict=True)), (x,))
        return (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum()

    return value


def ours(kind: str, bias: bool = True) -> tuple[Callable[..., Tensor], list[str], list[Tensor]]:
    """(value by its inputs, their names, the inputs) of a layer after some steps."""
    layer = trained(kind, bias, rank=RANK, scaling=ALPHA / RANK)
    named = {n: p.detach() for n, p in layer.named_parameters() if p.requires_grad}
    return value_of(layer, list(named)), list(named), [*named.values(), X]


def peft_layer(base: nn.Linear, **settings: Any) -> nn.Module:
    pytest.importorskip("peft")
    old_torchao.tolerate()
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["0"], **settings)
    return get_peft_model(nn.Sequential(base), config).base_model.model[0]


def peft_names(names: list[str]) -> list[str]:
    return [
        name.replace(".weight", ".default.weight") if name.endswith(".weight")
        else f"{name}.default.weight"
        for name in names
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "what", "settings"),
    [("lora", "lora.Linear", {}), ("dora", "lora.Linear, use_dora", {"use_dora": True})],
)
def test_a_layer_is_peft_s(kind: str, what: str, settings: dict[str, Any]) -> None:
    value, names, inputs = ours(kind)
    theirs = peft_layer(plain(), **settings).double()
    held(kind, "peft", what, value, value_of(theirs, peft_names(names)), inputs)


def test_pissa_s_layer_is_peft_s() -> None:
    value, names, inputs = ours("pissa")
    theirs = peft_layer(plain().float(), init_lora_weights="pissa").double()
    held(
        "pissa", "peft", "lora.Linear, init_lora_weights='pissa'", value,
        value_of(theirs, peft_names(names)), inputs, rounding=SINGLE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("lora", {}),
        ("dora", {"use_dora": True}),
        ("pissa", {"init_lora_weights": "pissa"}),
    ],
)
def test_a_layer_starts_as_peft_s_does(kind: str, settings: dict[str, Any]) -> None:
    """LoRA and DoRA to the bit from one seed; PiSSA's singular vectors have a sign to choose."""
    layers = []
    for make in (
        lambda base: LAYERS[kind](base, RANK, ALPHA / RANK),
        lambda base: peft_layer(base, **settings),
    ):
        with torch.random.fork_rng():
            torch.manual_seed(4)
            layers.append(make(plain().float()))
    mine, theirs = layers
    a, b = theirs.lora_A["default"].weight, theirs.lora_B["default"].weight
    if kind == "pissa":
        for ours_, peft_ in zip(mine.parts[1:3], (a, b), strict=True):
            assert torch.allclose(ours_.abs(), peft_.abs(), rtol=0, atol=1e-5)
    else:
        assert torch.equal(mine.lora_A.weight, a) and torch.equal(mine.lora_B.weight, b)
    assert torch.allclose(mine.parts[0], theirs.base_layer.weight, rtol=0, atol=1e-5)
    if kind == "dora":
        magnitude = theirs.lora_magnitude_vector["default"].weight
        assert torch.equal(mine.lora_magnitude_vector, magnitude)
    theirs.merge()
    assert torch.allclose(mine.merged(), theirs.base_layer.weight, rtol=0, atol=1e-5)


def test_a_gaussian_start_is_peft_s_to_the_bit() -> None:
    base = plain().float()  # draws too, before it is given its weights
    with torch.random.fork_rng():
        torch.manual_seed(4)
        theirs = peft_layer(base, init_lora_weights="gaussian")
        torch.manual_seed(4)
        a = nn.Linear(5, RANK, bias=False).weight
        b = nn.Linear(RANK, 7, bias=False).weight
        lora_init(a.data, b.data, "gaussian")
    assert torch.equal(a, theirs.lora_A["default"].weight)


@pytest.mark.parametrize(
    ("kind", "bias", "what"),
    [
        ("lora", True, "LoRALinear"),
        ("dora", False, "DoRALinear without bias"),
        ("dora", True, "DoRALinear with a bias"),
    ],
)
def test_a_layer_is_torchtune_s_but_for_the_bias_of_dora(kind: str, bias: bool, what: str) -> None:
    modules = pytest.importorskip("torchtune.modules.peft")
    value, names, inputs = ours(kind, bias)
    made = getattr(modules, what.partition(" ")[0])
    theirs = made(5, 7, RANK, ALPHA, use_bias=bias).double()
    with torch.no_grad():
        theirs.weight.copy_(plain().weight)
        if bias:
            theirs.bias.copy_(plain().bias)
    renamed = {
        "lora_A.weight": "lora_a.weight", "lora_B.weight": "lora_b.weight",
        "lora_magnitude_vector": "magnitude",
    }  # fmt: skip
    held(kind, "torchtune", what, value, value_of(theirs, [renamed[n] for n in names]), inputs)
