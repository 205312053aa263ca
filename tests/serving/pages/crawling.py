"""One walk through the auditor's pages, in which each is looked at for all that is asked of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.serving.pages.visiting import STICKING_OUT, Visit, kind_of

PAPER = 680  # A4 less its margins is 180 mm, 680 px
FOREIGN = "script, main img, [onerror], [onmouseover]"


@dataclass(frozen=True)
class Looked:
    """What a page was found to be: on its screen, on paper, and to axe-core where it was asked."""

    url: str
    title: str
    language: str | None
    levels: list[int]
    foreign: int
    text: str
    too_wide: list[str]
    sticking_out: list[str]
    violations: list[str]


@dataclass(frozen=True)
class Crawled:
    """A page of every kind in one language, opened once for all that is asked of them."""

    language: str
    pages: list[Looked]
    complaints: list[str]
    outside: list[str]


def pages(auditor: Visit, start: str) -> Iterator[None]:
    """Open a page of every kind that links lead to, from the first one on."""
    waiting, seen = deque([auditor.url + start]), set[str]()
    while waiting:
        link = waiting.popleft()
        if kind_of(link) in seen or "/card" in link:
            continue
        seen.add(kind_of(link))
        assert auditor.go(link) == 200, link
        yield
        waiting += auditor.links()
    assert len(seen) > 8, seen


def looked(held: Visit, width: int, axe: bool) -> Looked:
    """Look at the page that is open, on a screen of a width and on paper."""
    page = held.page
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    too_wide = [] if page.evaluate(fits) else ["on the screen"]
    sticking_out = page.evaluate(STICKING_OUT)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 900})
    too_wide += [] if page.evaluate(fits) else ["on paper"]
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": width, "height": 900})
    return Looked(
        page.url,
        page.title(),
        page.locator("html").get_attribute("lang"),
        page.eval_on_selector_all("h1, h2, h3, h4", "all => all.map(h => +h.tagName[1])"),
        page.locator(FOREIGN).count(),
        page.inner_text("body"),
        too_wide,
        sticking_out,
        held.violations() if axe else [],
    )
