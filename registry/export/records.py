"""The catalog's own records as JSON and JSON lines, and the JSON Schema of a record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from pydantic import Field, TypeAdapter

from registry.catalog.models import Paper, Survey
from registry.core.ids import ArxivId
from registry.export.names import citation_key

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_KEY: Final = "Citation key, as in BibTeX and CSL-JSON."
_URL: Final = "The abstract page on arXiv."
# JSON allows them in a string; programs that split text into lines do so at them too.
_LINE_ENDS: Final = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


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
    return json.dumps([line(paper) for paper in papers], ensure_ascii=False, indent=2) + "\n"


def json_lines(papers: Iterable[Paper]) -> str:
    """An entry with every field a line."""
    return "".join(
        json.dumps(line(paper), ensure_ascii=False).translate(_LINE_ENDS) + "\n" for paper in papers
    )


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
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
