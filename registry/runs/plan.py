"""From a request to a plan: every option resolved, checked, and with where its value comes from.

Precedence, the later over the earlier: the default of the method's ``Config``, the preset of the
model, the configuration file, what the person gave. Nothing is loaded and nothing is written here.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from registry.core.errors import UsageError
from registry.runs.config_file import read_config_file
from registry.runs.device import resolve_device
from registry.runs.known import find_method
from registry.runs.options import MethodOptions, from_text, options_of, show_value
from registry.runs.sources import SMALL, TINY, check_sources, task_name

__all__ = ["Plan", "Provenance", "Request", "find_method", "make_plan", "parse_assignments"]

Provenance = Literal["default", "preset", "file", "user"]
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Request:
    """What a person asks for; ``given`` maps an option to its value as typed, or as a value.

    ``method`` is a slug, or the path of a file.
    """

    method: str
    given: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    device: str = "auto"
    config_file: Path | None = None


@dataclass(frozen=True)
class Plan:
    """A run ready to be started. ``command`` runs it again."""

    method: str
    paper: str
    config: Mapping[str, Any]
    provenance: Mapping[str, Provenance]
    seed: int
    device: str
    command: str
    source: str | None = None  # the method's file, where it stands in no package

    @property
    def config_sha256(self) -> str:
        """Hash of the resolved configuration, as the worker computes it."""
        return hashlib.sha256(json.dumps(dict(self.config), sort_keys=True).encode()).hexdigest()


def make_plan(request: Request) -> Plan:
    """The plan for ``request``.

    Raises UsageError naming option, value, what is allowed and the nearest, before anything loads.
    """
    info = find_method(request.method)
    known = options_of(info)
    if not 0 <= request.seed <= _LARGEST_SEED:
        raise UsageError(f"--seed {request.seed} is not allowed. Allowed: 0 to {_LARGEST_SEED}")
    device = resolve_device(request.device)
    from_file = read_config_file(request.config_file) if request.config_file else {}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    provenance: dict[str, Provenance] = {option.name: "default" for option in known.options}
    for name, (text, origin) in from_file.items():
        _put(known, name, text, origin, values, origins)
        provenance[name] = "file"
    for name, value in request.given.items():
        plain = _put(known, name, value, "the command line", values, origins)
        provenance[plain] = "user"
    _resolve_model(known, values, device)
    for name, value in _preset(known, str(values.get("model", ""))).items():
        if name not in values:
            values[name], provenance[name] = value, "preset"
    config = known.check(values, origins)
    check_sources(known, config, provenance)
    command = _command(request, device, provenance)
    source = str(info.path) if info.is_file else None
    return Plan(info.slug, info.paper, config, provenance, request.seed, device, command, source)


def parse_assignments(texts: Sequence[str]) -> dict[str, str]:
    """``key=value`` texts of ``--set`` as a mapping. Raises UsageError where one is not that."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        if not equals or not name:
            raise UsageError(
                f"--set {text} is not an assignment. Allowed: --set learning_rate=1e-4"
            )
        if name in found:
            raise UsageError(f"--set {name} is given twice: {found[name]} and {value}. Keep one")
        found[name] = value.strip()
    return found


def _put(
    known: MethodOptions,
    name: str,
    value: Any,
    origin: str,
    values: dict[str, Any],
    origins: dict[str, str],
) -> str:
    if name in ("model", "task", "data") and known.get(name) is None:
        takes = ", ".join(o.name for o in known.options if o.name in ("model", "task", "data"))
        raise UsageError(
            f"{known.method} takes no {name} ({name}={show_value(value)} from {origin}). "
            f"It takes: {takes or 'none of model, task, data'}"
        )
    option = known.require(name, value, origin)
    if option.name in ("model", "data") and str(value).startswith("~"):
        value = str(Path(value).expanduser())  # --model=~/x reaches us as it is typed
    if option.name == "task" and isinstance(value, str):
        value = task_name(value)
    values[option.name] = from_text(option, value) if isinstance(value, str) else value
    origins[option.name] = origin
    return option.name


def _resolve_model(known: MethodOptions, values: dict[str, Any], device: str) -> None:
    option = known.get("model")
    if option is not None and values.get("model", option.default) == "auto":
        # The tiny model learns to write from a task's own text; a person's file has none.
        tiny = device == "cpu" and not values.get("data")
        values["model"] = TINY if tiny else SMALL


def _preset(known: MethodOptions, model: str) -> Mapping[str, Any]:
    return known.presets.get(model.partition("@")[0], {})


def _command(request: Request, device: str, provenance: Mapping[str, str]) -> str:
    words = ["registry", "run", request.method]
    for name in ("model", "task", "data"):
        if provenance.get(name) == "user":
            words += [f"--{name}", show_value(request.given[name])]
    words += ["--seed", str(request.seed), "--device", device]
    if request.config_file:
        words += ["--config", str(request.config_file)]
    for name, value in request.given.items():
        if name not in ("model", "task", "data"):
            words += ["--set", f"{name.replace('-', '_')}={show_value(value)}"]
    return shlex.join(words)
