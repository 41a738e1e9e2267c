from __future__ import annotations

from pathlib import Path

import pytest

from registry.catalog import taxonomy_changes
from registry.catalog.checks import check_catalog
from registry.catalog.files import Catalog, load_catalog
from registry.catalog.models import Leaf, Taxonomy
from registry.catalog.taxonomy import find_leaf
from registry.catalog.taxonomy_advice import advice
from registry.catalog.taxonomy_changes import Edit
from registry.catalog.taxonomy_edit import merge, rename, split, tidy
from registry.core.errors import CatalogError, UnknownNameError, UsageError
from tests.catalog import fabricated

EXAMPLES = [
    {"name": "One", "id": "2309.00009", "title": "A Canonical Study"},
    {"name": "Two", "id": "2401.00003", "title": "A Made-up Title 2401.00003"},
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = fabricated.TAXONOMY.model_dump()
    tree["groups"][0]["leaves"][0]["canonical"] = EXAMPLES
    tree["groups"][0]["leaves"][1]["scope"] = "Longer ones; round ones are fruit/apples."
    tree["rules"] = ["Apples go to fruit/apples, apple trees to fruit/apples-trees."]
    papers = [
        fabricated.paper("2401.00001"),
        fabricated.paper("2401.00002", leaf="fruit/pears", secondary=["fruit/apples"]),
        fabricated.paper("2401.00003", secondary=["roots/carrots"]),
    ]
    root = fabricated.write(tmp_path / "catalog", Taxonomy.model_validate(tree), *papers)
    return root


@pytest.fixture
def catalog(root: Path) -> Catalog:
    return load_catalog(root)


def ours(root: Path) -> list[str]:
    """Problems that leaves have; the made-up methods of the register are another matter."""
    found = check_catalog(root, (), ())
    return [str(p) for p in found if "list leaves" in p.allowed or p.path.name == "taxonomy.yaml"]


def leaves(root: Path) -> dict[str, tuple[str, ...]]:
    return {p.id: p.leaves for p in load_catalog(root).papers.values()}


def test_a_renamed_leaf_takes_its_papers_and_keeps_its_older_name(
    root: Path, catalog: Catalog
) -> None:
    edit = rename(catalog, "fruit/apples", "fruit/pomes", title="Pomes")
    assert leaves(root)["2401.00001"] == ("fruit/apples",)  # nothing written yet
    edit.write()

    assert leaves(root) == {
        "2401.00001": ("fruit/pomes",),
        "2401.00002": ("fruit/pears", "fruit/pomes"),
        "2401.00003": ("fruit/pomes", "roots/carrots"),
    }
    taxonomy = load_catalog(root).taxonomy
    leaf = find_leaf(taxonomy, "fruit/apples")
    assert (leaf.slug, leaf.title) == ("fruit/pomes", "Pomes")
    assert leaf.aliases == ("fruit/pommes", "fruit/apples")
    assert find_leaf(taxonomy, "fruit/pears").scope == "Longer ones; round ones are fruit/pomes."
    assert taxonomy.rules == ("Apples go to fruit/pomes, apple trees to fruit/apples-trees.",)
    assert ours(root) == []


def test_the_diff_has_only_the_lines_that_change(catalog: Catalog) -> None:
    edit = rename(catalog, "fruit/apples", "fruit/pomes")
    changed = [
        line
        for line in edit.diff.splitlines()
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert sum(line.startswith("-") for line in changed) == 6  # rule, slug, scope, three papers
    assert sum(line.startswith("+") for line in changed) == 7  # and the alias
    assert changed.count("-leaf: fruit/apples") == 2
    assert edit.moved == {"fruit/pomes": ("2401.00001", "2401.00002", "2401.00003")}


def test_a_leaf_may_move_to_another_group(root: Path, catalog: Catalog) -> None:
    rename(catalog, "fruit/pears", "roots/pears").write()
    slugs = load_catalog(root).taxonomy.leaf_slugs
    assert slugs == ("fruit/apples", "roots/carrots", "roots/pears")
    assert ours(root) == []


def test_title_and_scope_change_without_another_slug(root: Path, catalog: Catalog) -> None:
    rename(catalog, "fruit/pommes", "fruit/apples", scope="All round ones.").write()
    leaf = find_leaf(load_catalog(root).taxonomy, "fruit/apples")
    assert (leaf.scope, leaf.aliases) == ("All round ones.", ("fruit/pommes",))


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("fruit/pears", "is a leaf already"),
        ("roots", "is no slug"),
        ("fruit/Pomes", "is no slug"),
        ("nuts/apples", "unknown group"),
    ],
)
def test_a_name_that_will_not_do_is_refused(catalog: Catalog, new: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rename(catalog, "fruit/apples", new)


def test_an_older_name_is_never_used_for_another_leaf(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="never used for another leaf"):
        rename(catalog, "fruit/pears", "fruit/pommes")
    with pytest.raises(UnknownNameError):
        rename(catalog, "fruit/plums", "fruit/prunes")


def test_a_leaf_may_take_an_older_name_of_its_own_again(root: Path, catalog: Catalog) -> None:
    before = {path: path.read_text() for path in root.rglob("*.yaml")}
    rename(catalog, "fruit/apples", "fruit/pomes").write()
    edit = rename(load_catalog(root), "fruit/pomes", "fruit/apples")
    (root / "taxonomy.yaml").write_text(edit.meanwhile)
    assert ours(root) == []
    edit.write()

    assert ours(root) == []
    changed = {path.name for path, text in before.items() if path.read_text() != text}
    assert changed == {"taxonomy.yaml"}  # which has the name between as an older one
    assert find_leaf(load_catalog(root).taxonomy, "fruit/pomes").slug == "fruit/apples"


def test_a_comment_in_a_file_stays_when_its_leaf_is_renamed(root: Path, catalog: Catalog) -> None:
    path = next(path for path in root.rglob("2401.00001.yaml"))
    path.write_text("# asked its authors\n" + path.read_text())
    rename(catalog, "fruit/apples", "fruit/pomes").write()
    lines = path.read_text().splitlines()
    assert lines[0] == "# asked its authors"
    assert "leaf: fruit/pomes" in lines


def test_merged_leaves_give_their_papers_names_and_words(root: Path, catalog: Catalog) -> None:
    merge(catalog, ["fruit/apples"], "fruit/pears").write()

    taxonomy = load_catalog(root).taxonomy
    assert taxonomy.leaf_slugs == ("fruit/pears", "roots/carrots")
    leaf = find_leaf(taxonomy, "fruit/pommes")
    assert (leaf.slug, leaf.title) == ("fruit/pears", "Pears")
    assert (leaf.aliases, leaf.keywords) == (("fruit/apples", "fruit/pommes"), ("orchard",))
    assert [paper.id for paper in leaf.canonical] == ["2309.00009", "2401.00003"]
    assert leaves(root)["2401.00002"] == ("fruit/pears",)  # named once
    assert ours(root) == []


def test_a_leaf_is_not_merged_into_itself(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="merge needs leaves other than"):
        merge(catalog, ["fruit/pommes"], "fruit/apples")


def halves() -> list[Leaf]:
    return [
        Leaf(slug="fruit/sweet-apples", title="Sweet apples", scope="Those one eats."),
        Leaf(slug="fruit/sour-apples", title="Sour apples", scope="Those one cooks."),
    ]


def test_a_split_leaf_leaves_its_name_to_the_largest_part(root: Path, catalog: Catalog) -> None:
    goes = {"2401.00003": "fruit/sweet-apples"}
    split(catalog, "fruit/apples", halves(), goes, "fruit/sour-apples").write()

    taxonomy = load_catalog(root).taxonomy
    assert taxonomy.leaf_slugs[:2] == ("fruit/sweet-apples", "fruit/sour-apples")
    heir = find_leaf(taxonomy, "fruit/apples")
    assert heir.slug == "fruit/sour-apples"
    assert (heir.aliases, heir.keywords) == (("fruit/pommes", "fruit/apples"), ("orchard",))
    assert leaves(root)["2401.00003"] == ("fruit/sweet-apples", "roots/carrots")
    assert leaves(root)["2401.00001"] == ("fruit/sour-apples",)
    shown = find_leaf(taxonomy, "fruit/sweet-apples").canonical
    assert [paper.id for paper in shown] == ["2401.00003"]
    assert ours(root) == []


def test_a_part_may_be_split_off_while_the_leaf_stays(root: Path, catalog: Catalog) -> None:
    kept = Leaf(slug="fruit/apples", title="ignored", scope="ignored")
    goes = {"2401.00003": "fruit/sour-apples"}
    split(catalog, "fruit/apples", [kept, halves()[1]], goes, "fruit/apples").write()

    taxonomy = load_catalog(root).taxonomy
    leaf = find_leaf(taxonomy, "fruit/apples")
    assert (leaf.slug, leaf.title, leaf.aliases) == ("fruit/apples", "Apples", ("fruit/pommes",))
    assert leaves(root)["2401.00001"] == ("fruit/apples",)
    assert leaves(root)["2401.00003"] == ("fruit/sour-apples", "roots/carrots")
    assert ours(root) == []


def test_a_section_of_a_survey_stands_for_every_part_of_a_split_leaf(root: Path) -> None:
    outline = [{"title": "1 First", "leaves": ["fruit/apples"]}]
    fabricated.write(root, fabricated.survey(leaf="fruit/pears", outline=outline))
    goes = {"2401.00003": "fruit/sweet-apples"}
    split(load_catalog(root), "fruit/apples", halves(), goes, "fruit/sour-apples").write()

    (survey,) = load_catalog(root).surveys.values()
    assert survey.outline[0].leaves == ("fruit/sweet-apples", "fruit/sour-apples")
    assert survey.leaf == "fruit/pears"


def test_a_split_says_where_every_paper_goes(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="no part is said for 2309"):
        split(catalog, "fruit/apples", halves(), {"2401.00003": "fruit/sweet-apples"}, None)
    with pytest.raises(UsageError, match="is not in 'fruit/apples'"):
        split(
            catalog,
            "fruit/apples",
            halves(),
            {"2409.00001": "fruit/sour-apples"},
            "fruit/sour-apples",
        )
    with pytest.raises(UsageError, match="two parts or more"):
        split(catalog, "fruit/apples", halves()[:1], {}, "fruit/sweet-apples")


EDITS = {
    "rename": lambda c: rename(c, "fruit/apples", "fruit/pomes"),
    "merge": lambda c: merge(c, ["fruit/apples"], "fruit/pears"),
    "split": lambda c: split(
        c, "fruit/apples", halves(), {"2401.00003": "fruit/sweet-apples"}, "fruit/sour-apples"
    ),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("writes", range(5))
def test_an_edit_cut_short_leaves_a_valid_catalog_and_can_be_given_again(
    root: Path, name: str, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = EDITS[name](load_catalog(root))
    wanted = {change.path: change.new for change in whole.changes}
    real, left = taxonomy_changes.write_atomic, [writes]

    def write_then_die(path: Path, text: str) -> None:
        if root in path.parents:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        real(path, text)

    monkeypatch.setattr(taxonomy_changes, "write_atomic", write_then_die)
    try:
        whole.write()
    except KeyboardInterrupt:
        assert ours(root) == []
        monkeypatch.setattr(taxonomy_changes, "write_atomic", real)
        EDITS[name](load_catalog(root)).write()

    assert {path: path.read_text() for path in wanted} == wanted
    assert ours(root) == []


def test_papers_with_an_older_name_get_the_present_one(root: Path) -> None:
    path = root / "papers" / "2401.00001.yaml"
    path.write_text(path.read_text().replace("fruit/apples", "fruit/pommes"))
    assert ours(root) != []
    edit: Edit = tidy(load_catalog(root))
    assert edit.moved == {"fruit/apples": ("2401.00001",)}
    edit.write()
    assert ours(root) == []


def test_an_edit_that_would_break_the_catalog_is_not_written(root: Path, catalog: Catalog) -> None:
    long = "fruit/" + "a" * 90
    with pytest.raises(UsageError):
        rename(catalog, "fruit/apples", long)
    before = {path: path.read_bytes() for path in root.rglob("*.yaml")}
    edit = rename(catalog, "fruit/apples", "fruit/pomes", title="x" * 5000)
    assert edit.new_problems() != []
    with pytest.raises(CatalogError, match="too long"):
        edit.write()
    assert {path: path.read_bytes() for path in root.rglob("*.yaml")} == before


def test_advice_names_empty_leaves_and_thin_notes(catalog: Catalog) -> None:
    said = {(one.leaf, one.text) for one in advice(catalog)}
    assert ("roots/carrots", "no paper of its own, 1 that stand elsewhere first") in said
    assert ("roots/carrots", "no keywords") in said
    assert not any(leaf == "fruit/pears" and "no paper" in text for leaf, text in said)
