"""A method's options as facts for a help page or a table, and their values checked from text.

Everything is read from the method's ``Config`` (``methods.index.read_config``); no torch.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from methods.engine.options import Options
from methods.index import MethodInfo, read_config
from registry.core.errors import UsageError


@dataclass(frozen=True)
class OptionFacts:
    """One option: its default, the default each built-in model has instead, bounds, source."""

    name: str
    kind: str  # "int", "float", "text", "true|false", "a|b|c", "list"
    what: str
    unit: str
    source: str
    default: Any
    presets: Mapping[str, Any]
    allowed: str
    nullable: bool = False  # none means that there is no value; it may be a choice like others too

    @property
    def flag(self) -> str:
        """The option as it is typed: ``--learning-rate``."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True)
class MethodOptions:
    """The options of one method, and how a text becomes a checked configuration."""

    method: str
    config: type[Options]
    presets: Mapping[str, Mapping[str, Any]]
    options: tuple[OptionFacts, ...]

    def get(self, name: str) -> OptionFacts | None:
        """The option called ``name``, written with dashes or underscores."""
        plain = name.replace("-", "_")
        return next((option for option in self.options if option.name == plain), None)

    def require(self, name: str, value: object, origin: str) -> OptionFacts:
        """The option called ``name``. Raises UsageError naming option, value and nearest names."""
        option = self.get(name)
        if option is None:
            raise UsageError(
                f"unknown option '{name}' of {self.method} ({name}={value} from {origin})."
                f"{nearest(name, (o.name for o in self.options))} "
                f"All options: registry run {self.method} --help"
            )
        return option

    def check(self, values: Mapping[str, Any], origins: Mapping[str, str]) -> dict[str, Any]:
        """``values`` over the defaults, checked, as plain JSON values.

        ``origins`` says where each value was given. Raises UsageError with option, value, what is
        allowed and the nearest choice, for every option that is refused.
        """
        try:
            return self.config.model_validate(dict(values)).model_dump(mode="json")
        except ValidationError as error:
            said = [self._refusal(fault, values, origins) for fault in error.errors()]
            raise UsageError(f"{self.method}: {'; '.join(dict.fromkeys(said))}") from None

    def _refusal(
        self, fault: Mapping[str, Any], values: Mapping[str, Any], origins: Mapping[str, str]
    ) -> str:
        where = str(fault["loc"][0]) if fault["loc"] else ""
        option = self.get(where)
        # A check of several options together has no place: its message says all there is.
        message = " ".join(str(fault["msg"]).removeprefix("Value error, ").split())
        if option is None or where not in values:
            return message
        value = values[where]
        origin = f" (from {origins[where]})" if where in origins else ""
        if fault["type"] == "value_error":
            return f"{where}={value} is refused{origin}: {message}"
        hint = nearest(str(value), option.allowed.split(" or ")) if " or " in option.allowed else ""
        return (
            f"{where}={value} is not allowed{origin}. Allowed: {option.allowed}.{hint} "
            f"Default: {show_value(option.default)}"
        )


@lru_cache(maxsize=32)
def options_of(info: MethodInfo) -> MethodOptions:
    """The options of ``info``'s method, in the order of its ``Config``: its own before shared."""
    config, presets = read_config(info)
    properties = config.model_json_schema()["properties"]
    own = [name for name in properties if name in config.__annotations__]
    order = own + [name for name in properties if name not in own]
    facts = tuple(_facts(config, presets, name, properties[name]) for name in order)
    return MethodOptions(info.slug, config, presets, facts)


def from_text(option: OptionFacts, text: str) -> Any:
    """The value that ``text`` stands for, not yet checked; numbers stay text for the check."""
    if option.kind == "list":
        try:
            return json.loads(text) if text.startswith("[") else text.split(",")
        except ValueError:
            raise UsageError(
                f"{option.name}={text} is not a list. Allowed: a,b,c or JSON [1, 2]"
            ) from None
    if text.lower() in ("none", "null") and option.nullable:
        return None
    return text


def nearest(name: str, known: Iterable[str]) -> str:
    """`` Did you mean ...?`` with the nearest of ``known``, or nothing."""
    near = difflib.get_close_matches(name.replace("-", "_"), list(known), n=2, cutoff=0.55)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def show_value(value: Any) -> str:
    """A value as it is typed on the command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ",".join(show_value(item) for item in value)
    return str(value)


def _facts(
    config: type[Options],
    presets: Mapping[str, Mapping[str, Any]],
    name: str,
    schema: dict[str, Any],
) -> OptionFacts:
    branches = schema.get("anyOf", [schema])
    return OptionFacts(
        name=name,
        kind="|".join(dict.fromkeys(_kind(branch) for branch in branches)),
        what=str(schema.get("description", "")),
        unit=str(schema.get("unit", "")),
        source=str(schema.get("source", "")),
        default=config.model_fields[name].get_default(),
        presets={model: values[name] for model, values in presets.items() if name in values},
        allowed=" or ".join(_allowed(branch, schema) for branch in branches),
        nullable=any(branch.get("type") == "null" for branch in branches),
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return "|".join(show_value(v) for v in schema.get("enum", [schema.get("const")]))
    names = {
        "integer": "int", "number": "float", "string": "text", "boolean": "true|false",
        "array": "list", "null": "none",
    }  # fmt: skip
    return names.get(str(schema.get("type")), "text")


def _allowed(branch: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    if "enum" in branch or "const" in branch:
        return " or ".join(show_value(v) for v in branch.get("enum", [branch.get("const")]))
    kind = branch.get("type")
    if kind == "boolean":
        return "true or false"
    if kind == "null":
        return "none"
    if kind == "array":
        return "a list: a,b,c"
    bounds = [
        f"{sign} {show_value(limit)}"
        for key, sign in (
            ("minimum", ">="), ("exclusiveMinimum", ">"),
            ("maximum", "<="), ("exclusiveMaximum", "<"),
        )
        if (limit := branch.get(key, whole.get(key))) is not None
    ]  # fmt: skip
    noun = {"integer": "a whole number", "number": "a number"}.get(str(kind), "text")
    if kind == "string" and branch.get("minLength", 0):
        noun = "text, not empty"
    return f"{noun} {' and '.join(bounds)}".strip()
