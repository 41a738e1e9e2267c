"""The built site: whole, offline, safe to rebuild."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from registry.core.errors import RegistryError, UsageError
from registry.core.settings import Settings
from registry.publish import build
from registry.publish.build import MARK, publish
from tests.publish import fabricated, site_tree
from tests.publish.site_tree import Element

pytest.importorskip("material", reason="the extra `site` is not installed")


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[str, Element]:
    return site_tree.pages(built)


def test_every_kind_of_page_stands_at_its_address(pages: dict[str, Element]) -> None:
    for folder in ("", "papers/", "papers/2501.00001/", "methods/", "methods/dpo/", "surveys/",
                   "surveys/2503.00003/", "taxonomy/", "runs/", "guide/"):  # fmt: skip
        assert f"{folder}index.html" in pages
    assert "404.html" in pages
    assert "runs/dpo-20260102-030405-abcd/index.html" in pages


def test_every_link_inside_the_site_leads_to_a_page_and_an_anchor_that_is_there(
    pages: dict[str, Element], built: Path
) -> None:
    broken = []
    for page, tree in pages.items():
        for address in site_tree.links(tree):
            if site_tree.is_outward(address):
                continue
            target, anchor = site_tree.resolve(page, address)
            known = site_tree.anchors(pages[target]) if target in pages else {anchor}
            if not (built / target).is_file() or (anchor and anchor not in known):
                broken.append((page, address))
    assert broken == []


def test_nothing_is_loaded_from_elsewhere_and_all_that_is_loaded_is_there(
    pages: dict[str, Element], built: Path
) -> None:
    for page, tree in pages.items():
        for address in site_tree.loaded(tree):
            assert not site_tree.is_outward(address), (page, address)
            if page != "404.html":
                assert (built / site_tree.resolve(page, address)[0]).is_file(), (page, address)


def test_style_sheets_load_nothing_from_elsewhere(built: Path) -> None:
    sheets = list(built.rglob("*.css"))
    assert len(sheets) >= 4
    for sheet in sheets:
        css = sheet.read_text("utf-8")
        assert not re.search(r"url\(\s*[\"']?\s*(?:https?:)?//", css), sheet
        assert not re.search(r"@import\s", css), sheet


def test_no_page_holds_an_inline_script_or_a_handler(pages: dict[str, Element]) -> None:
    for page, tree in pages.items():
        for element in tree.iter():
            assert not [name for name in element.attrib if name.startswith("on")], page
            if element.tag == "script" and "src" not in element.attrib:
                assert element.attrib.get("type") == "application/json", page


def test_every_page_has_the_policy_before_its_first_script(built: Path) -> None:
    for page in built.rglob("*.html"):
        text = page.read_text("utf-8")
        assert 0 < text.index("Content-Security-Policy") < text.index("<script"), page


def test_only_pages_with_an_equation_load_katex(pages: dict[str, Element]) -> None:
    for page, tree in pages.items():
        loads = any("katex" in address for address in site_tree.loaded(tree))
        assert loads == any("data-tex" in element.attrib for element in tree.iter()), page


def test_every_page_can_be_read_by_machine_and_by_ear(pages: dict[str, Element]) -> None:
    for page, tree in pages.items():
        assert tree.attrib.get("lang") == "en", page
        headings = [e.tag for e in tree.iter() if re.fullmatch(r"h[1-6]", str(e.tag))]
        assert headings.count("h1") == 1, page
        for before, after in pairwise(headings):
            assert int(after[1]) <= int(before[1]) + 1, (page, before, after)
        for image in tree.iter("img"):
            assert image.attrib.get("alt"), page
        for drawing in tree.iter("svg"):
            if drawing.attrib.get("class") == "registry-chart":
                assert drawing.find("title") is not None and drawing.find("desc") is not None
        for cell in tree.iter("th"):
            if "scope" not in cell.attrib:
                assert page.startswith("guide"), page
        ids = [e.attrib["id"] for e in tree.iter() if "id" in e.attrib]
        assert len(ids) == len(set(ids)), page


def test_titles_and_descriptions_differ_from_page_to_page(pages: dict[str, Element]) -> None:
    titles = [tree.findtext(".//title") for page, tree in pages.items() if page != "404.html"]
    assert len(set(titles)) == len(titles)


def test_abstracts_code_and_samples_stay_out_of_the_search(built: Path) -> None:
    index = (built / "search/search_index.json").read_text("utf-8")
    assert "Calm Seas for Small Boats" in index
    assert "preference_pairs" not in index and "fabricata-2501.00001" not in index
    assert "Rough" not in index


def test_search_also_works_from_a_folder(built: Path, pages: dict[str, Element]) -> None:
    assert (built / "search/search_index.js").read_text("utf-8").startswith("var __index = {")
    loaded = list(site_tree.loaded(pages["index.html"]))
    assert "assets/js/iframe-worker.js" in loaded


def test_the_navigation_does_not_list_every_paper(pages: dict[str, Element]) -> None:
    nav = pages["papers/2501.00001/index.html"].find(".//nav[@class='md-tabs']")
    assert nav is not None
    assert len(list(nav.iter("a"))) == 7


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_second_build_gives_the_same_bytes(world: Settings, built: Path) -> None:
    before = digest(built)
    again = publish(world)
    assert (again.changes.written, again.changes.removed) == ((), ())
    assert digest(built) == before


def test_a_paper_that_is_gone_takes_its_page_along(tmp_path: Path) -> None:
    settings = fabricated.write_world(tmp_path)
    publish(settings, build=False)
    source = tmp_path / "site/docs/_generated"
    assert (source / "papers/2502.00002/index.md").is_file()
    (tmp_path / "catalog/papers/2502.00002.yaml").unlink()
    changes = publish(settings, build=False).changes
    assert changes.removed == ("papers/2502.00002/index.md",)
    assert not (source / "papers/2502.00002").exists()


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    settings = fabricated.write_world(tmp_path)
    result = publish(settings, dry_run=True)
    assert result.site is None and len(result.changes.written) == result.changes.files
    assert not (tmp_path / "site").exists()


def test_publishing_makes_no_database(tmp_path: Path) -> None:
    publish(fabricated.write_world(tmp_path), build=False)
    assert not (tmp_path / ".registry").exists()


def test_a_folder_with_other_files_is_not_emptied(tmp_path: Path) -> None:
    settings = fabricated.write_world(tmp_path)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="no publish made"):
        publish(settings, out=mine)
    assert (mine / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("place", [".", "catalog", "runs", "site", "site/docs/_generated"])
def test_the_project_itself_is_no_target(tmp_path: Path, place: str) -> None:
    settings = fabricated.write_world(tmp_path)
    with pytest.raises(UsageError, match="--out"):
        publish(settings, out=tmp_path / place)
    assert (tmp_path / "catalog/taxonomy.yaml").is_file()


def test_a_build_that_fails_leaves_the_last_site_and_says_why(tmp_path: Path) -> None:
    settings = fabricated.write_world(tmp_path)
    site = tmp_path / "out"
    site.mkdir()
    (site / MARK).write_text("")
    (site / "index.html").write_text("the last site")
    frame = tmp_path / "frame"
    (frame / "docs").mkdir(parents=True)
    (frame / "overrides").mkdir()
    (frame / "mkdocs.yml").write_text("site_name: x\ndocs_dir: docs/_generated\nnav: [absent.md]\n")
    with pytest.raises(RegistryError, match=r"mkdocs could not build"):
        publish(dataclasses.replace(settings, site_dir=frame), out=site)
    assert (site / "index.html").read_text() == "the last site"
    assert sorted(p.name for p in tmp_path.glob(".out*")) == []


def test_without_mkdocs_the_error_names_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RegistryError, match=re.escape("pip install 'posttrain-registry[site]'")):
        publish(fabricated.write_world(tmp_path))
    publish(fabricated.settings(tmp_path), build=False)


def test_abstracts_reach_the_pages_from_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = fabricated.write_world(tmp_path)
    from registry.store.engine import open_store

    open_store(settings).close()
    asked = []

    def abstracts(store: object, ids: list[str]) -> dict[str, str]:
        asked.extend(ids)
        return {fabricated.FIRST: "An abstract from afar."}

    monkeypatch.setattr("registry.store.queries.abstracts", abstracts)
    publish(settings, build=False)
    page = (tmp_path / "site/docs/_generated/papers/2501.00001/index.md").read_text()
    assert "An abstract from afar" in page
    assert sorted(asked) == ["2501.00001", "2502.00002", "2503.00003", "2504.00004"]


def test_the_search_index_is_json_that_names_every_paper(built: Path) -> None:
    index = json.loads((built / "search/search_index.json").read_text("utf-8"))
    places = {doc["location"] for doc in index["docs"]}
    assert {f"papers/{id_}/index.html" for id_ in ("2501.00001", "2504.00004")} <= places
