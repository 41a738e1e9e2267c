"""arXiv identifiers in addresses of every form, and what else an address is.

People paste addresses with a version, a page, half a BibTeX entry or a digit too few; an address
that was meant for arXiv gives an identifier or is called malformed, never passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.ingest.lists.document import LinkKind

_ARXIV_HOST = re.compile(
    r"(?:^|\.)(?:arxiv\.org|ar5iv\.org|alphaxiv\.org|arxiv\.gg|arxiv-sanity-lite\.com)$"
    r"|^xxx\.lanl\.gov$|arxiv",
    re.IGNORECASE,
)
_NEW = re.compile(r"(?<![0-9.])([0-9]{4}\.[0-9]{4,5})(v[1-9][0-9]{0,2})?(?![0-9])")
_OLD = re.compile(r"(?<![a-z-])([a-z][a-z-]+(?:\.[A-Z]{2})?/[0-9]{7})(v[1-9][0-9]{0,2})?(?![0-9])")
_PAPER_PATH = re.compile(r"^/*(?:abs|pdf|html|format|ps|e-print|src|overview)/+(.*)", re.IGNORECASE)
_MENTION = re.compile(
    r"(?:arxiv(?:\s+preprint)?(?:\s+arxiv)?|abs|CoRR)\s*[:/\s]\s*(?:abs/)?"
    r"([0-9]{4}\.[0-9]{4,5})(?:v[1-9][0-9]{0,2})?(?![0-9])",
    re.IGNORECASE,
)
# Mirrors and readers of arXiv's papers name them so: "/arxiv/2401.01234", "?id=arXiv:2401.01234".
_NAMED = re.compile(
    r"(?:\barxiv[.:/=_-](?:abs/|pdf/)?|^/papers/?\?(?:.*&)?q=)([0-9]{4}\.[0-9]{4,5})(?:v[1-9][0-9]{0,2})?(?![0-9])",
    re.IGNORECASE,
)
_BARE = re.compile(r"\s*[\[(]?([0-9]{4}\.[0-9]{4,5})(?:v[1-9][0-9]{0,2})?[\])]?\s*")

_HOSTS: tuple[tuple[LinkKind, tuple[str, ...]], ...] = (
    ("data", ("huggingface.co/datasets", "hf.co/datasets", "kaggle.com/datasets", "zenodo.org")),
    (
        "code",
        (
            "github.com", "gitlab.com", "bitbucket.org", "anonymous.4open.science", "gitee.com",
            "colab.research.google.com", "huggingface.co", "hf.co", "modelscope.cn", "git.io",
        ),
    ),
    (
        "published",
        (
            "openreview.net", "aclanthology.org", "aclweb.org", "proceedings.neurips.cc",
            "papers.nips.cc", "papers.neurips.cc", "proceedings.mlr.press", "jmlr.org",
            "openaccess.thecvf.com", "dl.acm.org", "doi.org", "ieeexplore.ieee.org",
            "link.springer.com", "nature.com", "science.org", "sciencedirect.com", "ojs.aaai.org",
            "aaai.org", "ijcai.org", "usenix.org", "direct.mit.edu", "academic.oup.com",
            "iclr.cc", "icml.cc", "neurips.cc", "nips.cc", "isca-speech.org", "ecva.net",
            "mdpi.com", "frontiersin.org", "tandfonline.com", "onlinelibrary.wiley.com",
            "roboticsproceedings.org", "medrxiv.org", "biorxiv.org", "papers.ssrn.com",
            "semanticscholar.org", "hal.science", "eprint.iacr.org", "pnas.org", "jair.org",
            "ncbi.nlm.nih.gov", "researchgate.net", "scholar.google.com", "cdn.openai.com",
            "techrxiv.org", "preprints.org", "osf.io", "research.google", "cell.com",
        ),
    ),
    ("project", ("github.io", "notion.site", "notion.so", "sites.google.com", "vercel.app")),
)  # fmt: skip
_SOCIAL = (
    "twitter.com", "x.com", "youtube.com", "youtu.be", "discord.gg", "discord.com", "t.me",
    "linkedin.com", "zhihu.com", "weixin.qq.com", "wechat.com", "slack.com", "reddit.com",
    "bilibili.com", "facebook.com", "star-history.com", "api.star-history.com", "wikipedia.org",
)  # fmt: skip
_LIST = re.compile(r"github\.com/[^/]+/[^/]*awesome[^/]*(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """What an address says of an identifier: ``id`` is None where it is malformed."""

    id: str | None
    raw: str
    repaired: bool = False


@lru_cache(maxsize=4096)
def arxiv_in(url: str) -> Found | None:
    """The identifier that ``url`` was meant for, or None where it is not about arXiv.

    >>> arxiv_in("https://arxiv.org/abs/2502.143")
    Found(id=None, raw='2502.143', repaired=False)
    >>> arxiv_in("https://arxiv.org/abs/2402.03300}, year={2024").id
    '2402.03300'
    """
    text = unquote(url.strip())
    if exact := _parsed(text):
        return Found(exact, exact)
    parts = _split(text)
    if parts is None:
        return None
    host, path = parts
    about = _ARXIV_HOST.search(host) or "10.48550" in path or "arxiv.org/" in path.lower()
    if not about and not (host.endswith("huggingface.co") and path.startswith("/papers/")):
        named = _NAMED.search(path) if not _at(host, "github.com") else None
        return Found(id_, id_) if named and (id_ := _parsed(named[1])) else None
    # Another name of arXiv's host is no fault of the address's form; its host is judged elsewhere.
    if exact := _parsed(f"https://arxiv.org{path}"):
        return Found(exact, exact)
    if found := _searched(path):
        # An archive or a translator that has arXiv's address within its own is whole as it is.
        return Found(found, path.lstrip("/"), repaired=bool(_ARXIV_HOST.search(host)))
    if match := _PAPER_PATH.match(path):
        return Found(None, match[1].strip("/") or path.strip("/"))
    if host.endswith("huggingface.co") or "10.48550" in path:
        return Found(None, path.strip("/").split("/")[-1])
    # A bare "arxiv.org/2401.12" was meant for a paper; arxiv.org itself, or a listing, was not.
    return Found(None, path.strip("/")) if re.fullmatch(r"/[0-9.v]+", path) else None


def mentioned_in(text: str) -> str | None:
    """The identifier that a text names as arXiv's, or that it consists of."""
    match = _MENTION.search(text) or _BARE.fullmatch(text)
    return _parsed(match[1]) if match else None


def without_mention(text: str) -> str:
    """``text`` without an identifier that it names as arXiv's, or consists of."""
    return "" if _BARE.fullmatch(text) else _MENTION.sub("", text).strip()


@lru_cache(maxsize=4096)
def kind_of(url: str, label: str = "") -> LinkKind:
    """What an address leads to, by its host and by what the list calls it."""
    if arxiv_in(url) is not None:
        return "paper"
    place = _place(url)
    if _LIST.search(place):
        return "list"
    said = label.lower()
    if re.fullmatch(r"\W*(?:(?:full )?paper|pdf|preprint|\u8bba\u6587)(?: link)?\W*", said):
        return "published"
    if re.search(r"\b(?:project|website|homepage|home page|web ?page|demo)\b", said):
        return "project"
    for kind, hosts in _HOSTS:
        if any(_at(place, host) for host in hosts):
            return kind
    if place.lower().endswith(".pdf") or re.search(r"\bpaper\b", said):
        return "published"
    return "other"


@lru_cache(maxsize=4096)
def is_social(url: str) -> bool:
    """True for addresses of posts, channels, people and badges, which name no paper."""
    place = _place(url)
    return url.startswith("mailto:") or any(_at(place, host) for host in _SOCIAL)


def same_address(url: str) -> str:
    """A form in which two addresses of one page are equal."""
    if (found := arxiv_in(url)) is not None and found.id:
        return f"arxiv:{found.id}"
    place = _place(url).split("#")[0].rstrip("/")
    place = re.sub(r"^openreview\.net/(?:pdf|forum|attachment)(?:\.pdf)?", "openreview.net", place)
    place = re.sub(r"^(aclanthology\.org/[^/]+?)(?:\.pdf)?$", r"\1", place)
    return re.sub(r"(?:&|\?)(?:name|noteId|referrer)=[^&]*", "", place)


def _parsed(text: str) -> str | None:
    try:
        return ArxivId.parse(text).base
    except UsageError:
        return None


def _searched(text: str) -> str | None:
    found = (m[1] for pattern in (_NEW, _OLD) for m in pattern.finditer(text))
    return next((id_ for raw in found if (id_ := _parsed(raw))), None)


def _split(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    query = f"?{parts.query}" if parts.query else ""
    return host, parts.path + query


def _place(url: str) -> str:
    parts = _split(url)
    if parts is None:
        return url
    host, path = parts
    return host.removeprefix("www.") + path


def _at(place: str, host: str) -> bool:
    name, _, path = host.partition("/")
    found, _, rest = place.partition("/")
    right = found == name or found.endswith(f".{name}")
    return right and rest.startswith(path)
