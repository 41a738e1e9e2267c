"""Small runs of parameter-efficient fine-tuning, and another value for every option."""

from __future__ import annotations

from typing import Any

from tests.families.finetune import SUPERVISED

# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    slug: {"batch_size": 4, "schedule": "constant", "rank": 4} for slug in ("dora", "lora", "pissa")
}
# Another value for every option of its own: each must leave another run behind.
_ADAPTER: dict[str, Any] = {
    **SUPERVISED, "rank": 2, "alpha": 3.0, "rslora": True, "targets": "q_proj+v_proj",
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "dora": {**_ADAPTER, "init": "gaussian", "detach_norm": False},
    "lora": {**_ADAPTER, "init": "gaussian"},
    "pissa": _ADAPTER,
}
