"""A list from its address: one request, capped in size and time, to one host."""

from __future__ import annotations

import re
import time
from urllib.parse import urljoin, urlsplit

from registry import __version__
from registry.core.errors import RegistryError, UsageError
from registry.core.settings import Settings

_SECONDS = 30.0  # for the whole answer
_CONNECT_SECONDS = 10.0
_REDIRECTS = 3
_REPOSITORY = re.compile(r"https?://(?:www\.)?github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
_FOLDER = re.compile(r"https?://(?:www\.)?github\.com/([\w.-]+)/([\w.-]+)/tree/(.+?)/?")
_BLOB = re.compile(r"https?://(?:www\.)?github\.com/([\w.-]+)/([\w.-]+)/(?:blob|raw)/(.+)")


def fetch_text(address: str, settings: Settings, most_bytes: int) -> tuple[str, str]:
    """The address that was read, and its text.

    A repository on GitHub stands for its README. Redirects are followed within the host only.
    Raises UsageError for what is no http(s) address, RegistryError where it cannot be read.
    """
    if settings.offline:
        raise UsageError(
            f"{address} is not fetched: REGISTRY_OFFLINE is set. Unset it, or give a file."
        )
    url = raw_address(address)
    for _ in range(_REDIRECTS + 1):
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise UsageError(f"{address} is no http or https address. Give one, or a file.")
        answer = _get(url, most_bytes)
        if isinstance(answer, bytes):
            return url, answer.decode("utf-8-sig", errors="replace")
        target = urljoin(url, answer)
        if urlsplit(target).hostname != urlsplit(url).hostname:
            raise RegistryError(
                f"{url} leads to another host, {urlsplit(target).hostname}. If that is where the "
                "list is now, give that address."
            )
        url = target
    raise RegistryError(f"{address} leads on more than {_REDIRECTS} times. Give the last address.")


def raw_address(address: str) -> str:
    """Where the Markdown itself is, for pages of GitHub.

    >>> raw_address("https://github.com/someone/awesome-made-up")
    'https://raw.githubusercontent.com/someone/awesome-made-up/HEAD/README.md'
    """
    page = re.split(r"[?#]", address)[0]  # "?tab=readme-ov-file", "#readme": how a page is shown
    if match := _REPOSITORY.fullmatch(page):
        return f"https://raw.githubusercontent.com/{match[1]}/{match[2]}/HEAD/README.md"
    if match := _FOLDER.fullmatch(page):
        return f"https://raw.githubusercontent.com/{match[1]}/{match[2]}/{match[3]}/README.md"
    if match := _BLOB.fullmatch(page):
        return f"https://raw.githubusercontent.com/{match[1]}/{match[2]}/{match[3]}"
    return address


def _get(url: str, most_bytes: int) -> bytes | str:
    """The body, or where a redirect leads."""
    import requests

    headers = {"User-Agent": f"posttrain-registry/{__version__}", "Accept": "text/*, */*;q=0.1"}
    ends = time.monotonic() + _SECONDS
    try:
        with requests.get(
            url, headers=headers, timeout=(_CONNECT_SECONDS, _SECONDS), stream=True,
            allow_redirects=False,
        ) as answer:  # fmt: skip
            if answer.is_redirect:
                return str(answer.headers["Location"])
            if answer.status_code != 200:
                raise RegistryError(
                    f"{url} answered {answer.status_code}. Check the address, or save the list "
                    "and give the file."
                )
            return _body(url, answer, most_bytes, ends)
    except requests.RequestException as error:
        raise RegistryError(
            f"{url} cannot be read: {type(error).__name__}. Check the address and the network, or "
            "save the list and give the file."
        ) from error


def _body(url: str, answer: object, most_bytes: int, ends: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in answer.iter_content(64 * 1024):  # type: ignore[attr-defined]
        parts.append(part)
        size += len(part)
        if size > most_bytes:
            raise RegistryError(f"{url} is larger than {most_bytes // 2**20} MiB, the most read.")
        if time.monotonic() > ends:
            raise RegistryError(f"{url} took longer than {_SECONDS:.0f} seconds. Try again later.")
    return b"".join(parts)
