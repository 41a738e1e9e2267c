"""Which tokens are seen, and which of them carry the loss."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from methods.engine.batch import Tokens, pack
from methods.engine.data import load_demonstrations
from methods.engine.examples import row
from methods.engine.logprobs import completion_logprobs
from methods.engine.measure import row_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.finetune.sft import sft_loss
from tests.engine.conftest import own_attention, small_model

F64 = torch.float64
TEMPLATE = (
    "{% for m in messages %}[{{ m['role'][0] }}]{{ m['content'] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[a]{% endif %}"
)


def rows_of(seed: int) -> list[Tokens]:
    ids = torch.randint(4, 20, (5, 30), generator=torch.Generator().manual_seed(seed)).tolist()
    shapes = ((3, 9), (8, 2), (1, 1), (12, 13), (5, 5))
    return [Tokens(tuple(r[: p + c]), p) for r, (p, c) in zip(ids, shapes, strict=True)]


def padded_by_transformers(model: LanguageModel, rows: list[Tokens], left: bool, extra: int):
    """Log-probs of the rows in one padded rectangle, as a trainer that pads computes them."""
    width = max(len(r.ids) for r in rows) + extra
    ids = torch.full((len(rows), width), model.pad_id)
    mask = torch.zeros(len(rows), width, dtype=torch.int64)
    starts = []
    for i, r in enumerate(rows):
        starts.append(width - len(r.ids) if left else 0)
        ids[i, starts[i] : starts[i] + len(r.ids)] = torch.tensor(r.ids)
        mask[i, starts[i] : starts[i] + len(r.ids)] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    with own_attention(model), torch.no_grad():
        logits = model.module(ids, attention_mask=mask, position_ids=positions).logits
    logp = torch.log_softmax(logits[:, :-1].double(), -1)
    logp = logp.gather(-1, ids[:, 1:, None])[..., 0]
    return [
        logp[i, starts[i] + r.prompt_length - 1 : starts[i] + len(r.ids) - 1]
        for i, r in enumerate(rows)
    ]


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("extra", [0, 1, 9])
def test_log_probs_are_those_of_any_padding_side_and_amount(left: bool, extra: int) -> None:
    model, rows = small_model(dtype=F64), rows_of(0)
    ours = completion_logprobs(model, pack(rows, range(len(rows))))
    for i, expected in enumerate(padded_by_transformers(model, rows, left, extra)):
        assert torch.allclose(ours[i, : len(expected)], expected, rtol=0, atol=1e-10)


def test_a_model_that_does_its_own_attention_sees_no_padding_either() -> None:
    model, rows = small_model(dtype=F64), rows_of(1)
    expected = completion_logprobs(model, pack(rows, range(len(rows))))
    with own_attention(model):
        model.ragged = False
        for padding in (model.pad_id, model.eos_id):
            model.tokenizer.pad_token_id = padding
            found = completion_logprobs(model, pack(rows, range(len(rows))))
            assert torch.allclose(found, expected, rtol=0, atol=1e-10)


def test_a_row_s_neighbours_in_a_batch_tell_it_nothing() -> None:
    """Packing that leaks: another text in the row before would change the numbers of this one."""
    model = small_model(dtype=F64)
    alone, others = rows_of(2), rows_of(3)
    for i in range(len(alone)):
        expected = row_logprobs(model, [alone[i]])[0]
        company = [*others[:i], alone[i], *others[i:]]
        found = row_logprobs(model, company)[i]
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)  # handed on in float32
        batch = pack(company, range(len(company)))
        logp = completion_logprobs(model, batch)[i]
        once = completion_logprobs(model, pack([alone[i]], [0]))[0]
        assert torch.allclose(logp[: len(once)], once, rtol=0, atol=1e-12)


# --- the end of an answer --------------------------------------------------------------------


@pytest.mark.parametrize("same", [True, False])
def test_the_end_is_learned_also_where_it_is_the_padding_token(same: bool) -> None:
    model = small_model()
    if same:
        model.tokenizer.pad_token = model.tokenizer.eos_token
        assert model.pad_id == model.eos_id
    rows = [row(model, p, a) for p, a in (("1+1=", "2"), ("12+30=", "42"), ("a", "bcdefg"))]
    batch = pack(rows, range(3))
    ends = torch.tensor([r.completion_length for r in rows]) - 1
    assert [r.ids[-1] for r in rows] == [model.eos_id] * 3

    def chance_to_stop() -> torch.Tensor:
        with torch.no_grad():
            return completion_logprobs(model, batch)[range(3), ends].exp()

    before = chance_to_stop()
    optimiser = Optimiser(model, TrainingOptions(learning_rate=0.01))
    for step in range(1, 16):
        logp = completion_logprobs(model, batch)
        optimiser.backward(sft_loss(logp, batch.completion_mask, batch.loss_tokens))
        optimiser.step(step)
    assert (chance_to_stop() > 0.5).all() and (before < 0.3).all()


# --- what of a conversation is learned -------------------------------------------------------


@pytest.fixture
def talking() -> LanguageModel:
    model = small_model()
    model.tokenizer.chat_template = TEMPLATE
    return model


def learned(model: LanguageModel, path: Path, rows: list[list[tuple[str, str]]]) -> list[str]:
    """The tokens of each conversation that carry the loss, as text with special tokens."""
    lines = [
        json.dumps({"messages": [{"role": r, "content": c} for r, c in talk]}) for talk in rows
    ]
    path.write_text("\n".join(lines) + "\n")
    found = [
        row(model, d.prompt, d.completion) for d in load_demonstrations(str(path), model.tokenizer)
    ]
    return [model.tokenizer.decode(list(r.completion)) for r in found]


def test_the_last_answer_of_a_conversation_and_its_end_are_learned_and_nothing_else(
    talking: LanguageModel, tmp_path: Path
) -> None:
    talks = [
        [("user", "1+1"), ("assistant", "2")],
        [("system", "add"), ("user", "1+1"), ("assistant", "2"), ("user", "3+4"), ("assistant", "7")],
        [("user", "7"), ("assistant", "7 7")],
    ]  # fmt: skip
    assert learned(talking, tmp_path / "a.jsonl", talks) == ["2<eos>", "7<eos>", "7 7<eos>"]


def test_a_template_without_marks_for_generation_learns_the_same(
    talking: LanguageModel, tmp_path: Path
) -> None:
    """Peers that ask the template for the mask get all ones, or none, where it has no marks."""
    talk = [("user", "ab"), ("assistant", "cd"), ("user", "ef"), ("assistant", "gh")]
    plain = learned(talking, tmp_path / "a.jsonl", [talk])
    talking.tokenizer.chat_template = TEMPLATE.replace(
        "{{ m['content'] }}", "{% generation %}{{ m['content'] }}{% endgeneration %}"
    )
    assert learned(talking, tmp_path / "b.jsonl", [talk]) == plain == ["gh<eos>"]
