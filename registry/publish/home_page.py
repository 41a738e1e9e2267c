"""The first page: what this is, what it holds, the three walks, what is new."""

from __future__ import annotations

from registry.core.plural import plural
from registry.publish.benchmark_page import FOLDER as SPEED
from registry.publish.labels import SCALES, evidence_address, paper_link, verdict_badge
from registry.publish.markup import (
    Child,
    Html,
    Page,
    el,
    heading,
    inward,
    join,
    listing,
    paragraph,
    table,
    when,
)
from registry.publish.numbers import interval, number, signed
from registry.publish.run_pages import with_interval
from registry.publish.snapshot import RunFacts, Snapshot

HERE = ""
_NEWEST = 6
_LEAD = (
    "A typed catalog of papers on LLM post-training, in which a method is one readable file that "
    "runs with one command, and a claim stands beside what we measured of it."
)
_WALKS = (
    (
        "A new paper",
        "Fetched from arXiv, accepted by a person, published with its related papers.",
        "registry ingest --ids 2402.14740\n"
        'registry accept 2402.14740 --leaf rl/reinforce-family --gist "In our own words ..."\n'
        "registry publish",
    ),
    (
        "A run",
        "A method on a real language model. Its folder keeps the command, the configuration, "
        "every step and the samples.",
        "registry run grpo\nregistry runs list\nregistry runs show RUN",
    ),
    (
        "A claim",
        "Several seeds against control arms, an interval, a verdict, and how to do it again.",
        "registry verify dpo\nregistry show dpo",
    ),
)


def home_page(snapshot: Snapshot) -> Page:
    """The page ``/``."""
    blocks: list[Html] = [
        heading(1, "Post-Training Registry"),
        el("p", _LEAD, class_="lead"),
        _counts(snapshot),
        *_measured(snapshot),
        *_speed(snapshot),
        heading(2, "Three walks"),
        el("div", *(_walk(*walk) for walk in _WALKS), class_="cards walks"),
        heading(2, "Latest run"),
        _latest(snapshot),
        heading(2, "Newest papers"),
        _newest(snapshot),
    ]
    return Page(HERE, "Post-Training Registry", _LEAD, tuple(blocks), wide=True)


def _counts(snapshot: Snapshot) -> Html:
    claims = sum(len(paper.claims) for paper in snapshot.papers)
    surveys = len(snapshot.catalog.surveys)
    counts = [
        ("papers", len(snapshot.papers), "paper"),
        ("surveys", surveys, "tracked survey"),
        ("methods", len(snapshot.methods), "method"),
        ("papers", claims, "claim"),
        ("methods", len(snapshot.catalog.evidence), "experiment"),
        ("runs", len(snapshot.runs) + snapshot.runs_left_out, "run"),
    ]
    return el("div", *(_count(*one) for one in counts), class_="counts")


def _count(target: str, count: int, noun: str) -> Html:
    said = plural(count, noun).partition(" ")[2]
    inner = join([el("strong", f"{count:,}"), Html(" "), el("span", said)])
    return inward(HERE, target, inner, class_="count-box")


def _measured(snapshot: Snapshot) -> list[Html]:
    rows: list[list[Child]] = []
    for method in snapshot.methods:
        for one in snapshot.evidence_of(method=method.info.slug):
            first = one.comparisons[0] if one.comparisons else None
            rows.append(
                [
                    inward(HERE, f"methods/{method.info.slug}", method.info.name),
                    el("span", one.question, class_="what"),
                    SCALES[one.scale],
                    signed(first.difference) + f" {interval(first.interval)}" if first else "-",
                    inward(HERE, evidence_address(one), verdict_badge(one.verdict)),
                ]
            )
    if not rows:
        return []
    columns = ["Method", "Asked", "Model", "Difference", "Verdict"]
    return [heading(2, "What we measured"), table(columns, rows, class_="overview")]


def _speed(snapshot: Snapshot) -> list[Html]:
    if not snapshot.benchmarks:
        return []
    found = snapshot.benchmarks
    parts = (
        ("a training step beside TRL's", found.steps),
        ("predictions beside runs", found.plan),
        ("how fast commands start", found.startup),
    )
    said = ", ".join(words for words, record in parts if record)
    return [paragraph(inward(HERE, SPEED, "Speed"), f": {said}.")]


def _walk(title: str, said: str, commands: str) -> Html:
    return el("div", el("h3", title), paragraph(said), listing(commands), class_="card")


def _latest(snapshot: Snapshot) -> Html:
    finished = [run for run in snapshot.runs if run.record.state == "finished"]
    if not finished:
        return paragraph("None is kept here yet: ", el("code", "registry run grpo"), " makes one.")
    return _run_card(snapshot, finished[0])


def _run_card(snapshot: Snapshot, run: RunFacts) -> Html:
    record = run.record
    method = snapshot.method(record.method)
    name = method.info.name if method else record.method
    measure = record.results.key_measure if record.results else None
    started = record.started.strftime("%Y-%m-%d %H:%M UTC, ") if record.started else ""
    model = record.manifest.model if record.manifest else None
    about = f"{started}{model.name if model else 'model not recorded'}"
    figures: Html | None = None
    if measure:
        arrow = el("span", " to ", class_="faint") if measure.before is not None else None
        figures = el(
            "p",
            f"{measure.title or measure.name}: ",
            el("strong", number(measure.before)) if measure.before is not None else None,
            arrow,
            el("strong", with_interval(measure.after, measure.after_interval)),
            class_="figures-line",
        )
    return el(
        "div",
        el("p", inward(HERE, run.folder, name, class_="card-title")),
        el("p", about, class_="faint"),
        figures,
        class_="card",
    )


def _newest(snapshot: Snapshot) -> Html:
    rows = [
        el(
            "li",
            el("p", paper_link(HERE, p), el("span", when(p.submitted), class_="faint date")),
            el("p", p.gist),
        )
        for p in snapshot.papers[:_NEWEST]
    ]
    every = paragraph(inward(HERE, "papers", plural(len(snapshot.papers), "paper") + " in all"))
    return el("div", el("ol", *rows, class_="related"), every)
