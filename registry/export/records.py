"""The catalog's own records as JSON and JSON lines, and the JSON Schema of a record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import Field, TypeAdapter

from registry.catalog.models import Paper, Survey
from registry.core.ids import ArxivId
from registry.export.json_text import json_text
from registry.export.names import citation_key

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_KEY: Final = "Citation key, as in BibTeX and CSL-JSON."
_URL: Final = "The abstract page on arXiv."


class ExportedPaper(Paper):
    """An entry of the catalog with what follows from its identifier."""

    key: str = Field(description=_KEY)
    url: str = Field(description=_URL)


class ExportedSurvey(Survey):
    """A survey of the catalog, its outline included, with what follows from its identifier."""

    key: str = Field(description=_KEY)
    url: str = Field(description=_URL)


def json_array(papers: Iterable[Paper]) -> str:
    """A list of entries with every field, indented."""
    return json_text([line(paper) for paper in papers], indent=2)


def json_lines(papers: Iterable[Paper]) -> str:
    """An entry with every field a line."""
    return "".join(json_text(line(paper)) for paper in papers)


def line(paper: Paper) -> dict[str, Any]:
    """The entry as JSON knows it, the file's fields first."""
    return {
        **paper.model_dump(mode="json"),
        "key": citation_key(paper),
        "url": ArxivId(paper.id).url,
    }


def json_schema() -> str:
    """The JSON Schema (2020-12) of one line of ``json_lines``, or one item of ``json_array``."""
    either: TypeAdapter[Any] = TypeAdapter(ExportedSurvey | ExportedPaper)
    schema = {
        "$schema": _DIALECT,
        "title": "An entry of the registry, as JSON lines have it",
        **either.json_schema(mode="serialization"),
    }
    return json_text(schema, indent=2)
