"""What every method must have, by looping over the register: a new entry is held to all of it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import typing
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

import methods
from methods.engine.load import BUILT_IN
from methods.engine.options import ModelChoice, Options, TrainingOptions
from methods.engine.tasks import parse_task
from methods.index import (
    METHODS,
    Family,
    MethodInfo,
    MethodStatus,
    find,
    read_config,
    read_source,
)
from registry.core.ids import ArxivId
from registry.runs.code import imported

ROOT = Path(methods.__file__).resolve().parent
LINES = 300
SHARED = set(TrainingOptions.model_fields)

each_method = pytest.mark.parametrize("info", METHODS, ids=lambda m: m.slug)


# --- the list ---------------------------------------------------------------------------------


def test_slugs_and_names_are_unique_and_in_order():
    slugs = [m.slug for m in METHODS]
    assert slugs == sorted(set(slugs))
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug) for slug in slugs)
    assert max(Counter(m.name for m in METHODS).values()) == 1


def test_every_file_in_a_family_s_folder_is_a_registered_method_or_serves_one():
    registered = {m.path for m in METHODS}
    trees = {p: ast.parse(p.read_text(encoding="utf-8")) for p in ROOT.rglob("*.py")}
    imported = {
        module
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for module in (node.module, *(f"{node.module}.{name.name}" for name in node.names))
    }
    for family in typing.get_args(Family):
        for path in (ROOT / family).glob("*.py"):
            module = ".".join(("methods", family, path.stem))
            runs = any(isinstance(n, ast.FunctionDef) and n.name == "run" for n in trees[path].body)
            if runs:
                assert path in registered, f"{module} has a run and is in no register"
            elif path.stem != "__init__":
                assert module in imported, f"{module} is no method, and nothing imports it"


def test_a_method_is_found_by_its_slug_alone():
    assert all(find(m.slug) is m for m in METHODS)
    assert find("no-such-method") is find("") is find("DPO") is None


# --- the facts --------------------------------------------------------------------------------


@each_method
def test_the_facts_are_complete(info: MethodInfo):
    assert info.family in typing.get_args(Family)
    assert info.status in typing.get_args(MethodStatus)
    assert re.fullmatch(r"\d+\.\d+", info.since)
    assert info.summary.endswith(".")
    assert info.needs
    assert all(need.strip() for need in info.needs)
    assert ArxivId.parse(info.paper) == ArxivId(info.paper, None)  # canonical, no version


@each_method
def test_the_paper_is_in_the_catalog(info: MethodInfo):
    folder = ROOT.parent / "catalog" / "papers"
    assert (folder / f"{info.paper.replace('/', '_')}.yaml").is_file()


@each_method
def test_the_equation_says_where_it_is_printed_and_its_latex_is_balanced(info: MethodInfo):
    latex = info.equation.latex
    assert info.equation.reference.strip()
    assert latex.strip()
    assert latex.isascii()
    assert not {"\n", "\t", "\b", "\f", "\r", "$"} & set(latex)  # a lost backslash leaves these
    assert latex.count("{") == latex.count("}")
    assert len(re.findall(r"\\left\b", latex)) == len(re.findall(r"\\right\b", latex))


@each_method
def test_every_knob_says_what_the_paper_leaves_open_and_what_is_done_here(info: MethodInfo):
    assert info.knobs
    assert len({k.name for k in info.knobs}) == len(info.knobs)
    for knob in info.knobs:
        assert all(text.strip() for text in (knob.name, knob.paper, knob.ours)), knob


# --- the file ---------------------------------------------------------------------------------


@each_method
def test_a_method_reads_in_one_sitting(info: MethodInfo):
    assert info.path.is_file()
    assert read_source(info).line_count < LINES


@each_method
def test_the_docstring_names_the_paper_and_numbers_the_departures(info: MethodInfo):
    source = read_source(info)
    assert source.docstring == inspect.getdoc(importlib.import_module(info.module))
    assert f"arXiv {info.paper}" in source.docstring
    assert "Checked against:" in source.docstring
    section = source.docstring.partition("Departures from the paper")[2].partition("Checked")[0]
    numbers = re.findall(r"^(\d+)\. ", section, re.MULTILINE)
    assert numbers == [str(i + 1) for i in range(len(source.departures))]
    assert len(source.departures) >= 1
    assert all(d[-1] in ".)" and "\n" not in d for d in source.departures)


@each_method
def test_a_run_takes_a_run_and_a_config(info: MethodInfo):
    module = importlib.import_module(info.module)
    assert list(inspect.signature(module.run).parameters) == ["run", "config"]
    assert inspect.getdoc(module.run)


# --- the options ------------------------------------------------------------------------------


@each_method
def test_the_config_read_without_torch_is_the_module_s_own(info: MethodInfo):
    config, presets = read_config(info)
    module = importlib.import_module(info.module)
    assert config is not module.Config
    assert config.model_json_schema() == module.Config.model_json_schema()
    assert config().model_dump() == module.Config().model_dump()
    assert presets == module.PRESETS


def test_listing_methods_and_reading_their_options_imports_no_torch():
    code = (
        "import sys, methods.index as index\n"
        "early = set(sys.modules)\n"
        "for m in index.METHODS:\n"
        "    config, presets = index.read_config(m)\n"
        "    config.model_json_schema(), index.read_source(m), config(**presets['tiny'])\n"
        "heavy = {'torch', 'transformers', 'numpy', 'accelerate', 'tokenizers'}\n"
        "print(sorted(heavy & set(sys.modules)), 'pydantic' in early)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    assert done.stdout.strip() == "[] False"


@each_method
def test_every_option_says_what_it_does_and_where_its_default_comes_from(info: MethodInfo):
    config, _ = read_config(info)
    assert issubclass(config, ModelChoice)
    for name, field in config.model_fields.items():
        assert field.description, name
        assert field.json_schema_extra["source"], name
        assert isinstance(field.json_schema_extra["unit"], str), name


@each_method
def test_unknown_options_and_wrong_values_are_refused(info: MethodInfo):
    config, _ = read_config(info)
    for wrong in ({"no_such_option": 1}, {"model": ""}, {"precision": "float16"}):
        with pytest.raises(ValidationError):
            config(**wrong)
    with pytest.raises(ValidationError):
        config().model = "other"  # frozen


@each_method
def test_the_presets_are_for_built_in_models_and_valid(info: MethodInfo):
    config, presets = read_config(info)
    assert set(presets) == set(BUILT_IN)
    for model, values in presets.items():
        assert set(values) <= set(config.model_fields) - {"model"}
        resolved = config(**{**values, "model": model})
        assert resolved.model_dump().items() >= values.items()  # nothing was coerced


@each_method
def test_the_task_of_the_defaults_and_of_every_preset_exists(info: MethodInfo):
    config, presets = read_config(info)
    if "task" not in config.model_fields:
        assert "data" not in config.model_fields  # it makes its own
        return
    for values in ({}, *presets.values()):
        parse_task(config(**values).task)


# --- options that nobody reads ----------------------------------------------------------------


def read_options(source: str) -> set[str]:
    """Names that ``source`` reads from a config: ``config.name`` or ``self.config.name``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        owner = node.value
        named = isinstance(owner, ast.Name) and owner.id in ("config", "options")
        kept = isinstance(owner, ast.Attribute) and owner.attr == "config"
        if named or kept:
            found.add(node.attr)
    return found


def unread(config: type[Options], method: str, engine: list[str], loop: str = "") -> set[str]:
    """Options that no one reads: the method's file, what it imports, or the engine if shared."""
    shared = set().union(*map(read_options, engine)) & SHARED
    return set(config.model_fields) - read_options(method) - read_options(loop) - shared


def family(info: MethodInfo) -> str:
    """What the method's file imports of ``methods`` but the engine, and what that imports: the
    loop of its family, and of other families that it is built on."""
    return "\n".join(path.read_text() for path in sorted(imported(info) - {info.path.resolve()}))


@pytest.mark.parametrize("info", METHODS, ids=lambda m: m.slug)
def test_every_option_is_read_by_the_method_or_by_the_engine(info: MethodInfo):
    config, _ = read_config(info)
    engine = [p.read_text() for p in (ROOT / "engine").glob("*.py")]
    assert unread(config, read_source(info).code, engine, family(info)) == set()


def test_an_option_that_nobody_reads_is_noticed():
    class Config(Options):
        steps: int = 1  # shared, read by the engine
        beta: float = 0.1
        silent: int = 0
        prompts: int = 0

    method = "def f(config):\n    config.silent_too\n    return config.beta, 'config.silent'"
    engine = ["def g(config, other):\n    return config.steps, config.prompts, other.silent"]
    # A method's own option counts only where the method's own file reads it.
    assert unread(Config, method, engine) == {"silent", "prompts"}
