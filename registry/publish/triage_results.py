"""The record of the triage benchmark, as ``tests/benchmarks/triage.py`` writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.core.errors import RegistryError
from registry.publish.benchmarks import RESULTS

FILE = "triage.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Figure(_Record):
    """A mean with its 95 % interval over seeds."""

    mean: float
    interval: tuple[float, float]


class ListFigures(_Record):
    """One list held out; means over seeds."""

    held_out: str
    relevant: float
    pool: float
    best_wss95: float
    measures: Mapping[str, float]


class StrategyFigures(_Record):
    """A strategy over all lists, with its recall where ``shares`` of a pool were shown."""

    strategy: str
    measures: Mapping[str, Figure]
    recall: tuple[Figure, ...]
    lists: tuple[ListFigures, ...]


class StudyRecord(_Record):
    """One simulation."""

    seeds: tuple[int, ...]
    strategies: tuple[StrategyFigures, ...]


class LeafRecord(_Record):
    """How often the first leaf suggested is one that the labels have; papers held out by fifths."""

    papers: int
    leaf: float
    group: float
    among_three: float
    named: float  # share of the papers for which a leaf is likely enough to be named
    leaf_where_named: float


class Machine(_Record):
    """Where it was measured."""

    processor: str
    cores: int
    python: str


class TriageRecord(_Record):
    """Everything measured of triage."""

    day: date = Field(alias="date")
    machine: Machine
    labelled: int
    unlisted: int
    clean: StudyRecord
    everything: StudyRecord
    leaves: LeafRecord
    train_seconds: float
    again_seconds: float  # after one more decision, in the same process
    rank_seconds: float  # for a thousand candidates


def read_triage(checkout: Path | None) -> TriageRecord | None:
    """The record below ``checkout``, or None. Raises RegistryError where it cannot be read."""
    path = checkout / RESULTS / FILE if checkout else None
    if path is None or not path.is_file():
        return None
    try:
        return TriageRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except ValueError as error:
        said = f"it is no JSON ({error})"
    raise RegistryError(f"{path}, {said}. Run the benchmark again, or remove the file.")
