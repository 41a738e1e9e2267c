from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.store.standing import Decision, Standing, live, originals, standing_of

START = datetime(2026, 3, 2, tzinfo=UTC)


def line(id_: int, decision: str, reviewer: str | None = "ann", **other: Any) -> Decision:
    fields: dict[str, Any] = {"detail": {}, "undoes": None, "preprint_id": "2603.00001"} | other
    at = START + timedelta(minutes=id_)
    return Decision(decision=decision, at=at, reason=None, reviewer=reviewer, id=id_, **fields)


def state(*lines: Decision) -> str:
    return standing_of(live(lines)).state


def test_the_last_vote_of_a_reviewer_is_theirs() -> None:
    assert state(line(1, "maybe"), line(2, "reject"), line(3, "accept")) == "accepted"


def test_skips_and_retags_are_no_votes() -> None:
    found = standing_of([line(1, "skip"), line(2, "retag", detail={"leaf": "fruit/apples"})])

    assert (found.state, found.votes) == ("open", ())
    assert found.tag is not None and found.tag.detail == {"leaf": "fruit/apples"}


def test_an_undone_line_does_not_count() -> None:
    assert state(line(1, "maybe"), line(2, "reject"), line(3, "undo", undoes=2)) == "maybe"


def test_votes_that_contradict_each_other_are_a_conflict_until_one_is_undone() -> None:
    both = line(1, "reject", "ann"), line(2, "accept", "bob")

    assert state(*both) == "conflict"
    assert state(*both, line(3, "undo", "ann", undoes=1)) == "accepted"
    assert state(*both, line(3, "undo", "bob", undoes=2)) == "rejected"


def test_a_duplicate_and_a_rejection_do_not_contradict_each_other() -> None:
    twice = line(2, "duplicate", "bob", detail={"of": "2603.00002"})

    assert state(line(1, "reject", "ann"), twice) == "duplicate"


def test_being_undecided_contradicts_nobody() -> None:
    assert state(line(1, "maybe", "ann"), line(2, "reject", "bob")) == "rejected"
    assert state(line(1, "reject", "bob"), line(2, "maybe", "ann")) == "rejected"


def test_a_vote_that_settles_the_matter_ends_the_conflict() -> None:
    settled = line(3, "accept", "cy", detail={"settles": True})
    log = [line(1, "reject", "ann"), line(2, "accept", "bob"), settled]

    assert state(*log) == "accepted"
    assert state(*log, line(4, "reject", "ann")) == "conflict"


def test_a_vote_of_nobody_known_is_overruled_by_any_later_one() -> None:
    assert state(line(1, "reject", None), line(2, "accept", "ann")) == "accepted"


def test_chains_of_duplicates_lead_to_their_end() -> None:
    chain = duplicates({"a": "b", "b": "c", "d": "b"})

    assert originals(chain) == {"a": "c", "b": "c", "d": "c"}


def test_a_ring_of_duplicates_leads_to_the_smallest_of_it() -> None:
    ring = duplicates({"z": "b", "b": "c", "c": "a", "a": "b"})

    assert originals(ring) == {"z": "a", "b": "a", "c": "a"}


@given(st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from("abcdefg"), max_size=7))
def test_no_duplicate_leads_to_another_duplicate_that_leads_on(named: dict[str, str]) -> None:
    ends = originals(duplicates(named))

    assert all(end not in ends for end in ends.values())


def duplicates(named: dict[str, str]) -> dict[str, Standing]:
    return {
        id_: standing_of([line(1, "duplicate", preprint_id=id_, detail={"of": of})])
        for id_, of in named.items()
    }
