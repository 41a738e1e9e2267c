"""A PostgreSQL server for a test session: an empty cluster on a Unix socket, gone afterwards.

Uses the server named by REGISTRY_TEST_POSTGRES_URL where that is set, else the newest binaries
under /usr/lib/postgresql. The server refuses to run as root, so root hands it to another user.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path


class Unavailable(Exception):
    """There is no server here; ``str()`` says why."""


def programs() -> Path:
    """The folder of the newest server's programs. Raises Unavailable."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[4])
    )
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    raise Unavailable("no PostgreSQL server binaries, and REGISTRY_TEST_POSTGRES_URL is not set")


def _as_server_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    runuser = shutil.which("runuser")
    if runuser is None:
        raise Unavailable("PostgreSQL does not run as root, and runuser is not here")
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in ("postgres", "nobody") if name in names), None)
    if user is None:
        raise Unavailable("PostgreSQL does not run as root, and there is no other user")
    return [runuser, "-u", user, "--"]


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of a server in which databases can be made. Raises Unavailable."""
    if given := os.environ.get("REGISTRY_TEST_POSTGRES_URL"):
        yield given
        return
    binaries, prefix = programs(), _as_server_user()
    # A socket's path may have 107 bytes: the folders pytest makes are too deep.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if prefix:
            shutil.chown(folder, prefix[2])
        data = folder / "data"
        control = [*prefix, str(binaries / "pg_ctl"), "-D", str(data), "-s", "-w"]
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        initdb = [*prefix, str(binaries / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust"]
        _call([*initdb, "-E", "UTF8", "--locale=C", "--no-sync"], folder)
        _call([*control, "-o", options, "-l", str(folder / "log"), "start"], folder)
        try:
            yield f"postgresql://tester@/postgres?host={folder}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], cwd=folder, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _call(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Unavailable(f"{Path(command[-1]).name}: {done.stderr.strip()[-300:]}")


@contextlib.contextmanager
def database(server_url: str, template: str = "template1") -> Iterator[str]:
    """The address of a fresh database on the server, a copy of the database ``template``."""
    import psycopg
    from sqlalchemy import make_url

    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            url = make_url(server_url).set(database=name)
            yield url.render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
