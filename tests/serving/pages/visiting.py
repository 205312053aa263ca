"""A browser on the auditor's pages: what it complains of, asks for, shows and cannot reach."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, Page

AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
NO_AXE = "axe-core is not installed; run: npm ci --prefix tests/serving/pages/axe"

_SCORE = re.compile(r"(?<=/scores/)[0-9a-f]{16,}")

# What sticks out of the page to the right and is not within a box that scrolls by itself.
STICKING_OUT = """
() => [...document.querySelectorAll("body *")].filter((each) => {
  if (each.closest("svg, .hidden, .skip, thead")) { return false; }
  for (let box = each.parentElement; box; box = box.parentElement) {
    if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) { return false; }
  }
  return each.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map((each) => each.outerHTML.slice(0, 100))
"""

# Links and fields by keyboard: which of them shows no sign of having the focus.
UNSEEN = """
() => {
  const held = document.activeElement, style = getComputedStyle(held);
  return style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 1;
}
"""


@dataclass
class Visit:
    """A page in a browser, and what was noticed of it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def go(self, path: str) -> int:
        """Open a page of the service; return its status."""
        answer = self.page.goto(urljoin(self.url, path))
        assert answer is not None
        return answer.status

    def links(self) -> list[str]:
        """Return the pages of the service that this one links to."""
        found = self.page.eval_on_selector_all(
            "a[href]:not([download])", "all => all.map(a => a.getAttribute('href'))"
        )
        here = {urljoin(self.page.url, link).partition("#")[0] for link in found}
        return sorted(link for link in here if link.startswith(f"{self.url}/audit"))

    def violations(self) -> list[str]:
        """Return what axe-core finds amiss, by its rules of WCAG 2.2 AA and of good practice."""
        self.page.evaluate(_axe())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['html'][:150]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]


@contextmanager
def visit(browser: Browser, url: str, width: int = 1200, **context: object) -> Iterator[Visit]:
    """Give a browser's page of its own, with cookies of its own."""
    held = browser.new_context(viewport={"width": width, "height": 900}, **context)  # type: ignore[arg-type]
    held.set_default_timeout(10_000)
    page = held.new_page()
    made = Visit(page, url)
    page.on("console", lambda said: made.complaints.append(f"{page.url}: {said.text}"))
    page.on("pageerror", lambda error: made.complaints.append(f"{page.url}: {error}"))
    page.on("dialog", lambda asked: (made.complaints.append(asked.message), asked.dismiss()))
    page.on("request", lambda asked: _note(made, asked.url))
    yield made
    held.close()


def _note(made: Visit, url: str) -> None:
    if not url.startswith(made.url):
        made.outside.append(url)


def kind_of(url: str) -> str:
    """Return what kind of page an address is of: one score is as good as another."""
    parts = urlsplit(url)
    asked = sorted(part.partition("=")[0] for part in parts.query.split("&") if part)
    kept = [name for name in asked if name not in ("lang", "after")]
    return f"{_SCORE.sub('*', parts.path)}?{'&'.join(kept)}"


@cache
def _axe() -> str:
    # The last value of a script is what `evaluate` gives back, and it must be plain data.
    return f"() => {{ {AXE.read_text()}; return {json.dumps(None)}; }}"
