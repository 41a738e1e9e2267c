"""Methods that learn from a teacher model."""

from __future__ import annotations

from methods.register.facts import MethodInfo

DISTILL: tuple[MethodInfo, ...] = ()
