"""Links to leaves that were renamed or merged still lead somewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from registry.catalog.files import load_catalog
from registry.catalog.taxonomy_edit import merge, rename
from registry.publish.snapshot import Snapshot
from registry.publish.taxonomy_page import taxonomy_page
from tests.publish import fabricated


def test_older_names_of_a_leaf_are_anchors_within_it(snapshot: Snapshot, tmp_path: Path) -> None:
    settings = fabricated.write_world(tmp_path)
    root = settings.catalog_dir
    rename(load_catalog(root), "alignment/pairwise", "alignment/pairs").write()
    merge(load_catalog(root), ["alignment/rewards"], "alignment/pairs").write()

    page = taxonomy_page(replace(snapshot, catalog=load_catalog(root)))

    text = "".join(page.blocks)
    assert text.count('class="leaf"') == 1
    for anchor in ("alignment--pairs", "alignment--pairwise", "alignment--rewards"):
        assert text.count(f'id="{anchor}"') == 1
