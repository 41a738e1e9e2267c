"""Whether the model hub is in reach, asked once and quickly instead of by minutes of retries."""

from __future__ import annotations

import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 4.0  # seconds


def hub_problem() -> str | None:
    """Why the hub cannot be asked, in a few words; None where it answers."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    if not _answers(constants.ENDPOINT):
        return f"{constants.ENDPOINT} does not answer within {PATIENCE:g} s"
    return None


def in_hub_cache(repository: str, revision: str | None) -> bool:
    """Whether the hub's own cache holds the model's configuration already."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repository, "config.json", revision=revision)
    except HFValidationError:
        return False
    return isinstance(found, str)


@contextmanager
def without_retries(*, needed: bool) -> Iterator[str | None]:
    """Where the hub is ``needed`` and does not answer, its clients look in their caches only.

    Gives what is wrong, None where nothing is. Left alone, they retry for minutes.
    """
    problem = hub_problem() if needed else None
    if problem is None:
        yield None
        return
    from huggingface_hub import constants

    settings = [constants]
    if "datasets" in sys.modules:  # keeps a copy of the setting
        settings.append(sys.modules["datasets"].config)
    before = [place.HF_HUB_OFFLINE for place in settings]
    for place in settings:
        place.HF_HUB_OFFLINE = True
    try:
        yield problem
    finally:
        for place, value in zip(settings, before, strict=True):
            place.HF_HUB_OFFLINE = value


def _answers(url: str) -> bool:
    """Whether any answer comes from ``url`` in time; a slow name look-up counts as none."""
    heard = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")  # noqa: S310  hub's own setting
            urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310
        except urllib.error.HTTPError:
            pass  # an answer all the same
        except (OSError, ValueError):
            return
        heard.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return heard.is_set()
