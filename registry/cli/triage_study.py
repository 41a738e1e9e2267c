"""``registry triage simulate|suggest|drift``: how good the ranking is, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.cli.triage_group import app
from registry.core.errors import UsageError
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.triage.drift import Drift
    from registry.triage.ranked import Neighbour, Ranked
    from registry.triage.study import Study

LABELS = typer.Option(
    None, "--labels", metavar="FILE", help="Judged papers, JSON lines (.gz): id, title, leaves ..."
)
BACKGROUND = typer.Option(
    None, "--background", metavar="FILE", help="Papers that nobody judged, JSON lines (.gz)."
)


@app.command()
def simulate(
    labels: Path = typer.Option(
        ..., "--labels", metavar="FILE", help="Judged papers, JSON lines (.gz)."
    ),
    background: Path = typer.Option(
        ..., "--background", metavar="FILE", help="Papers that nobody judged, JSON lines (.gz)."
    ),
    strategy: list[str] = typer.Option(
        ["relevance", "random", "newest", "keyword"],
        metavar="NAME",
        help="relevance, uncertainty, margin, entropy, badge, coreset, random, newest or keyword; "
        "repeatable.",
    ),
    seeds: int = typer.Option(3, min=1, help="Divisions of the background; intervals are of them."),
    clean: bool = typer.Option(
        False, "--clean", help="Keep unlisted papers that speak of post-training out of the pools."
    ),
    fewest: int = typer.Option(
        20, min=5, help="Papers that a list alone must name to be held out."
    ),
    pool: int = typer.Option(3000, min=50, help="Unlisted papers in a pool, at most."),
    out: Path | None = typer.Option(None, metavar="FILE", help="Write all figures as JSON."),
    plot: Path | None = typer.Option(None, metavar="FILE", help="Write the recall curves as SVG."),
    as_json: bool = typer.Option(False, "--json", help="All figures as JSON."),
) -> None:
    """Replay labels as if nobody had given them: how soon are the relevant papers found?

    Each list is held out in turn; the ranker starts from the other lists and learns as it screens.

    Example:

        registry triage simulate --labels labels.jsonl.gz --background background.jsonl.gz
        registry triage simulate --labels l.jsonl --background b.jsonl --strategy relevance --clean
    """
    from registry.catalog.files import load_taxonomy
    from registry.triage.label_files import read_background, read_labels
    from registry.triage.simulate import Options
    from registry.triage.study import study

    taxonomy = load_taxonomy(Settings.load().catalog_dir)
    options = Options(tuple(strategy), seeds, fewest, pool, clean=clean)
    found = study(read_labels(labels), read_background(background), taxonomy, options, talk)
    _write(found, out, plot)
    if as_json:
        emit_json(found)
    else:
        _show_study(found)


@app.command()
def suggest(
    paper: str | None = typer.Argument(None, metavar="[ID]", help="A stored paper's id, any form."),
    text: str | None = typer.Option(
        None, "--text", metavar="TEXT", help="A title, then perhaps an abstract on further lines."
    ),
    labels: Path | None = LABELS,
    background: Path | None = BACKGROUND,
    as_json: bool = typer.Option(False, "--json", help="The ranking as JSON."),
) -> None:
    """Say how likely a paper belongs here, which leaves suit it, and why.

    Example:

        registry triage suggest 2402.03300
        registry triage suggest --text "Group-relative advantages for preference optimization"
    """
    from registry.store.engine import open_store
    from registry.triage.documents import Document, of_candidate
    from registry.triage.ranker import load_or_train

    if (paper is None) == (text is None):
        raise UsageError("suggest takes an id or --text. See `registry triage suggest --help`.")
    settings = Settings.load()
    with open_store(settings) as store:
        if text is None:
            document = of_candidate(_stored(store, str(paper)))
        else:
            title, _, abstract = text.partition("\n")
            document = Document("text", " ".join(title.split()), " ".join(abstract.split()))
        ranker = load_or_train(store, settings, labels, background)
    [ranked] = ranker.rank([document])
    if as_json:
        emit_json({**vars(ranked), "title": document.title})
    else:
        _show_ranked(ranked, document.title)


@app.command()
def drift(
    background: Path | None = BACKGROUND,
    months: int = typer.Option(3, min=1, help="How many months count as recent."),
    limit: int = typer.Option(20, min=1, help="Terms at most."),
    likely: float = typer.Option(
        0.2, min=0, max=1, help="Only papers at least so likely to belong here; 0 takes all."
    ),
    labels: Path | None = LABELS,
    as_json: bool = typer.Option(False, "--json", help="What was found as JSON."),
) -> None:
    """Show new frequent terms that no leaf knows, and leaves too large or too small.

    Example:

        registry triage drift
        registry triage drift --background background.jsonl.gz --months 6
    """
    from registry.triage.watch import watch

    found = watch(Settings.load(), labels, background, months, limit, likely)
    if as_json:
        emit_json(found)
    else:
        _show_drift(found)


def _stored(store: Any, text: str) -> Any:
    from registry.core.ids import ArxivId
    from registry.store.queries import candidate

    id_ = ArxivId.parse(text).base
    found = candidate(store, id_)
    if found is None:
        raise UsageError(
            f"{id_} is not in the store. Run `registry ingest --ids {id_}` first, or give its "
            "title and abstract with --text."
        )
    return found


def _write(found: Study, out: Path | None, plot: Path | None) -> None:
    import json

    from registry.cli.output import plain
    from registry.core.atomic import write_atomic
    from registry.runs.plots import line_chart
    from registry.triage.recall_chart import recall_chart

    if out is not None:
        write_atomic(out, json.dumps(plain(found), indent=1, sort_keys=True) + "\n")
        talk(f"figures in {out}")
    if plot is not None:
        chart = recall_chart((one.line for one in found.strategies), "Relevant papers found")
        write_atomic(plot, line_chart(chart))
        talk(f"recall curves in {plot}")


def _show_study(found: Study) -> None:
    def said(figure: Any) -> str:
        return f"{figure.mean:.3f} [{figure.interval[0]:.3f}, {figure.interval[1]:.3f}]"

    heads = ["strategy", "WSS@95", "RRF@10", "ATD", "average precision"]
    rows = [[one.strategy, *(said(one.measures[name]) for name in ("wss95", "rrf10", "atd",
             "average_precision"))] for one in found.strategies]  # fmt: skip
    emit_table(heads, rows)
    first = found.strategies[0]
    emit()
    heads = [f"held out ({first.strategy})", "relevant", "pool", "WSS@95", "at best",
             "average precision"]  # fmt: skip
    emit_table(
        heads,
        (
            [one.held_out, one.relevant, one.pool, one.measures["wss95"], one.best_wss95,
             one.measures["average_precision"]]
            for one in first.lists
        ),
    )  # fmt: skip


def _show_ranked(ranked: Ranked, title: str) -> None:
    reasons = ranked.reasons
    rows: list[tuple[str, str]] = [("relevance", f"{ranked.relevance:.3f}")]
    if ranked.abstains:
        rows.append(("abstains", "too little is known: no abstract, or nothing to learn from"))
    rows += [("leaf", f"{one.leaf} {one.probability:.2f}") for one in ranked.leaves]
    rows += [("for", f"{term} {share:+.1%}") for term, share in reasons.terms_for]
    rows += [("against", f"{term} {share:+.1%}") for term, share in reasons.terms_against]
    rows += [("like accepted", _neighbour(one)) for one in reasons.accepted]
    rows += [("like rejected", _neighbour(one)) for one in reasons.rejected]
    rows += [("names method", slug) for slug in reasons.methods]
    rows += [("author in catalog", name) for name in reasons.authors]
    talk(title)
    emit_table(["what", "says"], rows)


def _neighbour(one: Neighbour) -> str:
    return f"{one.id} {one.similarity:.2f} {one.title}"


def _show_drift(found: Drift) -> None:
    since = found.since.isoformat() if found.since else "nothing"
    talk(f"recent: {found.recent} papers since {since}; earlier: {found.earlier}")
    emit_table(
        ["term", "papers", "share", "before", "growth", "for example"],
        (
            [one.term, one.recent, f"{one.recent_share:.2%}", f"{one.earlier_share:.2%}",
             one.growth, " ".join(one.examples)]
            for one in found.terms
        ),
    )  # fmt: skip
    emit()
    emit_table(
        ["leaf", "papers", "share", "verdict"],
        ([one.leaf, one.papers, f"{one.share:.1%}", one.verdict] for one in found.leaves),
    )
