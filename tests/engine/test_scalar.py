"""A number beside the words: read at the right token, whatever stands around the text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from methods.engine import adapter, checkpoint
from methods.engine.batch import Tokens, own_batches, pack
from methods.engine.errors import MethodError
from methods.engine.load import load
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.scalar import (
    add_scalar_head,
    as_reward_model,
    drop_scalar_head,
    load_reward_model,
    logprobs_and_values,
    pack_whole,
    row_scores,
    row_values,
    scalar_weight,
    text_rewards,
    text_scores,
    values_after,
    values_before,
)
from tests.engine.conftest import gradients, own_attention, relative, small_model
from tests.engine.steps import policy64, ragged_rows

TEXTS = [("12+3=", "15"), ("4+", ""), ("77+8=", "abc def"), ("12+3=", "1500")]


def headed(model: LanguageModel, seed: int = 4) -> LanguageModel:
    add_scalar_head(model, seed=seed)
    return model


def numbers_alone(model: LanguageModel, row: Tokens) -> torch.Tensor:
    """Reference: the head on every state of one row alone, by the model's own attention."""
    with own_attention(model), torch.no_grad():
        states = model.module.base_model(torch.tensor([row.ids]), use_cache=False)
        return (states.last_hidden_state[0] @ scalar_weight(model).T)[:, 0]


# --- which token is read ----------------------------------------------------------------------


@pytest.mark.parametrize("share", [True, False])
def test_a_text_s_number_is_that_of_its_last_token_alone_and_unpadded(share: bool) -> None:
    model, rows = headed(policy64()), ragged_rows()
    batch = pack_whole(rows, range(len(rows)), share=share)
    expected = torch.stack([numbers_alone(model, row)[-1] for row in rows])
    assert expected.std() > 0.01
    assert torch.allclose(text_scores(model, batch), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("share", [True, False])
def test_values_stand_before_and_after_each_completion_token(share: bool) -> None:
    model, rows = headed(policy64()), ragged_rows()
    batch = pack_whole(rows, range(len(rows)), share=share)
    before, after = values_before(model, batch), values_after(model, batch)
    assert before.shape == after.shape == batch.completion_mask.shape
    for i, row in enumerate(rows):
        alone, n = numbers_alone(model, row), row.completion_length
        assert torch.allclose(before[i, :n], alone[row.prompt_length - 1 : -1], rtol=1e-9)
        assert torch.allclose(after[i, :n], alone[row.prompt_length :], rtol=1e-9)
        assert not before[i, n:].any() and not after[i, n:].any()
    last = batch.completion_mask.sum(-1, keepdim=True) - 1
    assert torch.allclose(after.gather(1, last)[:, 0], text_scores(model, batch), rtol=1e-10)


def test_the_values_before_need_no_last_token_read() -> None:
    model, rows = headed(policy64()), ragged_rows()
    plain, whole = pack(rows, range(len(rows))), pack_whole(rows, range(len(rows)))
    assert plain.input_ids.shape[1] < whole.input_ids.shape[1]
    assert torch.allclose(values_before(model, plain), values_before(model, whole), rtol=1e-10)


def test_a_number_depends_on_no_other_row_and_no_order_of_rows() -> None:
    model, rows = headed(policy64()), ragged_rows()
    everything = text_scores(model, pack_whole(rows, range(len(rows))))
    mixed = [7, 2, 11, 0]
    assert torch.allclose(text_scores(model, pack_whole(rows, mixed)), everything[mixed])


def test_a_text_is_read_at_its_end_token_also_where_that_is_the_padding() -> None:
    model = headed(policy64())
    assert model.pad_id == model.eos_id
    ended = Tokens((1, 5, 6, model.eos_id), 2)
    cut = Tokens((1, 5, 6), 2)
    twice = Tokens((1, 5, 6, model.eos_id, model.eos_id), 2)
    found = [float(text_scores(model, pack_whole([row], [0]))) for row in (ended, cut, twice)]
    assert found == pytest.approx([float(numbers_alone(model, row)[-1]) for row in
                                   (ended, cut, twice)])  # fmt: skip
    assert len({round(v, 6) for v in found}) == 3


def test_padding_on_either_side_of_any_amount_would_give_the_same_number() -> None:
    """Ours has none; transformers' own attention on padded rows says what it should be."""
    model, rows = headed(policy64()), ragged_rows()[:6]
    ours = text_scores(model, pack_whole(rows, range(6)))
    width = max(len(row.ids) for row in rows) + 3
    for side in ("left", "right"):
        for i, row in enumerate(rows):
            fill = [model.pad_id] * (width - len(row.ids))
            real = [1] * len(row.ids)
            ids = [*fill, *row.ids] if side == "left" else [*row.ids, *fill]
            mask = [0] * len(fill) + real if side == "left" else real + [0] * len(fill)
            places = (torch.tensor([mask]).cumsum(-1) - 1).clamp(min=0)
            with own_attention(model), torch.no_grad():
                states = model.module.base_model(
                    torch.tensor([ids]), attention_mask=torch.tensor([mask]),
                    position_ids=places, use_cache=False,
                ).last_hidden_state[0]  # fmt: skip
            end = len(ids) - 1 if side == "left" else len(row.ids) - 1
            found = (states[end] @ scalar_weight(model).T)[0]
            assert float(found) == pytest.approx(float(ours[i]), rel=1e-9)


def test_a_whole_batch_is_a_batch_whose_log_probs_are_the_same() -> None:
    model, rows = headed(policy64()), ragged_rows()
    plain, whole = pack(rows, range(len(rows))), pack_whole(rows, range(len(rows)))
    assert torch.equal(plain.labels, whole.labels)
    assert torch.equal(plain.completion_mask, whole.completion_mask)
    expected = completion_logprobs(model, plain)
    assert torch.allclose(completion_logprobs(model, whole), expected, rtol=1e-10)
    for batch, after in ((plain, False), (whole, True)):
        logps, values = logprobs_and_values(model, batch, after=after)
        assert torch.allclose(logps, expected, rtol=1e-10)
        alone = values_after(model, whole) if after else values_before(model, plain)
        assert torch.allclose(values, alone, rtol=1e-10)


@pytest.mark.parametrize("kind", ["llama", "mistral", "gpt2"])
def test_the_gradient_does_not_depend_on_how_rows_are_put_together(kind: str) -> None:
    model, rows = headed(policy64(kind)), ragged_rows()

    def step(budget: int, share: bool) -> torch.Tensor:
        def run() -> None:
            for group in own_batches(rows, budget):
                batch = pack_whole(rows, group, share=share)
                loss = text_scores(model, batch).square().sum() + values_after(model, batch).sum()
                (loss / len(rows)).backward()

        return gradients(model, run)

    whole = step(10**6, True)
    assert whole.norm() > 0.01
    for budget, share in ((1, True), (40, True), (40, False), (10**6, False)):
        assert relative(step(budget, share), whole) < 1e-10


def test_a_model_that_does_its_own_attention_gives_the_same_numbers() -> None:
    model, rows = headed(policy64()), ragged_rows()
    ours = values_after(model, pack_whole(rows, range(len(rows))))
    model.ragged = False
    model.module.set_attn_implementation("sdpa")
    theirs = values_after(model, pack_whole(rows, range(len(rows))))
    assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_any_number_of_rows_is_read_in_their_own_order(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = headed(policy64()), ragged_rows()
    monkeypatch.setattr("methods.engine.batch.MEASURED_AT_ONCE", 30)
    expected = [numbers_alone(model, row) for row in rows]
    assert row_scores(model, rows) == pytest.approx([float(e[-1]) for e in expected], rel=1e-9)
    for found, row, numbers in zip(row_values(model, rows), rows, expected, strict=True):
        assert found == pytest.approx(numbers[row.prompt_length :].tolist(), rel=1e-9)
    assert row_scores(model, []) == row_values(model, []) == []


# --- the head ---------------------------------------------------------------------------------


def test_a_head_begins_at_zero_or_at_what_its_seed_draws(model: LanguageModel) -> None:
    add_scalar_head(model)
    assert not text_scores(model, pack_whole([Tokens((1, 5, 6), 1)], [0])).any()
    drop_scalar_head(model)
    weights = []
    for seed in (3, 3, 5):
        add_scalar_head(model, seed=seed)
        weights.append(scalar_weight(model).detach().clone())
        drop_scalar_head(model)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert weights[0].std() == pytest.approx(33**-0.5, rel=0.5)


def test_a_head_too_many_and_a_head_missing_are_errors(model: LanguageModel) -> None:
    for use in (scalar_weight, drop_scalar_head):
        with pytest.raises(MethodError, match="no scalar head"):
            use(model)
    add_scalar_head(model)
    with pytest.raises(MethodError, match="already"):
        add_scalar_head(model)


def test_the_number_is_float32_where_the_trunk_computes_in_bfloat16(model: LanguageModel) -> None:
    headed(model)
    batch = pack_whole([Tokens((1, 5, 6, 7), 1), Tokens((1, 9, 8), 1)], [0, 1])
    fine = text_scores(model, batch)
    model.precision = "bfloat16"
    coarse = text_scores(model, batch)
    assert coarse.dtype == torch.float32
    assert torch.allclose(coarse, fine, atol=0.1) and not torch.equal(coarse, fine)


def trained(model: LanguageModel, steps: int, optimiser: Optimiser | None = None) -> Optimiser:
    """Push every text's number to 1."""
    optimiser = optimiser or Optimiser(model, TrainingOptions(learning_rate=0.01))
    rows = ragged_rows()
    for step in range(1, steps + 1):
        for group in own_batches(rows, 60):
            batch = pack_whole(rows, group, model.device)
            optimiser.backward((text_scores(model, batch) - 1).square().sum() / len(rows))
        optimiser.step(step)
    return optimiser


@pytest.mark.parametrize("lora", [None, "r=4,alpha=8"])
def test_training_with_a_head_goes_on_from_a_checkpoint_to_the_same_bits(
    lora: str | None, tmp_path: Path
) -> None:
    def start(seed: int) -> LanguageModel:
        model = small_model()
        if lora:
            adapter.add(model, lora, seed=seed)
        return headed(model, seed)

    unbroken = start(0)
    optimiser = trained(unbroken, 3)
    checkpoint.save(tmp_path, 3, unbroken, optimiser, {}, keep=2)
    trained(unbroken, 2, optimiser)
    other = start(9)
    fresh = Optimiser(other, TrainingOptions(learning_rate=0.01))
    found = checkpoint.latest(tmp_path)
    assert found is not None
    checkpoint.restore(found, other, fresh)
    trained(other, 2, fresh)
    assert torch.equal(scalar_weight(unbroken), scalar_weight(other))
    assert row_scores(unbroken, ragged_rows()) == row_scores(other, ragged_rows())
    assert "score.weight" in optimiser.names


# --- what is saved ----------------------------------------------------------------------------


@pytest.mark.parametrize("lora", [None, "r=4,alpha=8"])
def test_transformers_reads_a_saved_reward_model_and_gives_the_same_reward(
    lora: str | None, tmp_path: Path
) -> None:
    model = small_model()
    if lora:
        adapter.add(model, lora, seed=0)
    headed(model)
    trained(model, 3)
    ours = text_rewards(model, TEXTS)
    as_reward_model(model).save(tmp_path)
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert type(theirs).__name__ == "LlamaForSequenceClassification"
    assert theirs.config.num_labels == 1
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    texts = [prompt + answer + tokenizer.eos_token for prompt, answer in TEXTS]
    for side in ("left", "right"):
        tokenizer.padding_side = side
        given = tokenizer(texts, return_tensors="pt", padding=True)
        given["position_ids"] = (given["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        given.pop("token_type_ids", None)
        with torch.no_grad():
            found = theirs(**given).logits[:, 0].tolist()
        assert found == pytest.approx(ours, rel=1e-4, abs=1e-5)
    again = load_reward_model(str(tmp_path), cache_dir=tmp_path)
    assert again.ragged
    assert text_rewards(again, TEXTS) == pytest.approx(ours, rel=1e-4, abs=1e-5)


def test_a_run_s_folder_stands_for_the_reward_model_in_it(tmp_path: Path) -> None:
    model = headed(small_model())
    as_reward_model(model).save(tmp_path / "run" / "model")
    again = load_reward_model(str(tmp_path / "run"), cache_dir=tmp_path)
    assert text_rewards(again, TEXTS) == pytest.approx(text_rewards(model, TEXTS), rel=1e-5)


def test_where_padding_is_the_end_token_the_saved_model_names_no_padding(tmp_path: Path) -> None:
    """transformers would look for the last token that is no padding, and pass the end by."""
    model = headed(small_model())
    model.tokenizer.pad_token = model.tokenizer.eos_token
    as_reward_model(model).save(tmp_path)
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert theirs.config.pad_token_id is None
    ids = [[*model.encode_prompt(p), *model.encode_completion(a)] for p, a in TEXTS]
    with torch.no_grad():
        found = [float(theirs(torch.tensor([i])).logits) for i in ids]
        with pytest.raises(ValueError, match="padding"):
            theirs(torch.tensor([ids[0], ids[0]]))
    assert found == pytest.approx(text_rewards(model, TEXTS), rel=1e-4, abs=1e-5)


def test_a_policy_without_its_critic_is_saved_as_the_language_model_it_is(tmp_path: Path) -> None:
    model = headed(small_model())
    trained(model, 2)
    drop_scalar_head(model)
    model.save(tmp_path)
    module, found = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(found[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert type(module).__name__ == "LlamaForCausalLM"
    rows = ragged_rows()
    again = load(str(tmp_path), task=None, cache_dir=tmp_path)
    batch = pack(rows, range(len(rows)))
    assert torch.allclose(completion_logprobs(again, batch), completion_logprobs(model, batch))


def test_a_reward_model_and_a_language_model_are_not_taken_for_each_other(tmp_path: Path) -> None:
    model = headed(small_model())
    as_reward_model(model).save(tmp_path / "reward")
    drop_scalar_head(model)
    model.save(tmp_path / "language")
    with pytest.raises(MethodError, match="scores texts and writes none"):
        load(str(tmp_path / "reward"), task=None, cache_dir=tmp_path)
    with pytest.raises(MethodError, match="not a reward model"):
        load_reward_model(str(tmp_path / "language"), cache_dir=tmp_path)
    with pytest.raises(MethodError, match="neither a folder nor in the hub's cache"):
        load_reward_model(str(tmp_path / "nothing"), cache_dir=tmp_path)
    reward = load_reward_model(str(tmp_path / "reward"), cache_dir=tmp_path)
    with pytest.raises(MethodError, match="no next tokens"):
        completion_logprobs(reward, pack(ragged_rows(), [0]))


def test_a_family_without_a_model_for_it_is_refused(model: LanguageModel) -> None:
    class Unknown(type(model.module.config)):  # type: ignore[misc]
        pass

    headed(model)
    model.module.config = Unknown(**model.module.config.to_dict())
    with pytest.raises(MethodError, match="could not be saved"):
        as_reward_model(model)


# --- several processes ------------------------------------------------------------------------


def test_two_processes_train_save_and_drop_a_head_as_one_does(tmp_path: Path) -> None:
    found = {}
    for world in (1, 2):
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.engine.scalar_ranks", str(tmp_path)],
                env={**os.environ, "OMP_NUM_THREADS": "1", "RANK": str(rank),
                     "WORLD_SIZE": str(world),
                     "REGISTRY_RENDEZVOUS": f"file://{tmp_path}/meet-{world}"},
                stderr=subprocess.PIPE, text=True,
            )
            for rank in range(world)
        ]  # fmt: skip
        for worker in workers:
            _, talk = worker.communicate(timeout=200)
            assert worker.returncode == 0, talk
        found[world] = torch.load(tmp_path / f"{world}.pt", weights_only=True)
    for name, one in found[1].items():
        assert torch.allclose(one, found[2][name], rtol=0, atol=2e-5), name
        assert float(one.abs().max()) > 0, name
    assert set(found[1]) == set(found[2])
