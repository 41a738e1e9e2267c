"""The page of triage: how soon a curator would have found the papers of a list held out."""

from __future__ import annotations

from registry.catalog.models import Curve
from registry.core.plural import plural
from registry.publish.figures import figure
from registry.publish.markup import Html, Page, el, facts, heading, items, paragraph, table, when
from registry.publish.numbers import number
from registry.publish.triage_results import Figure, StudyRecord, TriageRecord
from registry.triage.recall_chart import recall_chart

FOLDER = "speed/triage"
_LEAD = (
    "How soon a curator finds the papers of a public list that the ranking has never seen, and how "
    "much need not be read."
)
_HOW = (
    "One list at a time is held out. Its papers that no other list names, hidden among papers of "
    "the same months that no list names, are a pool. The ranking starts from the other lists and "
    "learns from what it shows: after every two papers, later after each tenth.",
    "Every paper of a pool has an abstract, relevant or not: whether one is known would otherwise "
    "tell which papers came from a list.",
    "What no list names counts as irrelevant, though a curator would want some of it. The first "
    "table leaves unlisted papers out of the pools that speak of post-training and of language "
    "models, which flatters; the second keeps them, which is too hard. The truth lies between.",
    "WSS@95 is the share of a pool that need not be read to find 95 % of what is relevant, less "
    "the 5 % that chance saves. RRF@10 is recall when a tenth was shown. ATD is the mean place of "
    "a relevant paper, as a share of the pool: less is better.",
    "Intervals are Student's, over divisions of the unlisted papers. They do not say how much "
    "another list would change.",
)
_MEASURES = (
    ("wss95", "WSS@95"),
    ("rrf10", "RRF@10"),
    ("atd", "ATD"),
    ("average_precision", "Average precision"),
)
_STRATEGIES = {
    "relevance": "likeliest first",
    "uncertainty": "least sure first",
    "random": "at random",
    "newest": "newest first",
    "keyword": "most keywords first",
}


def triage_page(record: TriageRecord | None) -> Page | None:
    """The page ``speed/triage``; None where nothing was measured."""
    if record is None:
        return None
    leaves = record.leaves
    blocks: list[Html] = [
        heading(1, "Triage"),
        el("p", _LEAD, class_="lead"),
        *_study(record.clean, "Without unlisted papers of the field"),
        figure(_recall(record.clean)),
        *_study(record.everything, "With every unlisted paper"),
        figure(_recall(record.everything)),
        heading(2, "Each list"),
        _lists(record),
        heading(2, "Which leaf"),
        paragraph(
            f"Of {plural(leaves.papers, 'listed paper')}, held out by fifths, the first leaf "
            f"suggested is one the lists give in {leaves.leaf:.1%}, its group in "
            f"{leaves.group:.1%}; one of the first three in {leaves.among_three:.1%}. A leaf is "
            f"likely enough to be named for {leaves.named:.1%}, and then right in "
            f"{leaves.leaf_where_named:.1%}. Two lists agree with each other on the leaf of a "
            "shared paper in 48 % and on the group in 65 %."
        ),
        heading(2, "How it is measured"),
        items(_HOW),
        facts(
            [
                ("Judged papers", f"{record.labelled:,}"),
                ("Papers of no list", f"{record.unlisted:,}"),
                ("Training the ranking", f"{number(record.train_seconds)} s"),
                ("Training it after one more decision", f"{number(record.again_seconds)} s"),
                ("Ranking 1,000 candidates", f"{number(record.rank_seconds)} s"),
                ("Device", f"{record.machine.processor}, {plural(record.machine.cores, 'core')}"),
                ("Measured", when(record.day)),
            ]
        ),
    ]
    return Page(FOLDER, "Triage", _LEAD, tuple(blocks))


def _study(study: StudyRecord, title: str) -> list[Html]:
    rows = [
        [_name(one.strategy), *(_said(one.measures[key]) for key, _ in _MEASURES)]
        for one in study.strategies
    ]
    seeds = plural(len(study.seeds), "seed")
    heads = ["Order", *(label for _, label in _MEASURES)]
    caption = f"Means over {plural(len(study.strategies[0].lists), 'list')} and {seeds}"
    return [heading(2, title), table(heads, rows, caption=caption, class_="numbers")]


def _said(found: Figure) -> str:
    low, high = found.interval
    return f"{found.mean:.3f} ({low:.3f} to {high:.3f})"


def _recall(study: StudyRecord) -> Curve:
    lines = (
        (_name(one.strategy), [(point.mean, *point.interval) for point in one.recall])
        for one in study.strategies
    )
    return recall_chart(lines, "Relevant papers found")


def _lists(record: TriageRecord) -> Html:
    best, hard = (study.strategies[0].lists for study in (record.clean, record.everything))
    by_name = {one.held_out: one for one in hard}
    rows = []
    for one in best:
        other = by_name.get(one.held_out)
        rows.append(
            [
                one.held_out,
                f"{one.relevant:.0f} of {one.pool:,.0f}",
                f"{one.measures['wss95']:.3f} of {one.best_wss95:.3f}",
                f"{one.measures['average_precision']:.3f}",
                f"{other.measures['wss95']:.3f} of {other.best_wss95:.3f}" if other else "-",
                f"{other.measures['average_precision']:.3f}" if other else "-",
            ]
        )
    heads = ["Held out", "Relevant, of the pool", "WSS@95 of the best",
             "Average precision", "WSS@95, every paper", "Precision, every paper"]  # fmt: skip
    return table(heads, rows, caption=_name(record.clean.strategies[0].strategy), class_="numbers")


def _name(strategy: str) -> str:
    return _STRATEGIES.get(strategy, strategy)
