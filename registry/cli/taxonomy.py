"""``registry taxonomy``: the classes of papers, shown, checked and changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import UsageError
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.catalog.files import Catalog
    from registry.catalog.models import Leaf
    from registry.catalog.taxonomy_changes import Edit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_WRITE = typer.Option(False, "--write", help="Change the files; without it only the diff shows.")
_DRY_RUN = typer.Option(False, "--dry-run", help="Show the diff only; the default.")
_JSON = typer.Option(False, "--json", help="The outcome as JSON.")


@app.callback()
def group() -> None:
    """The classes of papers: groups of leaves, with what belongs in each.

    Example:

        registry taxonomy show preference/dpo-variants
        registry taxonomy check
    """


@app.command()
def show(
    name: str | None = typer.Argument(None, metavar="[GROUP|LEAF]", help="Only this one."),
    facets: bool = typer.Option(False, "--facets", help="The facets and their values instead."),
    as_json: bool = _JSON,
) -> None:
    """Show groups and leaves with their papers counted; one leaf with all that defines it.

    Example:

        registry taxonomy show
        registry taxonomy show rl
        registry taxonomy show rl/grpo-family --json
        registry taxonomy show --facets
    """
    from registry.catalog.taxonomy import find_leaf

    catalog = _catalog()
    taxonomy = catalog.taxonomy
    if facets:
        _show_facets(catalog, as_json)
        return
    if name is None or name in {g.slug for g in taxonomy.groups}:
        _show_leaves(catalog, name, as_json)
        return
    leaf = find_leaf(taxonomy, name)
    if leaf.slug != name:
        talk(f"{name} is an older name of {leaf.slug}")
    facts = _facts(catalog, leaf)
    if as_json:
        emit_json(facts)
    else:
        _show_leaf(facts)


@app.command()
def check(
    fix: bool = typer.Option(False, "--fix", help="Give papers their leaves' present names."),
    as_json: bool = _JSON,
) -> int:
    """Check the taxonomy and what papers say of it; then what a curator may want to change.

    The exit code is 1 where something is wrong. Advice is no error: leaves without papers, leaves
    that hold very many, leaves without a scope note that tells them apart.

    Example:

        registry taxonomy check
        registry taxonomy check --fix
    """
    from registry.catalog.taxonomy_advice import advice, wrong
    from registry.catalog.taxonomy_edit import tidy

    if fix:
        _apply(tidy(_catalog()), write=True, as_json=False, quiet=True)
    catalog = _catalog()
    problems, remarks = wrong(catalog.root), advice(catalog)
    if as_json:
        emit_json({"problems": [str(p) for p in problems], "advice": remarks})
    else:
        for problem in problems:
            emit(str(problem))
        emit_table(["leaf", "advice"], ((r.leaf, r.text) for r in remarks))
    talk(
        f"{plural(len(catalog.taxonomy.leaf_slugs), 'leaf', 'leaves')}, "
        f"{plural(len(problems), 'problem')}, {plural(len(remarks), 'piece')} of advice"
    )
    return 1 if problems else 0


@app.command()
def rename(
    old: str = typer.Argument(..., metavar="LEAF", help="The leaf as it is called now."),
    new: str = typer.Argument(..., metavar="NEW", help="The slug that it shall have."),
    title: str | None = typer.Option(None, metavar="TEXT", help="Another title too."),
    scope: str | None = typer.Option(None, metavar="TEXT", help="Another scope note too."),
    write: bool = _WRITE,
    dry_run: bool = _DRY_RUN,
    as_json: bool = _JSON,
) -> None:
    """Give a leaf another slug, title or scope note; the older slug still leads to it.

    Example:

        registry taxonomy rename efficiency/onpolicy-distillation efficiency/on-policy-distillation
        registry taxonomy rename rl/grpo-family rl/grpo-family --title "GRPO and its kin" --write
    """
    from registry.catalog import taxonomy_edit

    edit = taxonomy_edit.rename(_catalog(), old, new, title=title, scope=scope)
    _apply(edit, write and not dry_run, as_json)


@app.command()
def merge(
    leaves: list[str] = typer.Argument(..., metavar="LEAF...", help="The leaves to give up."),
    into: str = typer.Option(..., metavar="LEAF", help="The leaf that takes their papers."),
    write: bool = _WRITE,
    dry_run: bool = _DRY_RUN,
    as_json: bool = _JSON,
) -> None:
    """Put leaves into another, whose title and scope stay; their slugs still lead to it.

    Example:

        registry taxonomy merge analysis/theory --into analysis/scaling-laws
    """
    from registry.catalog import taxonomy_edit

    _apply(taxonomy_edit.merge(_catalog(), leaves, into), write and not dry_run, as_json)


@app.command()
def split(
    leaf: str = typer.Argument(..., metavar="LEAF", help="The leaf to divide."),
    into: list[str] = typer.Option(..., metavar="SLUG", help="A part; at least two."),
    title: list[str] = typer.Option([], metavar="SLUG=TEXT", help="The title of a new part."),
    scope: list[str] = typer.Option([], metavar="SLUG=TEXT", help="Its scope note."),
    keyword: list[str] = typer.Option([], metavar="SLUG=TEXT", help="A keyword; repeatable."),
    move: list[str] = typer.Option([], metavar="ID=SLUG", help="Where a paper goes; repeatable."),
    rest: str | None = typer.Option(None, metavar="SLUG", help="Where all other papers go."),
    write: bool = _WRITE,
    dry_run: bool = _DRY_RUN,
    as_json: bool = _JSON,
) -> None:
    """Divide a leaf; one part may be the leaf itself. The older slug leads to the largest part.

    Example:

        registry taxonomy split rl/grpo-family --into rl/grpo-family --into rl/sequence-ratios
        --title "rl/sequence-ratios=Sequence-level ratios" --scope "rl/sequence-ratios=Ratios of
        whole answers." --move 2507.18071=rl/sequence-ratios --rest rl/grpo-family
    """
    from registry.catalog import taxonomy_edit
    from registry.core.ids import ArxivId

    catalog = _catalog()
    parts = _parts(catalog, leaf, into, _pairs("--title", title), _pairs("--scope", scope), keyword)
    papers = {ArxivId.parse(id_).base: slug for id_, slug in _pairs("--move", move).items()}
    edit = taxonomy_edit.split(catalog, leaf, parts, papers, rest)
    _apply(edit, write and not dry_run, as_json)


def _catalog() -> Catalog:
    from registry.catalog.files import load_catalog

    return load_catalog(Settings.load().catalog_dir)


def _apply(edit: Edit, write: bool, as_json: bool, quiet: bool = False) -> None:
    settings = Settings.load()
    if write and not settings.catalog_is_writable:
        raise UsageError(
            f"--write changes the catalog, and {edit.root} belongs to an installed release. Run it "
            "in a checkout, or set REGISTRY_CATALOG_DIR to a catalog of your own."
        )
    if write:
        edit.write()
    elif problems := edit.new_problems():
        raise problems[0].error
    files = [change.path.relative_to(edit.root).as_posix() for change in edit.changes]
    if as_json:
        emit_json({"files": files, "moved": edit.moved, "diff": edit.diff, "written": write})
    elif not quiet:
        emit(edit.diff.rstrip("\n"))
    papers = len({id_ for ids in edit.moved.values() for id_ in ids})
    said = f"{plural(len(files), 'file')}, {plural(papers, 'paper')} moved"
    talk(f"wrote {said}" if write else f"nothing written; --write changes {said}")


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name.strip() or not value.strip():
            raise UsageError(
                f"{option} {text!r} is not NAME=VALUE. See registry taxonomy split --help."
            )
        found[name.strip()] = value.strip()
    return found


def _parts(
    catalog: Catalog,
    leaf: str,
    into: Sequence[str],
    titles: dict[str, str],
    scopes: dict[str, str],
    keywords: Sequence[str],
) -> list[Leaf]:
    from registry.catalog.models import Leaf
    from registry.catalog.taxonomy import find_leaf

    kept = find_leaf(catalog.taxonomy, leaf)
    words: dict[str, list[str]] = {}
    for text in keywords:
        slug, word = next(iter(_pairs("--keyword", [text]).items()))
        words.setdefault(slug, []).append(word)
    parts = []
    for slug in dict.fromkeys(into):
        if slug == kept.slug:
            parts.append(Leaf(slug=slug, title=kept.title, scope=kept.scope))
            continue
        for option, given in (("--title", titles), ("--scope", scopes)):
            if slug not in given:
                raise UsageError(f"the new part {slug!r} needs {option} '{slug}=...'.")
        part = {"slug": slug, "title": titles[slug], "scope": scopes[slug]}
        parts.append(Leaf.model_validate(part | {"keywords": words.get(slug, [])}))
    return parts


def _facts(catalog: Catalog, leaf: Leaf) -> dict[str, Any]:
    papers = catalog.papers_in(leaf.slug)
    return {
        "slug": leaf.slug,
        "title": leaf.title,
        "scope": leaf.scope,
        "keywords": leaf.keywords,
        "aliases": leaf.aliases,
        "surveys": leaf.surveys,
        "canonical": [{"id": p.id, "name": p.name, "title": p.title} for p in leaf.canonical],
        "papers": [{"id": p.id, "title": p.title, "primary": p.leaf == leaf.slug} for p in papers],
    }


def _show_leaf(facts: dict[str, Any]) -> None:
    for name in ("slug", "title", "scope"):
        emit(f"{name:<9} {facts[name]}")
    for name in ("keywords", "aliases"):
        emit(f"{name:<9} {', '.join(facts[name]) or '-'}")
    for survey, sections in facts["surveys"].items():
        emit(f"survey    {survey}: {'; '.join(sections)}")
    emit()
    rows = [
        (p["id"], "paper" if p["primary"] else "also here", p["title"]) for p in facts["papers"]
    ]
    held = {p["id"] for p in facts["papers"]}
    rows += [(p["id"], "example", p["title"]) for p in facts["canonical"] if p["id"] not in held]
    emit_table(["id", "as", "title"], rows)


def _show_leaves(catalog: Catalog, only: str | None, as_json: bool) -> None:
    groups = [g for g in catalog.taxonomy.groups if only in (None, g.slug)]
    rows = []
    for one in groups:
        for leaf in one.leaves:
            papers = catalog.papers_in(leaf.slug)
            primary = sum(p.leaf == leaf.slug for p in papers)
            rows.append((leaf.slug, leaf.title, primary, len(papers) - primary))
    if as_json:
        leaves = [_facts(catalog, leaf) for one in groups for leaf in one.leaves]
        emit_json(leaves)
    else:
        emit_table(["leaf", "title", "papers", "also here"], rows)


def _show_facets(catalog: Catalog, as_json: bool) -> None:
    facets = catalog.taxonomy.facets
    if as_json:
        emit_json(facets)
    else:
        emit_table(["facet", "values"], ((name, ", ".join(v)) for name, v in facets.items()))
