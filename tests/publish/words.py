"""What a reader of a page reads."""

from __future__ import annotations

import html5lib

from registry.publish.markup import Page


def said(page: Page) -> str:
    """The page's words, blanks run together."""
    tree = html5lib.parseFragment("\n".join(page.blocks))
    return " ".join(" ".join(tree.itertext()).split())
