"""The first page: what this is, what it holds, the three walks, what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from registry.catalog.models import Evidence
from registry.core.plural import plural
from registry.publish.benchmark_page import FOLDER as SPEED
from registry.publish.families import FAMILIES, by_family
from registry.publish.labels import (
    SCALES,
    VERDICTS,
    evidence_address,
    paper_link,
    verdict_badge,
)
from registry.publish.markup import (
    Child,
    Html,
    Page,
    el,
    facts,
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
_ASKED = 12
_LEAD = (
    "A typed catalog of papers on LLM post-training, in which a method is one readable file that "
    "runs with one command, and a claim stands beside what we measured of it."
)
_WALKS = (
    (
        "A new paper",
        "Fetched from arXiv, accepted by a person, published with its related papers.",
        "registry ingest --ids 2410.08048\n"
        'registry accept 2410.08048 --leaf reward/outcome-verifier --gist "In our own words ..."\n'
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
        *_methods(snapshot),
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


def _methods(snapshot: Snapshot) -> list[Html]:
    rows = [
        (
            FAMILIES[family][0],
            join((inward(HERE, f"methods/{m.info.slug}", m.info.slug) for m in held), Html(", ")),
        )
        for family, held in by_family(snapshot)
    ]
    return [heading(2, "Methods"), facts(rows)] if rows else []


def _measured(snapshot: Snapshot) -> list[Html]:
    found = snapshot.catalog.evidence
    if not found:
        return []
    groups: dict[tuple[str, str], list[Evidence]] = {}
    for one in sorted(found, key=lambda e: (-e.date.toordinal(), e.method, e.claim)):
        groups.setdefault((one.method, one.question), []).append(one)
    rows = [_asked(snapshot, *asked, held) for asked, held in groups.items()]
    tally = Counter[str](one.verdict for one in found)
    counted = [
        join([verdict_badge(verdict), Html(f" {tally[verdict]}")])
        for verdict in VERDICTS
        if tally[verdict]
    ]
    blocks = [
        heading(2, "What we measured"),
        paragraph(join(counted, Html(" &#160; "))),
        table(["Method", "Asked", *SCALES.values()], rows[:_ASKED], class_="overview"),
    ]
    if len(rows) > _ASKED:
        every = inward(HERE, "methods", "Every method with its verdicts")
        blocks.append(paragraph(f"The newest {_ASKED} of {len(rows)} questions. ", every))
    return blocks


def _asked(snapshot: Snapshot, slug: str, question: str, found: Sequence[Evidence]) -> list[Child]:
    method = snapshot.method(slug)
    name = method.info.name if method else slug
    by_scale: dict[str, Evidence] = {one.scale: one for one in found}
    answers = [_answer(by_scale.get(scale)) for scale in SCALES]
    asked = el("span", question, class_="what")
    return [inward(HERE, f"methods/{slug}", name), asked, *answers]


def _answer(one: Evidence | None) -> Child:
    if one is None:
        return "-"
    first = one.comparisons[0] if one.comparisons else None
    said = f"{signed(first.difference)} {interval(first.interval)}" if first else None
    return join(
        [
            inward(HERE, evidence_address(one), verdict_badge(one.verdict)),
            el("span", said, class_="what") if said else None,
        ]
    )


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
    written = [paper for paper in snapshot.papers if not paper.facts_only]
    rows = [
        el(
            "li",
            el("p", paper_link(HERE, p), el("span", when(p.day), class_="faint date")),
            el("p", p.gist) if p.gist else None,
        )
        for p in written[:_NEWEST]
    ]
    every = paragraph(inward(HERE, "papers", plural(len(snapshot.papers), "paper") + " in all"))
    return el("div", el("ol", *rows, class_="related"), every)
