"""A model's size in numbers, read from its ``config.json``: no weight is loaded.

Where the numbers come from: a folder in the Hugging Face layout, the hub's own cache, or the
built-in models' constants (a test holds those against the real models).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from registry.core.errors import UsageError
from registry.runs.sources import SMALL, TINY

_LARGEST = 16 * 1024 * 1024  # bytes of a config.json or of a safetensors header


@dataclass(frozen=True)
class ModelShape:
    """A decoder-only model. ``parameters`` counts tied weights once."""

    name: str
    layers: int
    width: int
    heads: int
    key_value_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    tied: bool
    gated: bool = True  # three matrices in the feed-forward part, not two
    context: int | None = None  # tokens it reads at most
    counted: int | None = None  # parameters that the weight file lists
    folder: Path | None = None  # where config.json and perhaps tokenizer.json lie

    @property
    def attention_width(self) -> int:
        """Numbers of a token's queries, all heads together."""
        return self.heads * self.head_size

    @property
    def cache_width(self) -> int:
        """Numbers of a token's keys in one layer; its values take as many."""
        return self.key_value_heads * self.head_size

    @property
    def linear_parameters(self) -> int:
        """Weights of one layer's matrices."""
        attention = 2 * self.width * (self.attention_width + self.cache_width)
        return attention + (3 if self.gated else 2) * self.width * self.intermediate

    @property
    def head_parameters(self) -> int:
        """Weights of the matrix that gives the logits."""
        return self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """All weights: what the file lists, else matrices, norms and the two ends."""
        if self.counted is not None:
            return self.counted
        layers = self.layers * (self.linear_parameters + 2 * self.width)
        return layers + self.width + self.head_parameters * (1 if self.tied else 2)

    @property
    def matrices(self) -> int:
        """How many separate weights there are, about."""
        return self.layers * (9 if self.gated else 8) + (2 if self.tied else 3)


# tests/runs/test_shapes.py holds both against what the engine builds and downloads.
BUILT_IN: Mapping[str, ModelShape] = {
    # The vocabulary is a task's alphabet and four marks; 20 where the task is not known.
    TINY: ModelShape(TINY, 4, 128, 4, 4, 32, 512, 20, tied=True, context=1024),
    SMALL: ModelShape(SMALL, 30, 576, 9, 3, 64, 1536, 49152, tied=True, context=8192),
}
_SMALL_FOLDERS = ("smollm2-135m-instruct", "smollm2-135m-instruct-q4_1")


def model_shape(name: str, cache_dir: Path, alphabet: int | None = None) -> ModelShape:
    """The shape of the model called ``name``, as ``registry run`` takes names.

    ``alphabet`` is how many characters the task of ``tiny`` is written in. Raises UsageError where
    there is no config.json to read, or it is not that of a decoder-only model.
    """
    if name == TINY:
        shape = BUILT_IN[TINY]
        return replace(shape, vocabulary=alphabet + 4) if alphabet else shape
    if name == SMALL:
        folders = [cache_dir / "models" / folder for folder in _SMALL_FOLDERS]
        found = next((f for f in folders if (f / "tokenizer.json").is_file()), None)
        return replace(BUILT_IN[SMALL], folder=found)
    folder = Path(name) if Path(name).is_dir() else _hub_folder(name)
    if folder is None or not (folder / "config.json").is_file():
        raise UsageError(
            f"model={name} has no config.json here, so its size is not known. Allowed: a folder in "
            f"the Hugging Face layout, a model in the hub's cache (hf download {name} config.json "
            f"tokenizer.json), {', '.join(BUILT_IN)}"
        )
    return read_shape(folder, name)


def read_shape(folder: Path, name: str) -> ModelShape:
    """The shape that ``folder/config.json`` says. Raises UsageError where it says none."""
    path = folder / "config.json"
    try:
        whole = _read_json(path.read_bytes()[:_LARGEST])
        config = whole.get("text_config") or whole
        width, heads = (
            _number(config, "hidden_size", "n_embd"),
            _number(config, "num_attention_heads", "n_head"),
        )
        inner = config.get("intermediate_size") or config.get("n_inner") or config.get("ffn_dim")
        shape = ModelShape(
            name=name,
            layers=_number(config, "num_hidden_layers", "n_layer"),
            width=width,
            heads=heads,
            key_value_heads=int(config.get("num_key_value_heads") or heads),
            head_size=int(config.get("head_dim") or width // heads),
            intermediate=int(inner or 4 * width),
            vocabulary=_number(config, "vocab_size"),
            tied=bool(whole.get("tie_word_embeddings", config.get("tie_word_embeddings", True))),
            gated=str(config.get("model_type")) not in ("gpt2", "gpt_neox", "opt", "phi", "bloom"),
            context=config.get("max_position_embeddings") or config.get("n_positions"),
            folder=folder,
        )
    except (OSError, ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise UsageError(
            f"{path} does not say the size of a decoder-only model ({error}). Allowed: a model "
            "with hidden_size, num_hidden_layers, num_attention_heads and vocab_size"
        ) from None
    return replace(shape, counted=_counted(folder, shape))


def _counted(folder: Path, shape: ModelShape) -> int | None:
    """Parameters that the headers of the safetensors files list, None where a file is missing."""
    files = sorted(folder.glob("*.safetensors"))
    index = folder / "model.safetensors.index.json"
    try:
        if index.is_file():
            named = set(_read_json(index.read_bytes()[:_LARGEST])["weight_map"].values())
            files = [folder / str(file) for file in sorted(named)]
        tensors: dict[str, int] = {}
        for file in files:
            with file.open("rb") as stream:
                size = int.from_bytes(stream.read(8), "little")
                header = _read_json(stream.read(size if size <= _LARGEST else 0))
            for name, entry in header.items():
                if name != "__metadata__":
                    count = 1
                    for side in entry["shape"]:
                        count *= int(side)
                    tensors[name] = count
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if shape.tied and "lm_head.weight" in tensors and len(tensors) > 1:
        del tensors["lm_head.weight"]
    return sum(tensors.values()) or None


def _hub_folder(name: str) -> Path | None:
    """The newest snapshot of ``org/name[@revision]`` in the hub's cache."""
    repository, _, revision = name.partition("@")
    home = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    root = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    base = Path(home) if home else root / "hub"
    folder = base / f"models--{repository.replace('/', '--')}"
    reference = folder / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else revision
    snapshot = folder / "snapshots" / commit if commit else None
    return snapshot if snapshot is not None and snapshot.is_dir() else None


def _number(config: Mapping[str, Any], *names: str) -> int:
    value = next((config[name] for name in names if config.get(name) is not None), None)
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"no {names[0]}")
    return value


def _read_json(data: bytes) -> dict[str, Any]:
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
