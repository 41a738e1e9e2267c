"""Small runs of merging, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {}
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {}
