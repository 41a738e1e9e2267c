"""The site in a real browser: from a folder and from a server, light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium

PAGES = (
    "index.html",
    "papers/index.html",
    "papers/2501.00001/index.html",
    "methods/index.html",
    "methods/dpo/index.html",
    "surveys/2503.00003/index.html",
    "taxonomy/index.html",
    "runs/index.html",
    "runs/dpo-20260102-030405-abcd/index.html",
    "guide/index.html",
)
RESULTS = "document.querySelector('.md-search-result__meta').textContent"


def visible_rows(browser: Chromium) -> list[str]:
    rows: list[str] = browser.run(
        "[...document.querySelectorAll('#paper-table tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.querySelector('a').textContent)"
    )
    return rows


def choose(browser: Chromium, field: str, value: str) -> None:
    browser.run(
        f"(() => {{ const f = document.querySelector('[name={field}]'); f.value = '{value}';"
        "f.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_raises_no_error_and_asks_for_nothing_outside(
    browser: Chromium, address: str, page: str
) -> None:
    browser.open(f"{address}/{page}")
    assert browser.complaints() == []
    outside = [
        url for url in browser.requests() if not url.startswith((address, "data:", "about:"))
    ]
    assert outside == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_is_wider_than_a_phone(
    browser: Chromium, site: Path, page: str, dark: bool
) -> None:
    browser.open(f"{site.as_uri()}/{page}", width=390, height=844, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= 390


def test_equations_are_drawn(browser: Chromium, address: str) -> None:
    browser.open(f"{address}/methods/dpo/index.html")
    browser.wait("document.querySelector('.math .katex-html')")
    assert browser.run("document.querySelectorAll('.katex-error').length") == 0
    browser.wait(
        "[...document.fonts].some(f => f.family.startsWith('KaTeX') && f.status === 'loaded')"
    )


def test_search_finds_a_paper(browser: Chromium, address: str) -> None:
    browser.open(f"{address}/index.html?q=calm")
    browser.wait(f"{RESULTS}.includes('matching')")
    links = browser.run(
        "[...document.querySelectorAll('.md-search-result__link')].map(a => a.href)"
    )
    assert any("papers/2501.00001/" in link for link in links)
    assert browser.complaints() == []


def test_the_table_sorts_and_says_so(browser: Chromium, address: str) -> None:
    browser.open(f"{address}/papers/index.html")
    assert visible_rows(browser)[0] == "Perpetual Motion of Boats", "the newest first"
    browser.run("document.querySelector('th[data-key=title] button').click()")
    assert visible_rows(browser)[0] == "A Survey of Boats"
    sorted_now = "[...document.querySelectorAll('#paper-table [aria-sort]')].map(h => h.ariaSort)"
    assert browser.run(sorted_now) == ["ascending"]
    browser.run("document.querySelector('th[data-key=title] button').click()")
    assert browser.run(sorted_now) == ["descending"]
    assert visible_rows(browser)[-1] == "A Survey of Boats"


def test_a_filtered_view_has_an_address_that_brings_it_back(
    browser: Chromium, address: str
) -> None:
    browser.open(f"{address}/papers/index.html")
    choose(browser, "kind", "survey")
    browser.run("document.querySelector('th[data-key=title] button').click()")
    assert visible_rows(browser) == ["A Survey of Boats"]
    assert browser.run("document.querySelector('form.filters output').value") == "1 of 4"
    there = browser.run("location.href")
    browser.open(there)
    assert visible_rows(browser) == ["A Survey of Boats"]
    assert browser.run("document.querySelector('th[data-key=title]').ariaSort") == "ascending"
    browser.run("document.querySelector('form.filters [type=reset]').click()")
    browser.wait("document.querySelector('form.filters output').value === '4 of 4'")


def test_words_that_fit_nothing_leave_an_empty_table(browser: Chromium, site: Path) -> None:
    browser.open(f"{site.as_uri()}/papers/index.html")
    choose(browser, "words", "no such boat")
    assert visible_rows(browser) == []


def test_colours_are_the_systems_until_a_reader_chooses(browser: Chromium, address: str) -> None:
    scheme = "document.body.getAttribute('data-md-color-scheme')"
    toggle = "document.querySelector('[data-md-component=palette] label:not([hidden])')"
    for dark in (False, True, False):
        browser.open(f"{address}/index.html", dark=dark)
        assert browser.run(scheme) == ("slate" if dark else "default")
    browser.wait(toggle)
    browser.run(f"{toggle}.click()")  # light, whatever the system has
    browser.wait(f"{toggle}.title === 'Switch to dark mode'")
    browser.open(f"{address}/papers/index.html", dark=True)
    assert browser.run(scheme) == "default"
    browser.wait(toggle)
    browser.run(f"{toggle}.click()")
    browser.wait(f"{scheme} === 'slate'")
    browser.open(f"{address}/index.html", dark=False)
    assert browser.run(scheme) == "slate"
    browser.run("localStorage.clear()")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_ground_follow_the_scheme(browser: Chromium, site: Path, dark: bool) -> None:
    browser.open(f"{site.as_uri()}/methods/dpo/index.html", dark=dark)
    for selector in (".md-header", "body", ".md-footer-meta", ".card", "pre code", ".math"):
        light = browser.run(
            "(() => { const at = (e) => { const c = getComputedStyle(e).backgroundColor;"
            "const n = c.match(/[\\d.]+/g).map(Number); return c.startsWith('color') ? n[0] * 255"
            f" : n[0]; }}; return at(document.querySelector('{selector}')); }})()"
        )
        assert (light < 90) == dark, (selector, light)


def test_the_page_for_what_is_not_there_is_whole_at_any_depth(
    browser: Chromium, served: str
) -> None:
    browser.open(f"{served}/404.html")
    assert browser.complaints() == []
    hrefs = browser.run("[...document.querySelectorAll('article a')].map(a => a.pathname)")
    assert hrefs == ["/papers/index.html", "/methods/index.html", "/index.html"]


def test_bibtex_is_copied_whole(browser: Chromium, served: str) -> None:
    browser.open(f"{served}/papers/2501.00001/index.html")
    browser.ask("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    browser.run("document.querySelector('button.copy').click()")
    browser.wait("document.querySelector('button.copy').textContent === 'Copied'")
    source = browser.run("document.getElementById('bibtex').textContent")
    assert source.startswith("@misc{fabricata-2501.00001,") and source.endswith("}")


def test_the_tab_of_the_folder_is_marked(browser: Chromium, address: str) -> None:
    browser.open(f"{address}/papers/2501.00001/index.html")
    active = "document.querySelector('.md-tabs__item--active')?.textContent.trim()"
    assert browser.run(active) == "Papers"


@pytest.mark.parametrize(
    "page",
    ["papers/2501.00001/index.html", "papers/index.html", "index.html", "methods/dpo/index.html",
     "runs/dpo-20260102-030405-abcd/index.html", "surveys/2503.00003/index.html"],
)  # fmt: skip
def test_a_hostile_paper_does_nothing(browser: Chromium, hostile_site: Path, page: str) -> None:
    browser.open(f"{hostile_site.as_uri()}/{page}")
    browser.run(
        "document.querySelectorAll('article *').forEach(e => {"
        "e.dispatchEvent(new Event('mouseover', {bubbles: true})); })"
    )
    assert browser.run("window.pwned === undefined")
    assert browser.complaints() == []


def test_a_hostile_paper_does_nothing_among_the_results_of_a_search(
    browser: Chromium, hostile_site: Path
) -> None:
    browser.open(f"{hostile_site.as_uri()}/index.html?q=onerror")
    browser.wait(f"{RESULTS}.includes('matching')")
    browser.run("document.querySelectorAll('.md-search-result *').forEach(e => e.scrollIntoView())")
    assert browser.run("document.querySelectorAll('.md-search-result ol img').length") == 0
    assert browser.run("document.querySelectorAll('.md-search-result ol script').length") == 0
    assert browser.run("window.pwned === undefined")
    assert browser.complaints() == []
