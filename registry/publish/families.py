"""The families of methods: what each is called and does, in the order a reader meets them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from methods.register.facts import Family
from registry.publish.snapshot import MethodFacts, Snapshot

FAMILIES: Final[Mapping[Family, tuple[str, str]]] = MappingProxyType(
    {
        "finetune": ("Supervised fine-tuning", "Learns from demonstrated answers."),
        "peft": (
            "Parameter-efficient fine-tuning",
            "Learns a small change of a model whose own weights stay as they are.",
        ),
        "reward": (
            "Reward models",
            "Learns a score of answers or of their steps, for the methods that need one.",
        ),
        "preference": (
            "Preference learning",
            "Learns from answers that were compared or marked, without sampling in the loop.",
        ),
        "rl": ("Reinforcement learning", "Learns from the rewards of answers it samples itself."),
        "selftrain": (
            "Self-training",
            "Learns from its own answers by a supervised or preference loss, in rounds.",
        ),
        "distill": ("Distillation", "Learns from a larger model's probabilities."),
        "merge": ("Merging", "Combines the weights of tuned models; no training."),
        "inference": ("Inference", "Spends compute on answering; no training."),
        "continual": ("Continual learning", "Learns one task after another without forgetting."),
        "incontext": ("In-context learning", "Learns from what stands in the prompt."),
        "active": ("Active learning", "Chooses what to have labelled next."),
    }
)


def by_family(snapshot: Snapshot) -> Iterator[tuple[Family, tuple[MethodFacts, ...]]]:
    """The families that have a method, each with its methods by slug."""
    for family in FAMILIES:
        if held := tuple(m for m in snapshot.methods if m.info.family == family):
            yield family, held
