"""The distill methods beside their peers."""

from __future__ import annotations

from methods.register.facts import PeerCheck

DISTILL: tuple[PeerCheck, ...] = ()
