"""A loopback arXiv: three protocols over HTTP, a made-up corpus, faults on request.

    with FakeArxiv(corpus(200)) as service:
        service.faults = ["429", None, "truncated"]     # for the next three requests
        os.environ["REGISTRY_ARXIV_URL"] = service.url

The query API (``service.url``) speaks what the recorded feeds speak: Atom with the opensearch
counts, the query echoed in the title, ``start`` and ``max_results``, ``id_list``,
``submittedDate``, and an error as a feed with one entry. ``service.oai_url`` is OAI-PMH with
``arXivRaw`` and ``arXiv``, sets and resumption tokens; ``service.rss_url`` the announcements with
an ETag. ``faults.py`` lists what can go wrong. ``python -m tests.fake_arxiv`` serves all of it
until Ctrl-C, for trying things by hand.
"""

from __future__ import annotations

from tests.fake_arxiv.atom import entry, feed
from tests.fake_arxiv.service import FakeArxiv
from tests.fake_arxiv.works import CLOCK, START, Work, corpus, revised

__all__ = ["CLOCK", "START", "FakeArxiv", "Work", "corpus", "entry", "feed", "revised"]
