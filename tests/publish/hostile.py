"""A world in which every free text is hostile, and its benign twin of the same shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry.catalog.files import save_entry
from registry.catalog.models import Record
from registry.core.escape import one_line
from registry.core.settings import Settings
from tests.publish import fabricated

HOSTILE = (
    "</title><script>window.pwned=1</script>\" onmouseover='window.pwned=2' "
    "[a](javascript:window.pwned=3) ![b](x) <img src=x onerror=window.pwned=4> | c | d | "
    '$e$ \\(f\\) --8<-- "mkdocs.yml" {{ config.site_name }} {% raw %} `g` ``h`` **i** _j_ '
    "<!-- k --> <?php l ?> <![CDATA[m]]> &lt;b&gt; &#60;i&#62; &amp; http://n.example "
    "<http://o.example> [^1] [p]: http://q.example ::: r !!! note :smile: ~~s~~ ^^t^^ "
    "</code></pre></div></td></tr></table><svg onload=window.pwned=5> "
    "\n\n# u\n```\nv\n```\n- w\n    x\n</li></ul><style>*{display:none}</style>\n---\ny: z\n---\n"
    "{: onclick=window.pwned=6 .k #l }"
)
# What names, choices and addresses are made of is checked elsewhere; a stranger cannot choose it.
_FIXED = {
    *("id", "slug", "leaf", "secondary", "categories", "url", "kind", "method", "paper", "claim"),
    *("arm", "measure", "relation", "status", "verdict", "scale", "superseded_by", "related"),
    *("signal", "facets", "between", "bearing", "claims", "experiment", "leaves"),
}


def hostile(value: str) -> str:
    return f"{value} {HOSTILE}"


def benign(value: str) -> str:
    """As long, broken at the same places, without a character that could act."""
    return f"{value} " + re.sub(r"[^A-Za-z0-9 ]", "q", one_line(HOSTILE))


def write_world(folder: Path, spoil: Callable[[str], str]) -> Settings:
    """The fabricated world with every free text spoiled."""
    settings = fabricated.write_world(folder)
    for entry in (
        fabricated.taxonomy(),
        fabricated.paper(),
        fabricated.paper(id=fabricated.SECOND, former_titles=("An older title",), doi="10.1/x"),
        fabricated.survey(),
        fabricated.withdrawn(),
        fabricated.evidence(),
    ):
        save_entry(settings.catalog_dir, spoiled(entry, spoil))
    for run in settings.runs_dir.iterdir():
        for path in run.iterdir():
            _spoil_file(path, spoil)
    return settings


def spoiled(entry: Record, spoil: Callable[[str], str]) -> Record:
    """``entry`` with every free text spoiled."""
    return type(entry).model_validate(_walk(entry.model_dump(mode="json"), "", spoil))


def _walk(value: Any, key: str, spoil: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {k: _walk(v, k, spoil) for k, v in value.items()}
    if isinstance(value, list):
        return [_walk(one, key, spoil) for one in value]
    # A section's papers and a curve's name are identifiers, dates are dates.
    looks_fixed = isinstance(value, str) and re.fullmatch(r"[\d.:TZ+-]+|[0-9a-f]{16,}", value)
    if not isinstance(value, str) or key in _FIXED or looks_fixed:
        return value
    return value if key == "name" and value == "calm-over-steps" else spoil(value)


def _spoil_file(path: Path, spoil: Callable[[str], str]) -> None:
    keep = {"run_id", "device", "started", "finished"}

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: walk(v, k) for k, v in value.items()} | (
                {spoil("x"): 1.5 * value["step"]} if "loss" in value else {}
            )
        if isinstance(value, list):
            return [walk(one, key) for one in value]
        fixed = key in keep or (key == "status" and path.name == "manifest.json")
        return value if not isinstance(value, str) or fixed else spoil(value)

    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(walk(row)) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(walk(json.loads(path.read_text()))))
