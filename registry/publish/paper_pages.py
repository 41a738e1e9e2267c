"""A page for each paper of the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from registry.catalog.models import Paper, Survey
from registry.core.ids import ArxivId
from registry.export.bibtex import entry
from registry.publish.claim_blocks import claim_blocks, discrepancy_blocks
from registry.publish.labels import (
    METHOD_STATUS,
    RELATIONS,
    licence,
    link,
    method_badge,
    paper_link,
    placed_by,
)
from registry.publish.markup import (
    Child,
    Html,
    Page,
    code,
    el,
    facts,
    heading,
    inward,
    items,
    join,
    outward,
    paragraph,
    verbatim,
    when,
)
from registry.publish.related import Related
from registry.publish.snapshot import Snapshot, paper_folder, survey_folder

_AUTHORS_SHOWN = 12
_ALWAYS = ("Authors", "Licence", "Categories")  # every paper has them, known here or not
_RELATED_TO_FACTS = 5


def paper_page(snapshot: Snapshot, paper: Paper, related: Sequence[Related]) -> Page:
    """The page of ``paper``."""
    here = paper_folder(paper.id)
    blocks = [
        crumbs(here, ("papers", "Papers"), paper.id),
        heading(1, paper.title),
        _status_banner(here, snapshot, paper),
        _facts(paper),
        _gist(paper),
        *_topics(here, snapshot, paper),
        *_methods(here, snapshot, paper),
        *claim_blocks(here, snapshot, paper),
        *discrepancy_blocks(paper),
        *_surveys(here, snapshot, paper),
        *_related(here, related[:_RELATED_TO_FACTS] if paper.facts_only else related),
        *_abstract(snapshot, paper),
        *_links(paper),
        *_cite(paper),
    ]
    return Page(
        folder=here,
        title=paper.title,
        description=(paper.gist or paper.title)[:200],
        blocks=tuple(block for block in blocks if block is not None),
        citation={
            "title": paper.title,
            "authors": list(paper.authors),
            "date": paper.day.replace("-", "/"),
            "arxiv_id": paper.id,
        },
    )


def crumbs(here: str, above: tuple[str, str], name: str) -> Html:
    """Where a page stands: its index, then itself."""
    folder, title = above
    return el(
        "nav",
        inward(here, folder, title),
        el("span", " / ", aria_hidden="true"),
        el("span", name, aria_current="page"),
        class_="crumbs",
        aria_label="Breadcrumb",
    )


def _status_banner(here: str, snapshot: Snapshot, paper: Paper) -> Html | None:
    if paper.status == "active":
        return None
    said: list[Child] = [el("strong", f"This paper is {paper.status}. "), paper.status_note]
    newer = snapshot.catalog.papers.get(paper.superseded_by or "")
    if newer:
        said += [" Read instead: ", paper_link(here, newer), "."]
    elif paper.superseded_by:
        said += [" Read instead: ", outward(ArxivId(paper.superseded_by).url), "."]
    return el("aside", el("p", *said), class_="banner", role="note")


def _facts(paper: Paper) -> Html:
    url = ArxivId(paper.id).url
    former = join([items(paper.former_titles)]) if paper.former_titles else None
    rows: list[tuple[str, Child]] = [
        ("arXiv", outward(url, url.removeprefix("https://"))),
        ("Submitted", when(paper.submitted) if paper.submitted else None),
        ("Announced", None if paper.submitted else _announced(paper)),
        ("Updated", when(paper.updated) if paper.updated else None),
        ("Authors", authors(paper.authors) if paper.authors else None),
        ("Venue", paper.venue),
        ("Licence", licence(paper.licence) if paper.licence else None),
        ("Categories", ", ".join(paper.categories) or None),
        ("DOI", outward(f"https://doi.org/{paper.doi}", paper.doi) if paper.doi else None),
        ("Earlier titles", former),
    ]
    absent = [name for name, said in rows if said is None and name in _ALWAYS]
    return facts([*rows, ("Not looked up", ", ".join(absent).lower() if absent else None)])


def _announced(paper: Paper) -> Html:
    month = when(paper.day)
    return month if paper.announced else join([month, " by its identifier"])


def _gist(paper: Paper) -> Html:
    if paper.gist is None:
        return el("p", _FACTS_ONLY, class_="facts-only")
    return el("p", paper.gist, class_="lead")


_FACTS_ONLY = "Facts only: nobody has written here yet what this paper does and finds."


def authors(names: Sequence[str]) -> Html:
    """The authors; a long list opens on demand."""
    shown = ", ".join(names[:_AUTHORS_SHOWN])
    if len(names) <= _AUTHORS_SHOWN:
        return join([shown])
    rest = len(names) - _AUTHORS_SHOWN
    more = el("details", el("summary", f"and {rest} more"), ", ".join(names[_AUTHORS_SHOWN:]))
    return join([shown, Html(" "), more])


def leaf_chip(here: str, snapshot: Snapshot, slug: str) -> Html:
    """A taxonomy leaf in a box, linked to its definition."""
    leaf = snapshot.leaves.get(slug)
    title = leaf.title if leaf else slug
    return inward(here, f"taxonomy#{anchor(slug)}", title, class_="chip")


def anchor(leaf: str) -> str:
    """The anchor of a leaf on the page of the taxonomy."""
    return leaf.replace("/", "--")


def _topics(here: str, snapshot: Snapshot, paper: Paper) -> list[Html]:
    rows = []
    for index, slug in enumerate(paper.leaves):
        leaf = snapshot.leaves.get(slug)
        scope = el("span", leaf.scope, class_="chip-scope") if leaf else None
        kind = el("span", "also", class_="faint") if index else None
        said = placed_by(paper.leaf_sources.get(slug, ()))
        source = el("span", said, class_="placed") if said else None
        rows.append(el("li", kind, leaf_chip(here, snapshot, slug), scope, source))
    facets = [
        (name.replace("_", " ").capitalize(), ", ".join(values))
        for name, values in sorted(paper.facets.items())
        if values
    ]
    found = [heading(2, "Topic"), el("ul", *rows, class_="topics")]
    return [*found, facts(facets, "facts small")] if facets else found


def _methods(here: str, snapshot: Snapshot, paper: Paper) -> list[Html]:
    if paper.facts_only and not paper.methods:
        return []
    cards = []
    for one in paper.methods:
        method = snapshot.method(one.slug)
        if method is None:
            continue
        info = method.info
        cards.append(
            el(
                "div",
                el("p", RELATIONS[one.relation], class_="eyebrow"),
                el(
                    "p",
                    inward(here, f"methods/{info.slug}", info.name, class_="card-title"),
                    Html(" "),
                    method_badge(info.status),
                ),
                paragraph(info.summary),
                paragraph(code(f"registry run {info.slug}"), class_="command"),
                el("p", METHOD_STATUS[info.status][1], class_="faint"),
                class_="card",
            )
        )
    body = el("div", *cards, class_="cards") if cards else paragraph(_NO_METHOD, class_="faint")
    return [heading(2, "Methods"), body]


_NO_METHOD = "None of the methods built here belongs to this paper yet."


def _surveys(here: str, snapshot: Snapshot, paper: Paper) -> list[Html]:
    own = []
    if isinstance(paper, Survey):
        outline = inward(here, survey_folder(paper.id), "its outline, and what of it stands here")
        own = [paragraph("This paper is a tracked survey: ", outline, ".")]
    naming = [s for s in snapshot.catalog.surveys_naming(paper.id) if s.id != paper.id]
    links = [inward(here, survey_folder(survey.id), survey.title) for survey in naming]
    named = [paragraph("Surveys that cover it:"), items(links)] if links else []
    return [heading(2, "Surveys"), *own, *named] if own or named else []


def _related(here: str, related: Sequence[Related]) -> list[Html]:
    if not related:
        return []
    rows = [
        el(
            "li",
            el(
                "p",
                paper_link(here, one.paper),
                el("span", one.paper.day, class_="faint date"),
                el("span", f"{one.score:.2f}", class_="score"),
            ),
            el("p", one.paper.gist) if one.paper.gist else None,
            el("p", "; ".join(one.reasons), class_="faint"),
        )
        for one in related
    ]
    note = paragraph(
        "The score, from 0 to 1, weighs the likeness of words with the topics and methods in "
        "common. It says nothing of a paper's worth.",
        class_="faint",
    )
    body = el("div", note, el("ol", *rows, class_="related"), data_search_exclude=True)
    return [heading(2, "Related papers"), body]


def _abstract(snapshot: Snapshot, paper: Paper) -> list[Html]:
    abstract = snapshot.abstracts.get(paper.id)
    if not abstract:
        return []
    quoted = el("blockquote", paragraph(abstract))
    source = paragraph("The authors' abstract, as arXiv gives it.", class_="faint")
    return [heading(2, "Abstract"), el("div", quoted, source, data_search_exclude=True)]


def _links(paper: Paper) -> list[Html]:
    return [heading(2, "Links"), items(link(one) for one in paper.links)] if paper.links else []


def _cite(paper: Paper) -> list[Html]:
    button = el(
        "button", "Copy BibTeX", type="button", class_="copy", data_copy="bibtex", hidden=True
    )
    box = el(
        "div",
        el("pre", el("code", verbatim(entry(paper).strip()), id="bibtex")),
        button,
        class_="highlight cite",
        data_search_exclude=True,
    )
    return [heading(2, "Cite"), box]
