from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from registry.catalog.files import load_catalog
from registry.core.settings import Settings
from registry.ingest.lists.audit import audit, catalog_document
from registry.ingest.lists.document import Document
from registry.ingest.lists.findings import CODES, Finding, Report
from registry.ingest.lists.knowledge import Knowledge, gather
from registry.ingest.lists.readers import read_json_lines, read_markdown
from registry.ingest.lists.sections import SectionMap
from registry.ingest.lists.titles import TitleIndex, read_pairs
from tests.catalog import fabricated

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
PAIRS = [
    ("2401.00001", "Patient Snails Learn Slowly"),
    ("2402.00002", "Hasty Slugs Forget Quickly in Wet Gardens"),
    ("2402.00002", "Quick Forgetting of Slugs under Rain"),
    ("2403.00003", "Concrete under Load"),
    *[(f"2404.{n:05}", f"Filler Study Number {n}") for n in range(1, 301)],
]


@pytest.fixture(scope="module")
def index():
    with TitleIndex.of(PAIRS) as made:
        yield made


def look(text: str, index: TitleIndex | None, **more: object) -> Report:
    document = read_markdown(text, "L")
    known = gather([document], index=index)
    for name, value in more.items():
        setattr(known, name, value)
    return audit([document], known)


def found(report: Report) -> list[tuple[str, str, int]]:
    return [(f.severity, f.code, f.line) for f in report.findings]


def row(title: str, id_: str, extra: str = "") -> str:
    return f"* {title} [[Paper]](https://arxiv.org/abs/{id_}) {extra}\n"


def test_right_rows_pass_by_any_title_the_paper_has_borne(index: TitleIndex) -> None:
    text = row("Hasty slugs forget quickly in wet gardens.", "2402.00002")
    assert found(look(text, index)) == []

    report = look(row("Quick forgetting of slugs under rain", "2402.00002v3"), index)
    assert found(report) == []
    assert (report.checked_titles, report.renamed) == (1, 1)


def test_an_identifier_of_another_paper_is_named_with_the_right_one(index: TitleIndex) -> None:
    report = look(row("Patient Snails Learn Slowly", "2403.00003"), index)
    (one,) = report.findings
    assert (one.severity, one.code, one.suggested) == ("error", "wrong-id", "2401.00001")
    assert "Concrete under Load" in one.evidence


def test_a_title_unlike_the_papers_own_is_another_paper_or_a_new_title(index: TitleIndex) -> None:
    assert found(look(row("Unheard Melodies of Distant Stars", "2403.00003"), index)) == [
        ("error", "other-paper", 1)
    ]
    near = row("Forgetting in Slugs: When Rain Comes Quickly to Gardens", "2402.00002")
    assert found(look(near, index)) == [("warning", "title-differs", 1)]


def test_a_name_that_the_title_or_the_papers_method_bears_out_passes(index: TitleIndex) -> None:
    assert found(look(row("HSFQ", "2402.00002"), index)) == []
    own = {"2403.00003": frozenset(["slugnet"])}
    assert found(look(row("SlugNet", "2403.00003"), index, names=own)) == []


def test_a_name_that_nothing_bears_out_is_only_warned_of(index: TitleIndex) -> None:
    assert found(look(row("SlugNet", "2403.00003"), index)) == [("warning", "title-differs", 1)]
    other = {"2402.00002": frozenset(["slugnet"])}
    (one,) = look(row("SlugNet", "2403.00003"), index, names=other).findings
    assert (one.code, one.suggested) == ("title-differs", "2402.00002")
    assert "2402.00002 is called so" in one.evidence


def test_without_a_file_of_titles_a_known_title_still_finds_its_identifier() -> None:
    own = {"2401.00001": ("Patient Snails Learn Slowly",)}
    report = look(row("Patient Snails Learn Slowly", "2401.00002"), None, own=own)
    assert [(f.code, f.suggested) for f in report.findings] == [("wrong-id", "2401.00001")]


def test_one_paper_under_two_titles_at_two_places_is_a_repetition(index: TitleIndex) -> None:
    text = row("Hasty Slugs Forget Quickly in Wet Gardens", "2402.00002")
    text += "* Quick Forgetting of Slugs under Rain [[Paper]](https://openreview.net/forum?id=x)\n"
    assert ("warning", "duplicate", 2) in found(look(text, index))


def test_a_link_to_the_top_of_the_page_is_whole(index: TitleIndex) -> None:
    assert found(look("# L\n[up](#top)\n", index)) == []


def test_an_identifier_of_which_nothing_is_known_is_reported_with_what_was_searched(
    index: TitleIndex,
) -> None:
    (one,) = look(row("Unheard Melodies of Distant Stars", "2405.01111"), index).findings
    assert (one.severity, one.code) == ("warning", "unknown-id")
    assert "304 pairs" in one.evidence
    assert "registry ingest --ids 2405.01111" in one.fix

    (far,) = look(row("Unheard Melodies of Distant Stars", "2404.17999"), index).findings
    assert (far.severity, far.code) == ("error", "impossible-id")


def test_another_list_that_says_the_same_bears_an_unknown_identifier_out(
    index: TitleIndex,
) -> None:
    text = row("Unheard Melodies of Distant Stars", "2405.01111")
    documents = [read_markdown(text, name) for name in ("one", "two")]
    report = audit(documents, gather(documents, index=index))
    assert {(f.severity, f.code) for f in report.findings} == {("info", "unknown-id")}
    assert "two names it" in report.findings[0].evidence


def test_an_identifier_of_no_form_is_an_error_that_names_the_right_one(index: TitleIndex) -> None:
    (one,) = look(row("Patient Snails Learn Slowly", "2401.001"), index).findings
    assert (one.severity, one.code, one.suggested) == ("error", "malformed-id", "2401.00001")


def test_a_row_without_an_identifier_learns_of_it(index: TitleIndex) -> None:
    text = "* Concrete under Load [[Paper]](https://openreview.net/forum?id=x)\n"
    (one,) = look(text, index).findings
    assert (one.code, one.suggested) == ("missing-id", "2403.00003")
    assert found(look(text.replace("Load", "Load 70B"), index)) == []


def test_withdrawn_papers_are_marked(index: TitleIndex) -> None:
    report = look(row("Concrete under Load", "2403.00003"), index, withdrawn={"2403.00003": "gone"})
    assert found(report) == [("warning", "withdrawn", 1)]


def test_repetitions_are_found_by_identifier_address_and_title(index: TitleIndex) -> None:
    text = (
        "## A\n" + row("Concrete under Load", "2403.00003") + row("Concrete Under Load", "2403.00003v2")
        + "## B\n" + row("Concrete under load", "2403.00003")
        + "* CONCRETE UNDER LOAD [[Paper]](https://openreview.net/forum?id=x)\n"
        + "* Some Other Name [[Paper]](https://openreview.net/pdf?id=x)\n"
    )  # fmt: skip
    got = [f for f in look(text, index).findings if f.code in ("duplicate", "same-title")]
    assert [(f.severity, f.code, f.line) for f in got] == [
        ("warning", "duplicate", 3), ("info", "duplicate", 5),
        ("info", "same-title", 6), ("warning", "duplicate", 7),
    ]  # fmt: skip


def test_one_title_with_two_identifiers_is_found(index: TitleIndex) -> None:
    text = row("Concrete under Load", "2403.00003") + row("Concrete under Load", "2401.00001")
    assert ("warning", "same-title", 2) in found(look(text, index))


def test_dead_hosts_and_broken_addresses_are_found(index: TitleIndex) -> None:
    urls = {
        "https://browse.arxiv.org/abs/2403.00003": "dead-host",
        "https://download.arxiv.org/pdf/2403.00003": "dead-host",
        "https://arxiv.org//abs/2403.00003": "bad-address",
        "https://arxiv.org/abs/2403.00003).": "bad-address",
    }
    for url, code in urls.items():
        (one,) = look(f"* Concrete under Load [[Paper]](<{url}>)\n", index).findings
        assert (one.code, one.fix) == (code, "write https://arxiv.org/abs/2403.00003"), url


def test_a_date_is_held_against_the_identifier(index: TitleIndex) -> None:
    def badge(date: str) -> str:
        picture = f"![](https://img.shields.io/badge/arXiv-{date}-red)"
        return row("Concrete under Load", "2403.00003", picture)

    assert found(look(badge("2024.03"), index)) == []
    assert found(look(badge("2024.04"), index)) == [("info", "date-differs", 1)]
    assert found(look(badge("2023.03"), index)) == [("warning", "date-differs", 1)]


def test_a_link_to_a_heading_that_is_not_there_names_the_nearest(index: TitleIndex) -> None:
    text = "[a](#concrete) [b](#-concrete) [c](#tutorials)\n\n## \U0001f4da Concrete\n"
    got = [(f.what, f.fix) for f in look(text, index).findings]
    assert got == [
        ("the link #concrete finds no heading", "write #-concrete"),
        ("the link #tutorials finds no heading", "add the heading or remove the link"),
    ]


def test_sections_are_held_against_the_taxonomy() -> None:
    sections = SectionMap(fabricated.TAXONOMY)
    assert sections.leaf(("Papers", "\U0001f34f Apple orchards")) == "fruit/apples"
    assert sections.leaf(("Fruit", "2024")) is None or sections.leaf(("2024",)) is None
    assert sections.leaf(("Bridges",)) is None

    text = "## Bridges\n" + row("Concrete under Load", "2403.00003") * 2
    document = read_markdown(text, "L")
    report = audit([document], Knowledge(), fabricated.TAXONOMY)
    got = [f for f in report.findings if f.code == "unknown-section"]
    assert [(f.line, f.what) for f in got] == [(2, "no leaf stands for the section 'Bridges'")]


def test_the_catalog_is_audited_as_a_list(tmp_path: Path, index: TitleIndex) -> None:
    papers = [
        fabricated.paper("2401.00001", title="Patient Snails Learn Slowly"),
        fabricated.paper("2403.00003", title="Melodies of Distant Stars", status="withdrawn"),
    ]
    catalog = load_catalog(fabricated.write(tmp_path, *papers))
    document = catalog_document(catalog)
    report = audit([document], gather([document], catalog, index=index))
    assert [(f.code, Path(f.path).name) for f in report.findings] == [
        ("withdrawn", "2403.00003.yaml")
    ]
    # What the catalog says of itself is no evidence for it.
    alone = audit([document], gather([document], index=index))
    assert [f.code for f in alone.findings] == ["other-paper"]


def test_every_finding_is_explained_and_says_what_to_do(index: TitleIndex) -> None:
    text = row("Unheard Melodies", "2403.00003") * 2 + row("Concrete under Load", "2401.1")
    for one in look(text, index).findings:
        assert one.code in CODES
        assert one.what and one.evidence and one.fix
        assert str(one).startswith(f"L:{one.line}: {one.severity} {one.code}: ")


# -- the source survey's own list ----------------------------------------------------------------


@pytest.fixture(scope="module")
def own_list() -> tuple[list[dict], list[Finding]]:
    rows = SHARED / "lists" / "awesome_papers.jsonl"
    if not rows.is_file():
        pytest.skip("no shared data beside the project")
    catalog = load_catalog(Settings.load().catalog_dir)
    own = read_json_lines(rows.read_text(), "own")
    others = read_json_lines((SHARED / "lists" / "public_lists.jsonl").read_text(), "others")
    facts = [json.loads(line) for line in rows.read_text().splitlines()]
    wanted = {id_ for row in facts for id_ in (row["arxiv_id"], *row["suggested_ids"])}
    # Only what the other lists say of the same papers matters here.
    near = [Document(d.name, [r for r in d.rows if r.arxiv_id in wanted]) for d in others]
    # Every tenth title beside those that matter: the whole index takes long to make.
    pairs = enumerate(read_pairs(SHARED / "arxiv" / "id_title_index.tsv.gz"))
    some = (pair for n, pair in pairs if n % 10 == 0 or pair[0] in wanted)
    with TitleIndex.of(some) as index:
        known = gather([*own, *near], catalog, None, index)
        report = audit(own, known)
    return facts, list(report.findings)


def test_its_known_bad_rows_and_repetitions_are_all_reported(own_list) -> None:
    facts, findings = own_list
    codes: dict[int, set[str]] = {}
    for one in findings:
        codes.setdefault(one.line, set()).add(one.code)
    means = {
        "title-mismatch": {"wrong-id", "other-paper", "title-differs"},
        "malformed-id": {"malformed-id"},
        "duplicate": {"duplicate"},
        "badge-date-differs": {"date-differs"},
    }
    missed = [
        (row["line"], issue)
        for row in facts
        for issue in row["issues"]
        if issue in means and not means[issue] & codes.get(row["line"], set())
    ]
    assert missed == []


def test_of_the_ids_nobody_knows_only_those_no_other_list_has_are_warned_of(own_list) -> None:
    _, findings = own_list
    unknown = [f for f in findings if f.code == "unknown-id"]
    warned = {f.arxiv_id for f in unknown if f.severity == "warning"}
    assert warned == {
        "2308.11749", "2305.00921", "2304.04989", "2301.04150", "2212.09142", "2305.12377",
    }  # fmt: skip
    assert Counter(f.severity for f in unknown)["info"] >= 5


def test_right_rows_of_it_are_not_called_wrong(own_list) -> None:
    facts, findings = own_list
    right = {row["line"] for row in facts if row["check"] == "verified"}
    wrong = {"wrong-id", "other-paper", "malformed-id", "impossible-id"}
    assert [f.line for f in findings if f.code in wrong and f.line in right] == []
