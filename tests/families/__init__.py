"""What the loops over the register need to know of each method, one file a family."""

from __future__ import annotations

from typing import Any

from tests.families import (
    active,
    continual,
    distill,
    finetune,
    incontext,
    inference,
    merge,
    peft,
    preference,
    reward,
    rl,
    selftrain,
)

FAMILIES = (
    finetune, peft, reward, preference, rl, selftrain, distill, merge, inference, continual,
    incontext, active,
)  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {k: v for family in FAMILIES for k, v in family.SMALL.items()}
OTHERS: dict[str, dict[str, Any]] = {k: v for family in FAMILIES for k, v in family.OTHERS.items()}
