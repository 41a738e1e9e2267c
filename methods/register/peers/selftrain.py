"""The selftrain methods beside their peers."""

from __future__ import annotations

from methods.register.facts import PeerCheck

SELFTRAIN: tuple[PeerCheck, ...] = ()
