"""arXiv's OAI-PMH, spoken strictly: pages of records, the token of the next one, its errors.

A page is believed only as a whole document with the service's own date, whose records lie in the
set and the days that were asked for. The maintained harvesters (oaipmh-scythe, sickle) mend broken
XML in silence and make their requests themselves, so that neither the shared turn nor the limits
of size and time would hold; what is left of the protocol is on this page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from lxml import etree

from registry.core.clock import now
from registry.core.errors import ArxivError, UsageError
from registry.core.escape import one_line
from registry.ingest.http import (
    Body,
    FeedError,
    Fetcher,
    Heard,
    RefusedError,
    not_ok,
)
from registry.ingest.moments import iso_moment
from registry.ingest.oai_records import FORMATS, Gone, oai_record
from registry.ingest.strict_xml import child_of, local_name, parse_xml, text_of
from registry.store.arrivals import Arrival

VARIABLE = "REGISTRY_OAI_URL"
_ARCHIVES_OF_THEIR_OWN = ("cs", "econ", "eess", "math", "q-bio", "q-fin", "stat")
# Records of the day before are sent too where the service cuts days elsewhere than we do.
_GRACE = timedelta(days=2)
_SOME = 5  # records: so many that cannot be read, and none that can, are another format


class BadTokenError(ArxivError):
    """The token is not known (any more): the harvest must start again."""


@dataclass(frozen=True)
class Page:
    """One answer to ListRecords. ``token`` fetches the next one; None where this is the last."""

    responded: datetime  # the service's clock
    arrivals: tuple[Arrival, ...] = ()
    gone: tuple[str, ...] = ()
    flawed: tuple[tuple[str, str], ...] = ()  # id and reason, of records nobody could read
    token: str | None = None
    token_ends: datetime | None = None
    complete_size: int | None = None  # of the whole list, where the service says it

    @property
    def size(self) -> int:
        """How many records it has, read or not."""
        return len(self.arrivals) + len(self.gone) + len(self.flawed)


class OaiClient:
    """ListRecords of arXiv's OAI-PMH at ``endpoint``, asked through ``fetcher``."""

    def __init__(self, endpoint: str, fetcher: Fetcher) -> None:
        self.endpoint, self.fetcher = endpoint, fetcher

    def first(self, set_: str, prefix: str, since: date) -> Page:
        """The first page of what changed in ``set_`` on or after ``since``."""
        asked = {"verb": "ListRecords", "metadataPrefix": prefix, "set": set_}
        return self._page({**asked, "from": since.isoformat()}, _Wanted(set_, since))

    def following(self, token: str, set_: str, since: date) -> Page:
        """The page that ``token`` stands for. Raises BadTokenError where it has expired."""
        asked = {"verb": "ListRecords", "resumptionToken": token}
        return self._page(asked, _Wanted(set_, since))

    def _page(self, asked: dict[str, str], wanted: _Wanted) -> Page:
        def read(body: Body, heard: Heard) -> Page:
            if body.status != 200 and "xml" not in body.kind:
                raise not_ok(body, VARIABLE)
            if body.content.strip() and body.kind and "xml" not in body.kind:
                raise FeedError(f"arXiv answered with {body.kind!r} where OAI-PMH was expected")
            page = read_page(body.content, now(), wanted)
            heard.entries, heard.total, heard.whole = page.size, page.complete_size, True
            if "resumptionToken" in asked and not page.size:
                raise FeedError("arXiv knows no record for a token that it gave for more of them")
            return page

        return self.fetcher.get(f"{self.endpoint}?{urlencode(asked)}", read)


@dataclass(frozen=True)
class _Wanted:
    """What was asked for: the records of an answer must lie in it."""

    set_: str
    since: date


def set_of(text: str) -> str:
    """The OAI set that ``text`` names: a set, or a category of arXiv. Raises UsageError.

    >>> set_of("cs.LG"), set_of("hep-th"), set_of("cs:cs:CL")
    ('cs:cs:LG', 'physics:hep-th', 'cs:cs:CL')
    """
    name = text.strip()
    if re.fullmatch(r"[a-z-]+(:[a-z-]+){0,2}(:[A-Za-z-]+)?", name) and ":" in name:
        return name
    if match := re.fullmatch(r"([a-z]+(?:-[a-z]+)*)(?:\.([A-Za-z]{2}|[a-z]+(?:-[a-z]+)*))?", name):
        archive, subject = match.groups()
        group = archive if archive in _ARCHIVES_OF_THEIR_OWN else "physics"
        if subject:
            return f"{group}:{archive}:{subject}"
        return archive if group == archive else f"{group}:{archive}"
    raise UsageError(
        f"{text!r} is no set of arXiv's OAI-PMH. Allowed: group:archive:CATEGORY, for example "
        "cs:cs:LG, or a category such as cs.LG."
    )


def read_page(content: bytes, seen_at: datetime, wanted: _Wanted | None = None) -> Page:
    """The page in ``content``.

    Raises FeedError for anything but one whole answer to ListRecords with records in it,
    BadTokenError and RefusedError for the service's own errors. No matching record is a page too.
    """
    root = parse_xml(content)
    if local_name(root) != "OAI-PMH":
        raise FeedError(f"arXiv's answer is a <{local_name(root)}>, not OAI-PMH")
    responded = _moment(text_of(root, "responseDate"))
    if responded is None:
        raise FeedError("arXiv's answer does not say its date (<responseDate>)")
    if wanted is not None and responded.date() < wanted.since - _GRACE:
        # The next harvest would begin there, years ago.
        raise FeedError(
            f"arXiv says that it is {responded.date()}, before the day asked for ({wanted.since})"
        )
    for child in root:
        if isinstance(child.tag, str) and local_name(child) == "error":
            _refuse(child.get("code", ""), one_line(child.text or ""))
            return Page(responded)
    listed = next(
        (c for c in root if isinstance(c.tag, str) and local_name(c) == "ListRecords"), None
    )
    if listed is None:
        raise FeedError("arXiv's answer has neither records nor an error")
    records = [c for c in listed if isinstance(c.tag, str) and local_name(c) == "record"]
    if not records:
        raise FeedError("arXiv's answer has an empty list, which is no way to say that it is empty")
    if wanted is not None:
        _check_wanted(records, wanted)
    return _page_of(records, child_of(listed, "resumptionToken"), responded, seen_at)


def _page_of(
    records: list[etree._Element],
    token: etree._Element | None,
    responded: datetime,
    seen_at: datetime,
) -> Page:
    arrivals: list[Arrival] = []
    gone: list[str] = []
    flawed: list[tuple[str, str]] = []
    for number, record in enumerate(records, start=1):
        try:
            found = oai_record(record, seen_at)
        except FeedError as error:
            flawed.append((_identifier(record) or f"record {number}", str(error)))
            continue
        if isinstance(found, Gone):
            gone.append(found.id)
        else:
            arrivals.append(found)
    if len(flawed) >= _SOME and not arrivals and not gone:
        raise FeedError(f"no record of arXiv's answer can be read; the first: {flawed[0][1]}")
    text, ends, size = _token(token)
    return Page(responded, tuple(arrivals), tuple(gone), tuple(flawed), text, ends, size)


def _token(token: etree._Element | None) -> tuple[str | None, datetime | None, int | None]:
    if token is None:
        return None, None, None
    # The standard's name for it, and arXiv's.
    ends = _moment(token.get("expirationDate") or token.get("expires") or "")
    size = re.fullmatch(r"[0-9]{1,9}", token.get("completeListSize", ""))
    return (token.text or "").strip() or None, ends, int(size[0]) if size else None


def _refuse(code: str, reason: str) -> None:
    if code == "noRecordsMatch":
        return
    if code == "badResumptionToken":
        raise BadTokenError(f"arXiv does not know the resumption token any more: {reason}")
    raise RefusedError(
        f"arXiv's OAI-PMH refuses the request ({code or 'no code'}): {reason}. Check the set, for "
        f"example cs:cs:LG, and the format, one of {', '.join(FORMATS)}."
    )


def _check_wanted(records: list[etree._Element], wanted: _Wanted) -> None:
    earliest = datetime.combine(wanted.since, datetime.min.time(), UTC) - _GRACE
    inside = False
    for record in records:
        header = child_of(record, "header")
        if header is None:
            continue
        stamp = _moment(text_of(header, "datestamp"))
        if stamp is not None and stamp < earliest:
            raise FeedError(
                f"a record of {stamp:%Y-%m-%d} came where those from {wanted.since} were asked "
                "for: the date was ignored"
            )
        sets = {
            (c.text or "").strip()
            for c in header
            if isinstance(c.tag, str) and local_name(c) == "setSpec"
        }
        inside = inside or not sets or any(_is_within(s, wanted.set_) for s in sets)
    if not inside:
        raise FeedError(f"no record of arXiv's answer is in {wanted.set_}: the set was ignored")


def _is_within(set_: str, wanted: str) -> bool:
    # A record says its narrowest sets, of old only the group.
    return set_ == wanted or set_.startswith(wanted + ":") or wanted.startswith(set_ + ":")


def _identifier(record: etree._Element) -> str | None:
    header = child_of(record, "header")
    name = text_of(header, "identifier") if header is not None else ""
    return one_line(name).rpartition(":")[2][:40] or None


def _moment(text: str) -> datetime | None:
    try:
        return iso_moment(text)
    except ValueError:
        return None
