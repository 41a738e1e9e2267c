"""A chain of domains: what each step trains on, from which weights, and what is measured of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from methods.continual.continual_pretraining import Chain, Config, Segment, plan
from methods.continual.texts import replayed, shuffled, windows
from methods.engine.batch import Tokens
from methods.engine.measure import token_loss
from tests.engine.conftest import ALPHABET, gradients, plain_logprobs, relative, small_model
from tests.guards.small import Played, play

METHOD = "continual-pretraining"
F64 = torch.float64


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors this small are quickest on one thread, most of all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def chains(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Chain, list[list[Tokens]]]]:
    """Each run's chain with the rows of its steps."""
    found: list[tuple[Chain, list[list[Tokens]]]] = []
    built, rows = Chain.__init__, Chain.rows

    def begin(self: Chain, *args: Any) -> None:
        built(self, *args)
        found.append((self, []))

    def drawn(self: Chain, segment: Segment, step: int) -> list[Tokens]:
        found[-1][1].append(rows(self, segment, step))
        return found[-1][1][-1]

    monkeypatch.setattr(Chain, "__init__", begin)
    monkeypatch.setattr(Chain, "rows", drawn)
    return found


def letters(chain: Chain, steps: list[list[Tokens]]) -> list[str]:
    """Which domain of the chain each row is of, by step."""
    return [
        "".join("abc"[i] for r in rows for i, d in enumerate(chain.domains) if r in d.train)
        for rows in steps
    ]


def kept(run: Played, name: str) -> list[float]:
    return json.loads((run.folder / f"{name}.json").read_text())["value"]


def measures(run: Played) -> dict[str, Any]:
    return {m["name"]: m for m in json.loads((run.folder / "results.json").read_text())["measures"]}


# --- what is trained when ---------------------------------------------------------------------


def test_starts_are_adapted_first_and_nothing_is_trained_twice() -> None:
    assert plan(6, 3, True, False) == [
        Segment(1, True, 1, 2), Segment(2, True, 3, 4),
        Segment(0, False, 5, 6), Segment(1, False, 7, 8), Segment(2, False, 9, 10),
    ]  # fmt: skip
    assert [s.last for s in plan(6, 3, False, False)] == [2, 4, 6]
    assert plan(5, 2, False, True) == [Segment(None, False, 1, 5)]
    assert [s.place for s in plan(4, 2, True, True)] == [0, 1, None]


def test_a_domain_without_a_step_has_no_segment() -> None:
    assert plan(1, 3, True, False) == [Segment(0, False, 1, 1)]


def test_replayed_rows_are_the_share_over_all_steps() -> None:
    assert [replayed(n, 10, 0.01) for n in (9, 10, 11, 100)] == [0, 1, 1, 10]
    assert replayed(30, 1, 0.1) == 3  # not 2, though 0.1 * 30 is a little more than 3
    assert replayed(7, 8, 0.0) == 0


def test_each_step_takes_rows_of_its_domain_and_replay_of_all_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chains: list
) -> None:
    three = "networkx.generators;networkx.classes;networkx.algorithms.flow"
    play(METHOD, tmp_path / "run", monkeypatch, domains=three, steps=6, share=0.3, alone=False)
    found = letters(*chains[-1])
    assert found[:2] == ["aaaa", "aaaa"]  # there is nothing to replay
    assert [(s.count("b"), s.count("a")) for s in found[2:4]] == [(3, 1), (3, 1)]
    assert all(s.startswith("ccc") and s[3] in "ab" for s in found[4:])
    rows = [r for step in chains[-1][1] for r in step]
    assert len(set(rows[:8])) == 8  # every row once before any comes again


def test_shuffled_text_keeps_its_tokens_and_joint_training_takes_every_domain_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chains: list
) -> None:
    plain = play(METHOD, tmp_path / "plain", monkeypatch)
    mixed = play(METHOD, tmp_path / "mixed", monkeypatch, control="shuffled")
    (a, _), (b, _) = chains
    for one, other in zip(a.domains, b.domains, strict=True):
        assert one.held_out == other.held_out and one.train != other.train
        for row, same in zip(one.train, other.train, strict=True):
            assert sorted(row.ids) == sorted(same.ids) and row.ids[0] == same.ids[0]
    assert measures(plain)["cpt"]["before"] == measures(mixed)["cpt"]["before"]
    joint = play(METHOD, tmp_path / "joint", monkeypatch, control="joint", share=0.0)
    assert letters(*chains[-1])[-4:] == ["abab"] * 4
    assert "fg" not in measures(joint) and "ft" in measures(joint)


def test_orders_are_a_chain_of_neighbours_or_drawn_by_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chains: list
) -> None:
    three = "networkx.generators;sympy.stats;networkx.algorithms.flow"
    general = "networkx.algorithms.shortest_paths"
    orders = set()
    for order in ("similar", "random"):
        play(METHOD, tmp_path / order, monkeypatch, domains=three, general=general, order=order,
             train_chars=4000, alone=False)  # fmt: skip
        orders.add(tuple(d.name for d in chains[-1][0].domains))
    assert ("networkx.algorithms.flow", "networkx.generators", "sympy.stats") in orders
    assert len(orders) == 2 and {frozenset(o) for o in orders} == {frozenset(three.split(";"))}


# --- what is measured -------------------------------------------------------------------------


def test_an_entry_of_the_table_is_the_engine_s_loss_on_that_domain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chains: list
) -> None:
    run = play(METHOD, tmp_path / "run", monkeypatch)
    chain = chains[-1][0]
    for held, found in zip(chain.domains, kept(run, "after-2"), strict=False):
        loss = token_loss(chain.policy, held.held_out).mean
        assert torch.tensor(found, dtype=F64).log().item() == pytest.approx(loss, rel=1e-6)
    table = [kept(run, name)[:2] for name in ("start", "after-1", "after-2")]
    found = measures(run)
    assert found["mean_cpt"]["before"] == pytest.approx(sum(table[0]) / 2)
    assert found["mean_cpt"]["after"] == pytest.approx((table[1][0] + table[2][1]) / 2)
    assert found["mean_lc"]["after"] == pytest.approx(sum(table[2]) / 2)
    assert found["mean_fg"]["after"] == pytest.approx(table[2][0] - table[1][0])
    assert found["mean_ft"]["after"] == pytest.approx((table[1][0] + kept(run, "alone-1")[0]) / 2)
    assert found["general"]["after"] == kept(run, "after-2")[2]


def test_a_start_adapted_alone_is_the_first_domain_of_a_chain_that_begins_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chains: list
) -> None:
    """FT_i begins at the start's weights, without moments; a chain the other way round agrees."""
    run = play(METHOD, tmp_path / "run", monkeypatch, share=0.0)
    names = [d.name for d in chains[-1][0].domains]
    monkeypatch.setattr(
        "methods.continual.continual_pretraining.similar",
        lambda read, general: [[d.name for d in read].index(n) for n in reversed(names)],
    )
    other = play(METHOD, tmp_path / "other", monkeypatch, share=0.0)
    assert kept(run, "alone-1")[0] == kept(other, "after-1")[0]
    assert kept(other, "alone-1")[0] == kept(run, "after-1")[0]
    assert kept(run, "after-2")[1] != kept(run, "alone-1")[0]


def test_without_adapting_alone_the_chain_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = play(METHOD, tmp_path / "both", monkeypatch)
    chain = play(METHOD, tmp_path / "chain", monkeypatch, alone=False)
    assert kept(both, "after-2") == kept(chain, "after-2")
    assert len(both.steps) == 6 and len(chain.steps) == 4
    assert "ft" in measures(both).keys() - measures(chain).keys()


def test_a_step_is_one_of_the_mean_over_its_tokens_worked_out_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chains: list
) -> None:
    played = play(
        METHOD, tmp_path / "run", monkeypatch, dtype=F64, sgd=True, steps=1, learning_rate=0.5,
        max_grad_norm=1e9, micro_batch_tokens=20,
    )  # fmt: skip
    rows = chains[-1][1][0]

    def by_hand() -> None:
        nats = -sum(plain_logprobs(played.start, r).sum() for r in rows)
        (nats / sum(r.completion_length for r in rows)).backward()

    assert relative(played.moved(), -0.5 * gradients(played.start, by_hand)) < 1e-9


def test_each_domain_begins_with_its_own_learning_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = play(METHOD, tmp_path / "run", monkeypatch, schedule="linear", steps=8)
    rates = [step["learning_rate"] for step in run.steps]
    assert rates == pytest.approx([0.01, 0.0075, 0.005, 0.0025] * 3)


# --- rows and options -------------------------------------------------------------------------


def test_text_is_cut_into_windows_behind_a_start_token() -> None:
    model = small_model()
    text = (ALPHABET * 3)[:23]
    rows = windows(model, text, 10)
    start = model.tokenizer.bos_token_id
    assert [len(r.ids) for r in rows] == [11, 11]
    assert all(r.ids[0] == start and r.prompt_length == 1 for r in rows)
    assert "".join(model.decode(r.completion) for r in rows) == text[:20]
    assert [len(r.ids) for r in windows(model, text, 50)] == [24]  # a short text is a short row


def test_a_shuffled_row_is_a_permutation_that_follows_from_the_generator() -> None:
    row = Tokens(tuple(range(30)), 1)
    one, same = (shuffled(row, torch.Generator().manual_seed(3)) for _ in range(2))
    assert one == same != row and one.ids[0] == 0 and sorted(one.ids) == list(range(30))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"domains": "a.b"}, "at least two"),
        ({"domains": "a;b;a"}, "each once"),
        ({"domains": "a;b", "general": "b"}, "general none of them"),
        ({"size": "small", "model": "smollm2-135m"}, "has its own"),
        ({"share": 0.001, "steps": 12}, "replays nothing"),
        ({"share": 0.5, "control": "joint"}, "replays nothing"),
    ],
)
def test_what_would_change_nothing_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Config(**options)
