"""One forward pass over a stretch of states: what comes behind each of them, read in context."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from methods.engine.model import LanguageModel
from methods.incontext.dicl import Projection, point_of
from methods.incontext.digits import Alphabet, Scale, all_log_masses
from methods.incontext.sac import Transitions


@torch.no_grad()
def next_states(
    policy: LanguageModel,
    written: Alphabet,
    stretches: Sequence[Transitions],
    projection: str,
    point: str,
    tick: Callable[[int], None],
) -> list[Tensor]:
    """(T, S) float64 for each stretch of T rows: the state predicted behind each of its states.

    ``projection`` is "none" (each entry of a state by itself), "states" or "states-actions", of
    which half the components are kept, rounded up. Scales are those of the stretch itself, whose
    later states a prediction within it does not read. ``tick`` is called before each pass.
    """
    maps, series = [], []
    for rows in stretches:
        features = rows.states.double()
        if projection == "states-actions":
            features = torch.cat([features, rows.actions.double()], 1)
        half = None if projection == "none" else -(-features.shape[1] // 2)
        maps.append(Projection.of(features, half))
        series += list(maps[-1].to(features).T)
    scales = [Scale.of(values, written.digits) for values in series]
    codes = [s.codes(v).tolist() for s, v in zip(scales, series, strict=True)]
    lengths = [list(range(1, len(c) + 1)) for c in codes]
    # Each number read is followed by its own branches, one for each number cut by a digit.
    size = max(map(len, codes), default=1) * len(written.symbols) ** (written.levels - 1)
    at_once = max(1, 40 * policy.sample_batch // size)
    laws = all_log_masses(policy, written, codes, lengths, at_once, tick)
    points = iter(point_of(law.exp(), s, point) for law, s in zip(laws, scales, strict=True))
    found = []
    for rows, fitted in zip(stretches, maps, strict=True):
        z = torch.stack([next(points) for _ in fitted.axes], 1)
        whole = fitted.back(z) * fitted.spread + fitted.mean
        found.append(whole[:, : rows.states.shape[1]])
    return found
