"""What the words in the coloured boxes mean, and names for things that have only an address."""

from __future__ import annotations

import re
from collections.abc import Sequence

from registry.catalog.models import Evidence, Link, Paper
from registry.publish.markup import Html, badge, inward, join, outward
from registry.publish.snapshot import paper_folder

VERDICTS = {
    "reproduced": ("good", "The effect is there, and its interval keeps clear of zero."),
    "sign only": ("fair", "The effect points the right way; the interval does not exclude zero."),
    "not reproduced": ("bad", "The effect was not seen, or points the other way."),
    "not testable at this scale": ("mute", "Our models or budget are too small to tell."),
}
METHOD_STATUS = {
    "verified": ("good", "Checked against its paper, and its claims measured here."),
    "partial": ("fair", "It runs and is checked; part of its paper's claims is not measured yet."),
    "unverified": ("mute", "It runs; no claim was measured yet."),
    "retired": ("bad", "Kept for the record, replaced by another."),
}
SCALES = {"tiny": "tiny model", "smollm2": "SmolLM2-135M"}
LINK_KINDS = {
    "code": "Code",
    "project": "Project page",
    "published": "Published version",
    "data": "Data",
    "list": "List",
    "other": "Link",
}
BETWEEN = {
    "versions": "versions differ",
    "tables": "figures do not agree",
    "intervals": "intervals overlap",
    "paper and code": "paper and code differ",
    "method and claim": "narrower than claimed",
    "terms": "a term used otherwise",
    "references": "references that lead elsewhere",
    "missing": "missing",
}
RELATIONS = {"introduces": "Introduces", "uses": "Uses", "analyses": "Analyses"}
_CREATIVE = re.compile(
    r"https?://creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/([\d.]+)/?"
)


def verdict_badge(verdict: str) -> Html:
    """The verdict of an experiment."""
    return badge(verdict, VERDICTS[verdict][0])


def method_badge(status: str) -> Html:
    """The state of a method of ours."""
    return badge(status, METHOD_STATUS[status][0])


def licence(value: str) -> Html:
    """A licence by its name, linked where it has an address.

    >>> licence("http://creativecommons.org/licenses/by-nc-sa/4.0/").split(">")[1]
    'CC BY&#45;NC&#45;SA 4&#46;0</a'
    """
    if match := _CREATIVE.fullmatch(value):
        name = "CC0" if match[2] == "zero" else f"CC {match[2].upper()}"
        return outward(value, f"{name} {match[3]}")
    if "arxiv.org/licenses/nonexclusive" in value:
        return outward(value, "arXiv non-exclusive licence to distribute")
    return outward(value)


def link(item: Link) -> Html:
    """A paper's link: what it is, and its address."""
    host = re.sub(r"^https?://(www\.)?", "", item.url)
    return join([LINK_KINDS[item.kind], Html(": "), outward(item.url, host)])


def placed_by(sources: Sequence[str]) -> str:
    """Who put a paper into a leaf, in words; "" where nobody is named.

    >>> placed_by(["canonical", "list-a", "list-b"])
    'Placed here by the taxonomy, as an example; by the lists list-a, list-b.'
    """
    lists = [name for name in sources if name not in _PLACERS]
    said = [words for name, words in _PLACERS.items() if name in sources]
    if lists:
        said.append(f"by the list{'s' if len(lists) > 1 else ''} {', '.join(lists)}")
    return f"Placed here {'; '.join(said)}." if said else ""


_PLACERS = {
    "curator": "by a curator",
    "canonical": "by the taxonomy, as an example",
    "ranker": "by the ranker",
}


def paper_link(here: str, paper: Paper) -> Html:
    """A paper's title, linked to its page."""
    return inward(here, paper_folder(paper.id), paper.title)


def evidence_address(evidence: Evidence) -> str:
    """The place of an experiment on its method's page."""
    return f"methods/{evidence.method}#{evidence_anchor(evidence)}"


def claim_name(evidence: Evidence, paper: str) -> str:
    """``c1``, with the paper's identifier where that is not ``paper``."""
    return evidence.claim if evidence.paper == paper else f"{evidence.claim} of {evidence.paper}"


def evidence_anchor(evidence: Evidence) -> str:
    """The anchor of an experiment."""
    return f"evidence-{evidence.name}"
