"""Both databases are really there where it counts."""

from __future__ import annotations

import os

import psycopg
import pytest


@pytest.mark.skipif(os.environ.get("CI", "") in ("", "0", "false"), reason="not under CI")
def test_under_ci_there_is_a_postgresql_server(request: pytest.FixtureRequest) -> None:
    try:
        url = request.getfixturevalue("postgres")
    except pytest.skip.Exception as reason:
        pytest.fail(
            f"{reason}. Every test on PostgreSQL was skipped. Install a server "
            "(apt-get install postgresql), or name one in REGISTRY_TEST_POSTGRES_URL."
        )
    with psycopg.connect(url) as connection:
        assert connection.info.server_version >= 120000
