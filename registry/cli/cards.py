"""What ``registry show`` knows of a method or a paper: facts for JSON, and lines to read."""

from __future__ import annotations

import difflib
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from methods.plugins import names_a_file
from registry.catalog.folder import require_folder
from registry.core.errors import UnknownNameError, UsageError
from registry.core.escape import terminal
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.runs.known import find_method, known_methods

if TYPE_CHECKING:
    from registry.catalog.models import Evidence, Paper

Facts = dict[str, Any]
Card = Callable[[Facts], Iterator[str]]


def find(name: str, settings: Settings) -> tuple[Facts, Card]:
    """The facts of the method or paper called ``name`` and how to print them.

    Raises UnknownNameError with the nearest names, UsageError for a misspelt identifier.
    """
    from registry.cli.method_card import method_card, method_facts

    if names_a_file(name) and Path(name).expanduser().is_file():
        return method_facts(find_method(name), settings), method_card
    methods = known_methods()
    info = next((m for m in methods if m.slug == name.strip().lower()), None)
    if info is not None:
        return method_facts(info, settings), method_card
    try:
        id_ = ArxivId.parse(name)
    except UsageError as error:
        known = [info.slug for info in methods]
        if any(character.isdigit() for character in name):
            papers = _papers(settings)
            if "." in name or "/" in name:  # an identifier, then, with a slip in it
                raise UsageError(f"{error}{_nearest(name, papers)}") from None
            known += papers
        raise UnknownNameError("method or paper", name, known, _LISTING) from None
    require_folder(settings.catalog_dir)
    facts = paper_facts(id_, settings) or candidate_facts(id_, settings)
    if facts is None:
        hint = f"registry list papers; to fetch it: registry ingest --ids {id_.base}"
        raise UnknownNameError("paper", id_.base, _papers(settings), hint)
    return facts, paper_card


def version_note(name: str, facts: Facts) -> str | None:
    """What to tell somebody who asked for one version of a paper; None where nobody did."""
    try:
        asked = ArxivId.parse(name)
    except UsageError:
        return None
    if asked.version is None:
        return None
    if facts["kind"] == "candidate":
        return f"version {asked.version} was asked for; stored is version {facts['version']}"
    return f"version {asked.version} was asked for; the entry is not about a particular version"


def _nearest(name: str, papers: list[str]) -> str:
    near = difflib.get_close_matches(name, papers, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""


_LISTING = "registry list methods, registry list papers"


def paper_facts(id_: ArxivId, settings: Settings) -> Facts | None:
    """The whole entry with each claim's evidence beside it, or None."""
    from registry.catalog.files import (
        evidence_paths,
        find_entry,
        load_evidence,
        load_paper,
        load_survey,
    )
    from registry.cli.claims import claims_facts

    path = find_entry(settings.catalog_dir, id_)
    if path is None:
        return None
    paper: Paper = load_survey(path) if path.parent.name == "surveys" else load_paper(path)
    found = [load_evidence(p) for p in evidence_paths(settings.catalog_dir)]
    facts: Facts = {"kind": "survey" if path.parent.name == "surveys" else "paper"}
    facts |= paper.model_dump(mode="json")
    facts["url"] = ArxivId(paper.id).url
    facts["leaves"] = list(paper.leaves)
    facts["claims"] = claims_facts(paper, found)
    facts["file"] = relative(path, settings)
    return facts


def candidate_facts(id_: ArxivId, settings: Settings) -> Facts | None:
    """What the store has of a preprint that is not in the catalog, or None."""
    if not _has_store(settings):
        return None
    from registry.store.engine import open_store
    from registry.store.queries import candidate

    with open_store(settings) as store:
        found = candidate(store, id_.base)
    if found is None:
        return None
    return {
        "kind": "candidate",
        "id": found.id,
        "title": found.title,
        "former_titles": list(found.former_titles),
        "status": "candidate",
        "authors": list(found.authors),
        "submitted": found.published.date().isoformat(),
        "updated": found.updated.date().isoformat(),
        "categories": list(found.categories),
        "version": found.version,
        "comment": found.comment,
        "doi": found.doi,
        "withdrawn": found.withdrawn,
        "abstract": found.abstract,
        "leaves": list(getattr(found, "leaves", ())),
        "methods": [],
        "url": ArxivId(found.id).url,
    }


def paper_card(facts: Facts) -> Iterator[str]:
    """A paper, survey or candidate for a reader at a terminal."""
    from registry.cli.claims import claims_lines, discrepancies_lines

    yield terminal(facts["title"])
    yield from wrapped(", ".join(facts["authors"]) or "authors not looked up")
    yield ""
    status = facts["status"] if facts["kind"] != "survey" else f"{facts['status']} (survey)"
    yield from field("status", status)
    for label in ("status_note", "superseded_by", "withdrawn"):
        yield from field(label.replace("_", " "), facts.get(label))
    yield from field("submitted", facts["submitted"])
    yield from field("announced", facts.get("announced"))
    yield from field("updated", facts.get("updated"))
    if not facts["submitted"] and not facts.get("announced"):
        yield from field("announced", f"{ArxivId(facts['id']).month:%Y-%m}, by its identifier")
    yield from field("categories", ", ".join(facts["categories"]) or "not looked up")
    for label in ("venue", "doi", "licence", "comment"):
        yield from field(label, facts.get(label))
    yield from _leaf_lines(facts)
    for name, values in facts.get("facets", {}).items():
        yield from field(name, ", ".join(values))
    yield from field("url", facts["url"])
    for link in facts.get("links", ()):
        yield from field(link["kind"], link["url"])
    yield from field("related", ", ".join(facts.get("related", ())))
    yield from field("file", facts.get("file"))
    yield from block("Abstract" if facts["kind"] == "candidate" else "Gist")
    yield from wrapped(facts.get("gist") or facts.get("abstract") or _FACTS_ONLY)
    if facts["methods"]:
        yield from block("Methods")
        for method in facts["methods"]:
            yield from item(
                f"{method['relation']} {method['slug']} (registry show {method['slug']})"
            )
    if facts.get("claims"):
        yield from claims_lines(facts["claims"])
    if facts.get("discrepancies"):
        yield from discrepancies_lines(facts["discrepancies"])
    if facts.get("outline"):
        yield from block("Outline")
        yield from _outline_lines(facts["outline"], 1)
        yield from wrapped(facts["outline_source"])


_FACTS_ONLY = "none yet: this entry holds facts only"


def _leaf_lines(facts: Facts) -> Iterator[str]:
    sources = facts.get("leaf_sources", {})
    said = [
        f"{leaf} ({', '.join(sources[leaf])})" if leaf in sources else leaf
        for leaf in facts["leaves"]
    ]
    yield from field("leaves", ", ".join(said))


def _outline_lines(sections: list[Mapping[str, Any]], depth: int) -> Iterator[str]:
    for section in sections:
        papers = len(section["papers"])
        count = f"{papers} paper{'s' if papers > 1 else ''}"
        covered = [*section["methods"], *([count] if papers else [])]
        about = f" [{', '.join(covered)}]" if covered else ""
        yield from wrapped(section["title"] + about, "  " * depth, "  " * depth + "  ")
        yield from _outline_lines(section["sections"], depth + 1)


def evidence_line(measured: Mapping[str, Any]) -> str:
    """The verdict and every comparison, in a line."""
    found = "; ".join(measured["comparisons"])
    return f"{measured['verdict']} at scale {measured['scale']} ({measured['date']}). {found}"


def measured_facts(evidence: Evidence) -> Facts:
    """What a piece of evidence says, as facts."""
    from registry.catalog.findings import cost

    took = cost(evidence)
    return {
        "method": evidence.method,
        "paper": evidence.paper,
        "claim": evidence.claim,
        "scale": evidence.scale,
        "verdict": evidence.verdict,
        "date": evidence.date.isoformat(),
        "question": evidence.question,
        "comparisons": [
            f"{c.text}: {c.difference:+.3g} [{c.interval[0]:.3g}, {c.interval[1]:.3g}], "
            + ("holds" if c.holds else "does not hold")
            for c in evidence.comparisons
        ],
        "experiment": evidence.experiment,
        "measured": [
            {
                "label": m.label,
                "method": m.method,
                "measure": m.measure,
                "unit": m.unit,
                "before": sum(m.before) / len(m.before) if m.before else None,
                "after": m.mean_after,
                "interval": m.interval,
                "seeds": len(m.seeds),
            }
            for m in evidence.measured
        ],
        "seeds": took.seeds,
        "runs": took.runs,
        "seconds": took.seconds,
        "device": evidence.device,
        "command": evidence.command,
    }


def field(label: str, value: object) -> Iterator[str]:
    """A labelled value; nothing where there is none."""
    if value:
        yield from wrapped(str(value), f"{label:<14}", " " * 14)


def block(title: str) -> Iterator[str]:
    """A heading behind a blank line."""
    yield ""
    yield title


def item(text: str) -> Iterator[str]:
    """One entry of a list."""
    yield from wrapped(text, "  - ", "    ")


def wrapped(text: str, first: str = "", rest: str = "") -> Iterator[str]:
    """``text`` in lines as wide as the terminal, at most 100."""
    width = min(100, max(40, shutil.get_terminal_size((100, 24)).columns))
    yield from textwrap.wrap(
        terminal(text),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _has_store(settings: Settings) -> bool:
    # Asking for a paper must not create a database.
    prefix = "sqlite:///"
    if not settings.database_url.startswith(prefix):
        return True
    return Path(settings.database_url.removeprefix(prefix)).is_file()


def _papers(settings: Settings) -> list[str]:
    from registry.catalog.files import paper_paths, survey_paths

    root = settings.catalog_dir
    return [ArxivId.from_slug(p.stem).base for p in (*paper_paths(root), *survey_paths(root))]


def relative(path: Path, settings: Settings) -> str:
    """``path`` as it is written inside the checkout, whole elsewhere."""
    base = settings.checkout
    return str(path.relative_to(base)) if base and path.is_relative_to(base) else str(path)
