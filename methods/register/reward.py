"""Models that score answers."""

from __future__ import annotations

from methods.register.facts import MethodInfo

REWARD: tuple[MethodInfo, ...] = ()
