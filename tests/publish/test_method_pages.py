"""What the pages of methods say, as a function of the snapshot."""

from __future__ import annotations

import dataclasses
import re
from typing import get_args

import html5lib

from methods.register.facts import Family, PeerCheck
from registry.publish.families import FAMILIES
from registry.publish.method_index import methods_page
from registry.publish.method_pages import method_page
from registry.publish.snapshot import MethodFacts, Snapshot
from tests.publish.fabricated import FIRST
from tests.publish.words import said


def beside_libraries(snapshot: Snapshot) -> MethodFacts:
    """DPO beside two made-up libraries, one of which does otherwise."""
    method = snapshot.method("dpo")
    assert method is not None
    agreeing = PeerCheck("dpo", "anchorlib", "1.0", "Anchor.loss", 0.693147, 0.693147, 1.1e-16, "t")
    other = PeerCheck(
        "dpo", "tillerlib", "2.0", "Tiller.loss", 0.693147, 1.386294, 0.5, "t", "beta", "doubles it"
    )
    return dataclasses.replace(method, peers=(other, agreeing))


def test_a_methods_page_shows_equation_choices_departures_options_and_code(
    snapshot: Snapshot,
) -> None:
    method = snapshot.method("dpo")
    assert method is not None
    page = method_page(snapshot, method)
    words = said(page)
    assert page.math
    assert (
        method.info.equation.latex
        in html5lib.parseFragment("".join(page.blocks)).find(".//*[@data-tex]").attrib["data-tex"]
    )  # type: ignore[union-attr]
    for knob in method.info.knobs:
        assert knob.name in words
    for option in method.options:
        assert option.flag in words
    assert method.source.departures, "the method's file names its departures"
    for departure in method.source.departures:
        assert departure.split()[0] in words
    assert f'id="L{method.source.line_count}"' in "".join(page.blocks)


def test_the_listing_is_the_file_to_the_letter(snapshot: Snapshot) -> None:
    for method in snapshot.methods:
        page = method_page(snapshot, method)
        tree = html5lib.parseFragment("".join(page.blocks))
        code = tree.findall(".//{*}code")[-1]
        assert "".join(code.itertext()) == method.source.code.rstrip("\n") + "\n"


def test_a_preset_shows_only_where_it_differs_from_the_default(snapshot: Snapshot) -> None:
    method = snapshot.method("dpo")
    assert method is not None
    option = dataclasses.replace(
        method.options[0], name="x", default=3, presets={"tiny": 3, "smollm2-135m": 4}
    )
    page = "".join(method_page(snapshot, dataclasses.replace(method, options=(option,))).blocks)
    row = next(r for r in re.findall(r"<tr>.*?</tr>", page) if "&#45;&#45;x<" in r)
    cells = re.findall(r"<td>(.*?)</td>", row)
    assert cells[1:4] == ["<code>3</code>", "", "4"]


def test_evidence_shows_arms_intervals_comparison_plot_and_how(snapshot: Snapshot) -> None:
    method = snapshot.method("dpo")
    assert method is not None
    page = "".join(method_page(snapshot, method).blocks)
    card = page[page.index('id="evidence-c1-tiny"') :]
    words = " ".join(" ".join(html5lib.parseFragment(card).itertext()).split())
    for fact in (
        "Do boats trained on pairs",
        "reproduced",
        "Random pairs",
        "0.72",
        "[0.695, 0.745]",
        "+0.11",
        "[0.08, 0.14]",
        "1 min 02 s",
        "The sea was a bathtub.",
        "three seeds",
        "a made-up CPU",
        "torch 2.13.0",
        "registry verify dpo --scale tiny",
    ):
        assert fact in words, fact
    assert "<svg" in card


def test_a_method_without_evidence_says_that_nothing_was_measured(snapshot: Snapshot) -> None:
    method = snapshot.method("sft")
    assert method is not None
    assert "No claim of its paper was measured here yet." in said(method_page(snapshot, method))


def test_the_index_of_methods_lists_every_method_with_its_status(snapshot: Snapshot) -> None:
    words = said(methods_page(snapshot))
    for method in snapshot.methods:
        assert method.info.name in words and method.info.status in words


def test_the_index_of_methods_goes_family_by_family(snapshot: Snapshot) -> None:
    tree = html5lib.parseFragment("\n".join(methods_page(snapshot).blocks))
    titles = tree.findall(".//{*}h2")
    tables = tree.findall(".//{*}table")
    assert len(titles) == len(tables)
    listed = [code.text for t in tables for code in t.findall(".//{*}td[1]/{*}code")]
    assert sorted(listed) == [method.info.slug for method in snapshot.methods]
    for title, held in zip(titles, tables, strict=True):
        slugs = [code.text for code in held.findall(".//{*}td[1]/{*}code")]
        families = {m.info.family for m in snapshot.methods if m.info.slug in slugs}
        assert families == {title.attrib["id"]}


def test_every_family_has_a_title() -> None:
    assert set(FAMILIES) == set(get_args(Family))


def test_the_index_of_methods_gives_needs_verdicts_and_what_libraries_do(
    snapshot: Snapshot,
) -> None:
    checked = dataclasses.replace(snapshot, methods=(beside_libraries(snapshot),))
    words = said(methods_page(checked))
    assert "preference pairs, reference model" in words
    assert "tillerlib 1 deviation" in words and "anchorlib agrees" in words
    assert f"reproduced c1 of {FIRST}, tiny model" in words


def test_evidence_of_the_methods_own_paper_names_only_the_claim(snapshot: Snapshot) -> None:
    method = beside_libraries(snapshot)
    own = dataclasses.replace(method, info=dataclasses.replace(method.info, paper=FIRST))
    world = dataclasses.replace(snapshot, methods=(own,))
    assert "reproduced c1, tiny model" in said(methods_page(world))
    assert "The paper says: Boats like calm." in said(method_page(world, own))


def test_evidence_of_another_papers_claim_links_to_that_paper(snapshot: Snapshot) -> None:
    method = snapshot.method("dpo")
    assert method is not None and method.info.paper != FIRST
    page = method_page(snapshot, method)
    assert "Calm Seas for Small Boats says: Boats like calm." in said(page)
    assert 'href="../../papers/2501.00001/index.html">Calm Seas' in "".join(page.blocks)


def test_a_methods_page_shows_where_other_libraries_do_otherwise(snapshot: Snapshot) -> None:
    page = said(method_page(snapshot, beside_libraries(snapshot)))
    assert "Beside other libraries" in page
    assert "anchorlib 1.0 Anchor.loss 0.6931 0.6931 1.1e-16 agrees" in page
    assert "tillerlib 2.0 Tiller.loss 0.6931 1.386 0.5 differs in beta : doubles it" in page


def test_a_method_that_no_library_has_stands_alone(snapshot: Snapshot) -> None:
    method = dataclasses.replace(beside_libraries(snapshot), peers=())
    assert "Beside other libraries" not in said(method_page(snapshot, method))
