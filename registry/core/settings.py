"""Where things are: the checkout or the installed data, the workspace, the services.

Environment variables: ``REGISTRY_DATABASE_URL``, ``REGISTRY_ARXIV_URL``, ``REGISTRY_OAI_URL``,
``REGISTRY_RSS_URL``, ``REGISTRY_RUNS_DIR``, ``REGISTRY_CATALOG_DIR``, ``REGISTRY_CACHE_DIR``,
``REGISTRY_OFFLINE``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
ARXIV_API = "https://export.arxiv.org/api/query"
ARXIV_OAI = "https://oaipmh.arxiv.org/oai"
ARXIV_RSS = "https://rss.arxiv.org/rss"


@dataclass(frozen=True)
class Settings:
    """The resolved places of one process; ``Settings.load()`` reads them once per command."""

    checkout: Path | None  # the repository's root where we are in one
    workspace: Path  # what we write lies below it: .registry/, runs/
    catalog_dir: Path
    site_dir: Path  # mkdocs.yml, docs/, overrides/
    runs_dir: Path
    cache_dir: Path  # converted models, trained tiny models: the user's, shared by workspaces
    database_url: str
    arxiv_url: str
    offline: bool
    oai_url: str = ARXIV_OAI
    rss_url: str = ARXIV_RSS

    @classmethod
    def load(cls, start: Path | None = None) -> Settings:
        """The settings as seen from ``start`` (the current folder) and the environment."""
        here = (start or Path.cwd()).resolve()
        checkout = _find_checkout(here) or _find_checkout(_PACKAGE)
        workspace = checkout or here
        data = _PACKAGE / "_data"
        env = os.environ
        database = workspace / ".registry" / "registry.db"
        cache_home = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cls(
            checkout=checkout,
            workspace=workspace,
            catalog_dir=_path(env.get("REGISTRY_CATALOG_DIR"))
            or (checkout / "catalog" if checkout else data / "catalog"),
            site_dir=checkout / "site" if checkout else data / "site",
            runs_dir=_path(env.get("REGISTRY_RUNS_DIR")) or workspace / "runs",
            cache_dir=_path(env.get("REGISTRY_CACHE_DIR")) or cache_home / "posttrain-registry",
            database_url=env.get("REGISTRY_DATABASE_URL") or f"sqlite:///{database}",
            arxiv_url=env.get("REGISTRY_ARXIV_URL") or ARXIV_API,
            offline=env.get("REGISTRY_OFFLINE", "") not in ("", "0"),
            oai_url=env.get("REGISTRY_OAI_URL") or ARXIV_OAI,
            rss_url=env.get("REGISTRY_RSS_URL") or ARXIV_RSS,
        )

    @property
    def catalog_is_writable(self) -> bool:
        """False for the copy inside an installed package: it is data of a release."""
        return not self.catalog_dir.is_relative_to(_PACKAGE)


def _find_checkout(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        marker = folder / "pyproject.toml"
        if (folder / "catalog" / "taxonomy.yaml").is_file() and marker.is_file():
            return folder
    return None


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser().resolve() if text else None
