from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from registry.core.errors import RegistryError, UsageError
from registry.core.settings import Settings
from registry.ingest.lists.fetch import fetch_text, raw_address
from registry.ingest.lists.readers import read_json_lines, read_lists

TEXT = "- [Patient Snails Learn Slowly](https://arxiv.org/abs/2401.01234)\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(Settings.load(tmp_path), offline=False)


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/list.md":
            self._send(200, TEXT.encode())
        elif self.path == "/moved":
            self._send(302, b"", Location="/list.md")
        elif self.path == "/away":
            self._send(302, b"", Location="http://localhost.invalid/list.md")
        elif self.path == "/round":
            self._send(302, b"", Location="/round")
        elif self.path == "/large":
            self._send(200, b"x" * 5000)
        else:
            self._send(404, b"not here")

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_a_list_is_read_from_its_address(server: str, settings: Settings) -> None:
    for page in ("list.md", "moved"):
        (document,) = read_lists(f"{server}/{page}", settings)
        assert document.name == f"{server}/list.md"
        assert document.ids == ("2401.01234",)


@pytest.mark.parametrize(
    ("page", "said"),
    [("away", "another host"), ("round", "more than 3 times"), ("gone", "answered 404")],
)
def test_an_address_that_cannot_be_read_says_why(
    server: str, settings: Settings, page: str, said: str
) -> None:
    with pytest.raises(RegistryError, match=said):
        fetch_text(f"{server}/{page}", settings, 10_000)


def test_a_body_larger_than_allowed_is_refused(server: str, settings: Settings) -> None:
    with pytest.raises(RegistryError, match="larger than"):
        fetch_text(f"{server}/large", settings, 4000)


def test_only_web_addresses_are_fetched_and_none_offline(settings: Settings) -> None:
    with pytest.raises(UsageError, match="no http"):
        fetch_text("file:///etc/hostname", settings, 1000)
    with pytest.raises(UsageError, match="REGISTRY_OFFLINE"):
        fetch_text("https://example.org", replace(settings, offline=True), 1000)


def test_pages_of_github_stand_for_the_text_behind_them() -> None:
    raw = "https://raw.githubusercontent.com/someone/thing"
    assert raw_address("https://github.com/someone/thing.git") == f"{raw}/HEAD/README.md"
    assert raw_address("https://github.com/someone/thing/blob/main/a/b.md") == f"{raw}/main/a/b.md"
    assert raw_address("https://github.com/someone/thing?tab=readme-ov-file#snails") == (
        f"{raw}/HEAD/README.md"
    )
    assert raw_address("https://github.com/someone/thing/tree/main") == f"{raw}/main/README.md"
    assert raw_address("https://example.org/x.md") == "https://example.org/x.md"


def test_json_lines_give_a_document_for_each_list() -> None:
    rows = [
        {"list": "one", "section": "A > B", "title": "Patient Snails", "arxiv_id": "2401.00001",
         "links": ["https://arxiv.org/abs/2401.00001"], "line": 7},
        {"list": "two", "section": None, "title": "Hasty Snails", "arxiv_id": None,
         "arxiv_id_raw": "2401.01", "links": [], "venue_badge": "arXiv 2024.03"},
        {"list": "one", "title": "", "links": []},
    ]  # fmt: skip
    text = "\n".join([*map(json.dumps, rows), "not json", '"text"'])

    one, two, rest = read_json_lines(text, "file")

    assert (one.rows[0].section, one.rows[0].line, one.ids) == (("A", "B"), 7, ("2401.00001",))
    assert [s.reason for s in one.skipped] == ["no title"]
    assert [fault.kind for fault in two.rows[0].faults] == ["malformed-id"]
    assert str(two.rows[0].when) == "2024-03"
    assert [(s.line, s.reason) for s in rest.skipped] == [(4, "not JSON"), (5, "not an object")]


def test_a_file_that_is_none_says_what_is_wanted(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_lists(str(tmp_path / "none.md"), settings)
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_lists(str(tmp_path / "latin.md"), settings)


def test_a_line_nested_beyond_measure_is_passed_over() -> None:
    (document,) = read_json_lines("[" * 5000, "made up")
    assert [(s.line, s.reason) for s in document.skipped] == [(1, "not JSON")]


def test_a_folder_is_called_one(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        read_lists(str(tmp_path), settings)
