"""Which ``--data`` is taken before anything loads, and what is said of one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from methods.engine import data as engine
from registry.core.errors import UsageError
from registry.runs import plan, sources
from registry.runs.plan import Request, make_plan


def sft(data: str) -> plan.Plan:
    return make_plan(Request("sft", {"data": data}, device="cpu"))


def test_the_kinds_of_files_and_layouts_are_those_that_the_engine_reads() -> None:
    assert sources.SUFFIXES == engine.SUFFIXES
    assert sources.LAYOUTS == engine.LAYOUTS


@pytest.mark.parametrize("suffix", [*sources.SUFFIXES, ".JSONL", ".Csv.GZ"])
@pytest.mark.parametrize("layout", ["", "#alpaca"])
def test_a_file_that_can_be_read_is_taken_with_its_layout(
    tmp_path: Path, suffix: str, layout: str
) -> None:
    path = tmp_path / f"rows{suffix}"
    path.touch()
    assert sft(f"{path}{layout}").config["data"] == f"{path}{layout}"


@pytest.mark.parametrize("name", ["rows.txt", "rows", "rows.jsonl.bz2", "rows.parquet.gz"])
def test_a_file_of_another_kind_is_refused_with_the_kinds_that_can_be_read(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.touch()
    with pytest.raises(UsageError) as caught:
        sft(str(path))
    message = str(caught.value)
    assert message.startswith(f"data={path} is not a kind of file that can be read. Allowed: ")
    assert all(suffix in message for suffix in (*sources.SUFFIXES, "hub:org/name"))


def test_an_unknown_layout_is_part_of_the_name_and_so_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.touch()
    with pytest.raises(UsageError, match=r"rows\.jsonl#sharegtp is not there"):
        sft(f"{path}#sharegtp")
    odd = tmp_path / "odd#1.jsonl"
    odd.touch()
    assert sft(str(odd)).config["data"] == str(odd)


@pytest.mark.parametrize(
    "data",
    ["hub:a/b:stream", "hub:a/b@9f:test:stream", "hub:a/b#alpaca", "hub:a/b@9f:test:stream#text"],
)
def test_a_data_set_of_the_hub_may_be_streamed_and_have_a_layout(data: str) -> None:
    assert sft(data).config["data"] == data


def test_a_slice_of_a_split_cannot_be_streamed() -> None:
    with pytest.raises(UsageError, match=r"hub:a/b:train\[:10%\]:stream: a slice"):
        sft("hub:a/b:train[:10%]:stream")
