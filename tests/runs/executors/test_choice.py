from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry.core.errors import UsageError
from registry.runs.executors.choice import Place, build, gigabytes, make_place, minutes
from tests.runs.workplace import Workplace


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("4:00:00", 240), ("1-12", 2160), ("1-12:30", 2190), ("90:30", 91), ("0:0:1", 1)],
)
def test_a_time_is_read_as_slurm_reads_it(text: str, expected: int) -> None:
    assert minutes(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("16G", 16), ("16gb", 16), ("512M", 0.5)])
def test_memory_has_a_unit(text: str, expected: float) -> None:
    assert gigabytes(text) == expected


@pytest.mark.parametrize(
    ("executor", "options", "said"),
    [
        ("k8s", {}, "Allowed: local, slurm, sky"),
        ("local", {"partition": "a"}, "--partition a means nothing to the executor local"),
        ("local", {"wait": True}, "--wait means nothing"),
        ("local", {"workers": 0}, "--workers 0 is not allowed"),
        ("sky", {"workers": 2, "store": "s3://b"}, "It is for: local, slurm"),
        ("slurm", {"time": "soon"}, "--time soon is not a time"),
        ("slurm", {"time": "0"}, "one minute and more"),
        ("slurm", {"mem": "16"}, "Allowed: 16G, 512M"),
        ("slurm", {"gpus": "H100:1"}, "not a number, which slurm needs"),
        ("slurm", {"cluster": "debug"}, "Allowed: slurm, local"),
        ("slurm", {"gpus": "2"}, "each run of a sweep works on one GPU"),
        ("slurm", {"gpus": "0"}, "or no --gpus for a CPU"),
        ("sky", {"gpus": "H100:8", "store": "s3://b"}, "Allowed: H100:1"),
        ("sky", {}, "--store s3://<bucket>"),
    ],
)
def test_an_option_that_a_place_cannot_use_is_refused(
    executor: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        make_place(executor, **options)
    assert said in str(refusal.value)


@pytest.mark.parametrize("store", ["b", "s3://", "s3://b/runs", "az://b", "file:///tmp"])
def test_a_store_that_is_no_bucket_is_refused(
    workplace: Workplace, tmp_path: Path, store: str
) -> None:
    place = make_place("sky", store=store)
    with pytest.raises(UsageError, match="is not a bucket"):
        build(place, tmp_path, "cpu", workplace.settings)


def test_elsewhere_the_device_follows_from_the_gpus_that_are_taken() -> None:
    assert Place(executor="slurm", gpus="1").device("auto") == "cuda"
    assert Place(executor="slurm").device("auto") == "cpu"
    assert Place().device("auto") == "auto"
    with pytest.raises(UsageError, match="--device cuda without --gpus"):
        Place(executor="slurm").device("cuda")
    with pytest.raises(UsageError, match="--device cpu with --gpus 1"):
        Place(executor="slurm", gpus="1").device("cpu")
