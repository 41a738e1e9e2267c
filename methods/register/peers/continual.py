"""The continual methods beside peft: a layer of two adapters, and a model behind two prompts."""

from __future__ import annotations

from methods.register.facts import PeerCheck

_FILE = "tests/methods/parity/continual/test_peft.py"

CONTINUAL: tuple[PeerCheck, ...] = (
    PeerCheck(
        "o-lora", "peft", "0.21.2", "lora.Linear, two active adapters",
        14.909685482123729, 14.909685482123725, 0.0,
        f"{_FILE}::test_two_tasks_adapters_are_peft_s_with_both_active",
    ),
    PeerCheck(
        "progressive-prompts", "peft", "0.21.2", "PeftModelForCausalLM, prompt tuning",
        -16.399724821603687, -16.39972482160369, 7.3e-16,
        f"{_FILE}::test_two_prompts_are_peft_s_prompt_tuning_with_both_joined",
    ),
)  # fmt: skip
