"""GKD beside TRL's GKDTrainer, value and gradient by the student's logits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from methods.engine.divergence import forward_kl, generalised_jsd, reverse_kl
from tests.methods.parity.distill import examples as ex
from tests.methods.parity.held import held

pytest.importorskip("trl")


def theirs(
    beta: float, mask: Tensor = ex.EVEN, temperature: float = 1.0
) -> Callable[[Tensor], Tensor]:
    from trl.experimental.gkd import GKDTrainer

    labels = torch.where(mask, ex.LABELS, -100)
    return lambda ours: GKDTrainer.generalized_jsd_loss(
        ours, ex.teacher(), labels=labels, beta=beta, temperature=temperature
    )


def test_gkd_is_trl_s_jsd_where_answers_are_of_one_length() -> None:
    what = "GKDTrainer.generalized_jsd_loss, answers of one length"
    held("gkd", "trl", what, ex.our_gkd(ex.jsd), theirs(ex.BETA), [ex.student()])


def test_gkd_is_trl_s_jsd_at_a_temperature() -> None:
    what = "GKDTrainer.generalized_jsd_loss, temperature 2"
    ours = ex.our_gkd(ex.jsd, temperature=ex.TEMPERATURE)
    other = theirs(ex.BETA, temperature=ex.TEMPERATURE)
    held("gkd", "trl", what, ours, other, [ex.student()])


def test_trl_averages_over_tokens_and_not_over_answers() -> None:
    what = "GKDTrainer.generalized_jsd_loss, ragged answers"
    held("gkd", "trl", what, ex.our_gkd(ex.jsd, ex.RAGGED), theirs(ex.BETA, ex.RAGGED),
         [ex.student()])  # fmt: skip


@pytest.mark.parametrize(
    ("what", "fn", "beta"),
    [("forward KL at beta 0", forward_kl, 0), ("reverse KL at beta 1", reverse_kl, 1)],
)
def test_the_two_kls_are_what_trl_has_at_the_ends_of_beta(what: str, fn, beta: float) -> None:
    what = f"GKDTrainer.generalized_jsd_loss, {what}"
    held("gkd", "trl", what, ex.our_gkd(fn), theirs(beta), [ex.student()])


def test_trl_jumps_at_the_end_of_beta_where_the_divergence_goes_to_nothing() -> None:
    what = "GKDTrainer.generalized_jsd_loss, beta 0 beside the JSD at 0.01"
    near = ex.our_gkd(partial(generalised_jsd, beta=0.01))
    held("gkd", "trl", what, near, theirs(0), [ex.student()])
    # The peer's own value at 0.01 is ours: the jump is its.
    found = theirs(0.01)(ex.student()).item()
    assert found == pytest.approx(near(ex.student()).item(), rel=1e-6)
