"""A file or an address as a document: Markdown as lists write it, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.core.errors import UsageError
from registry.core.escape import one_line
from registry.core.plural import plural
from registry.core.settings import Settings
from registry.ingest.lists.addresses import arxiv_in, kind_of, mentioned_in
from registry.ingest.lists.document import Document, Fault, ListedLink, Row, Skipped
from registry.ingest.lists.events import events
from registry.ingest.lists.recover import recover
from registry.ingest.lists.rows import BARE_URL, SHOWN
from registry.ingest.lists.walker import walk
from registry.ingest.lists.wording import clean_title, date_in, venue_in

MAX_BYTES = 8 * 1024 * 1024
_JSON_LINES = (".jsonl", ".ndjson")


def read_lists(place: str, settings: Settings, name: str | None = None) -> list[Document]:
    """The lists at ``place``: a Markdown file, JSON lines, or an address of either.

    Markdown is one list, called ``name`` or by its place; JSON lines are one for each value of
    ``list``. Raises UsageError where there is nothing to read.
    """
    if "://" in place:
        from registry.ingest.lists.fetch import fetch_text

        url, text = fetch_text(place, settings, MAX_BYTES)
        called = name or url
        is_json = url.split("?")[0].endswith(_JSON_LINES)
    else:
        path = Path(place)
        text, called = _read(path), name or place
        is_json = path.suffix in _JSON_LINES
    if is_json:
        return read_json_lines(text, called)
    return [read_markdown(text, called)]


def read_markdown(text: str, name: str) -> Document:
    """The list in a Markdown document; ``name`` is what it is called."""
    found = walk(events(text))
    document = Document(name, anchors=found.anchors, jumps=found.jumps)
    for one in recover(found.items):
        if isinstance(one, Row):
            document.rows.append(one)
        else:
            document.skipped.append(one)
    for line, why, said in found.hidden:
        if mentioned_in(said) or any(arxiv_in(url[0]) for url in BARE_URL.finditer(said)):
            document.skipped.append(Skipped(line, why, one_line(said)[:SHOWN]))
    document.rows.sort(key=lambda row: row.line)
    document.skipped.sort(key=lambda skipped: skipped.line)
    return document


def read_json_lines(text: str, name: str) -> list[Document]:
    """The lists in JSON lines of ``list``, ``section``, ``title``, ``arxiv_id`` and ``links``.

    A line that is no such object comes out as passed over. ``line`` is the row's line in the list
    it was taken from, by default the line here.
    """
    documents: dict[str, Document] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            fields = error
        called = str(fields.get("list") or name) if isinstance(fields, dict) else name
        document = documents.setdefault(called, Document(called))
        if not isinstance(fields, dict):
            reason = "not JSON" if isinstance(fields, Exception) else "not an object"
            document.skipped.append(Skipped(number, reason, one_line(line)[:SHOWN]))
            continue
        row = _row_of_json(fields, number)
        (document.rows if isinstance(row, Row) else document.skipped).append(row)  # type: ignore[arg-type]
    return list(documents.values())


def _row_of_json(fields: dict[str, Any], number: int) -> Row | Skipped:
    at = fields.get("line")
    line = at if isinstance(at, int) and at > 0 else number
    said = str(fields.get("title") or "")
    title = clean_title(said) or one_line(said)  # a poor title keeps its identifier
    links = tuple(_links(fields.get("links")))
    ids, faults = _ids(fields, links)
    if not title:
        return Skipped(line, "no title", one_line(json.dumps(fields, ensure_ascii=False))[:SHOWN])
    dated = [str(fields[key]) for key in ("venue_badge", "listed_date", "date") if fields.get(key)]
    return Row(
        line=line,
        section=tuple(
            part.strip() for part in str(fields.get("section") or "").split(" > ") if part
        ),
        title=title,
        arxiv_id=ids[0] if ids else None,
        links=links,
        when=next((when for text in dated if (when := date_in(text))), None),
        venue=next((venue for text in dated if (venue := venue_in(text))), None),
        faults=faults,
    )


def _links(value: Any) -> Iterator[ListedLink]:
    for url in value if isinstance(value, list) else []:
        if isinstance(url, str) and url.strip():
            yield ListedLink(kind_of(url), url.strip())


def _ids(
    fields: dict[str, Any], links: tuple[ListedLink, ...]
) -> tuple[list[str], tuple[Fault, ...]]:
    given = [str(fields[key]) for key in ("arxiv_id_raw", "arxiv_id") if fields.get(key)]
    ids: list[str] = []
    faults: dict[str, Fault] = {}
    for text in given:
        found = arxiv_in(text) or arxiv_in(f"https://arxiv.org/abs/{text}")
        if found is not None and found.id:
            ids.append(found.id)
        elif found is not None:
            faults[found.raw] = Fault("malformed-id", found.raw)
    for link in links:
        found = arxiv_in(link.url)
        if found is not None and found.id:
            ids.append(found.id)
        elif found is not None:
            faults.setdefault(found.raw, Fault("malformed-id", found.raw))
    ids = list(dict.fromkeys(ids))
    if len(ids) > 1 and not given:
        faults["two"] = Fault("two-ids", ", ".join(ids))
    return ids, tuple(faults.values())


def _read(path: Path) -> str:
    if not path.is_file():
        wrong = "is a folder" if path.is_dir() else "no such file"
        raise UsageError(
            f"{path}: {wrong}. Give a Markdown file, JSON lines (.jsonl) or an address."
        )
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UsageError(
            f"{path} has {plural(size, 'byte')}; at most {MAX_BYTES:,} are read. Split it."
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from None
