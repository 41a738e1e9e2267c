"""What a model is measured for when it is loaded, and what follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from methods.engine.batch import Tokens, pack
from methods.engine.errors import MethodError
from methods.engine.load import load
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from tests.engine.architectures import PADDED, RAGGED, REFUSED, plain, plain_logprobs, saved

LONG = Tokens(tuple(4 + (7 * i) % 19 for i in range(70)), 3)
LONGROPE = {
    "rope_parameters": {
        "rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4,
        "long_factor": [3.0, 5.0, 7.0, 9.0], "original_max_position_embeddings": 16,
    },
    "original_max_position_embeddings": 16,
}  # fmt: skip


def loaded(folder: Path) -> LanguageModel:
    return load(str(folder), task=None, cache_dir=folder)


@pytest.mark.parametrize("name", ["qwen2-moe-wide-window", "phimoe-wide-window"])
@torch.no_grad()
def test_a_window_that_only_the_mask_knows_is_found_however_wide_it_is(
    tmp_path: Path, name: str
) -> None:
    """The window is wider than what a model is measured on, and narrower than the row."""
    kind, given, _ = PADDED[name]
    folder = saved(kind, given, tmp_path)
    model = loaded(folder)
    ours = completion_logprobs(model, pack([LONG], [0]))[0]
    assert torch.allclose(ours, plain_logprobs(plain(folder), LONG), rtol=0, atol=1e-4)
    blind = saved(kind, given | {"sliding_window": 200}, tmp_path / "blind")
    assert (plain_logprobs(plain(blind), LONG) - ours).abs().max() > 1e-3  # it does hide something


def test_a_window_handed_to_attention_is_no_reason_to_pad(tmp_path: Path) -> None:
    kind, given = RAGGED["mistral-wide-window"]
    model = loaded(saved(kind, given, tmp_path))
    assert model.ragged
    assert model.module.config.sliding_window == 200  # looked through narrower ones, and put back


def test_a_model_that_fails_under_our_attention_keeps_its_own_and_its_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any) -> None:
        raise KeyError("a foreign model may raise anything")

    monkeypatch.setattr("methods.engine.attention.Packed.attend", fails)
    kind, given = RAGGED["mistral-wide-window"]
    model = loaded(saved(kind, given, tmp_path))
    assert not model.ragged
    assert model.module.config._attn_implementation == "sdpa"
    assert model.module.config.sliding_window == 200


def test_running_out_of_memory_is_not_taken_for_a_model_that_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any) -> None:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr("methods.engine.attention.Packed.attend", fails)
    with pytest.raises(torch.OutOfMemoryError):
        loaded(saved(*RAGGED["llama"], tmp_path))


def test_a_layer_that_attends_twice_is_found_where_only_decoding_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(*PADDED["diffllama"][:2], tmp_path)
    assert not loaded(folder).ragged
    # Read whole it is right: what is found is the cache.
    monkeypatch.setattr("methods.engine.load._decoded", lambda *args: torch.zeros(2, 32))
    monkeypatch.setattr("methods.engine.load._gives", lambda *args: True)
    model = loaded(folder)
    row = Tokens(LONG.ids[:20], 3)
    with torch.no_grad():
        ours = completion_logprobs(model, pack([row], [0]))[0]
        assert torch.allclose(ours, plain_logprobs(plain(folder), row), rtol=0, atol=1e-4)


def test_a_difference_in_one_dim_dimension_is_seen_beside_a_bright_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained models have a few dimensions thousands of times as large as the others."""
    from methods.engine.attention import Packed

    model = loaded(saved(*RAGGED["gpt2"], tmp_path))
    with torch.no_grad():
        model.module.base_model.ln_f.bias[0] = 1e5  # whatever attention gives
    model.save(tmp_path / "bright")
    attend = Packed.attend

    def wrong(self, layer, query, key, value, scale, window):
        return attend(self, layer, query, key, value, 0.5 * scale, window)

    assert loaded(tmp_path / "bright").ragged
    monkeypatch.setattr(Packed, "attend", wrong)
    assert not loaded(tmp_path / "bright").ragged


@pytest.mark.parametrize("name", sorted(REFUSED))
@pytest.mark.parametrize("fresh", [True, False])
def test_logits_changed_behind_the_head_are_refused_even_where_they_are_still_small(
    tmp_path: Path, name: str, fresh: bool
) -> None:
    kind, given, words = REFUSED[name]
    folder = saved(kind, given, tmp_path, fresh=fresh)
    with pytest.raises(MethodError, match=words):
        loaded(folder)


def test_loading_leaves_the_weights_and_the_head_as_they_were(tmp_path: Path) -> None:
    folder = saved(*RAGGED["llama"], tmp_path)
    model, own = loaded(folder), plain(folder)
    for (name, ours), (other, theirs) in zip(
        model.module.named_parameters(), own.named_parameters(), strict=True
    ):
        assert name == other and torch.equal(ours, theirs)
    assert not model.module.get_output_embeddings()._forward_hooks


def test_rows_beyond_the_first_range_of_longrope_are_refused(tmp_path: Path) -> None:
    """There all rows of a pass turn by the frequencies of the longest: it would not be one loss."""
    model = loaded(saved("phi3", LONGROPE, tmp_path))
    model.require_room(16)
    with pytest.raises(MethodError, match="at most 16"):
        model.require_room(17)
