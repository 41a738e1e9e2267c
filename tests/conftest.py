"""What every test may count on."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# As the launcher does for its workers; must stand before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

pytest_plugins = ["tests.databases"]

# A machine that does other work beside is no fault of what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
