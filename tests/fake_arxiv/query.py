"""arXiv's query language: what a query finds in the made-up corpus."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.fake_arxiv.works import Work, newest

_Matches = Callable[[Work], bool]


class BadQuery(Exception):
    """What the service answers with HTTP 400."""


def found(works: list[Work], query: dict[str, str], *, ignore_dates: bool) -> list[Work]:
    """What ``query`` finds, the first submitted first. Raises BadQuery."""
    if ids := query.get("id_list"):
        return [w for name in ids.split(",") for w in _named(works, name)]
    text = query.get("search_query", "")
    if ignore_dates:
        text = re.sub(r"\s*AND submittedDate:\[[^]]*\]", "", text)
    matches = _Parser(text).parse()
    return sorted((w for w in newest(works) if matches(w)), key=lambda w: (w.published, w.id))


def _named(works: list[Work], name: str) -> list[Work]:
    match = re.fullmatch(r"(\d{4}\.\d{4,5}|[a-z-]+/\d{7})(?:v(\d+))?", name)
    if match is None:
        raise BadQuery(f"incorrect id format for {name}")
    there = works if match[2] else newest(works)
    return [w for w in there if w.id == match[1] and match[2] in (None, str(w.version))]


class _Parser:
    """Fields, quoted phrases, brackets, AND, OR, ANDNOT; anything else is a bad query."""

    def __init__(self, text: str) -> None:
        pattern = r'\(|\)|ANDNOT\b|AND\b|OR\b|\w+:"[^"]*"|\w+:\[[^]]*\]|[\w:.*-]+|"[^"]*"'
        self._tokens = re.findall(pattern, text)

    def parse(self) -> _Matches:
        matches = self._or()
        if self._tokens:
            raise BadQuery(f"malformed query at {self._tokens[0]}")
        return matches

    def _or(self) -> _Matches:
        left = self._and()
        while self._tokens and self._tokens[0] == "OR":
            self._tokens.pop(0)
            left = _either(left, self._and())
        return left

    def _and(self) -> _Matches:
        left = self._term()
        while self._tokens and self._tokens[0] in ("AND", "ANDNOT"):
            negate = self._tokens.pop(0) == "ANDNOT"
            left = _both(left, self._term(), negate)
        return left

    def _term(self) -> _Matches:
        if not self._tokens:
            raise BadQuery("the query ends too early")
        token = self._tokens.pop(0)
        if token == "(":
            inside = self._or()
            if not self._tokens or self._tokens.pop(0) != ")":
                raise BadQuery("a bracket is open")
            return inside
        name, colon, value = token.partition(":")
        if not colon:
            raise BadQuery(f"malformed query at {token}")
        return _field(name, value)


def _field(name: str, value: str) -> _Matches:
    if name == "submittedDate":
        match = re.fullmatch(r"\[(\d{12}) TO (\d{12})\]", value)
        if match is None:
            raise BadQuery(f"malformed date {value}")
        low, high = (datetime.strptime(m, "%Y%m%d%H%M").replace(tzinfo=UTC) for m in match.groups())
        return lambda w: low <= w.published < high + timedelta(minutes=1)
    wanted = value.strip('"').lower()
    texts: dict[str, Callable[[Work], str]] = {
        "ti": lambda w: w.title,
        "abs": lambda w: w.abstract,
        "au": lambda w: " ".join(w.authors),
        "cat": lambda w: " ".join(w.categories),
        "all": lambda w: " ".join((w.title, w.abstract, *w.authors, *w.categories)),
    }
    if name not in texts:
        raise BadQuery(f"unknown field {name}")
    return lambda w: wanted in texts[name](w).lower()


def _either(one: _Matches, two: _Matches) -> _Matches:
    return lambda w: one(w) or two(w)


def _both(one: _Matches, two: _Matches, negate: bool) -> _Matches:
    return lambda w: one(w) and two(w) != negate
