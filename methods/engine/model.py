"""A language model as the methods see it: text to tokens, tokens to hidden states, a head.

Any decoder-only causal model of transformers: a path, a hub id with an optional revision, or a
built-in. Weights are float32 and come from safetensors; code from a hub is never run.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from methods.engine import adapter, distributed, sharding
from methods.engine.errors import MethodError

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

    from methods.engine.attention import Layout, Packed
    from methods.engine.sharding import Sharded


@dataclass
class LanguageModel:
    """A causal language model with its tokenizer, on one device, in one compute precision."""

    module: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    source: str  # where the weights came from, for the manifest
    precision: str = "float32"
    ragged: bool = False  # takes our attention; else rows are padded and sampled without a cache
    logit_scale: float = 1.0  # what the model multiplies its head's logits by
    sample_batch: int = 256  # answers decoded at once
    adapter: PeftModel | None = None  # LoRA: ``module`` carries it, and only it is trained
    without_adapter: bool = False  # computes as if there were none: the reference
    sharded: Sharded | None = None  # ``module`` in parts, on several processes
    _stops: dict[str, frozenset[int]] = field(default_factory=dict, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.module.device

    @property
    def eos_id(self) -> int:
        """The token that ends a text."""
        return self.tokenizer.eos_token_id

    @property
    def pad_id(self) -> int:
        """A token to fill rows with; the end token where the tokenizer has no other."""
        pad = self.tokenizer.pad_token_id
        return self.eos_id if pad is None else pad

    @property
    def head_weight(self) -> Tensor:
        """(V, D). Raises MethodError where the model is a reward model, which has none."""
        head = self.module.get_output_embeddings()
        if head is None:
            raise MethodError(f"model {self.name!r} is a reward model: it gives no next tokens")
        return head.weight

    @property
    def head_bias(self) -> Tensor | None:
        """(V,), or None as in most models."""
        return getattr(self.module.get_output_embeddings(), "bias", None)

    @property
    def compute_dtype(self) -> torch.dtype:
        """What matrix products are computed in."""
        return torch.bfloat16 if self.precision == "bfloat16" else self.head_weight.dtype

    def states(self, input_ids: Tensor, position_ids: Tensor, layout: Layout) -> Tensor:
        """What the head reads, (S, D), of one flat row of tokens (1, S).

        ``position_ids`` (1, S) count within each sequence; ``layout`` says where each token looks.
        """
        with self.autocast(), self._adapter_off():
            if not self.ragged:
                return self._padded_states(input_ids[0], layout)
            return self.module.base_model(
                input_ids, position_ids=position_ids, layout=layout, use_cache=False
            ).last_hidden_state[0]

    def _padded_states(self, ids: Tensor, layout: Packed) -> Tensor:
        """``states`` of a model that does its own attention: each segment behind its whole past.

        Padding stands behind the last token, where under causal attention no real token sees it.
        """
        width = max(len(s.path) for s in layout.segments)
        rows = ids.new_full((len(layout.segments), width), self.pad_id)
        for row, segment in zip(rows, layout.segments, strict=True):
            row[: len(segment.path)] = ids[list(segment.path)]
        found = self.module.base_model(rows, use_cache=False).last_hidden_state
        return torch.cat(
            [
                states[len(segment.path) - segment.length : len(segment.path)]
                for states, segment in zip(found, layout.segments, strict=True)
            ]
        )

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """Compute in ``precision``; the weights stay float32 either way."""
        if self.precision == "float32":
            yield
        else:
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                yield

    def _adapter_off(self) -> contextlib.AbstractContextManager[None]:
        if self.without_adapter and self.adapter is not None:
            return self.adapter.disable_adapter()
        return contextlib.nullcontext()

    def encode_prompt(self, text: str) -> list[int]:
        """Token ids of a prompt, with the start token where the tokenizer sets one."""
        bos = self.tokenizer.bos_token
        rendered = bool(bos) and text.startswith(bos)  # a chat template put it there already
        ids = self.tokenizer.encode(text, add_special_tokens=not rendered)
        if not ids:
            start = self.tokenizer.bos_token_id
            ids = [self.eos_id if start is None else start]
        return ids

    def encode_completion(self, text: str) -> list[int]:
        """Token ids of a finished answer: its text, then the end token once."""
        return [*self.tokenizer.encode(text, add_special_tokens=False), self.eos_id]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ``ids`` without special tokens, blanks untouched."""
        return self.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )

    def stop_ids(self, stop: str = "") -> frozenset[int]:
        """Tokens that end a sample: the end token and every token that begins with ``stop``,
        which is one character or empty.
        """
        if stop not in self._stops:
            generation = self.module.generation_config
            ends = getattr(generation, "eos_token_id", None)
            # Chat models name the end of a turn there, beside the tokenizer's end of a text.
            ids = {self.eos_id, *(ends if isinstance(ends, list) else [ends] if ends else [])}
            if stop:
                ids.update(i for i in range(len(self.tokenizer)) if self.decode([i])[:1] == stop)
            self._stops[stop] = frozenset(ids)
        return self._stops[stop]

    def require_room(self, tokens: int) -> None:
        """Raise MethodError where a row of ``tokens`` is longer than the model can read."""
        limit = getattr(self.module.config, "max_position_embeddings", None)
        rope = getattr(self.module.config, "rope_parameters", None) or {}
        if rope.get("rope_type") == "longrope":
            # Beyond it transformers turns all rows of a pass by the longest one's frequencies.
            limit = rope["original_max_position_embeddings"]
        if limit is not None and tokens > limit:
            raise MethodError(
                f"a row of {tokens} tokens; model {self.name!r} reads at most {limit}. Shorten the "
                "row, or lower max_new_tokens."
            )

    def parameter_count(self, *, trained: bool = False) -> int:
        """Parameters, all or those that are trained; tied weights count once."""
        return sum(p.numel() for p in self.module.parameters() if p.requires_grad or not trained)

    def fingerprint(self) -> str:
        """SHA-256 over names, shapes and some of each weight: cheap, changes with any training."""
        digest = hashlib.sha256()
        for name, p in self.module.named_parameters():
            flat = p.detach().flatten()
            probe = flat[:: max(1, flat.numel() // 256)].float().cpu().contiguous()
            digest.update(f"{name}{tuple(p.shape)}".encode())
            digest.update(probe.numpy().tobytes())
        return digest.hexdigest()

    def frozen_copy(self) -> LanguageModel:
        """The start as it is now, whose weights never change: the reference model.

        Beside an adapter that is the model under it, without a copy.
        """
        import copy

        if self.adapter is not None:
            return replace(self, without_adapter=True)
        module = copy.deepcopy(self.module).eval().requires_grad_(False)
        return replace(self, module=module)

    def through(self, compute: Callable[[], Tensor]) -> Tensor:
        """``compute()``; a policy in parts does it where FSDP can follow the gradient back."""
        if self.sharded is None or not torch.is_grad_enabled():
            return compute()
        return self.sharded(compute)

    def checkpoint_activations(self) -> None:
        """From now on keep each layer's input alone and compute the rest again going backward.

        Raises MethodError where the model's layers cannot.
        """
        from transformers.modeling_layers import GradientCheckpointingLayer

        layers = [m for m in self.module.modules() if isinstance(m, GradientCheckpointingLayer)]
        if not layers:
            raise MethodError(
                f"model {self.name!r} cannot compute its layers again; use "
                "activation_checkpointing=false and fewer micro_batch_tokens"
            )
        self.module.activation_checkpointing_enable({"use_reentrant": False})
        for layer in layers:
            # The layers do it in training only. What is in them stays as it was: no dropout.
            layer.training = True

    def compile_layers(self) -> None:
        """From now on run the decoder layers through torch.compile, but for their attention.

        Raises MethodError where that cannot work: no compiler, several processes, padded rows.
        """
        from methods.engine import attention

        layers = sharding.decoder_layers(self.module)
        problem = None
        if distributed.size() > 1:
            problem = "with several processes it is not tested; use --nproc 1"
        elif not self.ragged or not layers:
            problem = f"model {self.name!r} does its own attention"
        elif self.device.type == "cpu" and not (shutil.which("g++") or shutil.which("clang++")):
            problem = "on a CPU it needs a C++ compiler: install g++"
        if problem:
            raise MethodError(f"compile_layers=true cannot work here: {problem}")
        attention.keep_out_of_compiler()
        for layer in layers:
            layer.compile(dynamic=True)

    def weights(self) -> dict[str, Tensor]:
        """Every weight under its name in the Hugging Face layout, whole, on the CPU.

        An adapter's alone where there is one. Tied weights are one tensor under several names. All
        processes must call it.
        """
        with sharding.apart(self.sharded):
            if self.adapter is not None:
                named = adapter.tensors(self.module)
            else:
                named = self.module.state_dict(keep_vars=True)
            same: dict[int, Tensor] = {}
            for tensor in named.values():
                if id(tensor) not in same:
                    same[id(tensor)] = sharding.whole(tensor.detach()).cpu()
            return {name: same[id(tensor)] for name, tensor in named.items()}

    def save(self, folder: Path) -> None:
        """Write the Hugging Face layout: config, safetensors, tokenizer; of an adapter PEFT's.

        The first process writes; all must call it.
        """
        weights = self.weights()
        if distributed.is_first():
            self.write(folder, weights)

    def write(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """``save`` with the ``weights()`` at hand."""
        try:
            if self.adapter is not None:
                self.adapter.save_pretrained(folder, state_dict=dict(weights))
                beside = {name: w for name, w in weights.items() if not adapter.is_part(name)}
                if beside:  # a head that is trained whole; PEFT leaves it out
                    save_file(beside, folder / "beside_adapter.safetensors")
            else:
                try:
                    self.module.save_pretrained(folder, state_dict=dict(weights))
                except ValueError:
                    # Some hub models carry sampling defaults that transformers loads and will not
                    # save.
                    self.module.generation_config = _plain_generation_config(self)
                    self.module.save_pretrained(folder, state_dict=dict(weights))
            self.tokenizer.save_pretrained(folder)
        except (OSError, ValueError, SafetensorError) as error:
            raise MethodError(
                f"the model cannot be written to {folder}: {error}. The results are written; free "
                "some space and --resume, or set save_model=false."
            ) from error


def _plain_generation_config(model: LanguageModel) -> GenerationConfig:
    from transformers import GenerationConfig

    old = model.module.generation_config
    return GenerationConfig(eos_token_id=getattr(old, "eos_token_id", model.eos_id))
