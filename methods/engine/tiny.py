"""The built-in ``tiny``: a small Llama decoder with a character tokenizer, trained on the spot.

It is a start that supervised training has finished with: few labels, learning rate annealed to
zero, so that what a method gains from it is not the rest of an unfinished training. Same model
class, tokenizer interface and code path as a hub model; cached by task and recipe.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from methods.engine import distributed
from methods.engine.batch import Tokens
from methods.engine.cache import build_once
from methods.engine.load import take_over
from methods.engine.model import LanguageModel
from methods.engine.options import TrainingOptions
from methods.engine.tasks.task import Task
from methods.engine.teach import teach

_PAD, _BOS, _EOS, _UNKNOWN = "<pad>", "<bos>", "<eos>", "<unk>"


@dataclass(frozen=True)
class Recipe:
    """How a start is trained. A changed recipe is another model in the cache."""

    labels: int
    steps: int
    batch: int
    learning_rate: float = 3e-3
    layers: int = 4
    width: int = 128
    seed: int = 0
    spread: float = 0.02  # standard deviation of the first weights

    def key(self) -> dict[str, float]:
        """What the cache goes by; a field that came later counts where it is not the old value."""
        fields = asdict(self)
        if self.spread == Recipe.spread:
            del fields["spread"]
        return fields


def recipe(task: Task) -> Recipe:
    """The recipe for ``task``: few labels where answers are checked, all text where scored.

    What the task itself says of it (``start``) goes first.
    """
    if task.kind == "verifiable":
        usual = Recipe(labels=min(400, len(task.train)), steps=300, batch=64)
    else:
        usual = Recipe(labels=len(task.train), steps=1000, batch=16)
    return replace(usual, **(task.start or {}))


def prepare(
    task: Task,
    cache_dir: Path,
    chosen: Recipe | None = None,
    check: Callable[[], None] = lambda: None,
) -> Path:
    """The folder of the start for ``task``, trained first if the cache has none.

    Two processes that ask at once train it once. ``check`` is called at each step and may raise.
    """
    chosen = chosen or recipe(task)
    key = json.dumps([task.name, task.fingerprint, chosen.key()], sort_keys=True)
    name = f"{task.name.split(':')[0]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    with distributed.alone():
        return build_once(
            cache_dir / "tiny" / name, lambda folder: train(task, chosen, check).save(folder)
        )


def tokenizer(alphabet: str) -> PreTrainedTokenizerFast:
    """A character tokenizer: one token a character, a start token in front of a prompt."""
    symbols = [_PAD, _BOS, _EOS, _UNKNOWN, *sorted(set(alphabet))]
    inner = Tokenizer(models.WordLevel({s: i for i, s in enumerate(symbols)}, _UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    inner.post_processor = processors.TemplateProcessing(
        single=f"{_BOS} $A", special_tokens=[(_BOS, symbols.index(_BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=_PAD,
        bos_token=_BOS,
        eos_token=_EOS,
        unk_token=_UNKNOWN,
        clean_up_tokenization_spaces=False,
    )


def untrained(alphabet: str, chosen: Recipe) -> LanguageModel:
    """The architecture with random weights drawn from the recipe's seed."""
    characters = tokenizer(alphabet)
    with torch.random.fork_rng():
        torch.manual_seed(chosen.seed)
        module = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(characters),
                hidden_size=chosen.width,
                intermediate_size=4 * chosen.width,
                num_hidden_layers=chosen.layers,
                num_attention_heads=max(1, chosen.width // 32),
                max_position_embeddings=1024,
                initializer_range=chosen.spread,
                tie_word_embeddings=True,
                bos_token_id=characters.bos_token_id,
                eos_token_id=characters.eos_token_id,
                pad_token_id=characters.pad_token_id,
            )
        )
    model = LanguageModel(module.eval(), characters, "tiny", "untrained")
    take_over(model)
    return model


def train(task: Task, chosen: Recipe, check: Callable[[], None] = lambda: None) -> LanguageModel:
    """Supervised training from random weights, cosine-annealed to zero."""
    model = untrained(task.alphabet, chosen)
    rows = []
    for prompt, completion in task.corpus(chosen.labels):
        ids = model.encode_prompt(prompt)
        rows.append(Tokens((*ids, *model.encode_completion(completion)), len(ids)))
    options = TrainingOptions(
        steps=chosen.steps,
        learning_rate=chosen.learning_rate,
        schedule="cosine",
        warmup_steps=chosen.steps // 20,
        weight_decay=0.01,
    )
    return teach(
        model,
        rows,
        options,
        batch_size=chosen.batch,
        title=f"training tiny on {task.name.split(':')[0]}",
        seed=chosen.seed,
        check=check,
    )
