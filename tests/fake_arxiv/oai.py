"""OAI-PMH as arXiv's own server speaks it: arXivRaw and arXiv, sets, resumption tokens, errors.

A token is the query with ``skip``, quoted twice over; it carries no count and ends at midnight.
The page goes by datestamp, so that the token of a long list starts again at its last day.

Faults: ``bad-token``, ``midnight`` (the service's day ends before it answers), ``lost-token`` (a
page that should go on has none), ``token-loop`` (the same page for ever), ``repeat`` (the last
record of the page before comes again), ``no-records`` (a list without records or error), ``nothing``
(noRecordsMatch though there are some), ``ignores-from`` (records of any day), ``no-datestamp``,
``no-id``, ``no-version``, ``bad-version-date``, ``control``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlencode
from xml.sax.saxutils import escape, quoteattr

from tests.fake_arxiv.works import Work

KIND = "application/xml"
FORMATS = ("arXivRaw", "arXiv")
_OAI = "http://www.openarchives.org/OAI/2.0/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ARCHIVES = {"cs": "cs", "stat": "stat", "math": "math", "eess": "eess", "hep-th": "physics"}


class _Refused(Exception):
    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


def answer(
    works: list[Work], query: dict[str, str], fault: str, clock: datetime, page_size: int
) -> bytes:
    """The service's answer to ``query`` at ``clock``, with ``fault`` in it."""
    verb = query.get("verb", "")
    try:
        if verb in ("ListRecords", "ListIdentifiers"):
            inside = _list(works, query, fault, clock, page_size)
        elif verb == "GetRecord":
            inside = _get(works, query)
        elif verb == "Identify":
            inside = (
                "<repositoryName>made up</repositoryName><baseURL>http://127.0.0.1/oai</baseURL>"
                "<protocolVersion>2.0</protocolVersion><adminEmail>nobody@example.org</adminEmail>"
                "<earliestDatestamp>2005-09-16</earliestDatestamp>"
                "<deletedRecord>persistent</deletedRecord><granularity>YYYY-MM-DD</granularity>"
            )
        else:
            raise _Refused("badVerb", "Invalid verb provided")
    except _Refused as error:
        return _envelope(f'<error code="{error.code}">{error.words}</error>', {}, clock)
    return _envelope(f"<{verb}>{inside}</{verb}>", query, clock)


def _envelope(inside: str, query: dict[str, str], clock: datetime) -> bytes:
    asked = "".join(f" {name}={quoteattr(value)}" for name, value in query.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<OAI-PMH xmlns="{_OAI}" xmlns:xsi="{_XSI}" '
        f'xsi:schemaLocation="{_OAI} {_OAI}OAI-PMH.xsd">\n'
        f"<responseDate>{clock:%Y-%m-%dT%H:%M:%SZ}</responseDate>\n"
        f"<request{asked}>http://oaipmh.arxiv.org/oai</request>\n{inside}</OAI-PMH>\n"
    ).encode()


# -- lists ---------------------------------------------------------------------------------------


def _list(
    works: list[Work], query: dict[str, str], fault: str, clock: datetime, page_size: int
) -> str:
    token = query.get("resumptionToken")
    skip = 0
    wanted = dict(query)
    if token is not None:
        wanted, skip = _resumed(token, clock)
        if fault in ("bad-token", "midnight"):
            raise _Refused("badResumptionToken", "The token is invalid or has expired.")
    form = wanted.get("metadataPrefix", "")
    if form not in FORMATS:
        raise _Refused("cannotDisseminateFormat", f"unknown metadataPrefix {escape(form)}")
    since = None if fault == "ignores-from" else _day(wanted.get("from"))
    until = _day(wanted.get("until"))
    found = [
        history
        for history in _histories(works)
        if (since is None or history[-1].datestamp >= since)
        and (until is None or history[-1].datestamp <= until)
        and ("set" not in wanted or wanted["set"] in _covering(history[-1]))
    ]
    page = found[skip : skip + page_size]
    if not page or fault == "nothing":
        raise _Refused("noRecordsMatch", "no records match the request")
    if fault == "no-records":
        return ""
    if fault == "repeat" and skip:
        page = [found[skip - 1], *page]
    shown = [_record(h, form, headers=query["verb"] == "ListIdentifiers") for h in page]
    shown[0] = _damaged(shown[0], fault)
    more = skip + page_size < len(found)
    return "".join(shown) + _token(wanted, token, skip + page_size, fault, clock, more=more)


def _token(
    wanted: dict[str, str], old: str | None, skip: int, fault: str, clock: datetime, *, more: bool
) -> str:
    if fault == "lost-token":
        return ""
    if fault == "token-loop" and old is not None:
        return f"<resumptionToken>{escape(old)}</resumptionToken>"
    if not more:
        return "<resumptionToken/>" if old is not None else ""
    text = quote(urlencode({**wanted, "skip": skip, "day": clock.date().isoformat()}))
    ends = clock.date() + timedelta(days=1)
    return f"<resumptionToken expires='{ends}T00:00:00Z'>{text}</resumptionToken>"


def _resumed(token: str, clock: datetime) -> tuple[dict[str, str], int]:
    known = dict(parse_qsl(unquote(token)))
    if not known.get("skip", "").isdigit() or known.pop("day", "") != clock.date().isoformat():
        raise _Refused("badResumptionToken", "The token is invalid or has expired.")
    return known, int(known.pop("skip"))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _Refused("badArgument", f"not a date: {escape(text or '')}") from None


def _get(works: list[Work], query: dict[str, str]) -> str:
    name = query.get("identifier", "").removeprefix("oai:arXiv.org:")
    history = [h for h in _histories(works) if h[-1].id == name]
    if not history:
        raise _Refused("idDoesNotExist", f"nothing is called {escape(name)}")
    return _record(history[0], query.get("metadataPrefix", "arXivRaw"), headers=False)


def _histories(works: Iterable[Work]) -> list[list[Work]]:
    """All versions of each work, the earliest changed first."""
    found: dict[str, list[Work]] = {}
    for work in sorted(works, key=lambda w: w.version):
        found.setdefault(work.id, []).append(work)
    return sorted(found.values(), key=lambda h: (h[-1].datestamp, h[-1].id))


# -- records -------------------------------------------------------------------------------------


def sets(work: Work) -> list[str]:
    """The set of each of the work's categories: ``cs:cs:LG``."""
    found = []
    for category in work.categories:
        archive, _, subject = category.partition(".")
        group = _ARCHIVES.get(archive)
        if group:
            found.append(":".join([group, archive, *([subject] if subject else [])]))
    return found


def _covering(work: Work) -> set[str]:
    # `cs` and `cs:cs` hold all of `cs:cs:LG`.
    parts = [spec.split(":") for spec in sets(work)]
    return {":".join(p[:n]) for p in parts for n in range(1, len(p) + 1)}


def _record(history: list[Work], form: str, *, headers: bool) -> str:
    work = history[-1]
    deleted = ' status="deleted"' if work.deleted else ""
    specs = "".join(f"<setSpec>{spec}</setSpec>" for spec in sets(work))
    header = (
        f"<header{deleted}><identifier>oai:arXiv.org:{work.id}</identifier>"
        f"<datestamp>{work.datestamp}</datestamp>{specs}</header>\n"
    )
    if headers:
        return header
    if work.deleted:
        return f"<record>{header}</record>\n"
    body = _raw(history) if form == "arXivRaw" else _plain(history)
    return f"<record>{header}<metadata>{body}</metadata></record>\n"


def _raw(history: list[Work]) -> str:
    work = history[-1]
    versions = "".join(
        f'<version version="v{w.version}"><date>{w.updated:%a, %d %b %Y %H:%M:%S} GMT</date>'
        f"<size>{10 + w.version}kb</size><source_type>{w.source_type}</source_type></version>"
        for w in history
    )
    return (
        f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/" xmlns:xsi="{_XSI}" '
        'xsi:schemaLocation="http://arxiv.org/OAI/arXivRaw/ http://arxiv.org/OAI/arXivRaw.xsd">\n'
        f"<id>{work.id}</id><submitter>{escape(work.authors[0])}</submitter>{versions}"
        f"<title>{escape(work.title)}</title><authors>{escape(', '.join(work.authors))}</authors>"
        f"<categories>{' '.join(work.categories)}</categories>{_optional(work)}"
        f"<license>{work.licence}</license><abstract>  {escape(work.abstract)}\n</abstract>"
        "</arXivRaw>"
    )


def _plain(history: list[Work]) -> str:
    work = history[-1]
    authors = "".join(
        f"<author><keyname>{escape(name.rpartition(' ')[2])}</keyname>"
        f"<forenames>{escape(name.rpartition(' ')[0])}</forenames></author>"
        for name in work.authors
    )
    updated = f"<updated>{work.updated.date()}</updated>" if work.version > 1 else ""
    return (
        f'<arXiv xmlns="http://arxiv.org/OAI/arXiv/" xmlns:xsi="{_XSI}" '
        'xsi:schemaLocation="http://arxiv.org/OAI/arXiv/ http://arxiv.org/OAI/arXiv.xsd">\n'
        f"<id>{work.id}</id><created>{work.published.date()}</created>{updated}"
        f"<authors>{authors}</authors><title>{escape(work.title)}</title>"
        f"<categories>{' '.join(work.categories)}</categories>{_optional(work)}"
        f"<license>{work.licence}</license><abstract>  {escape(work.abstract)}\n</abstract></arXiv>"
    )


def _optional(work: Work) -> str:
    comment = f"<comments>{escape(work.comment)}</comments>" if work.comment else ""
    return comment + (f"<doi>{escape(work.doi)}</doi>" if work.doi else "")


def _damaged(record: str, fault: str) -> str:
    changes = {
        "no-datestamp": (r"<datestamp>.*?</datestamp>", ""),
        "no-id": (r"<identifier>.*?</identifier>|<id>.*?</id>", ""),
        "no-version": (r"<version .*?</version>|<created>.*?</created>", ""),
        "bad-version-date": (r"<date>.*?</date>|<created>.*?</created>", "<date>soon</date>"),
        "control": (r"<title>", "<title>\x07"),
    }
    return re.sub(*changes[fault], record) if fault in changes else record
