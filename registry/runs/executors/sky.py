"""SkyPilot: a managed job for each run, described by a task file that a person can read first.

SkyPilot is not imported: its own command ``sky`` does the launching, so that it may live in an
environment of its own. The runs work in a bucket, mounted on the machines; a run that loses its
machine goes on from its checkpoint there, and its folder is brought home when it has ended.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from registry import __version__
from registry.core.atomic import write_atomic
from registry.core.errors import RunError, UsageError
from registry.runs.executors.job import Ended, Job, Report, Say, as_it_stands
from registry.runs.records import read_run

RUNS = "/registry-runs"
"""Where the bucket is mounted on a machine."""

_SPEC = "~/registry-spec/spec.json"
_CACHE = "/var/tmp/posttrain-registry"  # noqa: S108  a machine of the run's own
_ENV = "~/registry-env"
_INSTALL = f"""\
set -eu
python3 -m pip install --quiet uv
python3 -m uv venv --quiet --allow-existing --python 3.11 {_ENV}
python3 -m uv pip install --quiet --python {_ENV}/bin/python"""
_RUN = """\
set -eu
run={runs}/{run_id}
mkdir -p "$run"
# A job that goes on on a new machine finds its folder as it left it.
test -f "$run/spec.json" || cp {spec} "$run/spec.json"
exec {env}/bin/registry run {method} --resume "$run"
"""
_FETCH = {
    "s3": ("aws", "s3", "sync", "--only-show-errors", "--exclude", "checkpoints/*"),
    "gs": ("gcloud", "storage", "rsync", "--recursive", "--exclude=^checkpoints/.*"),
}


class SkyJobs:
    """Writes a task file for each job; with ``start`` it has SkyPilot launch them.

    ``folder`` takes the task files. ``store`` is the bucket (``s3://...`` or ``gs://...``),
    ``gpus`` SkyPilot's accelerators (``H100:1``), ``infra`` its place (``aws``, ``k8s``),
    ``memory`` GB. ``checkout`` is the code to send; None installs the released package.
    """

    def __init__(
        self,
        folder: Path,
        *,
        store: str,
        gpus: str | None = None,
        infra: str | None = None,
        memory: float | None = None,
        checkout: Path | None = None,
        start: bool = False,
    ) -> None:
        self.workers: int | None = None
        scheme, _, bucket = store.partition("://")
        if scheme not in _FETCH or not bucket.strip("/") or "/" in bucket.strip("/"):
            raise UsageError(
                f"--store {store} is not a bucket. Allowed: s3://<bucket> or gs://<bucket>"
            )
        self._folder, self._start, self._checkout = folder, start, checkout
        self._scheme, self._store = scheme, f"{scheme}://{bucket.strip('/')}"
        wanted = {
            "infra": infra,
            "accelerators": gpus,
            "memory": None if memory is None else f"{memory:g}+",
        }
        self._resources = {name: value for name, value in wanted.items() if value}

    def busy(self, jobs: Sequence[Job]) -> frozenset[str]:
        """Runs whose managed job has not ended, as ``sky jobs queue`` says.

        Raises RunError where SkyPilot is not here or does not answer.
        """
        if not self._launched() & {job.run_id for job in jobs}:
            return frozenset()
        text = self._command("sky", "jobs", "queue", "--skip-finished", "--all", "--output", "json")
        try:
            found = json.loads(text)
            rows = found if isinstance(found, list) else found["jobs"]
            names = {str(row.get("job_name", row.get("name"))) for row in rows}
        except (ValueError, KeyError, AttributeError, TypeError):
            raise RunError("`sky jobs queue --output json` says nothing we can read") from None
        return frozenset(names & {job.run_id for job in jobs})

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """The task files."""
        return [self._text(job) for job in jobs]

    def run(self, jobs: Sequence[Job], report: Report, say: Say) -> None:
        """Bring home what has ended; write the task files of the rest, and launch them if asked."""
        there, launched = self.busy(jobs), self._launched()
        for job in jobs:
            if job.run_id in there:
                report(Ended(job, "handed over", "its managed job has not ended"))
                continue
            if job.run_id in launched:
                say(f"{job.name}: bringing its folder home")
                self._fetch(job)
                if read_run(job.folder).state == "finished":
                    report(Ended(job, "finished"))
                    continue
            path = self._write(job)
            if self._start:
                self._command("sky", "jobs", "launch", "--yes", "--detach-run", str(path))
                launched |= {job.run_id}
                write_atomic(self._folder / "launched.json", json.dumps(sorted(launched)) + "\n")
                report(Ended(job, "handed over", f"managed job {job.run_id}"))
            elif job.run_id in launched:
                report(as_it_stands(job, "its managed job ended and left no result in the bucket"))
            else:
                report(Ended(job, "handed over", f"not launched; its task file is {path}"))

    def _write(self, job: Job) -> Path:
        spec = json.loads((job.folder / "spec.json").read_bytes()) | {"cache_dir": _CACHE}
        write_atomic(self._spec(job), json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
        path = self._folder / f"{job.run_id}.yaml"
        write_atomic(path, self._text(job))
        return path

    def _launched(self) -> frozenset[str]:
        try:
            return frozenset(json.loads((self._folder / "launched.json").read_bytes()))
        except FileNotFoundError:
            return frozenset()

    def _text(self, job: Job) -> str:
        config = {
            "name": job.run_id,
            **({"workdir": str(self._checkout)} if self._checkout else {}),
            "resources": self._resources,
            "file_mounts": {
                _SPEC: str(self._spec(job)),
                # Cached: a run appends to its logs, which a plain mount of a bucket cannot.
                RUNS: {"source": self._store, "mode": "MOUNT_CACHED"},
            },
            "setup": self._setup(),
            "run": _RUN.format(
                runs=RUNS, run_id=job.run_id, spec=_SPEC, env=_ENV, method=job.method
            ),
        }
        return yaml.dump(config, Dumper=_Readable, sort_keys=False, width=1000)

    def _setup(self) -> str:
        if self._checkout is None:
            return f"{_INSTALL} 'posttrain-registry[run]=={__version__}'\n"
        pins = " -c constraints.txt" if (self._checkout / "constraints.txt").is_file() else ""
        return f"{_INSTALL}{pins} -e '.[run]'\n"

    def _spec(self, job: Job) -> Path:
        """The spec as the machine gets it."""
        return self._folder / f"{job.run_id}.spec.json"

    def _fetch(self, job: Job) -> None:
        source = f"{self._store}/{job.run_id}"
        self._command(*_FETCH[self._scheme], source, str(job.folder))

    def _command(self, *words: str) -> str:
        if shutil.which(words[0]) is None:
            how = "uv tool install skypilot" if words[0] == "sky" else f"install {words[0]}"
            raise RunError(f"the executor sky needs the command {words[0]}, not found here: {how}")
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise RunError(f"`{' '.join(words[:3])} ...` ended with exit code {done.returncode}")
        return done.stdout


class _Readable(yaml.SafeDumper):
    """Writes a text of several lines as such, so that a person can read the task file."""


def _text_block(dumper: yaml.SafeDumper, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text_block)
