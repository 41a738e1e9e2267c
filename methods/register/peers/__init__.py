"""Every method beside the peers that have it, one file a family; the tests hold each number."""

from __future__ import annotations

from methods.register.facts import PeerCheck
from methods.register.peers.continual import CONTINUAL
from methods.register.peers.distill import DISTILL
from methods.register.peers.finetune import FINETUNE
from methods.register.peers.merge import MERGE
from methods.register.peers.peft import PEFT
from methods.register.peers.preference import PREFERENCE
from methods.register.peers.reward import REWARD
from methods.register.peers.rl import RL
from methods.register.peers.selftrain import SELFTRAIN

PEER_CHECKS: tuple[PeerCheck, ...] = (
    *FINETUNE, *PEFT, *REWARD, *PREFERENCE, *RL, *SELFTRAIN, *DISTILL, *MERGE,
    *CONTINUAL,
)  # fmt: skip


def checks_of(method: str, peer: str | None = None) -> tuple[PeerCheck, ...]:
    """The checks of ``method``, all or those against ``peer``."""
    return tuple(c for c in PEER_CHECKS if c.method == method and peer in (None, c.peer))
