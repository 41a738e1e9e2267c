"""DICL-SAC: what goes into the second memory, when it is learned from, and a run that was killed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from methods.engine.errors import MethodError
from methods.engine.run import Run, Stopped
from methods.incontext import pendulum
from methods.incontext.dicl_sac import Config, Reader, answered, calls_of, nearest, predicted_batch
from methods.incontext.digits import Scale, alphabet, next_log_masses
from methods.incontext.onestep import next_states
from methods.incontext.options import SacOptions
from methods.incontext.played import Played
from methods.incontext.sac import Agent, Transitions
from tests.guards import small
from tests.guards.test_options import left_behind
from tests.methods.incontext.test_digits import reader

METHOD = "dicl-sac"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def played(steps: int = 60, episode: int = 20) -> tuple[Agent, Played]:
    agent = Agent(3, 1, 2.0, SacOptions(width=8), 0)
    found = Played.anew(3, 0)
    found.play(agent, steps, episode, generator(1), random=False)
    return agent, found


# --- playing --------------------------------------------------------------------------------------


def test_what_is_played_follows_the_pendulum_and_begins_anew_behind_an_episode() -> None:
    _, found = played()
    memory = found.memory
    expected = answered(memory, memory.actions)
    assert torch.allclose(memory.nexts, expected.nexts, atol=1e-5)
    assert torch.allclose(memory.rewards, expected.rewards, atol=1e-4)
    follows = (memory.nexts[:-1] == memory.states[1:]).all(1)
    assert (~follows).nonzero()[:, 0].tolist() == [19, 39]
    assert memory.actions.abs().max() <= 2 and not torch.equal(memory.actions, found.others)


def test_a_stretch_never_spans_two_episodes() -> None:
    _, found = played(steps=50, episode=20)
    assert found.stretches(18, 20).tolist() == [0, 1, 2, 20, 21, 22]
    assert len(Played.anew(3, 0).stretches(5, 20)) == 0


def test_random_actions_fill_their_range() -> None:
    agent, found = Agent(3, 1, 2.0, SacOptions(width=8), 0), Played.anew(3, 0)
    found.play(agent, 200, 200, generator(), random=True)
    assert found.memory.actions.min() < -1.8 and found.memory.actions.max() > 1.8
    assert not torch.equal(found.memory.actions, found.others)


def test_the_return_of_a_policy_is_the_sum_of_its_rewards_from_the_kept_starts() -> None:
    agent, found = played()
    found.measure(agent, 5)
    angle, speed = found.begin[0, :1], found.begin[1, :1]
    total = 0.0
    for _ in range(5):
        mean, _ = agent.law(pendulum.seen(angle, speed).float())
        angle, speed, reward = pendulum.swung(angle, speed, 2 * mean[:, 0].tanh().double())
        total += float(reward.detach())
    assert float(found.returns[0][0].detach()) == pytest.approx(total)
    assert len(found.returns[0]) == 3


# --- the second memory ----------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.05, 4), (0.1, 7), (0.25, 16), (1.0, 64)])
def test_predicted_transitions_of_a_batch_of_64_are_those_of_the_paper_s_table(
    share: float, count: int
) -> None:
    assert predicted_batch(64, share) == count


def test_stretches_are_read_at_the_updates_that_the_interval_says() -> None:
    config = Config(block=20, read_every=16, steps=100, predicted_start=50, context=50)
    assert [calls_of(b, config) for b in range(3)] == [[32], [48], [64]]


@torch.no_grad()
def test_a_prediction_reads_what_came_before_and_nothing_else() -> None:
    model = reader()
    written = alphabet(model, 2, ",")
    rows = played()[1].memory.rows(slice(0, 12))
    (found,) = next_states(model, written, [rows], "none", "mean", lambda _: None)
    assert found.shape == (12, 3)
    for d in range(3):
        values = rows.states[:, d].double()
        mean, spread = values.mean(), values.std(correction=0)
        scale = Scale.of((values - mean) / spread, 2)
        codes = scale.codes((values - mean) / spread).tolist()
        for t in (0, 5, 11):
            (law,) = next_log_masses(model, written, [codes[: t + 1]], [[t + 1]])
            point = law[0].exp() @ scale.centres()
            assert float(found[t, d]) == pytest.approx(float(point * spread + mean), abs=1e-8)


def read(tmp_path: Path, **options: object) -> tuple[Transitions, Transitions, Played]:
    given = {
        "digits": 2, "context": 12, "episode": 20, "steps": 60, "block": 20,
        "predicted_start": 20, "model": "start", **options,
    }  # fmt: skip
    run = Run(tmp_path, {"seed": 0, "device": "cpu", "cache_dir": str(tmp_path)})
    kinds = Reader(run, reader(), Config(**given))
    _, found = played()
    start = kinds.starts(found, 1, generator(5))[0]
    (made,) = kinds.read(found, 1, generator(5))
    late = slice(start + kinds.config.burn_in - 1, start + 12)
    return made, found.memory.rows(late), found


def test_a_predicted_transition_has_another_action_and_the_recorded_reward(tmp_path: Path) -> None:
    made, rows, found = read(tmp_path)
    assert torch.equal(made.states, rows.states) and torch.equal(made.rewards, rows.rewards)
    assert not torch.equal(made.actions, rows.actions)
    assert all((found.others == a).any() for a in made.actions)
    assert not torch.allclose(made.nexts, rows.nexts)


def test_shuffled_dynamics_are_the_predictions_in_another_order(tmp_path: Path) -> None:
    made, _, _ = read(tmp_path)
    mixed, _, _ = read(tmp_path, transitions="shuffled")
    assert not torch.equal(made.nexts, mixed.nexts)
    assert torch.equal(made.nexts.sort(0).values, mixed.nexts.sort(0).values)
    assert torch.equal(made.states, mixed.states) and torch.equal(made.rewards, mixed.rewards)


def test_the_true_arm_is_what_the_pendulum_does_and_the_recorded_one_what_was_played(
    tmp_path: Path,
) -> None:
    made, _, _ = read(tmp_path, transitions="true")
    expected = answered(made, made.actions)
    assert torch.equal(made.nexts, expected.nexts) and torch.equal(made.rewards, expected.rewards)
    again, rows, _ = read(tmp_path, transitions="recorded")
    assert all(torch.equal(a, b) for a, b in zip(again, rows, strict=True))


def test_a_burn_in_leaves_out_the_first_and_kept_the_worst(tmp_path: Path) -> None:
    made, rows, _ = read(tmp_path, burn_in=5)
    assert len(made.rewards) == 8 and torch.equal(made.states, rows.states)
    few, _, _ = read(tmp_path, kept=0.5)
    assert len(few.rewards) == 6
    true = torch.zeros(4, 2)
    off = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0], [2.0, 0.0]])
    assert nearest(off, true, 0.5).tolist() == [1, 2] and nearest(off, true, 0.01).tolist() == [2]


def test_updates_take_a_predicted_batch_once_there_is_one_and_it_is_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[int, list[tuple[float, int]]]] = []
    monkeypatch.setattr(
        Agent, "update",
        lambda self, step, batches, _: seen.append((step, [(w, len(b.rewards)) for w, b in batches])),
    )  # fmt: skip
    small.play(METHOD, tmp_path / "run", monkeypatch)
    # Learning from step 10 on: blocks of 10 updates behind steps 20, 30, 40; predicted from 20 on.
    assert [step for step, _ in seen] == list(range(20, 50))
    assert seen[0][1] == [(1.0, 8), (0.5, 4)]
    seen.clear()
    small.play(METHOD, tmp_path / "late", monkeypatch, predicted_start=33)
    assert {step: len(b) for step, b in seen} == {s: 1 + (s >= 33) for s in range(20, 50)}
    seen.clear()
    small.play(METHOD, tmp_path / "plain", monkeypatch, share=0.0)
    assert all(len(b) == 1 for _, b in seen)


# --- whole runs -----------------------------------------------------------------------------------


def test_a_run_killed_between_blocks_ends_with_the_bytes_of_the_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = small.play(METHOD, tmp_path / "whole", monkeypatch).folder
    blocks = 0
    keep = Played.keep

    def dies(self: Played, run: Run, agent: Agent) -> None:
        nonlocal blocks
        blocks += 1
        if blocks == 3:
            raise Stopped  # before the third block is on disk
        keep(self, run, agent)

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Played, "keep", dies)
        small.play(METHOD, tmp_path / "broken", monkeypatch)
    assert not (tmp_path / "broken" / "results.json").exists()
    monkeypatch.setattr("tests.guards.small._write_spec", lambda *args: None)  # it is there
    broken = small.play(METHOD, tmp_path / "broken", monkeypatch).folder
    assert left_behind(broken) == left_behind(whole)
    agents = [(f / "agent.safetensors").read_bytes() for f in (whole, broken)]
    assert agents[0] == agents[1]


def test_a_run_of_another_model_does_not_go_on_and_a_damaged_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small.play(METHOD, tmp_path / "run", monkeypatch).folder
    monkeypatch.setattr("tests.guards.small._write_spec", lambda *args: None)
    with pytest.raises(MethodError, match="no longer the one"):
        small.play(METHOD, folder, monkeypatch, model="other")
    path = folder / "agent.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(MethodError, match="cannot be read"):
        small.play(METHOD, folder, monkeypatch)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"context": 30, "episode": 20}, "fits into no episode"),
        ({"steps": 1050}, "no whole blocks"),
        ({"steps": 2000}, "nothing predicted is learned from"),
        ({"share": 1.5}, "share"),
        ({"context": 4}, "context"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Config(**wrong)
