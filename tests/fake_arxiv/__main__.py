"""Serve 200 made-up papers of the last four weeks until Ctrl-C."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta

from tests.fake_arxiv import FakeArxiv, corpus


def main() -> None:
    """Say where the three services are, and serve them."""
    now = datetime.now(UTC).replace(microsecond=0)
    first = now.replace(hour=0, minute=0, second=0) - timedelta(days=28)
    with FakeArxiv(corpus(200, first_day=first), clock=now) as service:
        print(f"REGISTRY_ARXIV_URL={service.url} REGISTRY_ARXIV_INTERVAL=0")
        print(f"OAI-PMH: {service.oai_url}  RSS: {service.rss_url}/cs.LG+cs.CL")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
