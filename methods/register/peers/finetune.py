"""The finetune methods beside their peers."""

from __future__ import annotations

from methods.register.facts import PeerCheck

_FOLDER = "tests/methods/parity/finetune"
_HOOK = "neftune_post_forward_hook"

FINETUNE: tuple[PeerCheck, ...] = (
    PeerCheck(
        "sft",
        "trl",
        "1.16.0",
        "SFTTrainer, loss_type='nll'",
        2.872356725455685,
        2.872356725455685,
        0.0,
        f"{_FOLDER}/test_trl.py::test_sft_is_trl_s_nll_loss_also_over_micro_batches",
    ),
    PeerCheck(
        "dft",
        "trl",
        "1.16.0",
        "SFTTrainer, loss_type='dft'",
        0.17129522017337578,
        0.17129522017337578,
        0.0,
        f"{_FOLDER}/test_trl.py::test_dft_is_trl_s_dft_loss_also_over_micro_batches",
    ),
    PeerCheck(
        "neftune",
        "transformers",
        "5.23.0",
        f"{_HOOK}, a row as wide as its batch",
        68.15021809889927,
        68.1502157549559,
        1.93e-8,
        f"{_FOLDER}/test_transformers.py::"
        "test_the_noise_of_a_row_is_transformers_where_nothing_is_padded",
    ),
    PeerCheck(
        "neftune",
        "transformers",
        "5.23.0",
        f"{_HOOK}, a row of 3 tokens padded to 7",
        20.243311278794135,
        15.874014114242994,
        0.16251812340837926,
        f"{_FOLDER}/test_transformers.py::"
        "test_transformers_counts_padding_and_gives_a_short_row_less_noise",
        knob="L",
        does="takes the width of the padded batch for the length of every row in it",
    ),
)
