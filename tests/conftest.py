"""What every test may count on."""

from __future__ import annotations

import os

# As the launcher does for its workers; must stand before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

pytest_plugins = ["tests.databases"]
