"""Where the recorded data lie that are not part of the repository: beside it, or further up."""

from __future__ import annotations

from pathlib import Path

ARXIV = next(
    (
        folder / "shared" / "data" / "arxiv"
        for folder in Path(__file__).resolve().parents
        if (folder / "shared" / "data" / "arxiv").is_dir()
    ),
    Path("absent"),
)
