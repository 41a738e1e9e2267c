"""Self-Play Fine-Tuning (SPIN): tell the demonstrations from one's own answers, round after round.

Paper: arXiv 2401.01335 (Chen et al., *Self-Play Fine-Tuning Converts Weak Language Models to Strong
Language Models*), Eq. 4.7 and Algorithm 1. In round t the opponent is the model as the last round
left it; it answers the demonstrations' prompts, and the model learns to prefer the demonstration y
to the opponent's answer y':

    L(theta, theta_t) = E l( lambda log[ pi_theta(y|x) / pi_theta_t(y|x) ]
                           - lambda log[ pi_theta(y'|x) / pi_theta_t(y'|x) ] )
    l(t) = log(1 + exp(-t))

Departures from the paper
1. An own answer that is the demonstration itself says nothing and is dropped. One that a stop
   string ended is given the end token in its place, which the demonstration has too.
2. Every round writes new answers to the prompts of that round; the paper from the second round on
   also trains on the answers of the round before.
3. AdamW, where the paper uses RMSprop; its moments are kept from round to round.
4. The start has been trained on a few hundred demonstrations of the same task until it learned no
   more from them, as the paper's start on its own; the presets are far smaller than the paper's,
   and the tiny one takes in every round the lambda of 5 that the paper takes in the last.

Checked against: DPO's loss and gradient with the opponent as reference, ln 2 at the start of every
round, antisymmetry, and hand-worked pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods.engine import measure
from methods.engine.batch import Order, Tokens
from methods.engine.errors import MethodError
from methods.engine.examples import row
from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.loop import Pairs, update
from methods.selftrain.loop import Rounds, ended, plain_row, tokens_of
from methods.selftrain.options import RoundOptions


class Config(RoundOptions):
    """Options of Self-Play Fine-Tuning."""

    demonstrations: int | None = option(
        400, "labelled examples played against, the first ones; none takes all", source="ours, as "
        "many as the built-in start has seen", ge=1,
    )  # fmt: skip
    opponent: Literal["self", "shuffled"] = option(
        "self",
        "whose answers are told from the demonstrations; shuffled swaps demonstration and own "
        "answer by a coin, a control that must not learn",
        source="ours",
    )
    play_lambda: float = option(
        0.1, "lambda of Eq. 4.7: scale of the log-ratios", source="paper, Appendix B", gt=0, le=10
    )
    learning_rate: float = option(
        5e-7, "peak learning rate of AdamW", source="paper, Appendix B", gt=0, lt=1
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 3e-5, "play_lambda": 5.0, "batch_size": 64, "steps": 120, "rounds": 3,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 5e-6,
        "batch_size": 16, "steps": 20, "rounds": 2, "demonstrations": 100,
    },
}  # fmt: skip


def spin_loss(
    own: Tensor, shown: Tensor, opponent_own: Tensor, opponent_shown: Tensor, play_lambda: float
) -> Tensor:
    """Eq. 4.7 for each pair, in nats, (B,).

    All (B,): log-probs summed over an answer, of the model's own and of the demonstrated one, by
    the model as it is and by the opponent.
    """
    margin = (shown - opponent_shown) - (own - opponent_own)
    return -logsigmoid(play_lambda * margin)


def games(shown: Sequence[Tokens], own: Sequence[Tokens]) -> list[tuple[Tokens, Tokens]]:
    """(demonstration, own answer) of every prompt where the two are not the same.

    Answers must be ``ended`` as demonstrations are, or the end would tell them apart.
    """
    pairs = zip(shown, own, strict=True)
    return [(good, answer) for good, answer in pairs if good.completion != answer.completion]


def run(run: Run, config: Config) -> None:
    """Play against the last round's model; held-out accuracy before and after."""
    loop = Rounds(run, config)
    labelled = [p for p in loop.task.train[: config.demonstrations] if p.answer is not None]
    if not labelled:
        raise MethodError(f"task {loop.task.name} demonstrates no answers; use one that does")

    def collect(number: int) -> dict[str, Any]:
        order = Order(len(labelled), run.seed).batch(
            number, min(config.prompts_per_round, len(labelled))
        )
        problems = [labelled[i] for i in order]
        written = loop.write(number, problems, 1)
        shown = [row(loop.policy, p.prompt, p.answer or "") for p in problems]
        own = [ended(loop.policy, answer) for answer in written.answers]
        pairs = games(shown, own)
        if config.opponent == "shuffled":
            g = run.generator("opponent", number)
            coins = torch.randint(2, (len(pairs),), generator=g, device=g.device).tolist()
            pairs = [p[::-1] if coin else p for p, coin in zip(pairs, coins, strict=True)]
        rows = [r for pair in pairs for r in pair]
        logps = measure.row_logprobs(loop.policy, rows)  # the opponent's, before any step
        return {
            "rows": [plain_row(r) for r in rows],
            "logps": [values.tolist() for values in logps],
            "written_score": float(written.scores.mean()),
        }

    def loss(pairs: Pairs) -> Tensor:
        shown, own, by_opponent, own_by_opponent = pairs.summed()
        return spin_loss(own, shown, own_by_opponent, by_opponent, config.play_lambda)

    for step, number in loop.steps():
        kept = loop.kept(step, number, lambda number=number: collect(number))
        rows, logps = tokens_of(kept["rows"]), [torch.tensor(v) for v in kept["logps"]]
        if not rows:
            raise MethodError(f"round {number}: every own answer is the demonstration: no opponent")
        taken = loop.batch(step, number, len(rows) // 2)
        pairs = [(rows[2 * i], rows[2 * i + 1]) for i in taken]
        ref = [logps[2 * i + side] for i in taken for side in (0, 1)]
        done = update(loop.policy, loop.optimiser, step, config, pairs, ref, loss)
        run.log(
            step, sum(len(r.ids) for pair in pairs for r in pair), round=float(number),
            kept=len(rows) / 2, written_score=kept["written_score"], **done,
        )  # fmt: skip
    loop.finish()
