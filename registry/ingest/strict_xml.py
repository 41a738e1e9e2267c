"""XML of others, read strictly: whole, well-formed, without a document type; else an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from typing import Any

from lxml import etree

from registry.core.escape import one_line
from registry.ingest.http import FeedError

# What a stranger's document may not do: name entities or files, grow without bound, be mended.
_STRICT: dict[str, bool] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "recover": False,
}


def parse_xml(content: bytes) -> etree._Element:
    """The root of the document in ``content``. Raises FeedError."""
    if not content.strip():
        raise FeedError("arXiv's answer is empty where a feed was expected")
    try:
        root = etree.fromstring(content, etree.XMLParser(**_STRICT))
    except etree.XMLSyntaxError as error:
        begin = one_line(content[:80].decode("utf-8", "replace"))
        raise FeedError(
            f"arXiv's answer is not a whole XML document ({error.msg}); it begins {begin!r}"
        ) from None
    _refuse_doctype(root)
    return root


def stream_xml(file: BufferedIOBase, names: Sequence[str]) -> Iterator[etree._Element]:
    """The elements of ``file`` called one of ``names``, in any namespace, each as it is read.

    An element lives until the next one is asked for: memory does not grow with the file. Raises
    FeedError where the document breaks off or declares a document type.
    """
    options: Any = _STRICT
    # Only the ends: at its start an element has no text yet.
    wanted = tuple(f"{{*}}{name}" for name in names)
    events = etree.iterparse(file, events=("end",), tag=wanted, **options)
    checked = False
    try:
        for _, element in events:
            if not checked:
                _refuse_doctype(element)
                checked = True
            yield element
            element.clear()
            while (before := element.getprevious()) is not None:
                before.getparent().remove(before)
    except etree.XMLSyntaxError as error:
        raise FeedError(f"the document is not whole XML ({error.msg})") from None


def local_name(element: etree._Element) -> str:
    """The tag of ``element`` without its namespace.

    >>> local_name(etree.fromstring('<a:b xmlns:a="x"/>'))
    'b'
    """
    return str(element.tag).rpartition("}")[2]


def child_of(parent: etree._Element, name: str) -> etree._Element | None:
    """The first child of ``parent`` called ``name``, in any namespace; None without one."""
    for child in parent:
        if isinstance(child.tag, str) and child.tag.rpartition("}")[2] == name:
            return child
    return None


def text_of(parent: etree._Element, name: str) -> str:
    """All the text below the first child of ``parent`` called ``name``, in any namespace.

    Markup inside counts by its text: ``a <i>b</i> c`` is ``a b c``.
    """
    for child in parent:
        if isinstance(child.tag, str) and child.tag.rpartition("}")[2] == name:
            return "".join(child.itertext()) if len(child) else (child.text or "")
    return ""


def texts_of(parent: etree._Element) -> dict[str, str]:
    """All the text below each child of ``parent``, by its name in any namespace."""
    found = {}
    for child in parent:
        tag = child.tag
        if isinstance(tag, str):
            text = "".join(child.itertext()) if len(child) else child.text
            found[tag[tag.rfind("}") + 1 :]] = text or ""
    return found


def _refuse_doctype(element: etree._Element) -> None:
    if element.getroottree().docinfo.doctype:
        # No feed has one; entity bombs and external entities need one.
        raise FeedError("arXiv's answer declares a document type, which no feed does")
