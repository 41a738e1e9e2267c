"""Shapes of single rows that public lists have, each with what is to come out of it."""

from __future__ import annotations

import pytest

from registry.ingest.lists.readers import read_markdown

U = "https://arxiv.org/abs/2401.01234"
SHAPES = {
    "a task list": (f"- [ ] [Patient Snails Learn Slowly]({U})", "Patient Snails Learn Slowly"),
    "a venue first": (f"* **[NeurIPS'23]** Patient Snails Learn. [[Paper]]({U})", "Patient Snails Learn"),
    "an icon and italics": (f"- \U0001f4c4 [**Patient Snails Learn**]({U}) - *Ada Example* - `arXiv` (2024)", "Patient Snails Learn"),
    "bold with a period": (f"1. **Patient Snails Learn.** *Ada Example.* [[pdf]]({U})", "Patient Snails Learn"),
    "no link at all": ("- Patient Snails Learn, arXiv:2401.01234, 2024", "Patient Snails Learn"),
    "a venue in brackets": (f"- (*NeurIPS2024*) Patient Snails Learn [[paper]]({U})", "Patient Snails Learn"),
    "a venue behind": (f"- Patient Snails Learn (**ICLR 2024**) [paper]({U}) | [code](https://github.com/a/c)", "Patient Snails Learn"),
    "badges of HTML": (f'+ Patient Snails Learn <a href="{U}"><img src="https://img.shields.io/badge/arXiv-2401.01234-red"></a>', "Patient Snails Learn"),
    "several lines": (f"- **Patient Snails Learn**\n  *Ada Example, Bo Sample*\n  [paper]({U})", "Patient Snails Learn"),
    "links in bullets below": (f"- Patient Snails Learn\n  - Paper: [link]({U})\n  - Code: [link](https://github.com/a/e)", "Patient Snails Learn"),
    "a bare address": (f"- Patient Snails Learn: {U}", "Patient Snails Learn"),
    "a name and a quoted title": (f'- **SnailNet**: "Patient Snails Learn in Gardens". *Ada Example.* [[Paper]({U})]', "Patient Snails Learn in Gardens"),
    "authors first": (f"- Ada Example, Bo Sample. **Patient Snails Learn**. ICLR 2024. [[Paper]({U})]", "Patient Snails Learn"),
    "the link first": (f"- [arXiv]({U}) **Patient Snails Learn** [code](https://github.com/a/f)", "Patient Snails Learn"),
    "the date first": (f"- 2024-01-05: [Patient Snails Learn]({U})", "Patient Snails Learn"),
    "brackets in a title": (f"- [Patient Snails [and Slugs] Learn]({U})", "Patient Snails [and Slugs] Learn"),
    "a badge first": (f"- [![x](https://img.shields.io/badge/arXiv-2401.01234-red)]({U}) Patient Snails Learn", "Patient Snails Learn"),
    "a numbered paragraph": (f"**[1] Patient Snails Learn.** Ada Example. [[link]({U})]", "Patient Snails Learn"),
    "a fold": (f"<details><summary>Slow ones</summary>\n\n- [Patient Snails Learn]({U})\n\n</details>", "Patient Snails Learn"),
    "columns by name": (f"| Date | Institute | Paper | Pub |\n|-|-|-|-|\n| 2022-05 | Garden | [Patient Snails Learn]({U})<br>![](x.png) | ICLR |", "Patient Snails Learn"),
    "authors in the cell": (f"| Paper | PDF |\n|-|-|\n| **Patient Snails Learn** <br> Ada Example | [PDF]({U}) |", "Patient Snails Learn"),
    "only a model's name": (f"| Model | Paper |\n|-|-|\n| SnailGPT | [Paper]({U}) |", "SnailGPT"),
    "wide letters": (f"- [\u8717\u725b\u5728\u82b1\u56ed\u91cc\u5b66\u4e60]({U})", "\u8717\u725b\u5728\u82b1\u56ed\u91cc\u5b66\u4e60"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_of_this_shape_comes_out(shape: str) -> None:
    text, title = SHAPES[shape]
    document = read_markdown(f"# Made up\n\n{text}\n", "made up")
    assert [(row.title, row.arxiv_id) for row in document.rows] == [(title, "2401.01234")]


def test_an_address_alone_is_reported_with_it() -> None:
    (skipped,) = read_markdown(f"- {U}\n", "made up").skipped
    assert (skipped.reason, skipped.text) == ("no title", U)


def test_a_label_alone_is_reported_with_the_address_behind_it() -> None:
    (skipped,) = read_markdown(f"- [Paper]({U})\n", "made up").skipped
    assert (skipped.reason, skipped.text) == ("no title", f"Paper {U}")
