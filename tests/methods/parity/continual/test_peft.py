"""O-LoRA's stacked adapters and progressive prompts beside peft's: value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from methods.continual.o_lora import StackedLora
from methods.continual.progressive_prompts import prompted, virtual_ids
from methods.engine import old_torchao
from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs
from tests.engine.conftest import own_attention, small_model
from tests.methods.parity.held import held

peft = pytest.importorskip("peft")
F64 = torch.float64
ROW = Tokens((1, 5, 6, 7, 8, 9, 2), 3)


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


A1, B1, A2, B2, X = (
    drawn(i, *shape) for i, shape in enumerate([(3, 5), (7, 3), (3, 5), (7, 3), (4, 5)])
)


def base() -> nn.Linear:
    layer = nn.Linear(5, 7, dtype=F64)
    layer.weight.data, layer.bias.data = drawn(8, 7, 5), drawn(9, 7)
    return layer


def probe(out: Tensor) -> Tensor:
    return (out * torch.linspace(-1, 1, out.numel(), dtype=F64).view_as(out)).sum()


def test_two_tasks_adapters_are_peft_s_with_both_active() -> None:
    old_torchao.tolerate()
    ours = StackedLora(base(), 3, 1.5)
    ours.freeze(A1, B1)
    config = peft.LoraConfig(r=3, lora_alpha=4.5, target_modules=["0"])
    model = peft.get_peft_model(nn.Sequential(base()), config, adapter_name="one")
    model.add_adapter("two", config)
    model.base_model.set_adapter(["one", "two"])
    theirs = model.base_model.model[0].double()
    frozen = {"lora_A.one.weight": A1, "lora_B.one.weight": B1}

    def in_ours(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
        given = {"lora_A.weight": a, "lora_B.weight": b}
        return probe(functional_call(ours, given, (x,)))

    def in_peft(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
        given = {**frozen, "lora_A.two.weight": a, "lora_B.two.weight": b}
        return probe(functional_call(theirs, given, (x,)))

    held("o-lora", "peft", "lora.Linear, two active adapters", in_ours, in_peft, [A2, B2, X])


def test_two_prompts_are_peft_s_prompt_tuning_with_both_joined() -> None:
    old_torchao.tolerate()
    newest, oldest = drawn(0, 4, 32), drawn(1, 4, 32)
    ours, embedding = prompted(small_model(dtype=F64), 4)
    embedding.freeze(oldest)
    ids = virtual_ids(embedding.height, 4, 2, 1)
    row = Tokens((*ids, *ROW.ids), 8 + ROW.prompt_length)

    def in_ours(prompt: Tensor) -> Tensor:
        given = {"model.embed_tokens.prompt": prompt}

        def compute() -> Tensor:
            return completion_logprobs(ours, pack([row], [0])).sum()

        return swapped(ours.module, given, compute)

    plain = small_model(dtype=F64)
    with own_attention(plain):
        config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=8)
        theirs = peft.get_peft_model(plain.module, config).double()

        def in_peft(prompt: Tensor) -> Tensor:
            whole = torch.cat([prompt, oldest])
            theirs.get_prompt = lambda batch_size, *_, **__: whole[None]
            logits = theirs(torch.tensor([ROW.ids])).logits[0]
            logp = torch.log_softmax(logits[8 + ROW.prompt_length - 1 : -1], -1)
            return logp.gather(-1, torch.tensor(ROW.completion)[:, None]).sum()

        held(
            "progressive-prompts", "peft", "PeftModelForCausalLM, prompt tuning", in_ours, in_peft,
            [newest],
        )  # fmt: skip


def swapped(module: nn.Module, given: dict[str, Tensor], compute):  # type: ignore[no-untyped-def]
    """``compute()`` with other tensors in the place of the parameters named."""
    from torch.nn.utils.stateless import _reparametrize_module

    with _reparametrize_module(module, given):
        return compute()
