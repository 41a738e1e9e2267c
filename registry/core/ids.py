"""One parser for every way an arXiv identifier is written.

An identifier is ``YYMM.NNNN`` (0704 to 1412), ``YYMM.NNNNN`` (from 1501) or, before April 2007,
``archive/YYMMNNN``; a subject class (``math.CA/0611800``) is not part of the canonical form.
Source: arXiv's help pages ``arxiv_identifier`` and ``arxiv_identifier_for_services``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from registry.core.errors import UsageError

_VERSION = r"(?:v(?P<version>[1-9][0-9]{0,2}))?"
_NEW = re.compile(r"(?P<yy>[0-9]{2})(?P<mm>[0-9]{2})\.(?P<number>[0-9]{4,5})" + _VERSION)
_OLD = re.compile(
    r"(?P<archive>[a-z][a-z-]*)(?:\.[A-Za-z-]{2,})?"
    r"/(?P<yy>[0-9]{2})(?P<mm>[0-9]{2})(?P<number>[0-9]{3})" + _VERSION
)
_OLD_ARCHIVES = frozenset(
    [
        "acc-phys", "adap-org", "alg-geom", "ao-sci", "astro-ph", "atom-ph", "bayes-an",
        "chao-dyn", "chem-ph", "cmp-lg", "comp-gas", "cond-mat", "cs", "dg-ga", "funct-an",
        "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math", "math-ph", "mtrl-th", "nlin",
        "nucl-ex", "nucl-th", "patt-sol", "physics", "plasm-ph", "q-alg", "q-bio", "quant-ph",
        "solv-int", "supr-con",
    ]
)  # fmt: skip
_HOSTS = re.compile(
    r"(?:https?://)?(?:"
    r"(?:(?:www|export|browse|cn|de|in|lanl)\.)?arxiv\.org"
    r"|ar5iv\.(?:labs\.arxiv\.)?org"
    r"|(?:www\.)?alphaxiv\.org"
    r"|(?:www\.)?huggingface\.co"
    r"|hf\.co"
    r"|(?:www\.)?semanticscholar\.org"
    r")/",
    re.IGNORECASE,
)
_PATH = re.compile(
    r"/?(?:abs|pdf|html|format|ps|e-print|src|overview|papers|arxiv)/", re.IGNORECASE
)
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?10\.48550/arxiv\.", re.IGNORECASE)


@dataclass(frozen=True)
class ArxivId:
    """A versionless canonical identifier and, where one was written, the version.

    >>> ArxivId.parse("https://arxiv.org/pdf/2402.03300v2.pdf#page=3")
    ArxivId(base='2402.03300', version=2)
    >>> ArxivId.parse("math.CA/0611800").base
    'math/0611800'
    """

    base: str
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> ArxivId:
        """The identifier in ``text``. Raises UsageError where ``text`` is not one identifier."""
        core = text if _NEW.fullmatch(text) else _strip(text)
        if match := _NEW.fullmatch(core):
            yymm, number = match["yy"] + match["mm"], match["number"]
            five = int(match["yy"]) >= 15
            if (
                not 1 <= int(match["mm"]) <= 12
                or not "0704" <= yymm < "9100"  # from 91 on, two digits mean the last century
                or len(number) != (5 if five else 4)
                or int(number) == 0
            ):
                raise _not_an_id(text)
            base = f"{yymm}.{number}"
        elif match := _OLD.fullmatch(core):
            year = int(match["yy"])
            in_range = year >= 91 or year <= 7
            if (
                match["archive"] not in _OLD_ARCHIVES
                or not 1 <= int(match["mm"]) <= 12
                or not in_range
                or match["number"] == "000"
                or (year == 7 and int(match["mm"]) > 3)
            ):
                raise _not_an_id(text)
            base = f"{match['archive']}/{match['yy']}{match['mm']}{match['number']}"
        else:
            raise _not_an_id(text)
        return cls(base, int(match["version"]) if match["version"] else None)

    @classmethod
    def from_slug(cls, slug: str) -> ArxivId:
        """The inverse of ``slug``. Raises UsageError for anything else."""
        parsed = cls.parse(slug.replace("_", "/", 1))
        if parsed.slug != slug:
            raise _not_an_id(slug)
        return parsed

    @property
    def slug(self) -> str:
        """The versionless identifier as a file name: ``hep-th/9901001`` is ``hep-th_9901001``."""
        return self.base.replace("/", "_")

    @property
    def url(self) -> str:
        """The abstract page, of this version where one is named."""
        return f"https://arxiv.org/abs/{self}"

    def __lt__(self, other: ArxivId) -> bool:
        return (self.base, self.version or 0) < (other.base, other.version or 0)

    def __str__(self) -> str:
        return self.base if self.version is None else f"{self.base}v{self.version}"


def _strip(text: str) -> str:
    core = unquote(text.strip())
    core = core.split("#", 1)[0].split("?", 1)[0]
    if match := _DOI.match(core):
        return core[match.end() :].rstrip("/")
    if match := _HOSTS.match(core):
        rest = core[match.end() :]
        path = _PATH.match(rest)
        if path is None:
            return ""
        core = rest[path.end() :].rstrip("/")
        # A page may hang the old-style path or a file ending behind the identifier.
        core = re.sub(r"\.(?:pdf|ps|gz|html)$", "", core, flags=re.IGNORECASE)
    return re.sub(r"^(?:oai:arxiv\.org:|arxiv:)\s*", "", core, flags=re.IGNORECASE)


def _not_an_id(text: str) -> UsageError:
    shown = text if len(text) <= 80 else text[:77] + "..."
    return UsageError(
        f"{shown!r} is not an arXiv identifier. Allowed: 2402.03300, 2402.03300v2, hep-th/9901001, "
        "arXiv:..., or a link to arxiv.org/abs, /pdf or /html. Check the digits: four after the "
        "point until 1412, five from 1501."
    )
