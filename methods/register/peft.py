"""Methods that train a few parameters beside frozen ones."""

from __future__ import annotations

from methods.register.facts import MethodInfo

PEFT: tuple[MethodInfo, ...] = ()
