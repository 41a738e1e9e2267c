"""Methods that train on what the model itself wrote."""

from __future__ import annotations

from methods.register.facts import MethodInfo

SELFTRAIN: tuple[MethodInfo, ...] = ()
