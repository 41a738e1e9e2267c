"""The peft methods beside their peers."""

from __future__ import annotations

from methods.register.facts import PeerCheck

PEFT: tuple[PeerCheck, ...] = ()
