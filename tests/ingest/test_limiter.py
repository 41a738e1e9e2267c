from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from registry.core.errors import ArxivError, RateLimitedError
from registry.ingest.limiter import Limiter, retry_after, state_folder


class Clock:
    """A clock that only sleeping and the test move."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limiter(folder: Path, clock: Clock, **other: float) -> Limiter:
    return Limiter(folder, clock=clock, sleep=clock.sleep, **other)


def test_turns_are_three_seconds_apart_also_between_processes(tmp_path: Path, clock: Clock) -> None:
    with limiter(tmp_path, clock).turn():
        clock.now += 0.5  # the request itself
    clock.now += 1.0

    with limiter(tmp_path, clock).turn():  # another process: only the folder is shared
        pass

    assert clock.slept == [2.0]


def test_a_turn_that_comes_late_does_not_wait(tmp_path: Path, clock: Clock) -> None:
    for _ in range(2):
        with limiter(tmp_path, clock).turn():
            pass
        clock.now += 60

    assert clock.slept == []


def test_a_429_sets_a_cooldown_that_other_processes_see(tmp_path: Path, clock: Clock) -> None:
    first = limiter(tmp_path, clock)
    with first.turn():
        until = first.cool_down("HTTP 429", 120)

    with (
        pytest.raises(RateLimitedError, match="HTTP 429") as caught,
        limiter(tmp_path, clock).turn(),
    ):
        pass

    assert caught.value.until == until == datetime.fromtimestamp(clock.now + 120, UTC)
    clock.now += 121
    with limiter(tmp_path, clock).turn():
        pass


def test_a_short_cooldown_is_sat_out(tmp_path: Path, clock: Clock) -> None:
    patient = limiter(tmp_path, clock, patience=30)
    with patient.turn():
        patient.cool_down("HTTP 503", 20)

    with patient.turn():
        pass

    assert clock.slept == [20.0]
    assert patient.waited == pytest.approx(20.0, abs=0.5)


def test_refusals_without_a_word_double_and_a_success_forgives_them(
    tmp_path: Path, clock: Clock
) -> None:
    one = limiter(tmp_path, clock)

    def refused() -> float:
        with one.turn():
            seconds = one.cool_down("HTTP 429").timestamp() - clock.now
        clock.now += seconds + 1
        return seconds

    assert [refused() for _ in range(4)] == [600, 1200, 2400, 3600]
    with one.turn():
        one.succeeded()
    assert refused() == 600


def test_a_clock_set_back_does_not_stop_us_for_ever(tmp_path: Path, clock: Clock) -> None:
    one = limiter(tmp_path, clock)
    with one.turn():
        one.cool_down("HTTP 429", 10)
    clock.now -= 365 * 86400

    with pytest.raises(RateLimitedError) as caught, one.turn():
        pass
    assert caught.value.until.timestamp() <= clock.now + 86400

    clock.now += 86400 * 366
    with one.turn():
        pass
    clock.now -= 3600  # the last turn now lies an hour ahead
    with one.turn():
        pass
    assert clock.slept[-1] == 3.0


def test_a_damaged_state_file_is_as_good_as_none(tmp_path: Path, clock: Clock) -> None:
    for content in (
        "", "{", "[1]", '{"unknown": 1}', "null", '{"last": null}', '{"cool_until": "soon"}',
        '{"refusals": 1e999}', '{"last": NaN, "cool_until": NaN}',
    ):  # fmt: skip
        (tmp_path / "arxiv.org.json").write_text(content)

        with limiter(tmp_path, clock).turn():
            pass


def test_services_do_not_wait_for_each_other(tmp_path: Path, clock: Clock) -> None:
    for service in ("arxiv.org", "127.0.0.1-8000"):
        with Limiter(tmp_path, service, clock=clock, sleep=clock.sleep).turn():
            pass

    assert clock.slept == []


def test_only_one_process_has_the_turn(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from registry.ingest.limiter import Limiter\n"
        "with Limiter(Path(sys.argv[1]), interval=0).turn():\n"
        "    print(time.monotonic(), flush=True)\n"
        "    time.sleep(0.2)\n"
        "    print(time.monotonic(), flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]

    takers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    spans = sorted(tuple(map(float, p.communicate(timeout=60)[0].split())) for p in takers)

    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_a_process_killed_in_its_turn_frees_it(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from registry.ingest.limiter import Limiter\n"
        "with Limiter(Path(sys.argv[1]), interval=0).turn():\n"
        "    print('mine', flush=True)\n"
        "    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "mine\n"

    with (
        pytest.raises(ArxivError, match="another process has held the turn"),
        Limiter(tmp_path, interval=0, lock_seconds=0.1).turn(),
    ):
        pass
    holder.kill()
    holder.wait()

    with Limiter(tmp_path, interval=0, lock_seconds=5).turn():
        pass


def test_a_state_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ArxivError, match="XDG_STATE_HOME"), Limiter(tmp_path / "file" / "x").turn():
        pass


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    now = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    assert retry_after("60", now) == 60
    assert retry_after(format_datetime(now + timedelta(minutes=5), usegmt=True), now) == 300
    assert retry_after(format_datetime(now - timedelta(minutes=5), usegmt=True), now) == 0
    assert [retry_after(text, now) for text in (None, "", "soon", "-5", "1e3")] == [None] * 5


def test_the_state_lies_in_the_users_folder(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "posttrain-registry"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "posttrain-registry"
