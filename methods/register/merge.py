"""Methods that combine trained models without training."""

from __future__ import annotations

from methods.register.facts import MethodInfo

MERGE: tuple[MethodInfo, ...] = ()
