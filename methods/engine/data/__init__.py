"""Users' data: files and hub data sets in TRL's types, every row checked, read row by row.

    demonstrations   prompt, completion; or messages (the last answer is the completion); or text
    pairs            prompt, chosen, rejected; or whole conversations in chosen and rejected
    prompts          prompt, and optionally answer
    labelled         prompt, completion, label (true or false); or messages, label
    steps            prompt, completions, labels (true or false), the lists of one length

Each prompt, completion, chosen and rejected is plain text or a conversation, a list of
``{"role": ..., "content": ...}``, which the model's own chat template renders. The Alpaca and
ShareGPT layouts are recognised by their columns (``convert``). Columns that no layout names are
ignored, except ``tools``, which is refused.

A source is the path of a JSONL, JSON, CSV (each also gzipped) or Parquet file, or
``hub:org/name[@revision][:split][:stream]`` (split ``train`` unless given; a local folder may stand
for ``org/name``); ``#layout`` behind either says which layout is meant where the columns fit two.
"""

from methods.engine.data.chat import ROLES, ChatTokenizer
from methods.engine.data.load import (
    Loaded,
    load_demonstrations,
    load_labelled,
    load_pairs,
    load_prompts,
    load_steps,
)
from methods.engine.data.sources import LAYOUTS, SUFFIXES, parse_hub, parse_layout
from methods.engine.data.types import (
    Demonstration,
    Labelled,
    Pair,
    Prompt,
    Steps,
    fingerprint,
)

__all__ = [
    "ROLES",
    "ChatTokenizer",
    "Loaded",
    "load_demonstrations",
    "load_labelled",
    "load_pairs",
    "load_prompts",
    "load_steps",
    "LAYOUTS",
    "SUFFIXES",
    "parse_hub",
    "parse_layout",
    "Demonstration",
    "Labelled",
    "Pair",
    "Prompt",
    "Steps",
    "fingerprint",
]
