"""Answers in the form of arXiv's OAI-PMH, about made-up papers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from registry.core.clock import now

_FIRST = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def answer(
    *records: str,
    token: str = "",
    ends: datetime | None = None,
    size: int | None = None,
    responded: datetime | None = None,
) -> bytes:
    """A page of ListRecords."""
    told = f' expirationDate="{ends:%Y-%m-%dT%H:%M:%SZ}"' if ends else ""
    told += f' completeListSize="{size}"' if size is not None else ""
    more = f"<resumptionToken{told}>{token}</resumptionToken>" if token or told else ""
    return _envelope(f"<ListRecords>{''.join(records)}{more}</ListRecords>", responded)


def error(code: str, reason: str = "made up") -> bytes:
    """The service's own error."""
    return _envelope(f'<error code="{code}">{reason}</error>', None)


def header(
    id_: str,
    *,
    status: str = "",
    stamp: date | None = None,
    sets: Sequence[str] = ("cs:cs:LG",),
    metadata: str = "",
) -> str:
    """A record with a header and the ``metadata`` given."""
    told = f' status="{status}"' if status else ""
    listed = "".join(f"<setSpec>{name}</setSpec>" for name in sets)
    body = f"<metadata>{metadata}</metadata>" if metadata else ""
    return (
        f"<record><header{told}><identifier>oai:arXiv.org:{id_}</identifier>"
        f"<datestamp>{stamp or now().date()}</datestamp>{listed}</header>{body}</record>"
    )


def raw(
    id_: str,
    *,
    versions: Sequence[str] = ("",),
    tag: str = "arXivRaw",
    authors: str = "<authors>Ada Example (Nowhere), and Bo Sample</authors>",
    categories: str = "cs.LG cs.CL",
    title: str = "",
    created: str = "",
    stamp: date | None = None,
    sets: Sequence[str] = ("cs:cs:LG",),
) -> str:
    """A record whose versions have the kinds of source in ``versions``, a week apart."""
    history = "".join(
        f'<version version="v{number}">'
        f"<date>{_FIRST + timedelta(days=7 * number):%a, %d %b %Y %H:%M:%S GMT}</date>"
        f"<size>{10 + number}kb</size>"
        f"{f'<source_type>{kind}</source_type>' if kind else ''}</version>"
        for number, kind in enumerate(versions, start=1)
    )
    dated = f"<created>{created}</created>" if created else ""
    metadata = (
        f'<{tag} xmlns="http://arxiv.org/OAI/{tag}/"><id>{id_}</id>'
        f"{'' if created else f'<submitter>Ada Example</submitter>{history}'}{dated}"
        f"<title>{title or f'A made-up study {id_}'}</title>{authors}"
        f"<categories>{categories}</categories>"
        "<license>http://creativecommons.org/licenses/by/4.0/</license>"
        f"<abstract>  We made it\n up.\n</abstract></{tag}>"
    )
    return header(id_, stamp=stamp, sets=sets, metadata=metadata)


def _envelope(inside: str, responded: datetime | None) -> bytes:
    moment = responded or now()
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        f"<responseDate>{moment:%Y-%m-%dT%H:%M:%SZ}</responseDate>"
        '<request verb="ListRecords">http://127.0.0.1/oai</request>'
        f"{inside}</OAI-PMH>\n"
    ).encode()
