"""The sources a daily ingest asks, as ``catalog/sources.yaml`` lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from registry.catalog.files import read_entry
from registry.catalog.models import Record, Refused
from registry.core.errors import UsageError
from registry.ingest.harvest import checked_query
from registry.ingest.oai import set_of
from registry.ingest.rss import categories_of

_Days = Annotated[int, Field(ge=1, le=365)]


def _a_query(text: str) -> str:
    try:
        return checked_query(text)
    except UsageError as error:
        raise Refused("a query in arXiv's syntax, without dates", str(error)) from None


def _a_set(text: str) -> str:
    try:
        return set_of(text)
    except UsageError as error:
        raise Refused("a set such as cs:cs:LG", str(error)) from None


def _a_feed(text: str) -> str:
    try:
        return "+".join(categories_of(text))
    except UsageError as error:
        raise Refused("categories such as cs.LG+cs.CL", str(error)) from None


class TopicQuery(Record):
    """A query of the API. A changed query gets a new version, and is another source."""

    name: str
    version: str
    query: Annotated[str, AfterValidator(_a_query)]
    step: Literal["day", "week"] = "week"
    look_back_days: _Days = 28

    @property
    def label(self) -> str:
        """Its name and version."""
        return f"{self.name} v{self.version}"


class OaiSet(Record):
    """A set of arXiv's OAI-PMH."""

    set: Annotated[str, AfterValidator(_a_set)]
    format: Literal["arXivRaw", "arXiv"] = "arXivRaw"


class SourceList(Record):
    """Everything a daily ingest asks."""

    version: str
    rss: tuple[Annotated[str, AfterValidator(_a_feed)], ...] = ()
    oai: tuple[OaiSet, ...] = ()
    queries: tuple[TopicQuery, ...] = ()
    first_days: _Days = 7
    refresh_days: _Days = 7

    @model_validator(mode="after")
    def _names_are_unique(self) -> SourceList:
        names = [query.name for query in self.queries]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Refused("each name once", f"give {twice[0]!r} another name")
        return self


def load_sources(path: Path) -> SourceList:
    """The sources in ``path``. Raises CatalogError with the line where one is wrong."""
    if not path.is_file():
        raise UsageError(
            f"{path}: no such file. It lists what a daily ingest asks; name another one with "
            "--sources."
        )
    record, problems = read_entry(path, SourceList)
    if record is None:
        raise problems[0].error
    return record
