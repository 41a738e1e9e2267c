from __future__ import annotations

import pytest

from registry.triage.naming import methods_named


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ("Beyond DPO", ("dpo",)),
        ("direct preference optimization, revisited", ("dpo",)),
        ("Group-Relative Policy Optimization (GRPO) and PPO", ("grpo", "ppo")),
        ("SimPO, ORPO and Dr. GRPO", ("dr-grpo", "grpo", "orpo", "simpo")),
        ("LoRA or low rank adaptation", ("lora",)),
        ("Step-DPO for long chains", ("dpo", "step-dpo")),
        ("best of n sampling beats self-consistency", ("best-of-n", "self-consistency")),
    ],
)
def test_a_method_is_known_by_its_name_and_by_what_its_authors_call_it(
    text: str, slugs: tuple[str, ...]
) -> None:
    assert methods_named(text) == slugs


@pytest.mark.parametrize(
    "text",
    [
        "we dare to reach for a star within a margin of entropy, and it ties",
        "the STAR telescope and a RAFT of badges",
        "ADPO and DPOX are other things",
        "lora is a name too",
        "",
    ],
)
def test_words_that_only_look_like_a_method_do_not_count(text: str) -> None:
    assert methods_named(text) == ()
