"""What a run reads, checked before anything loads: its model, and its task or data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from methods.engine import tasks
from registry.core.errors import UsageError
from registry.runs.options import MethodOptions

TINY, SMALL = "tiny", "smollm2-135m"
_PATH = re.compile(r"[/~]|\.\.?(/|$)")
_HUB = "hub:"
# A name, or a local folder in its place; a split may hold a slice: train[:10%].
_HUB_SOURCE = re.compile(r"(?P<name>[^\s@:]+)(?:@[^\s@:]+)?(?::\S+)?")
_HUB_NAME = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
_HUB_FORM = "hub:org/name[@revision][:split][:stream]"
# What methods.engine.data reads; a test compares, for the registry does not import the engine.
SUFFIXES = (
    ".jsonl", ".ndjson", ".json", ".csv", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".csv.gz",
    ".parquet",
)  # fmt: skip
TASK_ALIASES = {
    "sentiment": "movie-reviews",
    "reviews": "movie-reviews",
    "addition": "chain-sum",
    "sums": "chain-sum",
    "arithmetic": "chain-sum",
    "multiplication": "products",
}
"""What people call the built-in tasks."""

LAYOUTS = ("prompt", "messages", "text", "alpaca", "sharegpt")
_FILES = "a JSONL file, JSON or CSV (each may be gzipped), Parquet"


def task_name(text: str) -> str:
    """``text`` with the built-in name of its task in place of what people call it.

    >>> task_name("sentiment:prefix_words=3")
    'movie-reviews:prefix_words=3'
    """
    name, colon, rest = text.strip().partition(":")
    return TASK_ALIASES.get(name.strip().lower(), name) + colon + rest


def check_sources(
    known: MethodOptions, config: Mapping[str, Any], provenance: Mapping[str, str]
) -> None:
    """Raises UsageError where the model, the task or the data of ``config`` cannot be right.

    ``provenance`` says which options a person gave.
    """
    given = {name for name, origin in provenance.items() if origin in ("file", "user")}
    model, task, data = (config.get(name) for name in ("model", "task", "data"))
    _check_model(str(model or ""))
    if data and task and {"task", "data"} <= given:
        raise UsageError(f"task={task} and data={data} are both given. Allowed: one of them")
    if data and model == TINY:
        raise UsageError(
            f"model={TINY} is trained on a built-in task's own text and cannot read data={data}. "
            f"Allowed with data: {SMALL}, a path, or a hub id"
        )
    if data:
        _check_data(str(data))
        _check_task_only(known, config, given)
    for name in () if data else getattr(known.config, "data_only", ()):
        if name in given and config[name]:
            raise UsageError(
                f"{name}={str(config[name]).lower()} only means something with --data, and none is "
                f"given. Drop {name}"
            )
    if task and not data:
        try:
            tasks.parse_task(str(task))
        except ValueError as error:
            raise UsageError(str(error)) from None


def _check_model(model: str) -> None:
    path = model if Path(model).is_dir() else model.partition("@")[0]
    if _PATH.match(model) and not Path(path).is_dir():
        raise UsageError(
            f"model={model} is no folder here. Allowed: a folder in the Hugging Face layout, "
            f"a hub id (org/name@revision), {TINY}, {SMALL}"
        )


def _check_data(data: str) -> None:
    source, _, layout = data.rpartition("#")
    if not source or layout not in LAYOUTS:
        source = data
    if source.startswith(_HUB):
        _check_hub(data, source)
    elif not Path(source).is_file():
        raise UsageError(f"data={data} is not there. Allowed: {_FILES}, or {_HUB_FORM}")
    elif not source.lower().endswith(SUFFIXES):
        raise UsageError(
            f"data={data} is not a kind of file that can be read. Allowed: a path ending in "
            f"{', '.join(SUFFIXES)}, or {_HUB_FORM}"
        )


def _check_hub(data: str, source: str) -> None:
    found = _HUB_SOURCE.fullmatch(source.removeprefix(_HUB))
    name = found["name"] if found else ""
    folder = Path(name).is_dir() if name else False
    if not folder and (_PATH.match(name) or not _HUB_NAME.fullmatch(name)):
        raise UsageError(
            f"data={data} names no data set. Allowed: {_HUB_FORM}, or a local folder for org/name"
        )
    if source.endswith(":stream") and "[" in source:
        raise UsageError(
            f"data={data}: a slice of a split cannot be streamed. Drop :stream, or the slice"
        )


def _check_task_only(known: MethodOptions, config: Mapping[str, Any], given: set[str]) -> None:
    only: tuple[str, ...] = getattr(known.config, "task_only", ())
    for name in only:
        if name in given:
            raise UsageError(
                f"{name}={config[name]} only means something with a task, and data="
                f"{config['data']} is given. Drop {name}, or say --task instead of --data"
            )
