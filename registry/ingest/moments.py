"""Moments as arXiv's services write them, always as aware ones in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_MAIL = re.compile(
    r"\s*(?:[A-Z][a-z]{2},\s+)?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT\s*"
)


def mail_moment(text: str) -> datetime:
    """``Mon, 2 Apr 2007 19:18:42 GMT``, in any form mail allows. Raises ValueError for another.

    >>> mail_moment("Mon, 2 Apr 2007 19:18:42 GMT").isoformat()
    '2007-04-02T19:18:42+00:00'
    """
    if (match := _MAIL.fullmatch(text)) and (month := _MONTHS.get(match[2])):
        day, _, year, hour, minute, second = match.groups()
        return datetime(int(year), month, int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    try:
        return _aware(parsedate_to_datetime(text.strip()))
    except (TypeError, OverflowError):  # for what is no date at all, and for one out of reach
        raise ValueError(f"{text!r} is no date") from None


def iso_moment(text: str) -> datetime:
    """``2026-11-23T04:00:00Z``, or a day, which is its midnight. Raises ValueError for another."""
    return _aware(datetime.fromisoformat(text.strip()))


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment} is out of reach in UTC") from None
